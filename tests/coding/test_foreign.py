"""Files that other programs and other people's habits leave."""

import pytest

from tsfmicro.coding.registry import format_of, named, read
from tsfmicro.errors import AnnotationError
from tsfmicro.timeline import Moment, Timeline, units_text


def brief(t):
    return [(m.person, m.onset, m.offset, m.kind, units_text(m.units), m.emotion, m.note) for m in t.moments]


def test_boris_rows_of_an_ethogram_of_action_units(tmp_path):
    file = tmp_path / "events.tsv"
    file.write_text(
        "Observation id\tObservation date\tDescription\tMedia file\tTotal length\tFPS\tSubject\tBehavior\tBehavioral category\t"
        "Modifiers\tBehavior type\tStart (s)\tStop (s)\tDuration (s)\tComment start\tComment stop\n"
        "o1\t2024-01-01\t\tplayer #1: films/clip.mp4\t60.0\t25\tanna\tAU12\t\tB|None\tSTATE\t1.0\t1.4\t0.4\tsoft\t\n"
        "o1\t2024-01-01\t\tplayer #1: films/clip.mp4\t60.0\t25\tNo focal subject\tgaze\t\tleft\tPOINT\t2.0\tNA\tNA\t\t\n"
        "o1\t2024-01-01\t\tplayer #1: films/clip.mp4\t60.0\t25\tanna\tmicro\t\tR4C|sad\tSTATE\t3.0\t3.4\t0.4\t\t\n"
    )
    (t,) = read(file)
    assert (t.video, t.fps, t.seconds) == ("clip.mp4", 25.0, 60.0)
    assert brief(t) == [
        ("anna", 1.0, 1.4, "micro", "12", "", "soft; B"),
        ("", 2.0, 2.0, "other", "", "", "gaze; left"),
        ("anna", 3.0, 3.4, "micro", "R4C", "", "sad"),
    ]


def test_datavyu_columns_side_by_side_and_one_that_nobody_knows(tmp_path):
    file = tmp_path / "export.csv"
    file.write_text(
        "face.ordinal,face.onset,face.offset,face.au,face.emotion,trial.ordinal,trial.onset,trial.offset,trial.name\n"
        "1,1000,1400,12B,happiness,1,0,9000,first\n2,5000,7000,4,,,,,\n"
    )
    (t,) = read(file)
    assert brief(t) == [("", 1.0, 1.4, "micro", "12B", "happiness", ""), ("", 5.0, 7.0, "macro", "4", "", "")]
    assert t.notes == (f"{file}: column 'trial' with 1 cells has no code that is known; it was left out",)


def eaf(path, tiers, **timeline):
    """An ELAN file as people make them, with tiers of their own names."""
    import pympi

    file = pympi.Elan.Eaf(author="")
    for name, (person, marks) in tiers.items():
        file.add_tier(name, part=person)
        for begin, end, text in marks:
            file.add_annotation(name, begin, end, text)
    file.add_linked_file("file:///D:/films/my%20clip.mp4", "../films/my%20clip.mp4", "video/mp4")
    file.to_file(str(path))
    return path


def test_elan_tiers_of_one_action_unit_each_and_tiers_that_nobody_knows(tmp_path):
    marks = [(1000, 1400, "B")]
    file = eaf(
        tmp_path / "a.eaf",
        {"AU12": (None, marks), "AU6_R": (None, [(1000, 1400, "x")]), "AU4@ben": (None, marks), "gaze": ("", marks)},
    )
    (t,) = read(file)
    assert t.video == "my clip.mp4"
    assert brief(t) == [("", 1.0, 1.4, "micro", "R6+12B", "", ""), ("ben", 1.0, 1.4, "micro", "4B", "", "")]
    assert t.notes == (f"{file}: tier 'gaze' with 1 marks is none that is known; it was left out",)


