"""Products: each is made once, by itself, from one alignment, and says what it is."""

import errno
from pathlib import Path

import cv2
import numpy as np
import pytest

from tsfmicro.config import PrepareConfig
from tsfmicro.errors import ConfigError, UnknownNameError, UnreadableError
from tsfmicro.needs import need
from tsfmicro.prepare import images
from tsfmicro.prepare.flow import flow_and_strain
from tsfmicro.prepare.prepare import prepare
from tsfmicro.prepare.products import PRODUCTS
from tsfmicro.prepare.products.base import product_of
from tsfmicro.prepare.products.frames import chosen

SMALL = PrepareConfig(size=64)
EVERYTHING = [
    need("faces", 64),
    need("flow", 28),
    need("flow", 56),
    need("flow", 28, method="farneback"),
    need("frames", 32, count=3),
    need("frames", 32),
    need("landmarks", 64),
]


@pytest.fixture
def clips(make_clip):
    return [make_clip("EP01", frames=range(10, 31)), make_clip("EP02", frames=range(10, 26), offset=25)]


def folders(cache):
    return {path.name for path in cache.iterdir()}


def test_faces_then_flow_then_landmarks_of_one_set_find_each_face_once(clips, tmp_path, monkeypatch):
    cache, looked = tmp_path / "cache", []
    real = prepare.__globals__["finder"]
    monkeypatch.setitem(prepare.__globals__, "finder", lambda name: lambda image: looked.append(1) or real(name)(image))
    prepare(clips, [need("faces", 64)], SMALL, cache)
    before = {path: path.stat().st_mtime_ns for path in cache.rglob("*.npy")}
    for more in ([need("flow", 28)], [need("landmarks", 64)], EVERYTHING):
        prepare(clips, more, SMALL, cache)
    assert len(looked) == len(clips)
    assert all(path.stat().st_mtime_ns == time for path, time in before.items()), "what was there is not made again"


def test_each_product_lies_in_a_folder_of_its_own_and_changing_one_touches_no_other(clips, tmp_path):
    cache = tmp_path / "cache"
    prepare(clips, [need("faces", 64), need("flow", 28)], SMALL, cache)
    first = folders(cache)
    assert sum(name.startswith("align-") for name in first) == 1
    prepare(clips, [need("faces", 64), need("flow", 28, method="farneback")], SMALL, cache)
    assert sorted(name.split("-")[0] for name in folders(cache) - first if "-" in name) == ["flow"]


def test_an_option_that_a_later_version_adds_changes_no_key(clips, tmp_path):
    """Only what differs from the default is in a key."""
    named = prepare(clips, [need("flow", 28, method="dis")], SMALL, tmp_path / "cache")
    silent = prepare(clips, [need("flow", 28)], SMALL, tmp_path / "cache")
    assert np.array_equal(
        named.of(need("flow", 28, method="dis")).of("widest"), silent.of(need("flow", 28)).of("widest")
    )
    assert len(list((tmp_path / "cache").glob("flow-*"))) == 1


def test_the_user_s_options_of_a_product_win_over_the_model_s(clips, tmp_path):
    chosen = SMALL.model_copy(update={"products": {"flow": {"method": "farneback"}}})
    made = prepare(clips, [need("flow", 28)], chosen, tmp_path / "cache")
    named = prepare(clips, [need("flow", 28, method="farneback")], SMALL, tmp_path / "cache")
    assert np.array_equal(
        made.of(need("flow", 28)).of("widest"), named.of(need("flow", 28, method="farneback")).of("widest")
    )


