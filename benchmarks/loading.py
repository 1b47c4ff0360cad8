"""A batch of 32 augmented pairs: from a prepared set, against reading the frames each time.

The reference does for every item and epoch what the released program's data set does: it reads and decodes the frames
around onset and apex from disk, resizes them, looks for the pair that differs most, and flips, turns and crops onset and
apex one after the other. Prints milliseconds per item and their ratio.

    python -m benchmarks.loading
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch

from tsfmicro.config import AugmentConfig, PrepareConfig
from tsfmicro.data.registry import dataset
from tsfmicro.data.synthetic.write import write_faces
from tsfmicro.memory import keep_freed_memory
from tsfmicro.prepare.prepare import prepare
from tsfmicro.train.loader import MEAN, STD, Loader
from tsfmicro.types import Clip

BATCH, SIZE, ROUNDS = 32, 224, 5
AUGMENT = AugmentConfig()


def reference_item(clip: Clip, generator: np.random.Generator) -> torch.Tensor:
    """Onset and apex of one clip, (2, 3, 224, 224), read from disk and augmented."""
    assert clip.apex is not None
    reach = int(0.15 * (clip.apex - clip.onset) / 4)
    onsets, apexes = (
        [cv2.resize(cv2.cvtColor(cv2.imread(str(clip.frames.path(n))), cv2.COLOR_BGR2RGB), (SIZE, SIZE)) for n in numbers]
        for numbers in (range(clip.onset, clip.onset + reach + 1), range(clip.apex - reach, clip.apex + 1))
    )
    pairs = [(a, b) for a in onsets for b in apexes]
    pair = max(pairs, key=lambda p: np.linalg.norm(p[1].astype(np.float32) - p[0]))
    flip, angle = generator.random() < AUGMENT.flip, generator.uniform(-AUGMENT.rotate, AUGMENT.rotate)
    x, y = generator.integers(0, 2 * AUGMENT.pad + 1, 2)
    turn = cv2.getRotationMatrix2D((SIZE / 2, SIZE / 2), angle, 1)
    images = []
    for image in pair:
        image = cv2.warpAffine(image[:, ::-1] if flip else image, turn, (SIZE, SIZE))
        image = cv2.copyMakeBorder(image, *[AUGMENT.pad] * 4, cv2.BORDER_CONSTANT)[y : y + SIZE, x : x + SIZE]
        images.append(torch.from_numpy(image).permute(2, 0, 1).float())
    return (torch.stack(images) - MEAN) / STD


def milliseconds_per_item(work: Callable[[], object]) -> float:
    """The best of some rounds, after one that fills the disk's cache for both alike."""
    work()
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times) / BATCH * 1e3


def main() -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    keep_freed_memory()
    with tempfile.TemporaryDirectory() as folder:
        root = write_faces(Path(folder) / "faces", people=4, clips=8, seed=0, fps=200)
        clips = dataset("casme2").read(root).clips
        prepared = prepare(clips, PrepareConfig(size=SIZE), Path(folder) / "cache")
        ids = [clip.id for clip in prepared.clips][:BATCH]
        loader = Loader(prepared, ("onset", "motion"), torch.device("cpu"))
        drawing, numpy_drawing = torch.Generator().manual_seed(0), np.random.default_rng(0)
        ours = milliseconds_per_item(lambda: loader.batch(ids, "widest", AUGMENT, drawing))
        theirs = milliseconds_per_item(lambda: torch.stack([reference_item(clip, numpy_drawing) for clip in clips[:BATCH]]))
    print(f"one thread, {len(ids)} pairs of {SIZE}×{SIZE} from 640×480 frames, best of {ROUNDS}")
    print(f"reading the frames each time  {theirs:6.2f} ms an item")
    print(f"from the prepared set         {ours:6.2f} ms an item")
    print(f"ratio                         {theirs / ours:6.1f}×")


if __name__ == "__main__":
    main()