def test_the_offset_of_elan_s_media_is_added_so_that_times_are_the_video_s(tmp_path):
    import pympi

    file = eaf(tmp_path / "a.eaf", {"AU12": (None, [(1000, 1400, "B")])})
    for origin, onset in (("0", 1.0), ("500", 1.5), ("-250", 0.75)):
        changed = pympi.Elan.Eaf(str(file))
        changed.media_descriptors[0]["TIME_ORIGIN"] = origin
        changed.to_file(str(tmp_path / "b.eaf"))
        (t,) = read(tmp_path / "b.eaf")
        assert [(m.onset, m.offset) for m in t.moments] == [(onset, pytest.approx(onset + 0.4))]
        assert len(t.notes) == (origin != "0")
    assert t.notes == (
        f"{tmp_path / 'b.eaf'}: its time begins -0.25 s after the video's (media offset); that is added",
    )


def test_what_a_coder_left_behind_in_elan_is_told(tmp_path):
    file = eaf(
        tmp_path / "a.eaf",
        {"kind@anna": ("anna", [(1000, 1400, "Micro")]), "apex@anna": ("anna", [(1200, 1240, ""), (5000, 5040, "")])},
    )
    (t,) = read(file)
    assert [(m.apex, m.person) for m in t.moments] == [(1.2, "anna")]
    assert t.notes == (f"{file}: apex at 5.000 s lies in no moment; it was left out",)


def test_a_kind_or_units_that_are_none_are_told_with_file_and_time(tmp_path):
    file = eaf(tmp_path / "a.eaf", {"kind@anna": ("anna", [(1000, 1400, "smile")])})
    with pytest.raises(AnnotationError, match=r"a\.eaf, at 1\.000 s: kind 'smile' is unknown"):
        read(file)
    file = eaf(tmp_path / "b.eaf", {"kind": ("", [(1000, 1400, "micro")]), "units": ("", [(1000, 1400, "lips")])})
    with pytest.raises(AnnotationError, match=r"'lips' holds no action unit"):
        read(file)


def test_openface_frames_become_moments_of_units_that_come_and_go_together(tmp_path):
    shown = {12: (3, 4, 5), 6: (3, 4, 5), 4: (5, 6)}
    rows = [
        f"{n + 1}, 0, {n / 30:.3f}, 0.98, 1, {2.2 if n in shown[12] else 0.1}, "
        + ", ".join(f"{float(n in shown[u])}" for u in (4, 6, 12))
        for n in range(10)
    ]
    file = tmp_path / "clip.csv"
    file.write_text(
        "frame, face_id, timestamp, confidence, success, AU12_r, AU04_c, AU06_c, AU12_c\n" + "\n".join(rows)
    )
    (t,) = read(file)
    assert (t.fps, t.seconds) == (pytest.approx(30, abs=0.05), pytest.approx(10 / 30, abs=1e-3))
    told = [(round(m.onset * 30), round(m.offset * 30), units_text(m.units)) for m in t.moments]
    assert told == [(3, 6, "6+12B"), (5, 7, "4")]


def test_py_feat_gives_probabilities_and_no_times(tmp_path):
    file = tmp_path / "feat.csv"
    file.write_text(
        "frame,FaceScore,AU01,AU12,anger\n"
        + "".join(f"{n},0.9,0.2,{0.7 if n in (2, 3) else 0.3},0\n" for n in range(6))
    )
    with pytest.raises(AnnotationError, match=r"has frames and no timestamps\. Add --fps"):
        read(file)
    (t,) = read(file, 25.0)
    assert [(m.onset, m.offset, units_text(m.units)) for m in t.moments] == [(0.08, 0.16, "12")]


def test_two_faces_of_a_frame_are_told_apart_by_their_order(tmp_path):
    file = tmp_path / "feat.csv"
    file.write_text("frame,AU12\n" + "".join(f"{n},{int(n == 1)}\n{n},{int(n == 2)}\n" for n in range(4)))
    (t,) = read(file, 1.0)
    assert [(m.person, m.onset, m.offset) for m in t.moments] == [("0", 1, 2), ("1", 2, 3)]


