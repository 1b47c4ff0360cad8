"""The models as a zoo: what each is, what it costs, how far it is the published one, and how to run it."""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import takewhile
from pathlib import Path
from typing import Any

from tsfmicro.errors import RunError
from tsfmicro.files import markdown_text
from tsfmicro.models.origin import Origin
from tsfmicro.models.registry import MODELS, Description, Entry, describe, entry_of
from tsfmicro.models.unreproducible import UNREPRODUCIBLE
from tsfmicro.run.start import starts_for
from tsfmicro.study import shipped

Table = tuple[list[str], list[list[str]]]

COSTS = Path(__file__).with_name("costs.csv")
"""Costs of the models that come along: counting them takes seconds, since torch loads its compiler for it. Made anew by
`python -m tsfmicro.about.zoo > src/tsfmicro/about/costs.csv`; of a model that is not in it they are counted when asked for."""


@dataclass(frozen=True)
class Resident:
    """One model as the zoo's page tells of it.

    Attributes:
        described: for five classes, at its own size.
        command: how to train and score it with its published settings, where a config is shipped; else "".
        starts: settings with which a run of it begins with a shipped start.
    """

    entry: Entry
    described: Description
    command: str
    starts: tuple[str, ...] = ()

    @property
    def origin(self) -> Origin | None:
        return self.entry.origin

    @property
    def fidelity(self) -> str:
        return self.origin.fidelity if self.origin else "ours"

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "name": self.entry.name,
            "about": self.entry.about,
            "size": self.entry.size,
            "options": dict(self.entry.options),
            "inputs": list(self.described.inputs),
            "parameters": self.described.parameters,
            "gflop": self.described.gflop,
            "fidelity": self.fidelity,
            "origin": self.origin.to_dict() if self.origin else None,
            "reads_released_checkpoints": self.entry.released is not None,
            "command": self.command,
            "starts": list(self.starts),
        }

    def lines(self) -> list[str]:
        """All of it as plain text, for `tsfmicro models NAME`."""
        entry, origin = self.entry, self.origin
        said = [f"{entry.name}: {entry.about}", ""]
        if origin:
            said += [f"paper       {origin.authors}, {origin.title}, {origin.venue}, {origin.year}"]
            said += [f"held to     {origin.source}"] if origin.source else []
            said += [f"its score   {origin.chosen}"] if origin.chosen else []
        said += [f"looks at    {', '.join(self.described.inputs)}", f"size        {entry.size} pixels"]
        said += [f"costs       {self.described.parameters:,} parameters, {self.described.gflop:.2f} GFLOP a clip"]
        said += [f"fidelity    {self.fidelity}"]
        said += [f"option      {name}={default!r}" for name, default in entry.options.items()]
        said += [f"guessed     {guess}" for guess in (origin.guessed if origin else ())]
        said += [f"note        {note}" for note in (origin.notes if origin else ())]
        said += [f"run it      {self.command}"] if self.command else []
        said += [f"start       {asked}" for asked in self.starts]
        if entry.released:
            said += [
                f"released weights   tsfmicro convert {entry.name} WEIGHTS --out FOLDER --classes A,B,…"
                " (where parts are in no file: a start, --start --seen WHOM)"
            ]
        return said


def resident(name: str) -> Resident:
    """One model. Raises UnknownNameError."""
    entry = entry_of(name)
    described = kept_costs().get(name) or describe(name)
    config, command = f"zoo/{name}", ""
    if config in shipped.names():
        data = " ".join(f"--data {dataset}=FOLDER" for dataset in shipped.config(config).data.datasets)
        command = f"tsfmicro run {config} {data} --out OUT"
    return Resident(entry, described, command, tuple(starts_for(name)))


@cache
def kept_costs() -> dict[str, Description]:
    """What each model looks at and costs, as it comes along."""
    with COSTS.open(encoding="utf-8", newline="") as file:
        return {
            row["model"]: Description(tuple(row["looks at"].split("; ")), int(row["parameters"]), float(row["gflop"]))
            for row in csv.DictReader(file)
        }


def residents() -> list[Resident]:
    """All models: exact ones first, then ours, then approximations under their own names; by year."""
    rank = {"exact": 0, "ours": 1, "named": 2}
    found = [resident(name) for name in MODELS]
    return sorted(found, key=lambda r: (rank[r.fidelity], r.origin.year if r.origin else 0, r.entry.name))


