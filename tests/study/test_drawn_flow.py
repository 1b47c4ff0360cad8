"""The flow network is made by a command that anybody can repeat, and that goes on where it was killed."""

import numpy as np
import pytest
import torch

from tsfmicro.errors import ConfigError
from tsfmicro.prepare.drawn_flow import EDGE, drawn_flow
from tsfmicro.study import drawn_flow as making
from tsfmicro.study.drawn_flow import STATE, Learning, learn
from tsfmicro.synthetic.breadth import NARROW, Breadth
from tsfmicro.synthetic.pairs import draw_pairs

SMALL = Learning(blocks=1, steps=4, batch=2)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    out = tmp_path_factory.mktemp("flow")
    return learn(out, SMALL, workers=1)


def test_a_killed_training_ends_with_the_same_weights(made, tmp_path, monkeypatch):
    (tmp_path / "block-0000.npy").symlink_to(made.parent / "block-0000.npy")
    (tmp_path / "generated.json").write_bytes((made.parent / "generated.json").read_bytes())
    monkeypatch.setattr(making, "_EVERY", 2)
    batch = making._batch

    def killed(blocks, learning, step):
        if step == 3:
            raise KeyboardInterrupt
        return batch(blocks, learning, step)

    monkeypatch.setattr(making, "_batch", killed)
    with pytest.raises(KeyboardInterrupt):
        learn(tmp_path, SMALL, workers=1)
    assert torch.load(tmp_path / STATE, weights_only=True)["step"] == 2
    monkeypatch.setattr(making, "_batch", batch)
    assert learn(tmp_path, SMALL, workers=1).read_bytes() == made.read_bytes()


def test_weights_that_were_made_are_weights_that_can_be_used(made):
    face = np.random.default_rng(0).integers(0, 255, (1, 224, 224)).astype(np.uint8)
    assert drawn_flow(face, face, "facial", made).shape == (1, 2, 224, 224)


def test_blocks_hold_what_the_network_sees_and_the_truth_and_are_drawn_once(made):
    rows = np.load(made.parent / "block-0000.npy")
    assert rows.shape[0] == 32 and rows.shape[2:] == (56, 56) and rows.dtype == np.float16 and np.isfinite(rows).all()
    before = (made.parent / "block-0000.npy").stat().st_mtime_ns
    learn(made.parent, SMALL, workers=1)
    assert (made.parent / "block-0000.npy").stat().st_mtime_ns == before


def test_people_are_wide_and_narrow_in_turn(tmp_path, monkeypatch):
    breadths, few = [], draw_pairs(5, 0, EDGE, people=1, each=2)

    def drawn(seed, block, size, breadth):
        breadths.append(breadth)
        return few

    monkeypatch.setattr(making, "draw_pairs", drawn)
    for block in range(8):
        making.draw_block(tmp_path, 5, block)
    assert breadths[:4] == breadths[4:]
    assert {Breadth(), NARROW} < set(breadths)


def test_a_folder_that_was_begun_otherwise_is_not_gone_on_with(made):
    with pytest.raises(ConfigError, match="was begun with"):
        learn(made.parent, Learning(blocks=2, steps=4, batch=2), workers=1)
