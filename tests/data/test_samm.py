import numpy as np
import pytest

from tsfmicro.data.check import check
from tsfmicro.data.samm import Samm


@pytest.fixture(scope="module")
def release(release_of):
    return release_of("samm")


def test_the_release_gives_the_papers_136_and_133_clips_without_an_exclusion(release):
    five, three, of_units = check(Samm(), release).schemes
    for counts in (five, three, of_units):
        assert {c.name: c.trainable for c in counts.classes} == Samm.published[counts.scheme]
        assert not counts.notes
    assert (five.total.trainable, five.people) == (136, 27)
    assert (three.total.trainable, three.people) == (133, 28)
    assert of_units.total.trainable == 68, "MEGC2018 takes as many"


def test_the_two_apexes_outside_their_clips_are_corrected_and_told(release):
    reading = Samm().read(release)
    apex = {clip.name: (clip.apex, clip.fixes) for clip in reading.clips if clip.fixes}
    assert apex["032_3_1"][0] == 4930
    assert apex["028_4_1"][0] == 1113
    assert "not known" in apex["028_4_1"][1][0] and "our choice" in apex["028_4_1"][1][0]
    assert [fixed.clip for fixed in reading.fixed] == ["samm/028/028_4_1", "samm/032/032_3_1"]
    assert apex["032_3_1"][1][0].startswith("apex 1930→4930: ")


def test_rows_are_those_of_the_spreadsheet_below_its_13_lines(release):
    assert Samm().read(release).flags[0].row == 15


def test_four_and_five_digits_in_one_set_are_the_same_numbers(release):
    clips = Samm().read(release).clips
    lengths = {len(clip.frames.files[clip.onset]) for clip in clips if clip.onset < 10_000}
    assert lengths == {len("006_5562.jpg"), len("006_05562.jpg")}


def test_people_keep_their_zeros_even_where_folders_and_cells_lost_them(tmp_path):
    Samm().write_fake(tmp_path, np.random.default_rng(1), rows=6, cells="number")
    for folder in [p for p in tmp_path.iterdir() if p.is_dir()]:
        folder.rename(tmp_path / str(int(folder.name)))
    reading = Samm().read(tmp_path)
    assert len(reading.trainable) == 6
    assert all(clip.subject == clip.name[:3] for clip in reading.clips)
