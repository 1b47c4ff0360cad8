from collections import Counter

import pytest

from tsfmicro.data.entries import objective_class
from tsfmicro.data.registry import DATASETS, dataset
from tsfmicro.errors import LabelError, UnknownNameError
from tsfmicro.labels import SCHEMES, scheme
from tsfmicro.types import LabelScheme


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
    for many, few in (
        ("casme2-5", "casme2-3"), ("samm-5", "samm-3"), ("casme3-7", "casme3-4"), ("casme3-7", "casme3-3"),
        ("casme3-c-4", "casme3-c-3"), ("casme-squared-4", "casme-squared-3"), ("4dme-5", "4dme-3"),
    ):  # fmt: skip
        assert scheme(many).of.keys() == scheme(few).of.keys()


def test_every_class_has_an_emotion():
    for one in SCHEMES.values():
        assert set(one.classes) == set(one.of.values()) - {None} or one.units


def test_every_class_of_a_scheme_of_action_units_is_a_unit_and_cd6me_has_its_twelve():
    for one in SCHEMES.values():
        assert not one.units or one.classes == tuple(f"AU{unit}" for unit in one.units)
    assert scheme("cd6me-12").units == (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17)


def test_a_clip_without_an_emotion_has_no_class():
    assert scheme("casme3-7").label("") is None


def test_an_unknown_emotion_and_an_unknown_scheme_are_errors():
    with pytest.raises(LabelError, match="does not know the emotion 'joy'"):
        scheme("casme2-5").label("joy")
    with pytest.raises(UnknownNameError, match="Did you mean 'casme2-5'"):
        scheme("casme2_5")


@pytest.fixture(scope="module")
def releases(release_of):
    """Clips of full-size fakes, by dataset and sheet."""
    clips = {}
    for name, sheet in [
        ("casme2", "20140508"), ("casme2", "20190701"), ("samm", "v2"), ("casme3", None),
        ("casme-squared", None), ("samm-lv", None), ("4dme", None), ("casme3-c", None),
    ]:  # fmt: skip
        root = release_of(name, **{"sheet": sheet} if sheet else {})
        clips[name, sheet] = dataset(name).read(root).clips
    return clips


def kept(name, clips):
    return [clip for clip in clips if scheme(name).why_left_out(clip) is None]


def counts(name, clips):
    used = scheme(name)
    return dict(Counter(used.classes[used.label(c.emotion, c.dataset)] for c in kept(name, clips)))


@pytest.mark.parametrize("sheet", ["20140508", "20190701"])
def test_the_composite_has_145_clips_of_24_people_of_casme2_whichever_sheet_is_read(releases, sheet):
    clips = releases["casme2", sheet]
    assert counts("megc2019-3", clips) == {"negative": 88, "positive": 32, "surprise": 25}
    assert len({clip.person for clip in kept("megc2019-3", clips)}) == 24


def test_the_composite_has_133_clips_of_28_people_of_samm(releases):
    clips = releases["samm", "v2"]
    assert counts("megc2019-3", clips) == {"negative": 92, "positive": 26, "surprise": 15}
    assert len({clip.person for clip in kept("megc2019-3", clips)}) == 28


def test_the_composite_names_the_clips_it_leaves_out_and_why(releases):
    why = {c.id: scheme("megc2019-3").why_left_out(c) for c in releases["casme2", "20140508"]}
    assert why["casme2/sub04/EP12_01f"] == "megc2019-3 leaves it out: the sheet has no apex"
    assert why["casme2/sub05/EP09_05f"] == "megc2019-3 leaves it out: its apex is its onset"
    assert "sadness has no class in megc2019-3" in why.values()


def test_the_composite_takes_ready_made_classes_of_a_dataset_without_a_rule_of_its_own():
    used = scheme("megc2019-3")
    assert [used.label(c, "smic") for c in ("negative", "positive", "surprise")] == [0, 1, 2]
    assert used.label("negative", "casme2") == 0
    with pytest.raises(LabelError, match="does not know the emotion 'anger' of casme3"):
        used.label("anger", "casme3")


