"""A batch of 32 augmented pairs: from a prepared set, against reading the frames each time.

The reference does for every item and epoch what the released program's data set does: it reads onset and apex and their
neighbours from disk, each apex once for every onset, compares the whole frames, reads the chosen two again, resizes and
normalises them, and flips, turns and crops.

    python -m benchmarks.loading
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from benchmarks.shared import Row, alternate, compared, program, seconds
from tsfmicro.config import AugmentConfig, PrepareConfig
from tsfmicro.data.registry import dataset
from tsfmicro.memory import keep_freed_memory
from tsfmicro.models import inputs
from tsfmicro.needs import need
from tsfmicro.prepare.prepare import prepare
from tsfmicro.synthetic.write import write_faces
from tsfmicro.train.loader import MEAN, STD, Loader
from tsfmicro.types import Clip

BATCH, SIZE, ROUNDS = 32, 224, 5
AUGMENT = AugmentConfig()


def reference_item(clip: Clip, generator: np.random.Generator) -> torch.Tensor:
    """Onset and apex of one clip, (6, 224, 224), read from disk and augmented."""
    assert clip.apex is not None
    reach = int(0.15 * (clip.apex - clip.onset) / 4)
    distances = {}
    for onset in range(clip.onset, clip.onset + reach + 1):
        first = _read(clip, onset)
        for apex in range(clip.apex - reach, clip.apex + 1):
            distances[onset, apex] = np.linalg.norm(_read(clip, apex) - first)
    both = torch.cat([_to_tensor(_read(clip, n)) for n in max(distances, key=distances.__getitem__)])
    if generator.random() < AUGMENT.flip:
        both = both.flip(-1)
    angle = np.deg2rad(generator.uniform(-AUGMENT.rotate, AUGMENT.rotate))
    turn = torch.tensor([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0]], dtype=torch.float32)
    grid = F.affine_grid(turn[None], [1, 6, SIZE, SIZE], align_corners=False)
    both = F.grid_sample(both[None], grid, mode="nearest", align_corners=False)[0]
    x, y = generator.integers(0, 2 * AUGMENT.pad + 1, 2)
    return F.pad(both, [AUGMENT.pad] * 4)[:, y : y + SIZE, x : x + SIZE].contiguous()


def _to_tensor(image: np.ndarray) -> torch.Tensor:
    """(3, 224, 224), resized as an image of Pillow's, then normalised: what the usual transforms do."""
    small = Image.fromarray(image[:, :, ::-1]).resize((SIZE, SIZE), Image.Resampling.BILINEAR)
    return ((torch.from_numpy(np.array(small)).permute(2, 0, 1).float() - MEAN) / STD)[0]


def _read(clip: Clip, number: int) -> np.ndarray:
    image = cv2.imread(str(clip.frames.path(number)))
    assert image is not None
    return image


def rows() -> list[Row]:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    keep_freed_memory()
    with tempfile.TemporaryDirectory() as folder:
        root = write_faces(Path(folder) / "faces", people=4, clips=8, seed=0, fps=200)
        clips = dataset("casme2").read(root).clips
        prepared = prepare(clips, [need("faces", SIZE)], PrepareConfig(size=SIZE), Path(folder) / "cache")
        ids = [clip.id for clip in prepared.clips][:BATCH]
        loader = Loader(prepared, {"onset": inputs.onset(SIZE), "motion": inputs.motion(SIZE)}, torch.device("cpu"))
        drawing, numpy_drawing = torch.Generator().manual_seed(0), np.random.default_rng(0)

        def ours() -> object:
            return loader.batch(ids, "widest", AUGMENT, drawing)

        def theirs() -> object:
            return torch.stack([reference_item(clip, numpy_drawing) for clip in clips[:BATCH]])

        ours(), theirs()  # fills the disk's cache for both alike
        times = alternate((ours, theirs), seconds, ROUNDS)
    each = {work: [1e3 * time / len(ids) for time in measured] for work, measured in times.items()}
    return [compared("load and augment a pair, 1 thread", "ms", each[ours], each[theirs])]


if __name__ == "__main__":
    program(rows)
