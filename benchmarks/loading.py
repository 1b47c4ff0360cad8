"""A batch of 32 augmented pairs: from a prepared set, against reading the frames each time.

The reference does for every item and epoch what the released program's data set does: it reads onset and apex and their
neighbours from disk, each apex once for every onset, compares the whole frames, reads the chosen two again, resizes and
normalises them, and flips, turns and crops. Prints milliseconds per item and their ratio.

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
_MEAN, _STD = (t.flatten().numpy() for t in (MEAN, STD))


def reference_item(clip: Clip, generator: np.random.Generator) -> torch.Tensor:
    """Onset and apex of one clip, (6, 224, 224), read from disk and augmented."""
    assert clip.apex is not None
    pair = (clip.onset, clip.apex)
    reach = int(0.15 * (clip.apex - clip.onset) / 4)
    if reach:  # without neighbours the released search reads the pair and finds nothing else to read
        distances = {}
        for onset in range(clip.onset, clip.onset + reach + 1):
            first = _read(clip, onset)
            for apex in range(clip.apex - reach, clip.apex + 1):
                distances[onset, apex] = np.linalg.norm(_read(clip, apex) - first)
        pair = max(distances, key=distances.__getitem__)
    images = [cv2.resize(cv2.cvtColor(_read(clip, n), cv2.COLOR_BGR2RGB), (SIZE, SIZE)) for n in pair]
    both = np.concatenate([(image - _MEAN) / _STD for image in images], -1).astype(np.float32)  # (224, 224, 6)
    if generator.random() < AUGMENT.flip:
        both = both[:, ::-1]
    turn = cv2.getRotationMatrix2D((SIZE / 2, SIZE / 2), generator.uniform(-AUGMENT.rotate, AUGMENT.rotate), 1)
    both = np.concatenate(
        [cv2.warpAffine(np.ascontiguousarray(half), turn, (SIZE, SIZE)) for half in np.split(both, 2, -1)], -1
    )
    x, y = generator.integers(0, 2 * AUGMENT.pad + 1, 2)
    both = np.pad(both, ((AUGMENT.pad, AUGMENT.pad), (AUGMENT.pad, AUGMENT.pad), (0, 0)))[y : y + SIZE, x : x + SIZE]
    return torch.from_numpy(np.ascontiguousarray(both.transpose(2, 0, 1)))


def _read(clip: Clip, number: int) -> np.ndarray:
    image = cv2.imread(str(clip.frames.path(number)))
    assert image is not None
    return image


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
        theirs = milliseconds_per_item(
            lambda: torch.stack([reference_item(clip, numpy_drawing) for clip in clips[:BATCH]])
        )
    print(f"one thread, {len(ids)} pairs of {SIZE}×{SIZE} from 640×480 frames, best of {ROUNDS}")
    print(f"reading the frames each time  {theirs:6.2f} ms an item")
    print(f"from the prepared set         {ours:6.2f} ms an item")
    print(f"ratio                         {theirs / ours:6.1f}×")


if __name__ == "__main__":
    main()
