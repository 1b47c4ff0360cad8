"""The challenges' files, as people write them."""

import pytest

from tsfmicro.errors import AnnotationError
from tsfmicro.spot.listing import (
    Listed,
    Listing,
    Marked,
    check_rates,
    listing_text,
    oddities,
    read_listing,
    same_videos,
    write_listing,
)
from tsfmicro.synthetic import trouble

KINDS = "vid,onset,offset,type\na,10,20,me\na,30,90,mae\nb,5,9,me\n"
EMOTIONS = "s1,a,10,20,negative\ns1,b,30,40,positive\ns2,a,5,9,surprise\n"


def read(tmp_path, text, name="found.csv"):
    file = tmp_path / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_listing(file)


def marked(listing):
    return {(v.person, v.name): [(m.onset, m.offset, m.kind, m.emotion) for m in v.intervals] for v in listing.videos}


def listing(source="truth", complete=False, **videos):
    """Args: videos: name → pairs of onset and offset."""
    listed = (Listed(name, tuple(Marked(*ends) for ends in of)) for name, of in videos.items())
    return Listing(source, tuple(listed), complete)


def said(truth, found):
    return oddities(truth, found, same_videos(truth, found))


def test_kinds_with_a_header(tmp_path):
    assert marked(read(tmp_path, KINDS)) == {
        ("", "a"): [(10, 20, "micro", ""), (30, 90, "macro", "")],
        ("", "b"): [(5, 9, "micro", "")],
    }


def test_emotions_without_a_header_are_of_micro_expressions_and_people(tmp_path):
    found = read(tmp_path, EMOTIONS)
    assert marked(found)["s2", "a"] == [(5, 9, "micro", "surprise")]
    assert found.has_people and found.has_emotions and len(found) == 3


@pytest.mark.parametrize("form, text", [("kinds", KINDS), ("emotions", EMOTIONS)])
def test_what_is_written_is_what_was_read(tmp_path, form, text):
    found = read(tmp_path, text)
    write_listing(tmp_path / "new" / "again.csv", found, form)
    assert (tmp_path / "new" / "again.csv").read_text() == text
    assert marked(read_listing(tmp_path / "new" / "again.csv")) == marked(found)


def test_an_interval_without_an_emotion_cannot_be_written_as_one_with(tmp_path):
    with pytest.raises(AnnotationError, match="a 10–20 has no emotion"):
        listing_text(read(tmp_path, KINDS), "emotions")


@pytest.mark.parametrize(
    "text",
    [
        b"\xef\xbb\xbf" + KINDS.encode(),
        KINDS.replace("\n", "\r\n"),
        KINDS.replace(",", ";"),
        KINDS.replace(",", "\t"),
        KINDS.replace("me\n", "ME \n").replace("mae", "Macro-Expression"),
        KINDS.replace("10,20", "10.0,20.0"),
        KINDS.partition("\n")[2],
        "offset,VID,type,onset,apex\n20,a,me,10,15\n90,a,mae,30,40\n9,b,me,5,7\n",
    ],
    ids=["a BOM", "Windows", "semicolons", "tabs", "other spellings", "from Excel", "no header", "other columns"],
)
def test_the_same_in_other_clothes(tmp_path, text):
    assert marked(read(tmp_path, text)) == marked(read(tmp_path, KINDS))


def test_a_video_without_expressions_may_be_named_and_blinks_are_no_expressions(tmp_path):
    found = read(tmp_path, "video,kind,onset,offset,fps\na,micro,10,20,30\na,blink,50,55,30\nb,,,,30\nc,blink,1,2,30\n")
    assert marked(found) == {("", "a"): [(10, 20, "micro", "")], ("", "b"): [], ("", "c"): []}
    assert {video.fps for video in found.videos} == {30}


def test_finer_emotions_are_one_of_three_or_others(tmp_path):
    rows = "".join(
        f"s1,a,{10 * n},{10 * n + 5},{e}\n" for n, e in enumerate(["Disgust", "happiness", "SURPRISE", "other"])
    )
    assert [m.emotion for _, m in read(tmp_path, rows)] == ["negative", "positive", "surprise", "others"]


@pytest.mark.parametrize(
    "text, line",
    [
        ("", "is empty"),
        ("\ufeff\n\n", "is empty"),
        ("a,1,2\n", "has 3 columns and no header"),
        ("vid,onset,offset\na,1,2\n", "no column type or emotion"),
        ("onset,offset,type\n1,2,me\n", "no column vid"),
        ("vid,onset,offset,type\na,1,2,meso\n", "row 2: type 'meso' is unknown. Write me for a micro-expression"),
        ("vid,onset,offset,type\na,1,2,\n", "row 2: type '' is unknown"),
        ("s1,a,1,2,joyful\n", "row 1: emotion 'joyful' is unknown. Write negative, positive, surprise or others"),
        ("s1,a,5,9,negative\ns1,a,1,2,\n", "row 2: emotion '' is unknown"),
        ("vid,onset,offset,type\na,1,2,me\na,one,2,me\n", "row 3: onset 'one' is no frame number"),
        ("vid,onset,offset,type\na,1.5,2,me\n", "row 2: onset '1.5' is no frame number"),
        ("vid,onset,offset,type\na,9,2,me\n", "row 2: offset 2 lies before onset 9"),
        ("vid,onset,offset,type\n,1,2,me\n", "row 2: names no video"),
        ("vid,onset,offset,type\na,1,2,me\na,1,2,me\n", "row 3: a 1–2 stands there twice"),
        (
            "vid,onset,offset,type,fps\na,1,2,me,30\na,5,7,me,200\n",
            "row 3: a has 200 frames per second here and 30 above",
        ),
        ("vid,onset,offset,type,fps\na,1,2,me,fast\n", "row 2: fps 'fast' is no frame rate"),
        (KINDS.encode("utf-16"), "is no CSV file of UTF-8 text"),
    ],
)
def test_a_bad_file_is_one_line_that_names_file_and_row(tmp_path, text, line):
    with pytest.raises(AnnotationError) as error:
        read(tmp_path, text)
    assert str(error.value).startswith(str(tmp_path / "found.csv"))
    assert line in str(error.value) and "\n" not in str(error.value)


