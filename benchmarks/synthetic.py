"""Generated faces: processor seconds a frame takes on one core, JPEG included, and how much longer 200 fps take than 60.

Prints milliseconds per frame, what a person and a clip cost before their first frame, and the share of the 50 ms that a
frame may take.

    python -m benchmarks.synthetic
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import cv2

from tsfmicro.data.synthetic.actor import Actor, Take
from tsfmicro.data.synthetic.cast import Scene, cast, scenes
from tsfmicro.data.synthetic.write import jpeg

PEOPLE, CLIPS, ALLOWED = 3, 3, 0.050


def main() -> None:
    cv2.setNumThreads(1)
    person_s = clip_s = frame_s = 0.0
    frames = slow_frames = 0
    for person in range(PEOPLE):
        actor, seconds = timed(Actor, cast(0, person))
        person_s += seconds
        for scene in scenes(0, person, CLIPS, fps=200):
            take, seconds = timed(actor.take, scene.staging, scene.movement)
            clip_s += seconds
            count, seconds = timed(draw, take, scene)
            frames, frame_s = frames + count, frame_s + seconds
        slow_frames += sum(scene.offset - scene.onset + 1 for scene in scenes(0, person, CLIPS, fps=60))
    each = frame_s / frames
    at_200, at_60 = (clip_s + n * each for n in (frames, slow_frames))
    print(f"a person {person_s / PEOPLE:.2f} s, a clip {clip_s / PEOPLE / CLIPS:.2f} s before the first frame")
    print(
        f"a frame {1000 * each:.1f} ms ({frames} frames): {each / ALLOWED:.2f} of the {1000 * ALLOWED:.0f} ms allowed"
    )
    print(f"clips at 200 fps take {at_200 / at_60:.2f} times as long as at 60 fps")


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
    main()
