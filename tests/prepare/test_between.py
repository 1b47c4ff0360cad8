"""Flow between neighbouring frames of a sequence."""

import numpy as np
import pytest

from tsfmicro.errors import ConfigError
from tsfmicro.needs import need
from tsfmicro.prepare.aligned import align
from tsfmicro.prepare.face import finder
from tsfmicro.prepare.flow import flow_and_strain
from tsfmicro.prepare.products.base import product_of


def made(clip, **options):
    product, chosen = product_of(need("between", 64, **options))
    aligned = align(clip, finder("mtcnn"), 0)
    flows = product.make(aligned, "annotated", 64, chosen)
    assert flows.shape == product.shape(64, chosen)
    return aligned, flows, set(product.reads(clip, chosen))


def test_it_is_the_flow_from_each_chosen_frame_to_the_next(make_clip):
    aligned, flows, read = made(make_clip("EP01", frames=range(10, 31)), count=3)
    assert read == {10, 20, 30}
    for flow, (a, b) in zip(flows, ((10, 20), (20, 30)), strict=True):
        assert np.array_equal(flow, flow_and_strain(aligned.face(a, 64), aligned.face(b, 64), "dis")[:2])


def test_a_frame_that_a_short_clip_gives_twice_does_not_move(make_clip):
    _, flows, _ = made(make_clip("EP01", frames=(10, 20, 30)), count=5)  # frames 10, 10, 20, 30, 30
    assert [bool(flow.any()) for flow in flows] == [False, True, True, False]


def test_what_cannot_be_is_told():
    with pytest.raises(ConfigError, match="count"):
        product_of(need("between", 64, count=1))
    product, options = product_of(need("between", 64, method="facialflow"))
    with pytest.raises(ConfigError, match="needs weights"):
        product.shape(64, options)
    assert product.looks_between(options)
