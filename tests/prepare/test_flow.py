import cv2
import numpy as np
import pytest
from pytest import approx

from tsfmicro.errors import ShapeError
from tsfmicro.prepare.flow import flow_and_strain, strain

Y, X = np.mgrid[:20, :30].astype(float)


def test_a_pure_shift_strains_nothing():
    assert strain(np.stack([np.full_like(X, 3), np.full_like(X, -2)])) == approx(np.zeros((1, 20, 30)))


def test_skin_stretched_by_a_tenth_has_strain_one_tenth():
    assert strain(np.stack([0.1 * X, 0 * X])) == approx(np.full((1, 20, 30), 0.1))
    assert strain(np.stack([0 * X, 0.1 * Y])) == approx(np.full((1, 20, 30), 0.1))


def test_shear_counts_twice_with_half_its_gradient():
    assert strain(np.stack([0.1 * Y, 0 * X])) == approx(np.full((1, 20, 30), np.sqrt(2 * 0.05**2)))


def test_a_small_turn_strains_nothing():
    assert strain(np.stack([-0.01 * Y, 0.01 * X])) == approx(np.zeros((1, 20, 30)), abs=1e-12)


def test_many_flows_at_once():
    flows = np.random.default_rng(0).normal(size=(3, 2, 2, 8, 9))
    assert strain(flows).shape == (3, 2, 1, 8, 9)
    assert strain(flows)[2, 1] == approx(strain(flows[2, 1]))


@pytest.mark.parametrize("shape", [(3, 8, 8), (8, 8)])
def test_flow_without_two_channels_is_refused(shape):
    with pytest.raises(ShapeError, match="two channels"):
        strain(np.zeros(shape))


def test_a_face_that_moves_two_right_and_one_up_is_seen_to_do_so(face):
    onset = face(d=80, centre=(160, 90))
    shift = np.array([[1, 0, 2], [0, 1, -1]], float)
    apex = cv2.warpAffine(onset, shift, (320, 240))
    u, v, strained = flow_and_strain(onset, apex)[:, 80:160, 120:200].astype(float)
    assert (np.median(u), np.median(v)) == approx((2, -1), abs=0.1)
    assert np.median(strained) < 0.02
