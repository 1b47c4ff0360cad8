"""ACC, UF1, UAR: checked by hand and against scikit-learn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest import approx
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score

from tsfmicro.errors import LabelError, ShapeError
from tsfmicro.evaluate import metrics


def test_uar_of_always_guessing_one_class_is_one_over_the_classes():
    confusion = metrics.confusion_matrix(np.array([0, 0, 0, 1, 2]), np.zeros(5, int), n_classes=3)
    assert metrics.uar(confusion) == approx(1 / 3)
    assert metrics.accuracy(confusion) == approx(3 / 5)
    assert metrics.uf1(confusion) == approx((2 * 3 / (2 * 3 + 2)) / 3)


def test_macro_precision_is_another_number_than_uar():
    confusion = metrics.confusion_matrix(np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1]), n_classes=2)
    assert metrics.uar(confusion) == approx((2 / 3 + 1) / 2)
    assert metrics.precision(confusion) == approx((1 + 1 / 2) / 2)


@given(st.integers(2, 7), st.integers(0, 2**32 - 1))
def test_scores_equal_scikit_learns_for_any_predictions(n_classes, seed):
    generator = np.random.default_rng(seed)
    target = np.concatenate([np.arange(n_classes), generator.integers(0, n_classes, 20)])
    predicted = generator.integers(0, n_classes, len(target))
    confusion = metrics.confusion_matrix(target, predicted, n_classes)
    macro = {"average": "macro", "labels": range(n_classes), "zero_division": 0}
    assert metrics.accuracy(confusion) == approx(accuracy_score(target, predicted))
    assert metrics.uf1(confusion) == approx(f1_score(target, predicted, **macro))
    assert metrics.uar(confusion) == approx(recall_score(target, predicted, **macro))
    assert metrics.precision(confusion) == approx(precision_score(target, predicted, **macro))


def test_a_class_that_no_clip_has_is_an_error_not_a_smaller_mean():
    confusion = metrics.confusion_matrix(np.array([0, 1]), np.array([0, 2]), n_classes=3)
    with pytest.raises(LabelError, match="no clip of class surprise"):
        metrics.check_classes(confusion, ["negative", "positive", "surprise"])


def test_a_prediction_outside_the_classes_is_refused():
    with pytest.raises(ShapeError, match=r"0…3 do not fit 0…2"):
        metrics.confusion_matrix(np.array([0, 1]), np.array([0, 3]), n_classes=3)
