"""Learning from drawn people: the same bits after a kill and for any number of processes, and one line for each mistake."""

import errno
import json
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch

from tsfmicro.config import AugmentConfig, check_section
from tsfmicro.errors import ConfigError, RunError, TsfmicroError
from tsfmicro.models.pretrained import from_pretrained
from tsfmicro.models.registry import create_model
from tsfmicro.pretrain import pretrain as module
from tsfmicro.pretrain.blocks import HELD_OUT, Order, make, needs_of
from tsfmicro.pretrain.goals import Goals, Pupil
from tsfmicro.pretrain.pretrain import Lesson, as_greys, ask, pretrain, see
from tsfmicro.pretrain.settings import PretrainConfig, names, settings
from tsfmicro.run.task import on_threads
from tsfmicro.run.watch import Watch
from tsfmicro.synthetic.pairs import UNITS
from tsfmicro.synthetic.script import EMOTIONS

CPU = torch.device("cpu")
SMALL = {
    "name": "tiny",
    "size": 32,
    "model": {"name": "tsfmicro-small"},
    "draw": {"people": 1, "each": 4, "held_out": 1},
    "learn": {"pairs": 12, "repeat": 1, "remember": 2, "batch_size": 4},
}


def small(**changes):
    return check_section(PretrainConfig, {**SMALL, **changes}, "tiny")