def zoo_table(found: Sequence[Resident]) -> Table:
    """Headings and rows for `tsfmicro models`, as narrow as a terminal."""
    rows = [
        [
            r.entry.name,
            str(r.origin.year) if r.origin else "–",
            r.fidelity,
            f"{r.described.parameters:,}",
            f"{r.described.gflop:.2f}",
            ", ".join(dict.fromkeys(one.partition(" ")[0] for one in r.described.inputs)),
        ]
        for r in found
    ]
    return ["model", "year", "fidelity", "parameters", "GFLOP", "looks at"], rows


KINDS = {
    "exact": (
        "Exact",
        "Networks and definitions held by tests to the released program's numbers, or to a transcription of it. What had to be guessed around "
        "them, such as how their input is drawn, is listed.",
    ),
    "ours": ("Ours", "Floors and small forms that no paper has."),
    "named": (
        "Approximations under their own names",
        "Layer sizes, data or weights of these cannot be had. What was guessed is an option of the model, and listed here.",
    ),
}


def zoo_page(found: Sequence[Resident], study: Path | None = None) -> str:
    """All of it as one Markdown page.

    Args: found: the models; study: folder of a study whose runs stand on it side by side.
    Raises: RunError: it is none, or no run of it is finished.
    """
    beside = side_by_side(study) if study else ""
    parts = [
        "# The zoo",
        "Every system of the paper's tables that can be rebuilt, and its relatives, under one protocol. Made by "
        f"`tsfmicro models --page docs/zoo.md{' --study quick' * bool(study)}`; `tsfmicro models NAME` tells all about one, options "
        "and traps included.",
        beside,
    ]
    for kind, (title, what) in KINDS.items():
        mine = [one for one in found if one.fidelity == kind]
        rows = [
            [f"`{r.entry.name}`", str(r.origin.year) if r.origin else "–", _cell(r.entry.about.partition(": ")[2]),
             ", ".join(r.described.inputs), f"{r.described.parameters:,}", f"{r.described.gflop:.2f}",
             _cell(r.origin.chosen) if r.origin and r.origin.chosen else "–"]
            for r in mine
        ]  # fmt: skip
        heads = ["model", "year", "what it is", "looks at", "parameters", "GFLOP a clip", "how its score was chosen"]
        parts += [f"## {title}", what, markdown_text(heads, rows)]
        parts += [
            "\n".join(
                f"- `{r.entry.name}`, {word}: {_cell(line)}."
                for r in mine
                if r.origin
                for word, lines in (("guessed", r.origin.guessed), ("note", r.origin.notes))
                for line in (one.rstrip(".") for one in lines)
            )
        ]
    parts += ["## Figures only", "Their rows stand in the tables with their published scores; they cannot be rebuilt."]
    parts.append(
        markdown_text(
            ["system", "year", "paper", "why it cannot be rebuilt"],
            [
                [u.name, str(u.year), f"{u.authors}, {u.title}, {u.venue}", _cell(u.why)]
                for u in UNREPRODUCIBLE.values()
            ],
        )
    )
    return "\n\n".join(part for part in parts if part) + "\n"


def side_by_side(study: Path) -> str:
    """The table that a study left, with what its file says of it and the commands it is made by. Raises RunError."""
    try:
        table = (study / "table.md").read_text(encoding="utf-8").partition("\n")[2].strip()
        asked = (study / "study.yaml").read_text(encoding="utf-8")
    except OSError:
        raise RunError(
            f"{study}: is no study's folder with a table.md. Make one with `tsfmicro study NAME --out {study}`."
        ) from None
    if not table:
        raise RunError(f"{study}: no run of it is finished. The command that began it goes on.")
    said = [line.removeprefix("#") for line in takewhile(lambda line: line.startswith("#"), asked.splitlines())]
    commands = [line.strip() for line in said if line.startswith("   tsfmicro ")]
    words = " ".join(line.strip() for line in said if not line.startswith("   "))
    parts = [
        "## Side by side",
        *([words] if words else []),
        *(["```sh\n" + "\n".join(commands) + "\n```"] if commands else []),
        table,
    ]
    return "\n\n".join(parts)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    table = csv.writer(sys.stdout, lineterminator="\n")
    table.writerow(["model", "parameters", "gflop", "looks at"])
    for of in sorted(MODELS):
        cost = describe(of)
        table.writerow([of, cost.parameters, cost.gflop, "; ".join(cost.inputs)])
