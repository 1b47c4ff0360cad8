import pytest

from tsfmicro.errors import LabelError, UnknownNameError
from tsfmicro.labels import SCHEMES, scheme


def classes_of(name, emotions):
    return [None if (i := scheme(name).label(e)) is None else scheme(name).classes[i] for e in emotions]


def test_five_classes_of_casme2_leave_out_sadness_and_fear():
    assert classes_of("casme2-5", ["others", "sadness", "fear"]) == ["others", None, None]


def test_three_classes_leave_out_others():
    assert classes_of("casme2-3", ["others", "sadness", "happiness"]) == [None, "negative", "positive"]
    assert classes_of("samm-3", ["others", "contempt", "surprise"]) == [None, "negative", "surprise"]


def test_four_classes_of_casme3_keep_others():
    assert classes_of("casme3-4", ["others", "anger", "happiness"]) == ["others", "negative", "positive"]


def test_schemes_of_one_dataset_know_the_same_emotions():
    for many, few in (("casme2-5", "casme2-3"), ("samm-5", "samm-3"), ("casme3-7", "casme3-4")):
        assert scheme(many).of.keys() == scheme(few).of.keys()


def test_every_class_has_an_emotion():
    for one in SCHEMES.values():
        assert set(one.classes) == set(one.of.values()) - {None}


def test_an_unknown_emotion_and_an_unknown_scheme_are_errors():
    with pytest.raises(LabelError, match="does not know the emotion 'joy'"):
        scheme("casme2-5").label("joy")
    with pytest.raises(UnknownNameError, match="Did you mean 'casme2-5'"):
        scheme("casme2_5")
