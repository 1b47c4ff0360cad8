"""Flow back from the apex to the offset."""

import numpy as np
import pytest

from tsfmicro.config import PrepareConfig
from tsfmicro.errors import ConfigError, FrameError
from tsfmicro.needs import need
from tsfmicro.prepare.aligned import align
from tsfmicro.prepare.face import finder
from tsfmicro.prepare.flow import flow_and_strain
from tsfmicro.prepare.prepare import prepare
from tsfmicro.prepare.products.base import product_of


def made(clip):
    product, options = product_of(need("fall", 224))
    aligned = align(clip, finder("mtcnn"), 0)
    return aligned, product.make(aligned, "annotated", 224, options)


def test_it_is_the_flow_between_apex_and_offset(make_clip):
    aligned, fall = made(make_clip("EP01", frames=range(10, 31)))
    assert np.array_equal(fall, flow_and_strain(aligned.face(20, 224), aligned.face(30, 224), "dis"))


def test_a_clip_without_an_offset_is_told(make_clip):
    with pytest.raises(FrameError, match="has no offset"):
        made(make_clip("EP01", frames=range(10, 31), offset=None))


def test_a_pair_is_not_enough_for_it():
    product, options = product_of(need("fall", 28))
    assert product.looks_between(options)


def test_a_lost_offset_frame_skips_the_clip_in_a_line(make_clip, tmp_path):
    lost, whole = (make_clip(name, frames=range(10, 31)) for name in ("EP01", "EP02"))
    lost.frames.path(30).unlink()
    made = prepare([lost, whole], [need("fall", 28)], PrepareConfig(size=64), tmp_path / "cache")
    ((skipped, reason),) = made.skipped
    assert skipped == lost.id and "img30" in reason and "\n" not in reason


def test_the_method_is_checked_before_anything_is_made():
    product, options = product_of(need("fall", 28, method="facialflow"))
    with pytest.raises(ConfigError, match="needs weights"):
        product.shape(28, options)
