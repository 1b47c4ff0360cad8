"""Two coders side by side, by numbers that can be checked by hand."""

import csv
import io
import json

import pytest
from pytest import approx

from tsfmicro.card import DEMONSTRATION
from tsfmicro.coding.registry import named
from tsfmicro.desk.agree import agree
from tsfmicro.errors import AnnotationError, ConfigError
from tsfmicro.timeline import Moment, Timeline, units_in


def moment(onset, units="", emotion="", person="anna", late=0.0, **more):
    return Moment(
        onset + late, onset + 0.4 + late, onset + 0.2 + late, person, units=units_in(units), emotion=emotion, **more
    )


def video(name, *moments, seconds=10.0, fps=100.0):
    return Timeline(f"{name}.mp4", moments, fps, seconds)


def written(path, *timelines, name="codes"):
    named(name).write(path, timelines)
    return path


@pytest.fixture
def coders(tmp_path):
    """Four videos of four people; the second coder is 20 ms late, misses one moment, adds one, and takes AU4 for AU7 once."""
    people = ("anna", "ben", "cleo", "dan")
    one = [video(p, moment(1, "R12B+6C", "happiness", p), moment(3, "4D", "disgust", p)) for p in people]
    two = [video(p, moment(1, "R12C+6C", "happiness", p, 0.02), moment(3, "4D", "disgust", p, 0.02)) for p in people]
    two[0] = video("anna", moment(1, "R12B+6C", "happiness", "anna", 0.02))
    two[1] = video("ben", *two[1].moments, moment(7, "4A", "disgust", "ben"))
    two[2] = video("cleo", two[2].moments[0], moment(3, "7D", "disgust", "cleo", 0.02))
    return written(tmp_path / "one.csv", *one), written(tmp_path / "two.csv", *two)


def test_moments_are_counted_matched_and_alone(coders):
    found = agree(*coders)
    assert (found.videos, found.over, found.groups) == (4, "people", 4)
    assert (found.matched, found.only) == (7, (1, 1))


def test_occurrence_of_each_code_over_all_moments_of_either_coder(coders):
    by_code = {o.code: o for o in agree(*coders).occurrence}
    assert list(by_code) == ["any moment", "micro", "AU4", "AU6", "AU7", "AU12", "disgust", "happiness"]
    four = by_code["AU4"]
    assert (four.both, four.one, four.other, four.neither) == (2, 2, 1, 4)
    assert four.kappa.value == approx((6 / 9 - (4 * 3 + 5 * 6) / 81) / (1 - (4 * 3 + 5 * 6) / 81))
    positive = (4 + 3) / 18
    chance = 2 * positive * (1 - positive)
    assert four.ac1.value == approx((6 / 9 - chance) / (1 - chance))
    assert -1 <= four.kappa.low < four.kappa.value < four.kappa.high <= 1
    assert (by_code["AU12"].kappa.value, by_code["AU12"].kappa.high) == (1, 1)
    assert by_code["AU12"].kappa.low < 1


def test_agreement_over_time_counts_seconds(coders):
    any_moment = agree(*coders).occurrence[0]
    # Of 40 s, 7 × 0.38 s both; A alone 7 × 0.02 and 0.4, B alone as much.
    both, alone = 7 * 0.38, 7 * 0.02 + 0.4
    p, chance = both + (40 - both - 2 * alone), (both + alone) ** 2 + (40 - both - alone) ** 2
    assert any_moment.over_time.value == approx((p / 40 - chance / 1600) / (1 - chance / 1600))


def test_seconds_of_a_video_in_which_both_saw_nothing_count_too(tmp_path):
    def of(path, late):
        return written(path, video("anna", moment(1, late=late)), video("ben", seconds=990.0))

    any_moment = agree(of(tmp_path / "one.csv", 0), of(tmp_path / "two.csv", 0.2)).occurrence[0]
    both, alone = 0.2, 0.2
    p, chance = 1000 - 2 * alone, (both + alone) ** 2 + (1000 - both - alone) ** 2
    assert any_moment.over_time.value == approx((p / 1000 - chance / 1e6) / (1 - chance / 1e6))


def test_such_seconds_are_nobody_s_where_intervals_are_over_people(coders, tmp_path):
    def more(path, name):
        return written(tmp_path / name, *named("codes").read(path), video("blank", seconds=60.0))

    before = agree(*coders).occurrence[0].over_time
    after = agree(more(coders[0], "a.csv"), more(coders[1], "b.csv"))
    assert (after.over, after.groups) == ("people", 4)
    over_time = after.occurrence[0].over_time
    assert over_time.value > before.value and over_time.low > before.low > -1


