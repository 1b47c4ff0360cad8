"""The benchmarks that no other test runs still say something, of very little."""

import subprocess
import sys

import pytest


def said(*words):
    done = subprocess.run([sys.executable, "-m", *words], capture_output=True, text=True, check=True)
    return done.stdout


@pytest.mark.slow
def test_a_long_video_in_short():
    assert "ms in the first half" in said("benchmarks.hour", "0.2")


@pytest.mark.slow
def test_the_desk_in_short(chromium):
    pytest.importorskip("playwright")
    told = said("benchmarks.desk", "0.2", "25")
    assert "a jump:" in told and "the server" in told
