"""Generated faces: processor seconds a frame takes on one core, JPEG included, and how much longer 200 fps take than 60; and what a
pair of aligned faces with its true motion takes.

The references are the 50 ms that a frame may take, the same clips at 200 fps, the 13.3 ms that a pair may take for 150 a second on two
cores, for pretraining too, and the same pair drawn the way of clips: the person and the take of 640×480, two frames, their motion, two crops.

    python -m benchmarks.synthetic
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import cv2

from benchmarks.shared import Row, compared, program
from tsfmicro.models.registry import create_model
from tsfmicro.prepare.align import crop, to_template
from tsfmicro.pretrain.blocks import Order, make
from tsfmicro.pretrain.settings import settings
from tsfmicro.synthetic.actor import Actor, Take
from tsfmicro.synthetic.cast import Scene, cast, scenes
from tsfmicro.synthetic.pairs import draw_pairs
from tsfmicro.synthetic.truth import truth
from tsfmicro.synthetic.write import jpeg

PEOPLE, CLIPS, ALLOWED = 3, 3, 0.050
BLOCKS, EACH, PAIR_ALLOWED = 5, 8, 2 / 150
LEARNERS = ("tsfmicro-small", "ststnet")


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
        *pairs(),
        *learned_from(),
    ]


def pairs() -> list[Row]:
    """What a pair takes when a person is drawn for eight of them, as usual, or for sixteen."""
    draw_pairs(0, BLOCKS, 224, people=1, each=1)  # the grain is drawn once a process
    taken: dict[tuple[int, int], list[float]] = {(224, EACH): [], (224, 2 * EACH): [], (112, EACH): []}
    as_clips = []
    for block in range(BLOCKS):
        for (size, each), times in taken.items():
            drawn, seconds = timed(draw_pairs, 0, block, size, 32 // each, each)
            times.append(1e3 * seconds / len(drawn.onset))
        as_clips.append(1e3 * pair_of_a_clip(block))
    rows = []
    for (size, each), times in taken.items():
        what = f"draw a pair of {size}, {each} of a person"
        if size == 224:
            rows.append(compared(f"{what} (reference: allowed)", "ms", times, [1e3 * PAIR_ALLOWED] * BLOCKS))
        rows.append(compared(f"{what} (reference: as clips are drawn)", "ms", times, as_clips))
    return rows


def learned_from() -> list[Row]:
    """What a pair takes as a pretraining draws it: people, both pictures, and flow where the model looks at it."""
    rows = []
    for name in LEARNERS:
        config = settings(name)
        needs = create_model(config.model.name, 1, config.size, **config.model.options).needs
        order, times = Order(config.draw, needs), []
        make(order, 0)
        for block in range(1, 1 + BLOCKS):
            drawn, seconds = timed(make, order, block)
            times.append(1e3 * seconds / len(drawn))
        looked = " and ".join(f"{need.product} of {need.size}" for need in needs)
        what = f"draw a pair of {looked}, {config.draw.each} of a person (reference: allowed)"
        rows.append(compared(what, "ms", times, [1e3 * PAIR_ALLOWED] * BLOCKS))
    return rows


def pair_of_a_clip(person: int) -> float:
    """Seconds: a person's share of a pair, then the take, two frames, their true motion, and both crops."""
    actor, share = timed(lambda: Actor(cast(0, person)))
    scene = next(scenes(0, person, 1))

    def both() -> None:
        take = actor.take(scene.staging, scene.movement)
        truth(take, scene)
        matrix = to_template(take.landmarks(), 224)
        for number in (scene.onset, scene.apex):
            crop(take.frame(scene.seconds(number), scene.noise(number)), matrix, 224)

    return share / EACH + timed(both)[1]


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