def test_flow_of_28_pixels_is_that_of_large_faces_and_not_of_small_ones(face, make_clip, write, tmp_path):
    """A movement of some pixels of 224 is there in its full size, where DIS on 28 pixels finds little of it."""
    clip = make_clip("EP01")
    write(clip.frames.path(10), face(d=60))
    write(clip.frames.path(20), face(d=60, smile=0.04))
    made = prepare([clip], [need("faces", 224), need("flow", 28)], SMALL, tmp_path / "cache")
    large = flow_and_strain(*made.faces("annotated")[0])[:2].astype(np.float32)
    right = np.stack([cv2.resize(channel, (28, 28), interpolation=cv2.INTER_AREA) for channel in large])
    ours = made.of(need("flow", 28)).of("annotated")[0, :2].astype(np.float32)
    assert np.corrcoef(ours.ravel(), right.ravel())[0, 1] > 0.999
    assert np.abs(ours).max() == pytest.approx(np.abs(right).max(), rel=0.01)
    small = np.stack([cv2.resize(one, (28, 28), interpolation=cv2.INTER_AREA) for one in made.faces("annotated")[0]])
    wrong = flow_and_strain(*small)[:2].astype(np.float32)
    assert np.abs(wrong).max() < np.abs(right).max() / 2


def test_a_sequence_has_so_many_frames_evenly_spaced_or_all_with_their_length(clips, tmp_path):
    made = prepare(clips, EVERYTHING, SMALL, tmp_path / "cache")
    three = made.of(need("frames", 32, count=3))
    assert three.of("annotated").shape == (2, 3, 32, 32, 3)
    every = made.of(need("frames", 32))
    rows = made.rows_of([clip.id for clip in clips])
    assert [len(every.clip(row)) for row in rows] == [21, 16]
    assert np.array_equal(every.clip(rows[0])[[0, 10, 20]], three.clip(rows[0]))


def test_frames_are_chosen_evenly_and_a_short_clip_gives_some_twice():
    assert chosen(list(range(10, 21)), 3) == [10, 15, 20]
    assert chosen([4, 5], 4) == [4, 4, 5, 5]
    assert chosen([4, 5], None) == [4, 5]


def test_states_are_spaced_up_to_the_apex_and_after_it(clips, tmp_path):
    """Onset 10 and apex 20: the middle frame is the apex wherever the offset is, here 30 or 25."""
    asked, every = need("states", 32), need("frames", 32)
    made = prepare(clips, [asked, every], SMALL, tmp_path / "cache")
    for clip, numbers in zip(clips, ([10, 15, 20, 25, 30], [10, 15, 20, 22, 25]), strict=True):
        row = made.rows_of([clip.id])[0]
        assert np.array_equal(made.of(asked).clip(row), made.of(every).clip(row)[[n - 10 for n in numbers]])


def test_landmarks_lie_where_the_template_puts_them(clips, tmp_path):
    made = prepare(clips, [need("landmarks", 64)], SMALL, tmp_path / "cache")
    eyes = made.of(need("landmarks", 64)).of("annotated")[0, :2]
    assert eyes == pytest.approx(np.array([[20.8, 17.4], [42.2, 17.4]]), abs=2)


def test_what_is_opened_again_says_its_unit_and_how_it_moves(clips, tmp_path):
    made = prepare(clips, EVERYTHING, SMALL, tmp_path / "cache")
    facts = {need.product: (made.of(need).unit, made.of(need).moves) for need in EVERYTHING}
    assert facts == {name: (PRODUCTS[name].unit, PRODUCTS[name].moves) for name in facts}


def test_what_was_not_prepared_is_told_with_what_was(clips, tmp_path):
    made = prepare(clips, [need("faces", 64)], SMALL, tmp_path / "cache")
    with pytest.raises(ConfigError, match=r"needs flow 28×28, but this prepared set holds faces 64×64"):
        made.of(need("flow", 28))


@pytest.mark.parametrize(
    ("asked", "error", "what"),
    [
        (need("flo", 28), UnknownNameError, "unknown product 'flo'. Did you mean 'flow'"),
        (need("flow", 28, metod="dis"), ConfigError, r"product flow: metod: no such setting \(did you mean method"),
        (need("flow", 28, method="tvl"), ConfigError, "product flow: method"),
        (need("faces"), ConfigError, "needs a size"),
    ],
)
def test_a_need_that_nothing_can_meet_is_told(clips, tmp_path, asked, error, what):
    with pytest.raises(error, match=what):
        product_of(asked)
        prepare(clips, [asked], SMALL, tmp_path / "cache")