def test_times_differ_by_what_the_second_coder_was_late(coders):
    onset, apex, offset = agree(*coders).timing
    assert [t.what for t in (onset, apex, offset)] == ["onset", "apex", "offset"]
    assert (onset.pairs, onset.median.value, onset.low, onset.high) == (7, approx(0.02), approx(0.02), approx(0.02))


def test_intensities_of_units_that_both_graded(coders):
    found = agree(*coders)
    # R12: B/B once, B/C three times; 6: C/C four times; 4: D/D twice, where both saw it.
    assert found.intensities == 10
    assert found.intensity.value == approx(
        (0.82778 - 0.11667) / (0.82778 + 0.11667 + 2 * (0.45 - 0.11667) / 10), abs=5e-5
    )
    assert found.intensity.low < found.intensity.value < found.intensity.high


def test_every_disagreement_is_listed_with_its_times(coders):
    found = agree(*coders)
    assert [(d.video, d.what, d.one, d.other) for d in found.disagreements] == [
        ("anna.mp4", "only A has it", "micro 4D disgust", ""),
        ("ben.mp4", "intensity", "R12B+6C", "R12C+6C"),
        ("ben.mp4", "only B has it", "", "micro 4A disgust"),
        ("cleo.mp4", "intensity", "R12B+6C", "R12C+6C"),
        ("cleo.mp4", "action units", "4D", "7D"),
        ("dan.mp4", "intensity", "R12B+6C", "R12C+6C"),
    ]
    first, *_ = csv.DictReader(io.StringIO(found.disagreements_csv()))
    assert (first["onset_a_s"], first["apex_a_s"], first["onset_b_s"]) == ("3.0", "3.2", "")
    json.dumps(found.to_dict(), allow_nan=False)


def test_a_coder_agrees_with_itself_fully_and_few_people_leave_doubt(coders):
    found = agree(coders[0], coders[0])
    assert found.disagreements == ()
    assert {o.kappa.value for o in found.occurrence if o.kappa} == {1.0}
    assert all(o.kappa.low < 1 for o in found.occurrence if o.kappa)
    assert found.intensity.value == 1


def test_formats_may_differ_and_one_video_alone_leaves_everything_open(tmp_path):
    one = written(tmp_path / "a.eaf", video("clip", moment(1, "12"), moment(3, "4")), name="elan")
    two = written(tmp_path / "b.TextGrid", video("clip", moment(1, "12"), moment(3, "7")), name="praat")
    found = agree(one, two)
    assert (found.matched, found.over, found.groups) == (2, "videos", 1)
    assert found.about()[0].endswith("1 video; of one alone no interval can be told")
    four = next(o for o in found.occurrence if o.code == "AU12")
    assert (four.kappa.value, four.kappa.low, four.kappa.high) == (1, -1, 1)
    assert found.timing[0].median.low == -float("inf")
    assert json.loads(json.dumps(found.to_dict()))["timing"][0]["median"]["low"] is None


def test_a_model_counts_as_a_coder(tmp_path):
    expression = {
        "face": 1,
        "kind": "micro",
        "onset_s": 1.01,
        "apex_s": 1.2,
        "offset_s": 1.41,
        "region": "lips",
        "confidence": 0.8,
    }
    known = {
        "video": "/films/clip.mp4",
        "fps": 100,
        "seconds": 10.0,
        "model": f"{DEMONSTRATION} small: trained on 240 clips of 20 people (casme2), labels casme2-5.",
        "expressions": [expression | {"emotion": None}],
    }
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "reading.json").write_text(json.dumps(known))
    coder = written(tmp_path / "clip.eaf", video("clip", moment(1, "12", "happiness")), name="elan")
    found = agree(coder, tmp_path / "out")
    assert found.matched == 1
    assert found.names[1] == f"{tmp_path / 'out'} (small)"
    assert [n for n in found.notes if n.startswith("B codes no")] == [
        "B codes no action units: they are not compared",
        "B codes no emotions: they are not compared",
    ]


