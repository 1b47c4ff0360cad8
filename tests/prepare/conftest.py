"""A drawn face that MTCNN takes for one, and clips of it on disk."""

import pickle
import subprocess
import sys
from functools import cache

import cv2
import numpy as np
import pytest

from tsfmicro.types import Clip, Frames

SKIN, HAIR, LIPS = (205, 165, 140), (40, 35, 30), (165, 80, 80)


@cache
def draw_face(d=50, centre=(160, 120), width=320, height=240, smile=0.0):
    """A face whose eyes are d pixels apart, midway between them `centre`; `smile` lifts the mouth, in d.

    Returns: (height, width, 3) uint8 RGB. Drawn four times as large and averaged, so that it can move by less than a pixel.
    """
    image = np.full((height * 4, width * 4, 3), (90, 100, 105), np.uint8)

    def ellipse(x, y, a, b, colour, start=0, end=360, line=-1.0):
        place = int((centre[0] + x * d) * 4), int((centre[1] + y * d) * 4)
        axes = int(a * d * 4), int(b * d * 4)
        cv2.ellipse(image, place, axes, 0, start, end, colour, -1 if line < 0 else int(line * d * 4), cv2.LINE_AA)

    ellipse(0, 0.15, 1.22, 1.75, HAIR)
    ellipse(0, 0.5, 1.05, 1.45, SKIN)
    for eye in (-0.5, 0.5):
        ellipse(eye, 0, 0.24, 0.11, (240, 240, 240))
        ellipse(eye, 0, 0.10, 0.10, (50, 35, 25))
        ellipse(eye, -0.02, 0.25, 0.13, (70, 45, 35), 180, 360, 0.05)
        ellipse(eye, -0.22, 0.32, 0.12, (60, 42, 32), 195, 345, 0.09)
        ellipse(eye / 5, 0.62, 0.05, 0.035, (110, 70, 60))
    ellipse(0, 0.6, 0.17, 0.09, (170, 125, 105), 10, 170, 0.05)
    ellipse(0, 0.3, 0.07, 0.35, (222, 185, 160))
    ellipse(0, 1.08 - smile, 0.38, 0.12, LIPS)
    ellipse(0, 1.08 - smile, 0.38, 0.02, (90, 40, 40))
    image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    return cv2.GaussianBlur(image, (0, 0), d / 40)


def write_image(path, image):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(path.suffix, cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1].tobytes())
    return path


@pytest.fixture
def face():
    return draw_face


@pytest.fixture
def write():
    return write_image


@pytest.fixture
def make_clip(tmp_path):
    """make_clip('EP01'): a clip with onset 10 and apex 20 on disk; the mouth rises from frame to frame."""

    def make(name="EP01", subject="sub01", frames=(10, 11, 19, 20), apex=20, **fields):
        folder = tmp_path / "data" / subject / name
        for number in frames:
            write_image(folder / f"img{number}.jpg", draw_face(smile=0.005 * (number - 10)))
        files = {number: f"img{number}.jpg" for number in frames}
        fields = {"emotion": "happiness", "offset": 30} | fields
        return Clip("casme2", subject, name, Frames(folder, files), onset=10, apex=apex, fps=200.0, **fields)

    return make


PROGRAM = """
import os, pickle, signal, sys
from pathlib import Path
from tsfmicro.prepare.prepare import prepare

killed_at = int(sys.argv[2])


def progress(done, total, note):
    print(note, flush=True)
    if done == killed_at:
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    prepare(*pickle.loads(Path(sys.argv[1]).read_bytes()), progress)
"""


@pytest.fixture
def prepare_elsewhere(tmp_path):
    """Start prepare(...) in a process of its own that prints its progress, and is killed once so many clips are done."""
    started = []

    def start(*arguments, killed_at=-1):
        program, settings = tmp_path / "program.py", tmp_path / f"settings{len(started)}"
        program.write_text(PROGRAM)
        settings.write_bytes(pickle.dumps(arguments))
        command = [sys.executable, "-W", "ignore", str(program), str(settings), str(killed_at)]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()