def test_a_disk_that_fails_for_a_moment_is_not_written_down_as_skipped(clips, tmp_path, monkeypatch):
    """The clip is asked for again, the others are kept, and the next call prepares it."""
    monkeypatch.setattr(images, "PAUSE", 0)
    real, ill = Path.read_bytes, True

    def read_bytes(path):
        if ill and "EP02" in str(path):
            raise OSError(errno.ESTALE, "Stale file handle", str(path))
        return real(path)

    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    with pytest.raises(
        UnreadableError, match=r"1 of 2 clips could not be read just now.*Stale.*run the same command again"
    ):
        prepare(clips, [need("faces", 64)], SMALL, tmp_path / "cache")
    ill = False
    told = []
    made = prepare(clips, [need("faces", 64)], SMALL, tmp_path / "cache", progress=lambda *args: told.append(args))
    assert told[0] == (1, 2, "1 clips to prepare")
    assert len(made.clips) == 2 and not made.skipped


def test_a_disk_that_fails_once_is_asked_again_at_once(clips, tmp_path, monkeypatch):
    monkeypatch.setattr(images, "PAUSE", 0)
    real, failed = Path.read_bytes, []

    def read_bytes(path):
        if path.suffix == ".jpg" and not failed:
            failed.append(path)
            raise OSError(errno.EIO, "Input/output error", str(path))
        return real(path)

    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    assert len(prepare(clips, [need("faces", 64)], SMALL, tmp_path / "cache").clips) == 2
    assert failed


def test_what_the_first_format_left_is_read(clips, tmp_path):
    """Everything lay in one folder then, pairs of flow in one array."""
    import json
    import zlib

    folder = tmp_path / "old"
    folder.mkdir()
    generator = np.random.default_rng(0)
    arrays = {
        "annotated": generator.integers(0, 255, (2, 2, 16, 16, 3), dtype=np.uint8),
        "widest": generator.integers(0, 255, (2, 2, 16, 16, 3), dtype=np.uint8),
        "landmarks": np.zeros((2, 5, 2), np.float32),
        "flow": generator.normal(size=(2, 2, 3, 16, 16)).astype(np.float16),
    }
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    described = [
        {
            "dataset": clip.dataset, "subject": clip.subject, "name": clip.name, "onset": 10, "apex": 20, "offset": 30,
            "fps": 200.0, "emotion": "happiness", "fixes": [],
            "frames": {"folder": str(clip.frames.folder), "files": {"10": "img10.jpg"}},
            "action_units": {"text": "", "units": []},
        }
        for clip in clips
    ]  # fmt: skip
    records = [
        {"clip": clip.id, "row": row, "detector": "mtcnn", "widest": [10, 20],
         "sums": {name: zlib.crc32(np.ascontiguousarray(array[row]).data) for name, array in arrays.items()}}
        for row, clip in enumerate(clips)
    ]  # fmt: skip
    index = {
        "format": 1, "key": "old", "settings": {"size": 16, "flow": True},
        "arrays": {name: [list(array.shape), array.dtype.name] for name, array in arrays.items()},
        "clips": described, "records": records,
    }  # fmt: skip
    (folder / "index.json").write_text(json.dumps(index | {"checksum": zlib.crc32(json.dumps(index).encode())}))
    from tsfmicro.prepare.cache import open_prepared

    opened = open_prepared(folder)
    assert [clip.id for clip in opened.clips] == [clip.id for clip in clips]
    assert np.array_equal(opened.faces("widest"), arrays["widest"])
    assert np.array_equal(opened.of(need("flow", 16)).of("widest"), arrays["flow"][:, 1])
