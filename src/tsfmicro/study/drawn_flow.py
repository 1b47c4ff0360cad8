"""The flow network that comes with the package, learned from people who never lived: draw, train, measure.

    python -m tsfmicro.study.drawn_flow build/flow

A block of pairs is drawn with what the network sees of it and kept, so that each is drawn once; training keeps its state now and
then. A run that is killed goes on where it was. `make flow-model` copies the weights into the package.
"""

from __future__ import annotations

import sys
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor

from tsfmicro.errors import RunError
from tsfmicro.files import write_whole
from tsfmicro.prepare.drawn_flow import EDGE, DrawnFlow, first_guess, looked_at, seen
from tsfmicro.synthetic.breadth import Breadth
from tsfmicro.synthetic.pairs import draw_pairs
from tsfmicro.synthetic.write import claim
from tsfmicro.workers import cores, spread

WEIGHTS, STATE = "drawn_flow.safetensors", "state.pt"
_EVERY = 100  # steps after which the state is kept
_BREADTHS = (1.0, 1.0, 0.5, 0.0)  # of a block's people, in turn: wide, and narrow as in generated clips
_SHIFTED, _STILL = 0.12, 0.03  # of the pairs: shifted as a whole, or of the same frame twice


@dataclass(frozen=True)
class Learning:
    """What was asked for.

    Attributes:
        seed: of the people; those of other seeds are for measuring.
        blocks: of 32 pairs of 4 people each, most of them wide ones.
        steps, batch: of the training; rate: its highest learning rate.
    """

    seed: int = 1
    blocks: int = 160
    steps: int = 5000
    batch: int = 8
    rate: float = 1.2e-3


def learn(out: Path, learning: Learning = Learning(), workers: int | None = None) -> Path:
    """Draw, train, write the weights.

    Several threads add numbers in another order, so another machine's weights differ a little.

    Args: out: folder to write; new, empty, or begun with the same arguments. workers: processes that draw; None takes one per core.
    Returns: `out`/drawn_flow.safetensors, half precision.
    Raises: ConfigError: the folder holds something else. RunError: it cannot be written.
    """
    out = Path(out)
    try:
        claim(out, learning)
        _draw(out, learning, workers or cores())
        network = _train(out, learning)
        halves = {name: value.detach().half().contiguous() for name, value in network.state_dict().items()}
        write_whole(out / WEIGHTS, save(halves))
    except OSError as error:
        raise RunError(
            f"{error.filename or out}: cannot be written ({error.strerror or error}). "
            "Free some space or choose another folder, then start again: finished blocks are kept."
        ) from None
    return out / WEIGHTS


def _draw(out: Path, learning: Learning, workers: int) -> None:
    missing = [block for block in range(learning.blocks) if not _file(out, block).exists()]
    with closing(spread(partial(draw_block, out, learning.seed), missing, min(workers, len(missing) or 1))) as drawn:
        for done, _ in enumerate(drawn, learning.blocks - len(missing) + 1):
            print(f"drawn {done} of {learning.blocks} blocks", file=sys.stderr, flush=True)


def _file(out: Path, block: int) -> Path:
    return out / f"block-{block:04d}.npy"


def draw_block(out: Path, seed: int, block: int) -> None:
    """Write one block: (n, channels + 6, 56, 56) float16: what the network sees, the guess, the true motion, and that
    without the head's."""
    pairs = draw_pairs(seed, block, EDGE, breadth=Breadth.of(_BREADTHS[block % len(_BREADTHS)]))
    rng = np.random.default_rng((seed, block))
    onsets, apexes, flows, still = _shifted(_grey(pairs.onset), _grey(pairs.apex), pairs.flow, pairs.still, rng)
    looks, guesses = looked(onsets, apexes)
    rows = torch.cat([looks, guesses, torch.from_numpy(flows), torch.from_numpy(still)], 1).half().numpy()
    part = _file(out, block).with_suffix(".part")
    with part.open("wb") as file:
        np.save(file, rows)
    part.replace(_file(out, block))


