import numpy as np
import pytest

from tsfmicro.needs import Stored, need
from tsfmicro.prepared import PreparedSet
from tsfmicro.types import Clip, Frames


def faces_of(pairs):
    """Products of a prepared set that holds these faces, (R, 2, H, W, 3), for both pairs."""
    return {need("faces", pairs.shape[2]): Stored({"annotated": pairs, "widest": pairs}, "RGB 0–255", "image")}


def prepared_set(people=3, clips=4, size=32, seed=0, flow=False):
    """Noise faces in which class 1 brightens the left half of the apex; clips alternate between the classes."""
    generator = np.random.default_rng(seed)
    count = people * clips
    onset = generator.integers(60, 120, (count, size, size, 3), dtype=np.uint8)
    apex = onset.copy()
    apex[1::2, :, : size // 2] += 60
    faces = np.stack([onset, apex], 1)
    made = tuple(
        Clip("made", f"s{n // clips}", f"c{n % clips}", Frames(None, {}), 1, 2, 3, 200, "surprise")
        for n in range(count)
    )
    products = faces_of(faces)
    if flow:
        maps = generator.normal(size=(2, count, 3, size, size)).astype(np.float16)
        products[need("flow", size)] = Stored({"annotated": maps[0], "widest": maps[1]}, "px", "flow")
    return PreparedSet("k", made, np.arange(count), products)


@pytest.fixture
def prepared():
    return prepared_set()


@pytest.fixture
def labels(prepared):
    return {clip.id: n % 2 for n, clip in enumerate(prepared.clips)}
