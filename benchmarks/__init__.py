"""Speed against references, told as ratios. `tsfmicro bench` runs them all and prints one table; each also runs alone,
`python -m benchmarks.NAME`.

A file here is a benchmark of that table when it has a function `rows() -> list[Row]` (benchmarks.shared.Row) and prints
those as JSON under `--json`:

    def rows() -> list[Row]:
        return [compared("reading a batch of 32", "ms", ours=[1.2, 1.3], reference=[22.0, 21.5])]

    if __name__ == "__main__":
        program(rows)

`compared` takes times that were measured in turns, ours and the reference's, so that its ratio has a spread; a larger
ratio is better for us. `coverage` measures no speed, but how often intervals of scores hold what they are about. A case that cannot be run here, for want of a GPU or of an extra, is left out of the rows.
"""
