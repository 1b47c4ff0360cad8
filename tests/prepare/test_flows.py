"""Flow from the onset to the frames after it."""

import numpy as np
import pytest

from tsfmicro.config import PrepareConfig
from tsfmicro.errors import FrameError
from tsfmicro.needs import need
from tsfmicro.prepare.aligned import align
from tsfmicro.prepare.face import finder
from tsfmicro.prepare.flow import flow_and_strain
from tsfmicro.prepare.prepare import prepare
from tsfmicro.prepare.products.base import product_of
from tsfmicro.prepare.products.flow import shrink


def test_it_goes_to_every_frame_after_the_onset_or_to_so_many(make_clip, tmp_path):
    clips = [make_clip("EP01", frames=(*range(10, 15), 20)), make_clip("EP02", frames=(10, 12, 20))]
    every, two = need("flows", 32), need("flows", 32, count=2)
    made = prepare(clips, [every, two], PrepareConfig(size=32), tmp_path / "cache")
    rows = made.rows_of([clip.id for clip in clips])
    assert [made.of(every).clip(row).shape for row in rows] == [(5, 2, 32, 32), (2, 2, 32, 32)]
    aligned = align(clips[0], finder("mtcnn"), 0)
    last = shrink(flow_and_strain(aligned.face(10, 224), aligned.face(20, 224))[:2], 32)
    assert np.array_equal(made.of(every).clip(rows[0])[-1], last)
    assert np.array_equal(made.of(two).clip(rows[0])[-1], last)


def test_a_clip_that_ends_at_its_onset_is_told(make_clip):
    aligned = align(make_clip("EP01", frames=(10, 20)), finder("mtcnn"), 0)
    product, options = product_of(need("flows", 32))
    aligned.clip = make_clip("EP02", frames=(10,), apex=None, offset=None)
    with pytest.raises(FrameError, match="no frame after its onset"):
        product.make(aligned, "annotated", 32, options)
