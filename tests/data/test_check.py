import numpy as np
import pytest

from tsfmicro.data.casme2 import Casme2
from tsfmicro.data.check import check
from tsfmicro.errors import AnnotationError


@pytest.fixture
def root(tmp_path):
    Casme2().write_fake(tmp_path, np.random.default_rng(0), rows=40, lost=0.1)
    return tmp_path


def test_a_label_an_apex_and_frames_on_disk_are_three_counts(root):
    total = check(Casme2(), root).schemes[0].total
    assert total.labelled >= total.with_apex > total.trainable > 0


def test_excluded_clips_are_not_counted_and_are_named(root):
    everything = check(Casme2(), root)
    some = Casme2().read(root).clips[0]
    fewer = check(Casme2(), root, {some.id: "blurred"})
    assert fewer.clips == everything.clips - 1
    assert f"  {some.id}: blurred" in fewer.lines()
    with pytest.raises(AnnotationError, match="no clip"):
        check(Casme2(), root, {"casme2/sub99/EP01": "typo"})


def test_a_sheet_of_another_length_is_said_to_be_one(root):
    assert "this sheet has 40 rows, the one the paper counts by 255" in check(Casme2(), root).schemes[0].notes


def test_the_text_names_ten_flags_of_a_kind_and_the_values_all(root):
    found = check(Casme2(), root)
    count = found.reasons["frames missing"]
    assert f"  … and {count - 10} more" in found.lines()
    assert len(found.to_dict()["flags"]) == len(found.flags) == sum(found.reasons.values())


def test_the_table_has_every_class_beside_the_papers_count(root):
    lines = check(Casme2(), root).lines()
    row = next(line for line in lines if line.startswith("happiness")).split()
    assert row[4:] == ["32", f"{int(row[1]) - 32:+d}"]


def test_a_person_alone_is_told_in_the_singular(tmp_path):
    Casme2().write_fake(tmp_path, np.random.default_rng(0), rows=1)
    found = check(Casme2(), tmp_path)
    assert "clips   1 of 1 person; 1 can be trained on" in found.lines()
    assert "this sheet has 1 row, the one the paper counts by 255" in found.schemes[0].notes
