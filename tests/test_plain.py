"""`make test-plain` hides a processor's newer instructions from the libraries that choose among them when they start."""

import json
import os
import platform
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

LOOK = """
import json, cv2, torch
from numpy._core import _multiarray_umath as numpy
from threadpoolctl import threadpool_info
import scipy.linalg

print(json.dumps({
    "torch": torch.backends.cpu.get_cpu_capability(),
    "numpy": [name for name in ("X86_V3", "X86_V4", "AVX512_ICL") if numpy.__cpu_features__.get(name)],
    "opencv": cv2.checkHardwareSupport(11),  # AVX2
    "openblas": sorted({lib["architecture"] for lib in threadpool_info() if lib["internal_api"] == "openblas"}),
}))
"""


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="the switches are those of x86 processors")
def test_no_library_that_can_be_told_uses_what_is_hidden():
    made = (Path(__file__).parents[1] / "Makefile").read_text(encoding="utf-8")
    words = shlex.split(re.search(r"^PLAIN = ((?:.*\\\n)*.*)", made, re.MULTILINE)[1].replace("\\\n", " "))
    hidden = dict(word.split("=", 1) for word in words)
    ended = subprocess.run([sys.executable, "-c", LOOK], env=os.environ | hidden, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout)
    assert told | {"openblas": []} == {"torch": "DEFAULT", "numpy": [], "opencv": False, "openblas": []}
    assert set(told["openblas"]) <= {"Nehalem"}
