"""Freed memory is kept when asked, in a process of its own: it cannot be taken back."""

import subprocess
import sys

import pytest

COUNT_FAULTS = """
import resource, sys
import numpy as np
from tsfmicro.memory import keep_freed_memory

kept = sys.argv[1] == "keep" and keep_freed_memory()

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def use():
    np.ones(64 * 2**20, np.uint8)

use()
before = faults()
for _ in range(4):
    use()
print(int(kept), faults() - before)
"""


def run(how):
    done = subprocess.run([sys.executable, "-c", COUNT_FAULTS, how], capture_output=True, text=True, check=True)
    kept, faults = map(int, done.stdout.split())
    return bool(kept), faults


@pytest.mark.skipif(sys.platform != "linux", reason="the page faults of other systems are theirs")
def test_kept_memory_is_used_again_without_page_faults():
    kept, faults = run("keep")
    if not kept:
        pytest.skip("not the GNU C library")
    # 4 × 64 MB: 65,536 small pages or 128 huge ones, whichever the system gave
    assert faults * 4 < run("as usual")[1]
