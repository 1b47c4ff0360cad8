from pathlib import Path

import pytest

from tsfmicro.data.exclusions import leave_out, read_exclusions
from tsfmicro.errors import AnnotationError
from tsfmicro.types import Clip, Frames


def clip(name):
    return Clip("casme2", "sub04", name, Frames(Path("x"), {}), 1, 2, 3, 200.0, "others")


def test_a_list_of_clips_and_reasons_leaves_those_clips_out(tmp_path):
    file = tmp_path / "exclude.csv"
    file.write_text('clip,why\ncasme2/sub04/EP12_01f,"no apex, as in the paper"\n\n', encoding="utf-8")
    exclusions = read_exclusions(file)
    assert exclusions == {"casme2/sub04/EP12_01f": "no apex, as in the paper"}
    assert [c.name for c in leave_out([clip("EP12_01f"), clip("EP12_02f")], exclusions)] == ["EP12_02f"]


def test_an_exclusion_that_names_no_clip_suggests_one():
    with pytest.raises(AnnotationError, match=r"no clip casme2/sub4/EP12_01f\. Did you mean casme2/sub04/EP12_01f\?"):
        leave_out([clip("EP12_01f")], {"casme2/sub4/EP12_01f": "typo"})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("casme2/sub04/EP12_01f,why\n", "Write the columns: clip,why"),
        ("", "Write the columns: clip,why"),
        ("clip,why\ncasme2/sub04/EP12_01f\n", "line 2: .* is not a clip and a reason"),
        ("clip,why\na/b/c,one, two\n", "line 2: .* is not a clip and a reason"),
        ("clip,why\na/b/c,one\na/b/c,two\n", "line 3: a/b/c is named twice"),
    ],
)
def test_a_file_of_another_shape_says_which_line_is_wrong(text, says, tmp_path):
    (tmp_path / "exclude.csv").write_text(text, encoding="utf-8")
    with pytest.raises(AnnotationError, match=says):
        read_exclusions(tmp_path / "exclude.csv")


def test_a_file_that_is_not_there_or_no_text_says_so(tmp_path):
    with pytest.raises(AnnotationError, match="cannot be read"):
        read_exclusions(tmp_path / "none.csv")
    (tmp_path / "table.xlsx").write_bytes(b"PK\xff\xfe")
    with pytest.raises(AnnotationError, match="not UTF-8"):
        read_exclusions(tmp_path / "table.xlsx")
