"""A run on ready-made flow maps: stored once, the same whoever does it."""

import shutil

import cv2
import numpy as np
import pytest

from tests.run.test_here import results
from tsfmicro.data.fake_flow_maps import write_flow_maps
from tsfmicro.data.registry import dataset
from tsfmicro.errors import ConfigError, LeakageError, UnknownNameError
from tsfmicro.needs import need
from tsfmicro.prepare.cache import open_prepared
from tsfmicro.reading.audit import audit as audit_run
from tsfmicro.run.experiment import prepare_clips, read_clips, run
from tsfmicro.run.folder import RunFolder
from tsfmicro.run.start import casts_of, check_unseen, find_start
from tsfmicro.run.watch import Watch
from tsfmicro.study import shipped
from tsfmicro.study.demo import draw_flow_maps
from tsfmicro.types import Fold
from tsfmicro.use.recognise import Recognizer

SHORT = ["train.epochs=2", "train.seeds=[0]", "train.batch_size=16"]


class Notes(Watch):
    def __init__(self):
        self.lines = []

    def note(self, text):
        self.lines.append(text)


def settings(*more):
    return shipped.config("megc2019-ststnet", [*SHORT, *more])


@pytest.fixture(scope="module")
def maps(tmp_path_factory):
    root = tmp_path_factory.mktemp("maps") / "maps"
    write_flow_maps(root, np.random.default_rng(0), people=2, folders=False)
    return root


@pytest.fixture(scope="module")
def larger_maps(tmp_path_factory):
    root = tmp_path_factory.mktemp("larger") / "maps"
    write_flow_maps(root, np.random.default_rng(0), people=2, folders=False, size=32)
    return root


def test_drawn_maps_say_whose_they_are_and_the_shipped_start_has_not_seen_them(tmp_path):
    draw_flow_maps(tmp_path / "maps", 2, 3, Watch())
    write_flow_maps(tmp_path / "unknown", np.random.default_rng(3), people=2)
    start = find_start(settings("train.start=drawn-people"), 3)
    folds = [Fold("f", (), ("casme2/sub01/EP00_00f",))]
    assert casts_of({"flow-maps": tmp_path / "maps"})["casme2"] == "drawn-3"
    check_unseen(start, folds, casts_of({"flow-maps": tmp_path / "maps"}))
    with pytest.raises(LeakageError, match="drawn-people has learned from drawn/sub01"):
        check_unseen(start, folds, casts_of({"flow-maps": tmp_path / "unknown"}))


def go(maps, out, *more, workers=1, watch=None):
    return run(settings(*more), {"flow-maps": maps}, out, out.parent / "cache", "cpu", workers, watch)


@pytest.fixture(scope="module")
def finished(maps, tmp_path_factory):
    out = tmp_path_factory.mktemp("finished") / "run"
    return out, go(maps, out)


def test_every_clip_of_every_dataset_is_scored(finished):
    out, summary = finished
    assert summary.model.people == 6 and set(summary.by_dataset) == {"casme2", "smic", "samm"}
    assert {"linear", "majority"} <= set(summary.floors)
    assert (out / "clips.png").stat().st_size > 1000


def test_the_finished_run_passes_its_audit(finished):
    assert not [check for check in audit_run(finished[0]).checks if check.problems]


def test_two_workers_end_as_one_does_to_the_last_bit(maps, finished, tmp_path):
    go(maps, tmp_path / "run", workers=2)
    assert results(RunFolder.open(tmp_path / "run")) == results(RunFolder.open(finished[0]))


def test_a_run_that_lost_folds_ends_as_if_nothing_had_happened(maps, finished, tmp_path):
    out = tmp_path / "run"
    shutil.copytree(finished[0], out)
    folder = RunFolder.open(out)
    for task in folder.plan.tasks[1:3]:
        shutil.rmtree(folder.place(task))
    go(maps, out)
    assert results(folder) == results(RunFolder.open(finished[0]))


def test_the_maps_are_stored_as_their_files_have_them(maps, tmp_path):
    clips, _ = read_clips(settings(), {"flow-maps": maps}, Watch())
    prepared = prepare_clips(clips, settings(), tmp_path, 1, Watch())
    again = open_prepared(tmp_path / prepared.key)
    clip = again.clips[3]
    file = cv2.cvtColor(cv2.imread(str(clip.frames.path(0))), cv2.COLOR_BGR2RGB)
    stored = again.of(need("flow", 28))
    assert np.array_equal(stored.of("widest")[again.rows_of([clip.id])[0]], file.transpose(2, 0, 1))
    assert (stored.unit, stored.moves) == ("grey", "none") and list(again.products) == [need("flow", 28)]


def test_a_model_that_looks_at_faces_is_told_that_there_are_none(larger_maps, tmp_path):
    with pytest.raises(ConfigError, match="flow maps without faces"):
        go(larger_maps, tmp_path / "run", "model={name: tsfmicro-small}", "prepare.size=32")


@pytest.mark.parametrize(
    ("setting", "what"),
    [
        ("data.datasets=[flow-maps, casme2]", "no other dataset can stand beside"),
        ("train.augment.flip=0.5", "flow in grey: its kind may not be moved"),
        ("prepare.products={flo: {method: dis}}", "unknown product 'flo'. Did you mean 'flow'"),
        ("prepare.products={flow: {metod: dis}}", "product flow: metod: no such setting"),
        ("train.augment.pad=15", r"flips, rotations and shifts would move it. Set .* train\.augment\.pad=0"),
    ],
)
def test_settings_that_cannot_work_are_told(maps, tmp_path, setting, what):
    dataset("casme2").write_fake(tmp_path / "casme2", np.random.default_rng(0), rows=12)
    with pytest.raises((ConfigError, UnknownNameError), match=what):
        run(
            settings(setting),
            {"flow-maps": maps, "casme2": tmp_path / "casme2"},
            tmp_path / "run",
            tmp_path / "cache",
            "cpu",
            1,
        )


def test_maps_of_another_size_and_broken_ones_are_skipped_with_the_reason(maps, tmp_path):
    root = tmp_path / "maps"
    shutil.copytree(maps, root)
    small, broken = sorted(root.glob("*.png"))[:2]
    assert cv2.imwrite(str(small), np.zeros((20, 28, 3), np.uint8))
    broken.write_bytes(broken.read_bytes()[:100])
    watch = Notes()
    clips, _ = read_clips(settings(), {"flow-maps": root}, watch)
    prepared = prepare_clips(clips, settings(), tmp_path / "cache", 1, watch)
    (_, one), (_, other) = sorted(prepared.skipped, key=lambda skipped: "cut short" in skipped[1])
    assert "is 28×20, but prepare.size is 28" in one and "cut short" in other


def test_a_model_of_grey_maps_does_not_answer_about_a_video(finished):
    """Their mean is 104, a video's flow is near 0: whatever it said would mean nothing."""
    with pytest.raises(ConfigError, match=r"learned from flow in grey, but of images it is in px"):
        Recognizer.load(finished[0])