@pytest.mark.parametrize(("name", "classes"), [("all-3", 3), ("all-4", 4)])
def test_all_datasets_together_know_every_emotion_of_each(releases, name, classes):
    everything = [clip for clips in releases.values() for clip in clips]
    assert len(counts(name, everything)) == classes
    used = {id(clip) for clip in kept(name, everything)}
    torn = {"negative+surprise", "positive+surprise", "repression+surprise"}  # of 4DME
    assert {c.emotion for c in everything if id(c) not in used} - torn == ({"others"} if classes == 3 else set())


def test_a_rule_of_one_dataset_may_not_name_another_class():
    with pytest.raises(LabelError, match="not among its classes"):
        LabelScheme("s", ("a",), {"x": "a"}, of_dataset={"samm": {"x": "b"}})


def test_objective_classes_are_of_action_units_whatever_the_emotion(releases):
    clips = releases["samm", "v2"]
    used = scheme("objective-5")
    assert Counter(used.classes[n] for c in clips if (n := used.label_of(c)) is not None) == {
        "I": 24, "II": 13, "III": 20, "IV": 8, "V": 3,
    }  # fmt: skip
    (six,) = {used.why_left_out(c) for c in clips if c.objective == "VI"}
    assert six == "VI has no class in objective-5"
    assert sum(scheme("objective-7").label_of(c) is not None for c in clips) == 159
    older = releases["casme2", "20140508"]
    assert {used.why_left_out(c) for c in older} == {"a clip without an objective class has no class in objective-5"}


@pytest.mark.parametrize(
    ("cell", "numeral"), [("4", "IV"), ("4.0", "IV"), ("iv", "IV"), ("VIII", "VIII"), ("9", ""), ("", "")]
)
def test_objective_classes_are_numbers_in_some_sheets_and_numerals_in_others(cell, numeral):
    assert objective_class(cell) == numeral


@pytest.mark.parametrize("name", ["all-3", "all-4"])
def test_all_datasets_together_take_every_emotion_that_a_dataset_has(name):
    known = {e for data in DATASETS.values() for s in data.published if scheme(s).by == "emotion" for e in scheme(s).of}
    assert known <= scheme(name).of.keys()
    negative = {e for e, c in scheme(name).of.items() if c == "negative"}
    assert {"tense", "repression", "contempt", "negative"} <= negative


@pytest.mark.parametrize(
    ("name", "negative"),
    [
        ("casme2-4-repression-others", {"disgust", "sadness", "fear"}),
        ("casme2-4-repression-negative", {"disgust", "sadness", "fear", "repression"}),
        ("casme-3", {"disgust", "sadness", "fear", "contempt"}),
        ("casme-3-repression", {"disgust", "sadness", "fear", "contempt", "repression"}),
        ("casme-3-repression-tense", {"disgust", "sadness", "fear", "contempt", "repression", "tense"}),
        ("mmew-3", {"disgust", "sadness", "fear", "anger"}),
        ("dfme-3", {"disgust", "sadness", "fear", "anger", "contempt"}),
    ],
)
def test_what_is_negative_is_in_the_name_where_papers_differ(name, negative):
    assert {e for e, c in scheme(name).of.items() if c == "negative"} == negative


def test_a_scheme_may_be_used_with_some_of_its_classes():
    some = scheme("all-3:surprise+negative")
    assert some.name == "all-3:negative+surprise" and some.classes == ("negative", "surprise")
    assert (some.label("disgust"), some.label("surprise"), some.label("happiness")) == (0, 1, None)
    assert scheme("megc2019-3:negative+surprise").label("happiness", "casme2") is None


@pytest.mark.parametrize(
    "name", ["all-3:negative", "all-3:negative+joy", "all-3:negative+negative", "cd6me-12:AU1+AU2"]
)
def test_one_class_or_a_strange_one_is_refused(name):
    with pytest.raises(LabelError):
        scheme(name)
