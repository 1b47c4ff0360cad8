"""Ready-made flow maps: folders of STSTNet's shape and flat ones, what is odd in them, and who is in them."""

import cv2
import numpy as np
import pytest

from tsfmicro.data.check import check
from tsfmicro.data.fake_flow_maps import write_flow_maps
from tsfmicro.data.flow_maps import FlowMaps, clip_of
from tsfmicro.errors import AnnotationError, ConfigError


def read(root):
    return FlowMaps().read(root)


def people(reading):
    return {clip.person for clip in reading.clips}


def fake(root, **options):
    write_flow_maps(root, np.random.default_rng(0), **options)
    return root


@pytest.fixture
def tree(tmp_path):
    """Six people, each left out in a folder of their own."""
    return fake(tmp_path / "maps", people=2)


@pytest.fixture
def flat(tmp_path):
    return fake(tmp_path / "flat", people=2, folders=False)


@pytest.mark.parametrize(
    ("stem", "clip"),
    [
        ("sub01_EP02_01f ", "casme2/sub01/EP02_01f"),
        ("sub1_EP02_01f", "casme2/sub01/EP02_01f"),
        ("s1_ne_01", "smic/s01/s01_ne_01"),
        ("s01_ne_01 ", "smic/s01/s01_ne_01"),
        ("s20_sur_02", "smic/s20/s20_sur_02"),
        ("006_1_2", "samm/006/006_1_2"),
        ("006_006_1_2", "samm/006/006_1_2"),
        ("010_2_5", "samm/010/010_2_5"),
    ],
)
def test_a_file_s_name_tells_dataset_person_and_clip(stem, clip):
    assert "/".join(clip_of(stem)) == clip


@pytest.mark.parametrize("stem", ["holiday", "12_a_3", "sub_01", "s_ne_01"])
def test_other_names_tell_nothing(stem):
    assert clip_of(stem) is None


def test_person_one_of_three_datasets_is_three_people():
    assert len({clip_of(stem)[:2] for stem in ("sub1_EP01_1", "s1_ne_01", "001_1_1")}) == 3


def test_a_clip_is_read_once_however_many_folders_repeat_it(tree):
    found = read(tree)
    assert len(people(found)) == 6 and found.version.endswith(f" in {6 * len(found.clips)} files")
    assert len({clip.id for clip in found.clips}) == len(found.clips)
    assert not found.flags
    clip = found.clips[0]
    assert clip.ready == "flow"
    assert clip.frames.path(clip.apex).name.endswith(" .png"), "the space before .png is in the name on disk"


def test_class_folders_and_a_list_say_the_same(tree, flat):
    of_folders, of_list = ({c.id: c.emotion for c in read(root).clips} for root in (tree, flat))
    assert of_folders == of_list


def test_the_whole_composite_has_the_published_counts(tmp_path):
    root = fake(tmp_path / "all", folders=False)
    found = read(root)
    assert (len(found.clips), len(people(found))) == (442, 68)
    lines = check(FlowMaps(), root).lines()
    assert "  as many as MEGC2019 in every dataset and class" in lines
    assert ["casme2", "145", "88", "32", "25", "145"] in [line.split() for line in lines]
    assert ["total", "442", "442", "442", "442", "+0"] in [line.split() for line in lines]


def test_differences_to_the_published_counts_are_told(tree):
    found = check(FlowMaps(), tree)
    (notes,) = (counts.notes for counts in found.schemes)
    assert "6 people, MEGC2019 has 68" in notes
    assert any(line.startswith("casme2 positive: ") and "MEGC2019 has 32" in line for line in notes)
    assert found.datasets[-1].dataset == "samm" and found.datasets[-1].clips["negative"] > 0


def test_the_folder_may_lie_one_deeper(tree):
    assert len(read(tree.parent).clips) == len(read(tree).clips)


def test_a_copy_that_differs_is_told_and_the_frequent_one_taken(tree):
    clip = read(tree).clips[0]
    copies = sorted(tree.rglob(clip.frames.files[0]))
    assert cv2.imwrite(str(copies[0]), np.zeros((28, 28, 3), np.uint8))
    found = read(tree)
    (flag,) = found.flags
    assert (flag.clip, flag.reason) == (clip.id, "copies differ")
    assert flag.detail.startswith("1 of 6, e.g. ") and str(copies[0]) in flag.detail
    assert next(c for c in found.clips if c.id == clip.id).frames.folder != copies[0].parent


