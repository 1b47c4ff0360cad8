from collections import Counter

import numpy as np
import pytest

from tsfmicro.data.check import check
from tsfmicro.data.registry import dataset
from tsfmicro.data.smic import CLIPS, SmicHs
from tsfmicro.errors import FrameError


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    """All three cameras and the long videos of one, below one folder."""
    root = tmp_path_factory.mktemp("smic")
    for name in ("smic-hs", "smic-vis", "smic-nir", "smic-hs-e"):
        dataset(name).write_fake(root, np.random.default_rng(1))
    return root


def test_hs_has_164_clips_of_16_people_as_many_of_each_class_as_each_shows(everything):
    clips = dataset("smic-hs").read(everything).clips
    shown = Counter((clip.subject, clip.emotion) for clip in clips)
    classes = ("negative", "positive", "surprise")
    assert {p: tuple(shown[f"s{p:02d}", c] for c in classes) for p in CLIPS} == CLIPS
    assert (len(clips), len({clip.person for clip in clips})) == (164, 16)
    assert not {clip.subject for clip in clips} & {"s07", "s10", "s16", "s17"}


@pytest.mark.parametrize("name", ["smic-vis", "smic-nir"])
def test_vis_and_nir_have_71_clips_of_8_people_each_beside_the_other(everything, name):
    (three,) = check(dataset(name), everything).schemes
    assert [c.labelled for c in three.classes] == [23, 28, 20]
    assert three.people == 8
    assert dataset(name).read(everything).clips[0].person == "smic/s11"


def test_the_folder_is_the_table_and_there_is_no_apex_so_it_must_be_spotted(everything):
    reading = dataset("smic-hs").read(everything)
    assert {clip.apex for clip in reading.clips} == {None} and not reading.trainable
    found = check(dataset("smic-hs"), everything)
    assert any("164 once their apex is spotted (prepare.apex=missing)" in line for line in found.lines())
    assert all(clip.onset in clip.frames.numbers and clip.offset in clip.frames.numbers for clip in reading.clips)


def test_gaps_in_the_numbers_are_told_and_the_clip_is_from_its_first_to_its_last_frame(tmp_path):
    SmicHs().write_fake(tmp_path, np.random.default_rng(1), rows=6, every_frame=True)
    reading = SmicHs().read(tmp_path)
    gaps = [flag for flag in reading.flags if flag.reason == "frames missing"]
    assert len(gaps) == 2 and all(flag.detail.startswith("1 of ") for flag in gaps)
    assert all(11 <= clip.offset - clip.onset + 1 <= 58 for clip in reading.clips)


def test_clips_without_expression_beside_them_are_not_read(tmp_path):
    SmicHs().write_fake(tmp_path, np.random.default_rng(1), rows=6)
    person = SmicHs().read(tmp_path).frames / "s3"
    (person / "non_micro" / "s3_non_01").mkdir(parents=True)
    (person / "non_micro" / "s3_non_01" / "image000001.bmp").touch()
    assert len(SmicHs().read(tmp_path).clips) == 6


def test_of_a_raw_copy_of_a_few_clips_and_a_whole_cropped_one_the_whole_one_is_read(tmp_path):
    for layout, rows in (("cropped", 12), ("raw", 6)):
        SmicHs().write_fake(tmp_path, np.random.default_rng(1), rows=rows, layout=layout)
    reading = SmicHs().read(tmp_path)
    assert (len(reading.clips), reading.frames) == (12, tmp_path / "SMIC_all_cropped" / "HS")
    assert reading.other_frames == (tmp_path / "SMIC_all_raw" / "HS",)
    SmicHs().write_fake(tmp_path, np.random.default_rng(1), rows=12, layout="raw")
    assert SmicHs().read(tmp_path).frames == tmp_path / "SMIC_all_raw" / "HS"


def test_folders_in_capitals_are_read_as_the_others(tmp_path):
    SmicHs().write_fake(tmp_path, np.random.default_rng(1), rows=6)
    before = SmicHs().read(tmp_path)
    micro = before.clips[0].frames.folder.parents[1]
    micro.rename(micro.with_name("Micro"))
    assert SmicHs().read(tmp_path).clips == before.clips


def test_a_clip_in_the_folder_of_another_class_and_one_with_a_strange_name_are_told(tmp_path):
    SmicHs().write_fake(tmp_path, np.random.default_rng(1), rows=6)
    first = SmicHs().read(tmp_path).clips[0].frames.folder
    first.rename(first.with_name("s1_sur_09"))
    (first.parent / "blink").mkdir()
    reading = SmicHs().read(tmp_path)
    told = {flag.reason: flag for flag in reading.flags}
    assert told["name and folder differ"].detail == "surprise in the name, negative by the folder, which is taken"
    assert told["folder named like no clip"].clip == "blink"
    assert len(reading.clips) == 6


def test_a_copy_with_half_the_people_is_counted_and_compared_with_all(tmp_path):
    SmicHs().write_fake(tmp_path, np.random.default_rng(1))
    base = SmicHs().read(tmp_path).frames
    for person in ("s11", "s12", "s13", "s14", "s15", "s18", "s19", "s20"):
        (base / person).rename(tmp_path / f"away-{person}")
    (three,) = check(SmicHs(), tmp_path).schemes
    assert (three.total.labelled, three.total.difference, three.people) == (93, -71, 8)
    assert "the paper counts by 164 clips" in three.notes


def test_a_folder_of_another_camera_is_none_of_hs(tmp_path):
    dataset("smic-nir").write_fake(tmp_path, np.random.default_rng(1), rows=6)
    with pytest.raises(FrameError, match=r"no frames of SMIC-HS. Looked for folders like SMIC_all_raw/HS/<clip>"):
        SmicHs().read(tmp_path)