def test_a_header_alone_says_that_nothing_was_found(tmp_path):
    assert len(read(tmp_path, "vid,onset,offset,type\n")) == 0


def test_a_missing_file_is_one_line(tmp_path):
    with pytest.raises(AnnotationError, match="cannot be read"):
        read_listing(tmp_path / "no.csv")


def test_videos_are_known_by_name_whatever_case_ending_or_person_stands_before():
    truth = Listing("truth", (Listed("a", person="s1"), Listed("a", person="s2"), Listed("B.avi", person="s2")))
    found = Listing("found", (Listed("S2_a"), Listed("b"), Listed("a", person="s1"), Listed("z")))
    assert same_videos(truth, found) == {0: 1, 1: 2, 2: 0}
    with pytest.raises(AnnotationError, match="has no video in common"):
        same_videos(truth, Listing("found", (Listed("a"),)))  # whose?


def test_the_truth_of_other_videos_is_no_truth():
    with pytest.raises(AnnotationError, match=r"found: has no video in common with truth \(there: a, b; here: c\)"):
        same_videos(listing(a=[(1, 2)], b=[]), listing("found", c=[(1, 2)]))


def test_who_found_nothing_has_no_video_in_common_and_is_scored():
    assert same_videos(listing(a=[(1, 2)]), Listing("found", ())) == {}


def test_what_else_generated_videos_list_is_no_expression(tmp_path):
    rows = "".join(f"a,{kind},1,9\n" for kind in trouble.KINDS)
    assert marked(read(tmp_path, f"video,kind,onset,offset\n{rows}")) == {("", "a"): []}


def test_two_names_of_one_video_are_refused():
    with pytest.raises(AnnotationError, match=r"a and A.avi are both a"):
        same_videos(listing(a=[]), Listing("found", (Listed("a"), Listed("A.avi"))))


def test_overlapping_intervals_are_told():
    truth = listing(a=[(1, 10), (8, 20), (21, 30)])
    (line,) = said(truth, listing("found", a=[]))
    assert line.startswith("truth: 1 pair of intervals of one kind overlap, e.g. a 1–10 and 8–20")
    other = Listing("truth", (Listed("a", (Marked(1, 10), Marked(8, 20, "macro"))),))
    assert said(other, listing("found", a=[])) == []


def test_frames_that_count_from_0_are_told_where_it_can_be_known():
    truth = Listing("truth", (Listed("a", (Marked(11, 20),), first=1, last=99),), complete=True)
    (line,) = said(truth, listing("found", a=[(0, 5)]))
    assert "a 0–5 has frame 0, and frames of truth begin with 1: " in line and "--shift 1" in line
    assert said(truth, listing("found", a=[(1, 5)])) == []


def test_hits_that_all_lie_one_frame_apart_are_told():
    truth = listing(a=[(10, 20), (40, 50), (70, 80), (100, 120)])
    early = listing("found", a=[(9, 19), (39, 49), (69, 79), (99, 119)])
    (line,) = said(truth, early)
    assert "4 of 4 hits lie exactly one frame before the true ones" in line and line.endswith("--shift 1")
    assert said(truth, listing("found", a=[(9, 19), (41, 52), (69, 82), (99, 119)])) == []


def test_another_frame_rate_is_guessed_from_where_videos_end():
    truth = listing(a=[(10, 200)], b=[(30, 300)], c=[(7, 400)])
    (line,) = said(truth, listing("found", a=[(9, 1200)], b=[(50, 1900)], c=[(1, 2800)]))
    assert line.startswith("found: its videos end at 6.3 times the frame numbers of truth")
    assert said(truth, listing("found", a=[(9, 210)], b=[(50, 180)], c=[(1, 390)])) == []


def test_another_frame_rate_is_refused_where_it_is_certain():
    truth = Listing("truth", (Listed("a", (Marked(11, 20),), fps=30, first=1, last=99),))
    for found, line in (
        (Listed("a", (Marked(1, 2),), fps=200), "a has 200 frames per second, and 30 in truth"),
        (Listed("a", (Marked(700, 720),)), "a 700–720 lies past its last frame, 99"),
    ):
        given = Listing("found", (found,))
        with pytest.raises(AnnotationError, match=line):
            check_rates(truth, given, same_videos(truth, given))
    check_rates(truth, listing("found", a=[(90, 110)]), {0: 0})  # a window that reaches over the end


def test_frames_of_another_rate_are_the_same_moments():
    assert Marked(200, 299, apex=250).at_rate(200, 30) == Marked(30, 45, apex=38)