@pytest.fixture
def predicted(tmp_path):
    """What `predict FOLDER` leaves of three videos: one with a moment, one without, and one that could not be read."""
    card = "small: trained on 240 clips of 20 people (casme2), labels casme2-5. Never scored on people left out."
    expression = {
        "face": 1, "kind": "micro", "onset_s": 1.0, "apex_s": 1.2, "offset_s": 1.4, "region": "lips", "confidence": 0.8,
    }  # fmt: skip
    out = tmp_path / "out"
    (out / "videos").mkdir(parents=True)
    parts = {
        "seen": {"fps": 100, "seconds": 10.0, "model": card, "expressions": [expression]},
        "nothing": {"fps": 100, "seconds": 10.0, "model": card, "expressions": []},
        "broken": {"why_not": "broken.mp4: is empty."},
    }
    for name, part in parts.items():
        (out / "videos" / f"{name}.mp4.json").write_text(json.dumps({"video": f"{name}.mp4", **part}))
    (out / "moments.csv").write_text(
        "video,face,kind,onset_s,apex_s,offset_s,region,confidence,model\n"
        f'seen.mp4,1,micro,1.0,1.2,1.4,lips,0.8,"{card}"\n'
    )
    (out / "videos.csv").write_text(
        "video,seconds,fps,faces,expressions,blinks,notes,why_not\nseen.mp4,10.0,100,1,1,0,,\n"
        "nothing.mp4,10.0,100,1,0,0,,\nbroken.mp4,,,0,0,0,,broken.mp4: is empty.\n"
    )
    return out


@pytest.mark.parametrize("part", ["", "moments.csv", "videos"])
def test_of_a_folder_of_videos_those_in_which_the_model_saw_nothing_count_and_those_it_could_not_read_do_not(
    tmp_path, predicted, part
):
    coder = written(tmp_path / "ann.csv", *(video(name, moment(1)) for name in ("seen", "nothing", "broken")))
    found = agree(coder, predicted / part)
    assert (found.videos, found.matched, found.only) == (2, 1, (1, 0))
    assert found.names[1] == f"{predicted / part} (small)"
    assert agree(coder, predicted / part, coders=(None, "small")).only == (1, 0)
    unread, left_out = found.notes[:2]
    assert unread.endswith("without 1 video that could not be read: broken.mp4")
    assert left_out.startswith(f"{coder} alone has broken.mp4")


def test_a_video_that_could_not_be_read_is_no_coding(tmp_path, predicted):
    coder = written(tmp_path / "ann.csv", video("broken", moment(1)))
    broken = predicted / "videos" / "broken.mp4.json"
    assert said(coder, broken) == f"{broken}: broken.mp4 could not be read (broken.mp4: is empty.)"
    for other in ("seen", "nothing"):
        (predicted / "videos" / f"{other}.mp4.json").unlink()
    assert "none of its videos could be read (broken.mp4, …)" in said(coder, broken.parent)


def test_a_table_of_videos_that_is_another_program_s_says_nothing_of_ours(tmp_path, predicted):
    coder = written(tmp_path / "ann.csv", video("seen", moment(1)))
    for text in ("", "name,length\nseen.mp4,10\n"):
        (predicted / "videos.csv").write_text(text)
        assert agree(coder, predicted).matched == 1


def test_where_no_video_of_a_folder_could_be_read_that_is_told(tmp_path, predicted):
    head, _, _, broken = (predicted / "videos.csv").read_text().splitlines()
    (predicted / "videos.csv").write_text(f"{head}\n{broken}\n")
    (predicted / "moments.csv").write_text((predicted / "moments.csv").read_text().splitlines()[0] + "\n")
    assert "could not be read: broken.mp4" in said(written(tmp_path / "ann.csv", video("seen", moment(1))), predicted)


def test_another_cut_of_a_video_is_refused_of_a_folder_s_table_too(tmp_path, predicted):
    assert "different cuts" in said(written(tmp_path / "ann.csv", video("seen", moment(1), seconds=12.0)), predicted)


def test_a_moment_without_a_person_is_of_the_only_one_who_is_named(tmp_path):
    one = written(tmp_path / "a.csv", video("clip", moment(1, person=""), moment(3, person="eva")))
    other = written(tmp_path / "b.csv", video("clip", moment(1, person="Eva"), moment(3, person="Eva")))
    found = agree(one, other)
    assert (found.matched, found.only, found.notes) == (2, (0, 0), ())
    both = written(tmp_path / "c.csv", video("clip", moment(1, person="eva"), moment(3, person="otto")))
    found = agree(one, both)
    assert (found.matched, found.only) == (0, (2, 2))
    assert found.notes == (
        "clip.mp4: 1 moment without a person, paired with such alone. Name the person, as of the others",
    )


