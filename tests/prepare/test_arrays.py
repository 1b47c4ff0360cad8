import errno
import os

import numpy as np
import pytest

from tsfmicro.errors import CacheError
from tsfmicro.prepare.arrays import Arrays, Spec

FACES, MARKS = np.arange(24, dtype=np.uint8).reshape(2, 4, 3), np.ones((5, 2), np.float32)


@pytest.fixture
def arrays(tmp_path):
    return Arrays(tmp_path, {"faces": Spec((7, 2, 4, 3), "uint8"), "marks": Spec((7, 5, 2), "float32")})


def test_files_have_their_full_size_from_the_start_and_any_numpy_reads_them(arrays, tmp_path):
    arrays.create()
    assert np.load(tmp_path / "faces.npy").shape == (7, 2, 4, 3)
    assert np.load(tmp_path / "marks.npy").dtype == np.float32


def test_a_row_is_read_as_it_was_written_and_its_neighbours_stay(arrays):
    arrays.create()
    arrays.write(3, {"faces": FACES, "marks": MARKS})
    arrays.write(6, {"faces": FACES + 1, "marks": MARKS * 2})
    read = arrays.open()
    assert np.array_equal(read["faces"][3], FACES) and np.array_equal(read["faces"][6], FACES + 1)
    assert not read["faces"][[0, 1, 2, 4, 5]].any()
    assert np.array_equal(read["marks"][6], MARKS * 2)


def test_creating_again_keeps_what_is_there(arrays):
    arrays.create()
    arrays.write(3, {"faces": FACES, "marks": MARKS})
    arrays.create()
    assert np.array_equal(arrays.open()["faces"][3], FACES)


def test_one_changed_byte_is_found_and_its_array_named(arrays, tmp_path):
    arrays.create()
    sums = arrays.write(3, {"faces": FACES, "marks": MARKS})
    assert arrays.damaged({3: sums}) == {}
    with (tmp_path / "marks.npy").open("r+b") as file:
        file.seek(-4 * 10 * 3 - 1, os.SEEK_END)  # the last byte of row 3
        file.write(b"\xff")
    assert arrays.damaged({3: sums}) == {3: tmp_path / "marks.npy"}


@pytest.mark.parametrize("harm", ["missing", "cut short", "foreign"])
def test_a_file_that_is_not_as_it_was_made_is_named(arrays, tmp_path, harm):
    arrays.create()
    path = tmp_path / "faces.npy"
    if harm == "missing":
        path.unlink()
    elif harm == "cut short":
        os.truncate(path, path.stat().st_size - 1)
    else:
        np.save(path, np.zeros((7, 2, 4, 3), np.int8))
    with pytest.raises(CacheError, match=r"faces.npy: is missing, cut short or not ours. Delete"):
        arrays.open()


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="room is not reserved on this system")
def test_a_full_disk_is_told_at_the_start_and_leaves_nothing(arrays, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(CacheError, match=r"No space left on device, .* MB needed, \d+ MB free.*run again"):
        arrays.create()
    assert not list(tmp_path.iterdir())


def test_where_room_cannot_be_reserved_files_still_get_their_size(arrays, monkeypatch):
    def cannot(*_):
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(os, "posix_fallocate", cannot, raising=False)
    arrays.create()
    assert arrays.open()["faces"].shape == (7, 2, 4, 3)
