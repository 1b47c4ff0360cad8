"""Flow back from the apex to the offset."""

import numpy as np
import pytest

from tsfmicro.errors import FrameError
from tsfmicro.needs import need
from tsfmicro.prepare.aligned import align
from tsfmicro.prepare.face import finder
from tsfmicro.prepare.flow import flow_and_strain
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