def looked(onsets: np.ndarray, apexes: np.ndarray) -> tuple[Tensor, Tensor]:
    """What the network sees of grey faces (n, 224, 224), and the guess (n, 2, 56, 56)."""
    guess = torch.from_numpy(np.stack([first_guess(*pair) for pair in zip(onsets, apexes, strict=True)]))
    onset, apex = (torch.from_numpy(side)[:, None].float() for side in (onsets, apexes))
    with torch.inference_mode():
        return seen(onset, apex, guess), guess


def _grey(faces: np.ndarray) -> np.ndarray:
    return np.stack([looked_at(face) for face in faces])


def _shifted(
    onsets: np.ndarray, apexes: np.ndarray, flows: np.ndarray, still: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, ...]:
    """Some pairs shifted as a whole, further than heads sway; and some that do not move at all."""
    for k, chance in enumerate(rng.random(len(onsets))):
        if chance < _STILL:
            apexes[k], flows[k], still[k] = onsets[k], 0, 0
        elif chance < _STILL + _SHIFTED:
            by = rng.uniform(-4, 4, 2)
            matrix = np.array([[1, 0, by[0]], [0, 1, by[1]]])
            apexes[k] = cv2.warpAffine(
                apexes[k], matrix, (EDGE, EDGE), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
            )
            flows[k] += by.astype(np.float32)[:, None, None]
    return onsets, apexes, flows, still


def _train(out: Path, learning: Learning) -> DrawnFlow:
    """The network after all steps: the running mean of its weights."""
    torch.manual_seed(learning.seed)
    network = DrawnFlow()
    mean = torch.optim.swa_utils.AveragedModel(network, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.995))
    optimiser = torch.optim.AdamW(network.parameters(), learning.rate, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, learning.rate, total_steps=learning.steps + 1, pct_start=0.1
    )
    parts: dict[str, Any] = {"network": network, "mean": mean, "optimiser": optimiser, "schedule": schedule}
    begun = 0
    if (out / STATE).exists():
        state = torch.load(out / STATE, weights_only=True)
        begun = state.pop("step")
        for name, part in parts.items():
            part.load_state_dict(state[name])
    blocks = [np.load(_file(out, block), mmap_mode="r") for block in range(learning.blocks)]
    losses: list[float] = []
    for step in range(begun, learning.steps):
        rows = _batch(blocks, learning, step)
        optimiser.zero_grad()
        loss = off_by(network, rows).mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        mean.update_parameters(network)
        losses.append(loss.item())
        if (step + 1) % _EVERY == 0 or step + 1 == learning.steps:
            print(f"step {step + 1} of {learning.steps}, off by {np.mean(losses):.4f} px", file=sys.stderr, flush=True)
            losses.clear()
            kept = out / f".{STATE}"
            torch.save({"step": step + 1, **{name: part.state_dict() for name, part in parts.items()}}, kept)
            kept.replace(out / STATE)
    assert isinstance(mean.module, DrawnFlow)
    return mean.module.eval()


def _batch(blocks: list[np.ndarray], learning: Learning, step: int) -> Tensor:
    """Rows of a step: each drawn for itself, from its number, so that a training that goes on draws the same."""
    rng = np.random.default_rng((learning.seed, learning.blocks, step))
    places = zip(
        rng.integers(len(blocks), size=learning.batch), rng.integers(len(blocks[0]), size=learning.batch), strict=True
    )
    rows = torch.from_numpy(np.stack([blocks[block][row] for block, row in places])).float()
    return rows.to(memory_format=torch.channels_last)


def off_by(network: DrawnFlow, rows: Tensor) -> Tensor:
    """(N, 2, 56, 56) px between what is said and what is true, for facial flow and for expression flow.

    Args: rows: as `draw_block` writes them.
    """
    looks, guess, true, still = rows[:, :-6], rows[:, -6:-4], rows[:, -4:-2], rows[:, -2:]
    with torch.autocast("cpu", torch.bfloat16):
        said = network.said(looks)
    facial = guess + said[:, :2].float()
    errors = torch.stack([facial - true, facial - said[:, 2:].float() - still], 1)
    return errors.square().sum(2).add(1e-6).sqrt()


if __name__ == "__main__":
    torch.set_num_threads(cores())
    print(learn(Path(sys.argv[1] if len(sys.argv) > 1 else "build/flow")))
