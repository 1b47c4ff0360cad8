"""The benchmark of a whole run on a GPU, made so small that a CPU does it: what it counts, and that it runs."""

import subprocess
import sys

import pytest
import torch

from benchmarks.gpu import Case, made, report, work_of

TINY = Case("cpu", folds=2, epochs=1, size=32, clips=10, people=3)


def test_its_run_is_as_large_as_casme2s():
    plan, prepared = made(Case(size=32))
    per_person = {len(fold.test) for fold in plan.folds}
    assert (len(prepared.clips), len(plan.folds), len(plan.classes)) == (248, 26, 5)
    assert len(per_person) > 5, "some people have few clips and some many"
    # 26 · 248 clips less each one once are trained on in an epoch, and each one once is evaluated, for a third.
    assert work_of(plan) == pytest.approx(50 * (25 * 248 + 248 / 3))


def test_it_prints_ours_the_reference_their_ratio_and_where_the_time_goes():
    lines = report(TINY)
    for line, words in zip(
        lines, ("2 folds × 1 epochs", "PFLOP", "ours", "straightforward", "ratio", "gathering"), strict=True
    ):
        assert words in line


@pytest.mark.skipif(torch.cuda.is_available(), reason="would run for minutes")
def test_without_a_gpu_it_says_so_in_a_line():
    done = subprocess.run([sys.executable, "-m", "benchmarks.gpu"], capture_output=True, text=True)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.count("\n") == 1 and "needs a CUDA GPU" in done.stderr