def test_the_challenge_s_file_has_its_four_columns_and_needs_a_frame_rate(tmp_path):
    file = tmp_path / "megc.csv"
    moments = (Moment(1.0, 1.3), Moment(2.0, 4.0, kind="macro"), Moment(5, 6, kind="other"))
    form = named("megc")
    form.write(file, [Timeline("s1.mp4", moments, 200.0)])
    assert file.read_text() == "vid,onset,offset,type\ns1.mp4,200,260,me\ns1.mp4,400,800,mae\n"
    assert form.lost([Timeline("s1.mp4", moments)]).startswith(
        "the challenge's CSV cannot hold moments that are neither micro nor macro (1)"
    )
    with pytest.raises(AnnotationError, match=r"Add --fps, e\.g\. --fps 200"):
        read(file)
    with pytest.raises(AnnotationError, match="the frame rate is not known"):
        form.write(file, [Timeline("s1.mp4", moments)])


@pytest.mark.parametrize(
    ("column", "cell", "said"),
    [
        ("onset_s", "one", r"line 2: onset_s 'one' is no number"),
        ("offset_s", "0.5", r"line 2: .* must follow one another"),
        ("kind", "smile", r"line 2: kind 'smile' is unknown"),
        ("action_units", "lips", r"line 2: 'lips' holds no action unit"),
        ("certainty", "7", r"line 2: .*certainty 7 is not between"),
    ],
)
def test_a_wrong_cell_of_our_table_is_told_with_its_line(column, cell, said, tmp_path):
    row = {
        "video": "a.mp4",
        "onset_s": "1",
        "offset_s": "2",
        "kind": "micro",
        "action_units": "4",
        "certainty": "1",
    } | {column: cell}
    (tmp_path / "codes.csv").write_text(",".join(row) + "\n" + ",".join(row.values()))
    with pytest.raises(AnnotationError, match=said):
        read(tmp_path / "codes.csv")


def test_a_table_of_no_known_format_names_its_columns(tmp_path):
    (tmp_path / "a.csv").write_text("time,smile\n1,2\n")
    with pytest.raises(AnnotationError, match=r"its columns are time, smile\. Known: .*say with --from"):
        format_of(tmp_path / "a.csv")


def test_a_missing_value_of_a_video_is_filled_and_two_are_refused(tmp_path):
    (tmp_path / "codes.csv").write_text(
        "video,person,onset_s,offset_s,kind,fps\na.mp4,anna,1,2,micro,25\na.mp4,ben,,,,30\n"
    )
    with pytest.raises(AnnotationError, match=r"line 3: a\.mp4 has two values of fps, 25 and 30"):
        read(tmp_path / "codes.csv")


def test_boris_writes_tabs_where_the_ending_says_so(tmp_path):
    form, timeline = named("boris"), Timeline("a.mp4", (Moment(1.0, 1.5, note="a,b"),), 25.0, 9.0)
    form.write(tmp_path / "a.tsv", [timeline])
    assert (tmp_path / "a.tsv").read_text().startswith("Observation id\tObservation date\t")
    assert read(tmp_path / "a.tsv") == [timeline]


@pytest.mark.parametrize(
    "entity",
    [
        '<!ENTITY y "y">' + "".join(f'<!ENTITY x{n} "{(f"&x{n - 1};" if n else "&y;") * 12}">' for n in range(12)),
        '<!ENTITY x11 SYSTEM "file:///etc/passwd">',
    ],
)
def test_an_elan_file_made_to_wear_the_reader_out_or_to_fetch_a_file_is_refused(tmp_path, entity):
    pytest.importorskip("pympi", reason="pympi-ling is not installed")
    file = tmp_path / "coding.eaf"
    file.write_text(f'<?xml version="1.0"?><!DOCTYPE a [{entity}]><ANNOTATION_DOCUMENT AUTHOR="&x11;"/>')
    with pytest.raises(AnnotationError, match=r"coding\.eaf"):
        read(file)