def test_a_clip_with_two_classes_stops(tree):
    file = next((tree / "sub01" / "u_train" / "0").iterdir())
    (file.parent.parent / "1" / file.name).write_bytes(file.read_bytes())
    with pytest.raises(AnnotationError, match="has two classes"):
        read(tree)


def test_files_of_no_known_name_are_counted_and_named(tree):
    (tree / "sub01" / "u_train" / "0" / "holiday.png").write_bytes(b"")
    (tree / "preview").mkdir()
    (tree / "preview" / "sub09_EP99_1.png").write_bytes(b"")
    one, other = read(tree).flags
    assert "holiday.png" in one.detail and one.reason.startswith("file named like no clip")
    assert (other.clip, other.reason) == ("casme2/sub09/EP99_1", "file in no folder 0, 1 or 2, left out")


def test_a_folder_without_maps_and_one_that_is_not_there_say_so(tmp_path):
    with pytest.raises(AnnotationError, match="no flow maps"):
        read(tmp_path)
    with pytest.raises(AnnotationError, match="no such folder"):
        read(tmp_path / "nowhere")


def test_flat_maps_need_one_list(flat):
    (flat / "list.csv").rename(flat / "list.txt")
    with pytest.raises(AnnotationError, match=r"no list, and no class folders.*dataset, subject, filename, label"):
        read(flat)


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("casme2,sub01,EP02_01f,3", "is not dataset, subject, filename, label"),
        ("casme2,sub01,EP02_01f", "is not dataset, subject, filename, label"),
        ("mmew,sub01,EP02_01f,1", "is no clip of casme2, smic, samm"),
    ],
)
def test_a_wrong_line_of_the_list_is_named(flat, line, what):
    with (flat / "list.csv").open("a") as stream:
        stream.write(line + "\n")
    with pytest.raises(AnnotationError, match=rf"list\.csv, line \d+: .*{what}"):
        read(flat)


def test_a_list_may_write_names_in_its_own_way(flat):
    lines = (flat / "list.csv").read_text().replace("casme2,sub0", "CASME II,").replace("smic,", "SMIC-HS,")
    (flat / "list.csv").write_text(lines)
    assert not read(flat).flags


@pytest.mark.parametrize(
    ("head", "row"),
    [
        ("data,subject,clip,label", "{0},{1},{2},{3}"),
        ("data, subject, clip, label", '{0}, "{1}", "{2}", {3}'),
        ('"",Label,data,Subject,"file name",a,b', "{n},{3},{0},{1},{2},,0"),
    ],
)
def test_a_list_may_have_a_header_and_then_more_columns(flat, head, row):
    file = flat / "list.csv"
    before = read(flat).clips
    lines = [row.format(*line.split(","), n=n) for n, line in enumerate(file.read_text().splitlines())]
    file.write_text("\n".join([head, *lines]), encoding="utf-8-sig")
    reading = read(flat)
    assert (reading.clips, reading.flags) == (before, ())
    file.write_text("\n".join([head, "", *lines[1:], lines[0].replace("casme2", "mmew")]))
    with pytest.raises(AnnotationError, match=rf"list\.csv, line {len(lines) + 2}: mmew"):
        read(flat)


def test_clips_without_a_file_and_files_without_a_line_are_told(flat):
    lines = (flat / "list.csv").read_text().splitlines()
    (flat / "list.csv").write_text("\n".join([*lines[1:], "samm,037,037_9_9,0"]))
    absent, unlisted = read(flat).flags
    assert (absent.clip, absent.reason, absent.row) == ("samm/037/037_9_9", "on the list without a file", len(lines))
    assert unlisted.reason == "file not on the list, left out"


def test_a_list_with_two_classes_for_a_clip_stops(flat):
    first = (flat / "list.csv").read_text().splitlines()[0]
    with (flat / "list.csv").open("a") as stream:
        stream.write(first[:-1] + str((int(first[-1]) + 1) % 3) + "\n")
    with pytest.raises(AnnotationError, match="has two classes"):
        read(flat)


def test_generated_maps_are_not_written_over_something(tree):
    with pytest.raises(ConfigError, match="is not empty"):
        fake(tree)
