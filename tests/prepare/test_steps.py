"""How a face moves from step to step between onset and apex, as filmed and magnified."""

import numpy as np
import pytest

from tsfmicro.needs import need
from tsfmicro.prepare.aligned import align
from tsfmicro.prepare.face import finder
from tsfmicro.prepare.flow import flow_and_strain
from tsfmicro.prepare.products.base import product_of
from tsfmicro.prepare.products.magnified import MagnifiedOptions, magnified
from tsfmicro.prepare.products.steps import blended


@pytest.fixture
def aligned(make_clip):
    return align(make_clip("EP01", frames=range(10, 21)), finder("mtcnn"), 0)


def made(aligned, size=224, **options):
    product, chosen = product_of(need("steps", size, **options))
    steps = product.make(aligned, "annotated", size, chosen)
    assert steps.shape == product.shape(size, chosen)
    return steps.astype(np.float32)


def test_a_step_is_flow_strain_and_how_grey_changes_from_one_frame_to_the_next(aligned):
    steps = made(aligned, count=2, threshold=3)[0]
    faces = [aligned.face(n, 224) for n in (10, 15, 20)]
    for step, before, after in zip(steps, faces[:-1], faces[1:], strict=True):
        assert np.array_equal(step[:3], flow_and_strain(before, after).astype(np.float32))
        grey = [face @ np.array([0.299, 0.587, 0.114]) for face in (before, after)]
        assert step[3] == pytest.approx(np.abs(grey[1] - grey[0]) / 255, abs=0.005)
        assert set(np.unique(step[4])) == {0, 1}
        assert ((step[3] * 255 > 3.5) <= (step[4] > 0)).all()


def test_copies_are_magnified_against_the_onset_and_the_first_is_as_filmed(aligned):
    filmed, twice, most = made(aligned, count=1, levels=3, last_factor=4)
    assert np.array_equal(filmed, made(aligned, count=1)[0])
    onset, apex = aligned.face(10, 224), aligned.face(20, 224)
    copy = magnified(onset, apex, MagnifiedOptions(factor=4))[0]
    assert np.array_equal(most[0, :3], flow_and_strain(onset, copy).astype(np.float32))
    moved = [np.abs(level[0, 1]).max() for level in (filmed, twice, most)]
    assert moved[0] < moved[1] < moved[2]


def test_blended_frames_lie_evenly_between_onset_and_apex(aligned):
    ends = np.zeros((2, 2, 3), np.uint8), np.full((2, 2, 3), 200, np.uint8)
    assert [int(face[0, 0, 0]) for face in blended(*ends, 5)] == [0, 50, 100, 150, 200]
    steps = made(aligned, count=4, between="blend")[0]
    faces = blended(aligned.face(10, 224), aligned.face(20, 224), 5)
    assert np.array_equal(steps[2, :3], flow_and_strain(faces[2], faces[3]).astype(np.float32))


def test_small_steps_are_those_of_large_faces_shrunk(aligned):
    large, small = made(aligned, count=1), made(aligned, 56, count=1)
    blocks = large.reshape(1, 1, 5, 56, 4, 56, 4).mean((4, 6))
    assert small == pytest.approx(blocks, abs=0.01)
