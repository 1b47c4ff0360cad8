"""Ways to compute flow, on drawn people whose true motion is known: how far off they are, and what a pair takes.

People are of other seeds than those of whom the network learned: wide ones, as they are drawn to learn from, and narrow ones, as in
generated clips. Off by is the mean distance in pixels of a face of 224 between what a method says and what is true, over the crop's
middle where the face is; the same for regions, and for how far the skin moves. References are the other methods in the same run.

    python -m benchmarks.flow
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec

import cv2
import numpy as np

from benchmarks.shared import Row, compared, program
from tsfmicro.prepare.flow import flow_and_strain
from tsfmicro.prepare.products.flow import shrink
from tsfmicro.synthetic.breadth import NARROW, Breadth
from tsfmicro.synthetic.pairs import Pairs, draw_pairs

SEED, BLOCKS, SIZE, TRUE = 9003, 6, 224, 56
FACE = np.s_[8:54, 11:45]  # of the 56 × 56 true motions
REGIONS = {
    "brows": np.s_[8:15, 11:45],
    "eyes": np.s_[15:22, 11:45],
    "mouth": np.s_[32:44, 17:39],
    "chin": np.s_[44:54, 17:39],
}
MOTIONS = {"below 0.5 px": (0, 0.5), "0.5 to 1.5 px": (0.5, 1.5), "above 1.5 px": (1.5, 99)}
METHODS: dict[str, Callable[..., np.ndarray]] = {
    "drawn": partial(flow_and_strain, method="drawn", part="facial"),
    "dis": partial(flow_and_strain, method="dis"),
    "farneback": partial(flow_and_strain, method="farneback"),
}


def rows() -> list[Row]:
    cv2.setNumThreads(1)
    found = []
    for people, breadth in (("wide", Breadth()), ("narrow", NARROW)):
        blocks = [draw_pairs(SEED, block, SIZE, breadth=breadth) for block in range(BLOCKS)]
        errors = {name: [off_by(method, block) for block in blocks] for name, method in METHODS.items()}
        true = [np.hypot(block.flow[:, 0], block.flow[:, 1])[:, *FACE] for block in blocks]
        for other in ("dis", "farneback"):
            found.append(_row(f"{people} people, flow off by (reference: {other})", errors, other, FACE))
        if people == "wide":
            for region, place in REGIONS.items():
                found.append(_row(f"the same, {region} (reference: dis)", errors, "dis", place))
            for motion, (low, high) in MOTIONS.items():
                means = {
                    name: [
                        float(e[:, *FACE][(t >= low) & (t < high)].mean())
                        for e, t in zip(errors[name], true, strict=True)
                    ]
                    for name in ("drawn", "dis")
                }
                found.append(compared(f"the same, {motion} (reference: dis)", "px", means["drawn"], means["dis"]))
    return [*found, *_times(draw_pairs(SEED, BLOCKS, SIZE, people=1, each=4))]


def off_by(method: Callable[..., np.ndarray], pairs: Pairs) -> np.ndarray:
    """(n, 56, 56) px."""
    said = np.stack(
        [shrink(method(*pair)[:2].astype(np.float32), TRUE) for pair in zip(pairs.onset, pairs.apex, strict=True)]
    )
    return np.hypot(*np.moveaxis(said - pairs.flow, 1, 0))


def _row(what: str, errors: dict[str, list[np.ndarray]], other: str, place: tuple[slice, slice]) -> Row:
    ours, theirs = ([float(one[:, *place].mean()) for one in errors[name]] for name in ("drawn", other))
    return compared(what, "px", ours, theirs)


def _times(pairs: Pairs) -> list[Row]:
    """Milliseconds of a core for a pair of 224; TV-L1 where its package is."""
    import torch

    torch.set_num_threads(1)
    methods = dict(METHODS)
    if hasattr(cv2, "optflow") or find_spec("skimage") is not None:
        methods["tvl1"] = partial(flow_and_strain, method="tvl1")
    taken: dict[str, list[float]] = {name: [] for name in methods}
    methods["drawn"](pairs.onset[0], pairs.apex[0])  # reads the weights
    for onset, apex in zip(pairs.onset, pairs.apex, strict=True):
        for name, method in methods.items():
            start = time.process_time()
            method(onset, apex)
            taken[name].append(1e3 * (time.process_time() - start))
    return [
        compared(f"flow of a pair by drawn (reference: {name})", "ms", taken["drawn"], taken[name])
        for name in methods
        if name != "drawn"
    ]


if __name__ == "__main__":
    program(rows)