def test_videos_with_one_name_and_two_endings_are_two(tmp_path):
    def clip(ending, *moments):
        return Timeline(f"clip.{ending}", moments, 100.0, 10.0)

    one = written(tmp_path / "a.csv", clip("mp4", moment(1)), clip("avi", moment(5)))
    other = written(tmp_path / "b.csv", clip("mp4"), clip("AVI", moment(5)))
    found = agree(one, other)
    assert (found.videos, found.matched, found.only) == (2, 1, (1, 0))
    bare = written(tmp_path / "c.csv", Timeline("clip", (moment(1),), 100.0, 10.0))
    assert agree(bare, written(tmp_path / "d.csv", clip("mp4", moment(1)))).matched == 1
    assert "Give codings of the same videos" in said(bare, one)
    mixed = written(tmp_path / "e.csv", clip("mp4", moment(1)), Timeline("clip", (), 100.0, 10.0))
    assert said(mixed, one).startswith(f"{mixed}: clip.mp4 and clip are one video by their names")


def test_a_coder_who_marked_nothing_is_told_as_such(tmp_path):
    one = written(tmp_path / "a.csv", video("clip", moment(1, "12", "happiness")))
    silent = written(tmp_path / "b.csv", video("clip"))
    found = agree(one, silent)
    assert found.notes == ("B marked nothing, so no kinds, action units or emotions are compared",)
    assert [o.code for o in found.occurrence] == ["any moment"]
    bare = written(tmp_path / "c.csv")
    assert said(one, bare).startswith(f"{bare}: holds no codings. Code a moment")


def said(one, other, **more):
    with pytest.raises((AnnotationError, ConfigError)) as error:
        agree(one, other, **more)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_what_cannot_be_compared_is_told_in_one_line(tmp_path):
    one = written(tmp_path / "a.eaf", video("clip", moment(1)), name="elan")
    other = written(tmp_path / "b.eaf", video("film", moment(1)), name="elan")
    assert "is of clip.mp4, and" in said(one, other)
    cut = written(tmp_path / "c.eaf", video("clip", moment(1), seconds=12.0), name="elan")
    assert "different cuts" in said(one, cut)
    empty = written(tmp_path / "d.csv", video("clip"))
    assert "nothing to agree on" in said(empty, empty)
    assert "no such file" in said(tmp_path / "nowhere.eaf", one)
    (tmp_path / "bare").mkdir()
    assert "holds no coding" in said(tmp_path / "bare", one)


def test_another_frame_rate_is_a_note_since_times_are_seconds(tmp_path):
    one = written(tmp_path / "a.csv", video("clip", moment(1), fps=100.0))
    other = written(tmp_path / "b.csv", video("clip", moment(1), fps=25.0))
    assert agree(one, other).notes == (
        "clip.mp4: was coded at 100 and at 25 frames per second; times agree at best to 40 ms",
    )


def test_of_a_file_with_several_coders_one_is_chosen(tmp_path):
    both = written(tmp_path / "a.csv", video("clip", moment(1, coder="kim"), moment(1, late=0.1, coder="lee")))
    assert "Choose one with --coder-a" in said(both, both)
    found = agree(both, both, coders=("kim", "Lee"))
    assert (found.matched, found.timing[0].median.value) == (1, approx(0.1))
    assert "It has moments of kim, lee" in said(both, both, coders=("kim", "max"))


def test_a_folder_s_files_are_matched_by_their_videos_and_the_others_told(tmp_path):
    for side, names in (("a", "xyz"), ("b", "xy")):
        (tmp_path / side).mkdir()
        for name in names:
            written(tmp_path / side / f"{name}.TextGrid", video(name, moment(1)), name="praat")
    found = agree(tmp_path / "a", tmp_path / "b")
    assert (found.videos, found.matched) == (2, 2)
    assert [note.startswith(f"{tmp_path / 'a'} alone has z: left out") for note in found.notes] == [True]


def test_one_intensity_is_told_in_the_singular(tmp_path):
    files = [written(tmp_path / f"{n}.csv", video("anna", moment(1, "4B", "disgust"))) for n in (1, 2)]
    assert agree(*files).intensity_line() == "intensity: 1 pair, too few or too alike for ICC(2,1)"
