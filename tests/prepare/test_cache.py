import dataclasses
import json
import os
import shutil

import pytest

from tsfmicro.config import PrepareConfig
from tsfmicro.errors import CacheError
from tsfmicro.needs import need
from tsfmicro.prepare.cache import alignment_key, open_prepared
from tsfmicro.prepare.parts import read_index, write_index
from tsfmicro.prepare.prepare import prepare
from tsfmicro.types import ActionUnit, ActionUnits, Frames

SMALL = PrepareConfig(size=32)
FACES = [need("faces", 32)]


@pytest.fixture
def clips(make_clip):
    return [make_clip("EP01"), make_clip("EP02", subject="sub02")]


def product_in(folder):
    """The folder of the faces that a prepared set is made of."""
    (found,) = folder.parent.glob("faces-*")
    return found


@pytest.fixture
def folder(clips, tmp_path):
    return tmp_path / "cache" / prepare(clips, FACES, SMALL, tmp_path / "cache").key


def test_the_key_changes_with_what_changes_the_arrays(clips):
    key = alignment_key(clips, SMALL)
    assert alignment_key(clips, PrepareConfig(detector="haar")) != key
    assert alignment_key(clips, PrepareConfig(size=48)) == key, "faces of another size are of the same alignment"
    assert alignment_key(clips[:1], SMALL) != key
    assert alignment_key([dataclasses.replace(clips[0], apex=19), clips[1]], SMALL) != key


def change(path):
    """Other pixels in as many bytes."""
    data = bytearray(path.read_bytes())
    data[-20] ^= 1
    path.write_bytes(data)


def test_a_copy_that_does_not_keep_times_has_the_same_key(clips):
    key = alignment_key(clips, SMALL)
    os.utime(clips[0].frames.path(20), (1, 1))
    assert alignment_key(clips, SMALL) == key


def test_the_key_changes_when_a_frame_that_is_read_changes_and_only_then(clips):
    key = alignment_key(clips, SMALL)
    change(clips[0].frames.path(11))  # with the neighbourhood of 0.0375, frames 10 and 20 are read
    assert alignment_key(clips, SMALL) == key
    change(clips[0].frames.path(20))
    assert alignment_key(clips, SMALL) != key


def test_the_key_does_not_know_labels_order_or_where_the_dataset_lies(clips, tmp_path):
    key = alignment_key(clips, SMALL)
    relabelled = [dataclasses.replace(c, emotion="disgust", objective="IV") for c in reversed(clips)]
    assert alignment_key(relabelled, SMALL) == key
    shutil.move(tmp_path / "data", tmp_path / "moved")
    moved = [
        dataclasses.replace(c, frames=Frames(tmp_path / "moved" / c.subject / c.name, c.frames.files)) for c in clips
    ]
    assert alignment_key(moved, SMALL) == key


def test_a_folder_opened_by_itself_knows_its_clips(make_clip, tmp_path):
    units = ActionUnits("R4+L10", (ActionUnit(4, "R"), ActionUnit(10, "L", certain=False)))
    clip = make_clip(action_units=units, fixes=("apex /→20: seen",), emotion="disgust")
    made = prepare([clip], FACES, SMALL, tmp_path / "cache")
    opened = open_prepared(tmp_path / "cache" / made.key)
    assert opened.clips == (clip,) == made.clips
    assert opened.clips[0].frames.path(20) == clip.frames.path(20)


def test_clips_given_when_opening_bring_their_present_labels(clips, folder):
    relabelled = [dataclasses.replace(c, emotion="surprise") for c in clips]
    assert [c.emotion for c in open_prepared(folder, relabelled).clips] == ["surprise", "surprise"]
    with pytest.raises(CacheError, match="other clips"):
        open_prepared(folder, clips[:1])


def test_a_damaged_row_is_told_with_its_file_and_its_clip(folder):
    with (product_in(folder) / "widest.npy").open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        last = file.read(1)
        file.seek(-1, os.SEEK_END)
        file.write(bytes([last[0] ^ 1]))
    with pytest.raises(CacheError, match=r"widest.npy: casme2/sub02/EP02 is damaged.*Delete .* and prepare again"):
        open_prepared(folder)


def test_an_array_that_is_cut_short_is_told_when_preparing_again_too(clips, folder):
    os.truncate(product_in(folder) / "annotated.npy", 5000)
    with pytest.raises(CacheError, match=r"annotated.npy: is missing, cut short or not ours"):
        prepare(clips, FACES, SMALL, folder.parent)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"checksum": 1, "format": 1}'])
def test_an_index_that_is_not_ours_or_not_whole_is_told(folder, text):
    (folder / "index.json").write_text(text)
    with pytest.raises(CacheError, match=r"index.json: is damaged or not ours. Delete"):
        open_prepared(folder)


def test_one_changed_letter_in_the_index_is_found(folder):
    path = folder / "index.json"
    path.write_text(path.read_text().replace("happiness", "sappiness", 1))
    with pytest.raises(CacheError, match=r"index.json: is damaged"):
        open_prepared(folder)


def test_a_set_of_another_format_is_told(clips, tmp_path):
    made = prepare(clips, FACES, SMALL, tmp_path / "cache")
    folder = tmp_path / "cache" / made.key
    write_index(folder, read_index(folder) | {"format": 99})
    with pytest.raises(CacheError, match=r"format 99, this program reads 1 and 2"):
        open_prepared(tmp_path / "cache" / made.key)


def test_a_set_under_another_sets_name_is_told(folder):
    folder.rename(folder.with_name("0123456789abcdef"))
    with pytest.raises(CacheError, match=f"belongs to {folder.name}"):
        open_prepared(folder.with_name("0123456789abcdef"))


def test_an_unfinished_set_and_an_empty_folder_are_told_apart(folder, tmp_path):
    product = product_in(folder)
    (product / "index.json").unlink()
    (product / "journal.jsonl").write_text("")
    with pytest.raises(CacheError, match=r"unfinished; run the same preparation again"):
        open_prepared(folder)
    with pytest.raises(CacheError, match=r"is no prepared set"):
        open_prepared(tmp_path)


def test_the_index_says_which_detector_and_frames_were_used(folder):
    (alignment,) = folder.parent.glob("align-*")
    index = json.loads((alignment / "index.json").read_text())
    assert [r["detector"] for r in index["records"]] == ["mtcnn", "mtcnn"]
    assert [r["widest"] for r in index["records"]] == [[10, 20], [10, 20]]
