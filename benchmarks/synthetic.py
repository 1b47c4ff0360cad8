"""Generated faces: processor seconds a frame takes on one core, JPEG included, and how much longer 200 fps take than 60.

The references are the 50 ms that a frame may take, and the same clips at 200 fps.

    python -m benchmarks.synthetic
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import cv2

from benchmarks.shared import Row, compared, program
from tsfmicro.synthetic.actor import Actor, Take
from tsfmicro.synthetic.cast import Scene, cast, scenes
from tsfmicro.synthetic.write import jpeg

PEOPLE, CLIPS, ALLOWED = 3, 3, 0.050


def rows() -> list[Row]:
    cv2.setNumThreads(1)
    frames, at_200, at_60 = [], [], []
    for person in range(PEOPLE):
        actor = Actor(cast(0, person))
        staged, drawn, count = 0.0, 0.0, 0
        for scene in scenes(0, person, CLIPS, fps=200):
            take, taken = timed(actor.take, scene.staging, scene.movement)
            staged += taken
            number, taken = timed(draw, take, scene)
            count, drawn = count + number, drawn + taken
        slow = sum(scene.offset - scene.onset + 1 for scene in scenes(0, person, CLIPS, fps=60))
        frames.append(1e3 * drawn / count)
        at_200.append(staged + drawn)
        at_60.append(staged + slow * drawn / count)
    return [
        compared("draw a frame (reference: allowed)", "ms", frames, [1e3 * ALLOWED] * PEOPLE),
        compared("draw clips at 60 fps (reference: at 200 fps)", "s", at_60, at_200),
    ]


def draw(take: Take, scene: Scene) -> int:
    """All frames of a clip, not written to disk; how many they are."""
    numbers = range(scene.onset, scene.offset + 1)
    for number in numbers:
        jpeg(take.frame(scene.seconds(number), scene.noise(number)))
    return len(numbers)


def timed(work: Callable[..., Any], *given: Any) -> tuple[Any, float]:
    """A result and the processor seconds it took, which neighbours on the machine do not lengthen much."""
    start = time.process_time()
    result = work(*given)
    return result, time.process_time() - start


if __name__ == "__main__":
    program(rows)
