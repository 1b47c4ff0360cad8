"""What a moment and a timeline refuse, keep, and find odd."""

import pytest

from tsfmicro.errors import AnnotationError
from tsfmicro.timeline import Moment, Timeline, kind_named, stem, units_in, units_text


@pytest.mark.parametrize("times", [(2.0, 1.0, None), (1.0, 2.0, 2.5), (-0.1, 1.0, None), (0.0, float("nan"), None)])
def test_a_moment_s_onset_apex_and_offset_follow_one_another(times):
    with pytest.raises(AnnotationError, match="must follow one another"):
        Moment(*times)


def test_a_certainty_is_between_0_and_1():
    with pytest.raises(AnnotationError, match="certainty 80 is not between"):
        Moment(0, 1, certainty=80)


def test_text_is_one_line_that_can_be_printed():
    m = Moment(0, 1, note=" a\n b\x00\u2028c ", person="\tanna")
    assert (m.note, m.person) == ("a b c", "anna")


def test_a_timeline_is_in_order_and_knows_its_people_and_its_video_by_name():
    t = Timeline("C:\\films\\Clip.1.MP4", (Moment(2, 3, person="ben"), Moment(1, 2)), people=("anna",))
    assert [m.onset for m in t.moments] == [1, 2]
    assert (t.people, t.video, t.stem) == (("anna", "ben"), "Clip.1.MP4", "clip.1")
    assert (stem("no. 1"), stem("a.b")) == ("no. 1", "a.b")


def test_a_frame_rate_and_a_length_are_above_0():
    for wrong in ({"fps": 0.0}, {"seconds": -1.0}):
        with pytest.raises(AnnotationError, match="Correct it"):
            Timeline("a.mp4", **wrong)


def test_action_units_are_read_as_they_are_written():
    assert units_text(units_in("R12B+4? + AU6")) == "R12B+4?+6"


def test_an_action_unit_of_a_side_is_there_once_with_the_higher_intensity():
    assert units_text(units_in("12 12")) == "12"
    assert units_text(units_in("12B+R12+6?+12D+12A?+6")) == "12D+R12+6"


@pytest.mark.parametrize(
    ("word", "kind"), [("Micro-Expression", "micro"), ("mae", "macro"), ("other", "other"), ("smile", None), ("", None)]
)
def test_kinds_in_other_words(word, kind):
    assert kind_named(word) == kind


def test_moments_past_the_end_are_told_and_kept():
    t = Timeline("a.mp4", (Moment(1, 2), Moment(9, 12)), 25.0, 10.0)
    (line,) = t.oddities()
    assert line.startswith("a.mp4 lasts 10.000 s, and 1 moment reaches past its end, e.g. moment at 9.000")
    assert (len(t.moments), t.end) == (2, 12)
    assert Timeline("a.mp4", (Moment(9, 10.03),), 25.0, 10.0).oddities() == []


def test_moments_of_one_person_and_coder_that_overlap_are_told_and_of_others_not():
    def at(onset, offset, person="anna", coder=""):
        return Moment(onset, offset, person=person, coder=coder)

    told = Timeline("a.mp4", (at(0, 5), at(1, 2), at(4, 6))).oddities()
    assert len(told) == 1 and "2 moments reach into another one of the same person and coder" in told[0]
    assert Timeline("a.mp4", (at(0, 5), at(1, 2, "ben"), at(1, 2, coder="kim"), at(5, 6))).oddities() == []
