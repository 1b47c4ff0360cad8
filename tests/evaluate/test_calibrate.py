"""Probabilities against how often they are right."""

import numpy as np
import pytest

from tsfmicro.errors import ShapeError
from tsfmicro.evaluate.calibrate import calibration_error, fit_temperature, softmax


def test_a_temperature_changes_how_sure_a_model_is_and_not_what_it_says():
    logits = np.array([2.0, 1.0, 0.0])
    cold, warm = softmax(logits, 0.5), softmax(logits, 5)
    assert cold.argmax() == warm.argmax() == 0
    assert cold[0] > softmax(logits)[0] > warm[0] > 1 / 3
    assert softmax(logits).sum() == pytest.approx(1)


def test_large_logits_do_not_overflow():
    np.testing.assert_allclose(softmax(np.array([1000.0, 0.0])), [1, 0])


def test_a_model_that_is_right_three_times_in_four_is_made_three_quarters_sure():
    logits = np.tile([8.0, 0.0], (4, 1))  # says class 0 and is 0.9997 sure
    target = np.array([0, 0, 0, 1])
    temperature = fit_temperature(logits, target)
    assert softmax(logits, temperature)[0, 0] == pytest.approx(0.75, abs=1e-3)
    assert temperature == pytest.approx(8 / np.log(3), rel=1e-3)


def test_a_model_that_is_always_right_does_not_become_infinitely_sure():
    assert fit_temperature(np.array([[1.0, 0], [0, 1]]), np.array([0, 1])) == pytest.approx(1 / 20, rel=1e-2)


def test_a_temperature_needs_a_class_for_each_clip():
    with pytest.raises(ShapeError, match="2 logits but 1 classes"):
        fit_temperature(np.zeros((2, 3)), np.array([0]))


def test_calibration_error_by_hand():
    probabilities = np.array([[0.95, 0.05], [0.95, 0.05], [0.35, 0.65], [0.35, 0.65]])
    target = np.array([0, 1, 1, 1])  # 0.95 sure and right once in two; 0.65 sure and right both times
    assert calibration_error(probabilities, target) == pytest.approx(0.5 * 0.45 + 0.5 * 0.35)
