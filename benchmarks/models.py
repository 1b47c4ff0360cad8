"""TSFmicro against the plain program of the same equations: milliseconds, memory, and what each change buys.

Fresh processes take turns, so that both meet the same machine; each gives its best step, and the table the median of
those. A busy machine shows in the spread.

    python -m benchmarks.models                      # training steps of 8 clips, recognising 8 clips and 1
    python -m benchmarks.models --changes            # our training step with one change undone at a time
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import statistics
from functools import partial

import torch
from torch.nn import functional as F

from benchmarks.reference import Reference
from benchmarks.shared import Row, alternate, best_of, compared, in_fresh_process, print_json
from tsfmicro.memory import keep_freed_memory
from tsfmicro.models import blocks, grouped, retention
from tsfmicro.models.registry import create_model
from tsfmicro.train.precision import has_bfloat16, lowered

SIZE, CLASSES = 224, 5
JOBS = {"train 8": 8, "infer 8": 8, "infer 1": 1}
PROGRAMS = ("plain", "plain, memory kept", "ours", "ours, memory kept")
LOWERED = (
    "ours, memory kept, bfloat16"  # of training, where the processor has it: what train.precision=auto takes there
)


def whole_scores(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, fade: torch.Tensor) -> torch.Tensor:
    return (q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5 + fade).softmax(-1) @ v


def library_gradient(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    return blocks.last(F.conv2d(blocks.first(x), weight, bias, padding=2, groups=len(weight)))


# What is undone: (module or class, attribute, what stands there instead).
CHANGES: dict[str, tuple[object, str, object]] = {
    "whole batches, no groups": (grouped, "MAP_BYTES", 2**60),
    "whole scores, no fused attention": (retention, "manhattan", whole_scores),
    "rotation without complex numbers": (retention, "turned_by_complex_product", retention.turned),
    "the library's 5×5 weight gradient": (blocks._Depthwise5, "apply", library_gradient),
}


def measure(program: str, job: str, undone: str, seconds: float) -> dict[str, float]:
    """Best seconds of one step, and the largest memory of this process, MB."""
    if "kept" in program:
        keep_freed_memory()
    if undone:
        setattr(*CHANGES[undone])
    torch.manual_seed(0)
    clips = JOBS[job]
    motion, onset = torch.randn(2, clips, 3, SIZE, SIZE)
    target = torch.arange(clips) % CLASSES
    if program.startswith("plain"):
        model: torch.nn.Module = Reference(CLASSES, SIZE)
        optimiser = torch.optim.AdamW(model.parameters(), lr=8e-4, weight_decay=0.6)
        images = {"movement": motion, "frame": onset}
    else:
        model = create_model("tsfmicro", CLASSES, SIZE)
        optimiser = torch.optim.AdamW(model.parameters(), lr=8e-4, weight_decay=0.6, fused=True)
        images = {"motion": motion, "onset": onset}

    def train() -> None:
        with lowered(torch.device("cpu"), "bfloat16" if "bfloat16" in program else "float32"):
            loss = F.cross_entropy(model(**images).float(), target)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    @torch.inference_mode()
    def infer() -> None:
        model(**images)

    training = job.startswith("train")
    model.train(training)
    best = best_of(train if training else infer, seconds)
    return {"seconds": best, "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def asked(case: tuple[str, str, str], arguments: argparse.Namespace) -> dict[str, float]:
    """`measure` in a fresh process."""
    settings = ("--threads", arguments.threads, "--seconds", arguments.seconds)
    return in_fresh_process("benchmarks.models", "--child", *case, *settings)


def rows(arguments: argparse.Namespace) -> list[Row]:
    """Ours against the plain program, both as a user runs them: our commands keep freed memory, a plain program does not."""
    ours, plain = "ours, memory kept", "plain"
    cases = [(program, job, "") for job in JOBS for program in (ours, plain)] + lowered_case()
    results = alternate(cases, partial(asked, arguments=arguments), arguments.rounds)
    milliseconds = {case: [1e3 * run["seconds"] for run in runs] for case, runs in results.items()}
    return [
        compared(f"TSFmicro, {job} clips, fp32", "ms", milliseconds[ours, job, ""], milliseconds[plain, job, ""])
        for job in JOBS
    ] + [
        compared("TSFmicro, train 8 clips, bfloat16", "ms", milliseconds[case], milliseconds[plain, "train 8", ""])
        for case in lowered_case()
    ]


def lowered_case() -> list[tuple[str, str, str]]:
    """The training step in bfloat16, where this processor has it."""
    return [(LOWERED, "train 8", "")] if has_bfloat16(torch.device("cpu")) else []


def print_table(
    results: dict[tuple[str, str, str], list[dict[str, float]]], base: dict[str, tuple[str, str, str]]
) -> None:
    """One line per case: median of the processes' best steps with its range, the ratio to the job's base, memory."""
    middle = {case: statistics.median(run["seconds"] for run in runs) for case, runs in results.items()}
    print(f"{'job':8} {'program':50} {'ms':>7} {'range':>15} {'ratio':>6} {'peak MB':>8}")
    for (program, job, undone), runs in results.items():
        times = [run["seconds"] * 1e3 for run in runs]
        ratio = middle[base[job]] / middle[program, job, undone]
        memory = statistics.median(run["megabytes"] for run in runs)
        name = program + (f", {undone}" if undone else "")
        spread = f"{min(times):.0f}–{max(times):.0f}"
        print(f"{job:8} {name:50} {statistics.median(times):7.0f} {spread:>15} {ratio:6.2f} {memory:8.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--rounds", type=int, default=3, help="fresh processes per case")
    parser.add_argument("--seconds", type=float, default=8, help="measured in each process")
    parser.add_argument("--changes", action="store_true", help="undo one change at a time")
    parser.add_argument("--json", action="store_true", help="print the rows for `tsfmicro bench`")
    parser.add_argument("--child", nargs=3, metavar=("PROGRAM", "JOB", "UNDONE"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.child:
        print(json.dumps(measure(*arguments.child, arguments.seconds)))
        return
    if arguments.json:
        print_json(rows(arguments))
        return
    print(f"torch {torch.__version__}, {platform.machine()}, {arguments.threads} threads, {SIZE}×{SIZE}, fp32")
    if arguments.changes:
        cases = [("ours, memory kept", "train 8", undone) for undone in ("", *CHANGES)]
        print_table(alternate(cases, partial(asked, arguments=arguments), arguments.rounds), {"train 8": cases[0]})
    else:
        cases = [(program, job, "") for job in JOBS for program in PROGRAMS] + lowered_case()
        print_table(
            alternate(cases, partial(asked, arguments=arguments), arguments.rounds),
            {job: ("plain", job, "") for job in JOBS},
        )


if __name__ == "__main__":
    main()