class Listener(Watch):
    def __init__(self):
        self.notes, self.details = [], []

    def note(self, text):
        self.notes.append(text)

    def progress(self, what, done, total, detail=""):
        self.details.append((done, total, detail))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A pretraining that was never stopped."""
    out, watch = tmp_path_factory.mktemp("whole") / "start", Listener()
    return pretrain(small(), out, workers=1, device="cpu", watch=watch), watch


def files(out):
    return {name: (out / name).read_bytes() for name in ("model.safetensors", "config.json", "card.json")}


def test_it_tells_how_it_goes_and_what_it_learned_from(whole):
    done, watch = whole
    assert [(n, total) for n, total, _ in watch.details] == [(4, 12), (8, 12), (12, 12)]
    assert all("loss" in detail and "pairs/s" in detail and "UF1" in detail for _, _, detail in watch.details)
    card = json.loads((done.out / "card.json").read_text())
    assert (card["seen"], card["people"], card["pairs"]) == (["drawn-1000"], 3, 12)
    assert card["units"] == list(UNITS)
    assert set(card["held_out"]) == {"uf1", "units", "motion"}
    assert [one.pop("pairs") for one in card["asked"]] == [0, 4, 8, 12], "how it came about is kept"
    assert card["asked"][-1] == card["held_out"]
    assert from_pretrained(done.out).recipe["name"] == "tsfmicro-small"
    assert {file.name for file in done.out.iterdir()} == {".lock", "pretraining.json", *files(done.out)}, (
        "nothing else is kept"
    )


def test_in_half_precision_the_file_is_half_and_the_card_says_what_it_knows(whole, tmp_path):
    config = small(half=True)
    done = pretrain(config, tmp_path / "start", workers=1, device="cpu")
    whole_size, half_size = (len(files(out)["model.safetensors"]) for out in (whole[0].out, done.out))
    assert half_size < 0.6 * whole_size
    model = from_pretrained(done.out)
    assert {values.dtype for values in model.parameters()} == {torch.float32}
    held = [make(Order(config.draw, needs_of(model)), HELD_OUT)]
    again = ask(Pupil(model, Goals(config.targets)), held, CPU)
    assert (again.uf1, again.units) == (done.marks.uf1, done.marks.units)


def test_stopped_at_any_block_it_goes_on_and_ends_the_same_to_the_last_bit(whole, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "EVERY", 0.0)
    learn, learned = Lesson.learn, []

    def until_second(self, pupil, optimiser, number, remembered):
        if number == 2 and len(learned) == 2:
            learned.append("killed")
            raise KeyboardInterrupt
        learned.append(number)
        assert len(remembered) == min(number + 1, 2)
        return learn(self, pupil, optimiser, number, remembered)

    monkeypatch.setattr(Lesson, "learn", until_second)
    with pytest.raises(KeyboardInterrupt):
        pretrain(small(), tmp_path, workers=1, device="cpu")
    pretrain(small(), tmp_path, workers=1, device="cpu")
    assert learned == [0, 1, "killed", 2]
    assert files(tmp_path) == files(whole[0].out)


def test_killed_for_good_it_goes_on_and_ends_the_same(whole, tmp_path):
    program = (
        "import os, signal, sys, pathlib\n"
        "from tests.pretrain.test_pretrain import small\n"
        "from tsfmicro.pretrain import pretrain as module\n"
        "from tsfmicro.run.watch import Watch\n"
        "module.EVERY = 0.0\n"
        "class Killer(Watch):\n"
        "    def progress(self, what, done, total, detail=''):\n"
        "        if done == 8:\n"
        "            os.kill(os.getpid(), signal.SIGKILL)\n"
        "module.pretrain(small(), pathlib.Path(sys.argv[1]), workers=1, device='cpu', watch=Killer())\n"
    )
    ended = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    pretrain(small(), tmp_path, workers=1, device="cpu")
    assert files(tmp_path) == files(whole[0].out)


def test_two_processes_that_draw_end_as_one_and_what_was_kept_is_not_drawn_again(whole, tmp_path, monkeypatch):
    pretrain(small(), tmp_path / "two", workers=2, device="cpu", keep=True)
    assert files(tmp_path / "two") == files(whole[0].out)
    kept = sorted(file.name for file in (tmp_path / "two" / "blocks").iterdir())
    assert kept == ["0.npz", "1.npz", "10000000.npz", "2.npz"]
    order = Order(small().draw, needs_of(create_model("tsfmicro-small", 3, 32)), tmp_path / "two" / "blocks")
    monkeypatch.setattr("tsfmicro.pretrain.blocks.draw_pairs", None)
    assert len(make(order, 1)) == 4


def test_a_finished_one_is_not_done_again_and_other_settings_are_refused(whole):
    again = pretrain(small(), whole[0].out, workers=1, device="cpu")
    assert again.speed is None
    assert again.marks == whole[0].marks
    with pytest.raises(RunError, match="other settings"):
        pretrain(small(learn={**SMALL["learn"], "lr": 0.5}), whole[0].out, workers=1, device="cpu")


def test_a_full_disk_is_one_line_and_what_was_kept_stays(tmp_path, monkeypatch):
    def full(path, content):
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    begun = module._begin
    monkeypatch.setattr(module, "EVERY", 0.0)
    monkeypatch.setattr(module, "_begin", lambda *a: (begun(*a), monkeypatch.setattr(module, "write_whole", full))[0])
    with pytest.raises(RunError, match=r"state\.pt: cannot be written \(No space left on device\)\. Make room") as told:
        pretrain(small(), tmp_path, workers=1, device="cpu")
    assert "\n" not in str(told.value)
    assert (tmp_path / "pretraining.json").exists()


def test_minutes_become_a_number_of_pairs_that_is_written_down(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_rehearse", lambda *args: 0.2)
    watch = Listener()
    done = pretrain(small(), tmp_path, minutes=1, workers=1, device="cpu", watch=watch)
    assert done.pairs == 12
    assert any("about 12 pairs" in note for note in watch.notes)
    assert json.loads((tmp_path / "pretraining.json").read_text())["blocks"] == 3


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("")
    with pytest.raises(RunError, match="holds thesis"):
        pretrain(small(), tmp_path, workers=1, device="cpu")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"model": "linear"}, "solved in closed form"),
        ({"model": "state-lstm-approx"}, "drawn pair has an onset, an apex and the flow"),
        ({"model": "tsfmicro-smal"}, "Did you mean 'tsfmicro-small'"),
        ({"targets": {"scheme": "cd6me-12"}}, "tells action units"),
        ({"draw": {"breadth": {"camara": 1}}}, "Did you mean 'camera'"),
    ],
)
def test_what_cannot_be_learned_from_pairs_is_told(tmp_path, changes, said):
    with pytest.raises(TsfmicroError, match=said):
        pretrain(small(**changes), tmp_path / "out", workers=1, device="cpu")


def test_nothing_to_learn_is_told():
    nothing = dict.fromkeys(("emotion", "units", "intensity", "motion"), 0)
    with pytest.raises(ConfigError, match="nothing to learn"):
        small(targets=nothing)


def test_a_model_without_a_map_learns_the_rest_and_says_so():
    """OFF-ApexNet joins two streams: there is no map from which motion could be read."""
    model = create_model("off-apexnet", Goals(small().targets).answers)
    assert Pupil(model, Goals(small().targets)).motion is None or model.has_map


def test_flow_is_measured_as_in_clips_or_true(tmp_path):
    model = create_model("ststnet", 5, 28)
    draw = small().draw
    (need,) = model.needs
    ways = {
        flow: make(Order(draw.model_copy(update={"flow": flow}), model.needs), 0).products[need]
        for flow in ("dis", "drawn", "true")
    }
    assert {way.shape for way in ways.values()} == {(4, 3, 28, 28)}
    assert ways["dis"].dtype == ways["drawn"].dtype == np.float16
    off = {flow: float(np.abs(ways[flow][:, :2] - ways["true"][:, :2]).mean()) for flow in ("dis", "drawn")}
    assert off["drawn"] != off["dis"], "the network's flow is another one"
    with on_threads(torch.get_num_threads() + 1):
        again = make(Order(draw.model_copy(update={"flow": "drawn"}), model.needs), 0).products[need]
    assert np.array_equal(again, ways["drawn"]), "to the last bit, with any number of threads"
    order = Order(draw, model.needs)
    assert (order.size, order.taken) == (128, 224), "measured on pictures of 224, as in preparation"


def test_in_greys_a_map_is_as_ready_made_ones_are_and_mirrored_before():
    goals = Goals(small().targets)
    pupil = Pupil(create_model("ststnet", goals.answers, 28), goals, greys=True)
    block = make(Order(small().draw, pupil.model.needs), 0)
    flip = torch.tensor([[[-1.0, 0, 0], [0, 1, 0]]]).expand(4, 2, 3)
    plain, seen = (see(pupil, block, torch.arange(4), moved, CPU)[0]["flow"] for moved in (None, flip))
    assert torch.equal(plain.amin((2, 3)), torch.zeros(4, 3)) and torch.equal(
        plain.amax((2, 3)), torch.full((4, 3), 255.0)
    )
    assert torch.equal(plain, plain.round())
    torch.testing.assert_close(seen[:, 0], 255 - plain[:, 0].flip(-1), atol=2, rtol=0)
    torch.testing.assert_close(seen[:, 1], plain[:, 1].flip(-1), atol=2, rtol=0)
    assert torch.equal(as_greys(torch.ones(1, 3, 4, 4)), torch.zeros(1, 3, 4, 4)), "nothing moved"


def test_drawn_emotions_are_classes_of_the_composite():
    goals = Goals(small().targets.model_copy(update={"scheme": "megc2019-3"}))
    classes = dict(zip(EMOTIONS, goals.of_emotion.tolist(), strict=True))
    assert (classes["disgust"], classes["happiness"], classes["surprise"]) == (0, 1, 2)
    assert classes["repression"] == 0 and classes["others"] < 0


def test_in_a_mirror_a_left_unit_is_a_right_one_and_motion_goes_the_other_way():
    goals = Goals(small().targets)
    pupil = Pupil(create_model("tsfmicro-small", goals.answers, 32), goals)
    block = make(Order(small().draw, pupil.model.needs), 0)
    flip = torch.tensor([[[-1.0, 0, 0], [0, 1, 0]]]).expand(4, 2, 3)
    (_, plain), (_, seen) = (see(pupil, block, torch.arange(4), moved, CPU) for moved in (None, flip))
    left, right = UNITS.index("L12"), UNITS.index("R12")
    assert torch.equal(seen.units[:, left], plain.units[:, right])
    torch.testing.assert_close(seen.motion[:, 0], -plain.motion[:, 0].flip(-1), atol=1e-4, rtol=0)
    assert torch.equal(seen.classes, plain.classes)


def test_the_rate_rises_and_falls_to_nothing():
    lesson = Lesson(small(), Order(small().draw, ()), 100, CPU)
    assert lesson.steps == 1
    rates = [lesson.rate(step) for step in range(100)]
    assert rates[0] < 0.01 * max(rates)
    assert rates[-1] < 0.01 * max(rates)
    assert max(rates) <= small().learn.lr


def test_it_learns(tmp_path):
    """A few pairs again and again: the loss falls."""
    config = small(
        learn={**SMALL["learn"], "repeat": 20, "lr": 3e-3, "augment": AugmentConfig(flip=0, rotate=0, pad=0)}
    )
    torch.manual_seed(0)
    goals = Goals(config.targets)
    pupil = Pupil(create_model("tsfmicro-small", goals.answers, 32), goals).train()
    order = Order(config.draw, pupil.model.needs)
    lesson, block = Lesson(config, order, 3, CPU), make(order, 0)
    optimiser = lesson.optimiser(pupil)
    losses = [lesson.learn(pupil, optimiser, number, [block]) for number in range(3)]
    assert losses[2] < 0.8 * losses[0]


def test_in_bfloat16_it_learns_nearly_the_same():
    """Weights stay numbers of 32 bits; the loss of the first block differs in its last digits."""
    losses = []
    for precision in ("float32", "bfloat16"):
        config = small(learn={**SMALL["learn"], "precision": precision})
        torch.manual_seed(0)
        goals = Goals(config.targets)
        pupil = Pupil(create_model("tsfmicro-small", goals.answers, 32), goals).train()
        lesson = Lesson(config, Order(config.draw, pupil.model.needs), 3, CPU)
        losses.append(lesson.learn(pupil, lesson.optimiser(pupil), 0, [make(lesson.order, 0)]))
        assert {weights.dtype for weights in pupil.parameters()} == {torch.float32}
    assert losses[0] != losses[1] == pytest.approx(losses[0], rel=0.05)


@pytest.mark.parametrize("name", names())
def test_every_shipped_pretraining_can_be_begun(name):
    config = settings(name)
    goals = Goals(config.targets)
    with torch.device("meta"):
        model = create_model(config.model.name, goals.answers, config.size, **config.model.options)
    assert needs_of(model)


def test_a_run_s_config_is_told_from_a_pretraining(tmp_path):
    file = tmp_path / "run.yaml"
    file.write_text("name: x\ndata: {datasets: [casme2], scheme: casme2-5}\n")
    with pytest.raises(ConfigError, match="config of a run"):
        settings(str(file))
    with pytest.raises(TsfmicroError, match="unknown pretraining"):
        settings("drawn-peopel-of-mars")
