"""The whole story of a pretraining: people are drawn block by block, a model learns from the latest blocks, nothing is kept.

<out>/pretraining.json    what was asked for, how many pairs, how many threads: fixed at the start
      state.pt            weights, optimiser, and the number of the next block; gone when it is finished
      blocks/             what was drawn, where --keep asks for it
      model.safetensors, config.json, card.json    the start, at the end

A block hangs on the seed and its number, and so does everything random that is done with it: killed at any moment, the same
command draws the latest blocks again, goes on where it was, and ends the same to the last bit.
"""

from __future__ import annotations

import io
import json
import math
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tsfmicro import __version__
from tsfmicro.errors import RunError
from tsfmicro.files import locked, write_whole
from tsfmicro.generated import drawn_with
from tsfmicro.memory import keep_freed_memory
from tsfmicro.models.base import Batch
from tsfmicro.models.pretrained import save_pretrained
from tsfmicro.models.registry import create_model
from tsfmicro.needs import Need
from tsfmicro.pretrain.blocks import HELD_OUT, Block, Order, make, needs_of
from tsfmicro.pretrain.goals import Goals, Marks, Pupil, Truth, mark, shows_motion
from tsfmicro.pretrain.settings import PretrainConfig
from tsfmicro.run.environment import choose_device
from tsfmicro.run.start import CARD
from tsfmicro.run.task import on_threads
from tsfmicro.run.watch import Watch
from tsfmicro.synthetic.pairs import UNITS, VERSION
from tsfmicro.train import augment
from tsfmicro.train.loader import deliver
from tsfmicro.train.optimiser import plain
from tsfmicro.train.precision import lowered
from tsfmicro.workers import cores, in_order

FORMAT = 1
EVERY = 60.0  # seconds that a kill may cost
REHEARSED = 4  # blocks, by which `--minutes` is told in pairs
ASKED = 10  # times that the held-out people are asked about, the last time at the end
WARM = 0.05  # of all steps, in which the learning rate rises
BAR = "learning from drawn people"

Asked = tuple[int, Marks]  # how it did on people it had not seen, after so many pairs


@dataclass(frozen=True)
class Pretrained:
    """A finished pretraining. Attributes: pairs: drawn and learned from; speed: pairs a second, None where nothing was left to do."""

    out: Path
    pairs: int
    marks: Marks
    speed: float | None

    def line(self) -> str:
        """learned from 20000 drawn pairs, 152 a second; on people it has not seen: UF1 0.71, …"""
        speed = f", {self.speed:.0f} a second" if self.speed else ""
        return f"learned from {self.pairs} drawn pairs{speed}; on drawn people it has not seen: {self.marks}"


def pretrain(
    config: PretrainConfig,
    out: Path,
    minutes: float | None = None,
    device: str = "auto",
    workers: int | None = None,
    keep: bool = False,
    watch: Watch | None = None,
) -> Pretrained:
    """Let a model learn from drawn people; go on where an earlier call was stopped.

    Args:
        config: what to do.
        out: a new folder, or one begun with the same settings.
        minutes: about how long, instead of `learn.pairs`: the first blocks tell how many pairs that is.
        device: where it learns: 'auto', 'cpu', 'cuda', 'mps'. workers: processes that draw; by default one for each core.
        keep: keep what was drawn in <out>/blocks.
        watch: is told how it goes.
    Raises:
        ConfigError: settings that cannot work, or a model that cannot learn from a pair.
        RunError: the folder holds something else, or the disk is full.
    """
    keep_freed_memory()
    watch, on = watch or Watch(), torch.device(choose_device(device))
    goals = Goals(config.targets)
    with torch.random.fork_rng():
        torch.manual_seed(_seed(config, "weights"))
        model = create_model(config.model.name, goals.answers, config.size, **config.model.options)
        order = Order(config.draw, needs_of(model), out / "blocks" if keep else None)
        pupil = Pupil(model, goals, config.draw.greys)
    if config.targets.motion and not shows_motion(model):
        watch.note(f"{config.model.name} has no map over the face, so it does not learn where each place goes")
    with _held(out), _room(out):
        if keep:
            (out / "blocks").mkdir(exist_ok=True)
        drawers = workers or cores()
        plan = _begin(out, config, order, minutes, drawers, pupil, on, watch)
        if (out / CARD).exists():
            card = json.loads((out / CARD).read_text(encoding="utf-8"))
            return Pretrained(out, card["pairs"], Marks.of(card["held_out"]), None)
        with on_threads(plan["threads"]), torch.random.fork_rng():
            held = list(in_order(partial(make, order), range(HELD_OUT, HELD_OUT + config.draw.held_out), drawers))
            speed, asked = _learn(Lesson(config, order, plan["blocks"], on), pupil, held, out, drawers, watch)
            if config.half:  # what is kept is what is asked
                pupil.model.half().float()
                asked[-1] = (asked[-1][0], ask(pupil, held, on))
        _finish(out, config, order, plan, pupil, asked)
    return Pretrained(out, plan["blocks"] * order.pairs, asked[-1][1], speed)


@dataclass(frozen=True)
class Lesson:
    """What is learned, from how many blocks, and where."""

    config: PretrainConfig
    order: Order
    blocks: int
    device: torch.device

    @property
    def steps(self) -> int:
        """Of a block."""
        learn = self.config.learn
        return math.ceil(learn.repeat * self.order.pairs / learn.batch_size)

    def rate(self, step: int) -> float:
        """The learning rate of a step, counted from 0 over all blocks."""
        done = step / (self.blocks * self.steps)
        return self.config.learn.lr * min(1.0, (done + 1e-9) / WARM, (1 + math.cos(math.pi * done)) / 2)

    def optimiser(self, pupil: Pupil) -> torch.optim.Optimizer:
        return plain(torch.optim.AdamW)(
            pupil.parameters(), lr=self.config.learn.lr, weight_decay=self.config.learn.weight_decay, fused=True
        )

    def learn(self, pupil: Pupil, optimiser: torch.optim.Optimizer, number: int, remembered: Sequence[Block]) -> float:
        """Learn from the latest blocks, of which `number` is the last. Returns: mean loss. Raises RunError: it is no number."""
        seed = _seed(self.config, f"block {number}")
        generator = torch.Generator().manual_seed(seed)
        torch.manual_seed(seed)  # dropout
        learn, pairs, total = self.config.learn, Block.join(remembered), 0.0
        for step in range(number * self.steps, (number + 1) * self.steps):
            some = torch.randperm(len(pairs), generator=generator)[: learn.batch_size]
            moves = augment.draw(len(some), self.config.size, learn.augment, generator)
            for group in optimiser.param_groups:
                group["lr"] = self.rate(step)
            seen = see(pupil, pairs, some, moves, self.device)
            with lowered(self.device, learn.precision):
                loss = pupil.loss(*seen)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            total += float(loss.detach())
        if not math.isfinite(total):
            raise RunError(f"the loss is {total} in block {number}. Lower learn.lr.")
        return total / self.steps


def see(
    pupil: Pupil, block: Block, rows: Tensor, movements: Tensor | None, device: torch.device
) -> tuple[Batch, Truth]:
    """Some pairs of a block as the model takes them, moved by augmentation, and what is true of them then.

    Args: rows: (n,); movements: (n, 2, 3) from `augment.draw`, or None.
    """
    some = rows.numpy()
    moved = movements.to(device) if movements is not None else None
    delivered: dict[Need, Tensor] = {}
    for one in pupil.model.inputs.values():
        if one.need not in delivered:
            stored = torch.from_numpy(block.products[one.need.stored][some]).to(device)
            faces = one.need.product == "faces"
            seen = deliver(stored, one.need, "image" if faces else "flow", moved)
            delivered[one.need] = as_greys(seen) if pupil.greys and not faces else seen
    batch = {name: one.view(delivered[one.need]) for name, one in pupil.model.inputs.items()}
    truth = pupil.goals.truth(block.emotion[some], block.units[some], block.motion[some])
    if movements is not None:
        truth = pupil.goals.mirrored(truth, torch.linalg.det(movements[:, :, :2]) < 0)
        truth = replace(truth, motion=augment.apply_to_flow(truth.motion, movements))
    return batch, Truth(truth.classes.to(device), truth.units.to(device), truth.motion.to(device))


def as_greys(maps: Tensor) -> Tensor:
    """Maps (N, C, H, W) as ready-made ones are stored: of each channel the least is 0 and the most is 255, in whole numbers."""
    least, most = maps.amin((2, 3), keepdim=True), maps.amax((2, 3), keepdim=True)
    return ((maps - least) * (255 / (most - least).clamp_min(1e-6))).round()


def ask(pupil: Pupil, held: list[Block], device: torch.device) -> Marks:
    """How well it does on people it has not learned from."""
    pupil.eval()
    said = []
    with torch.inference_mode():
        for block in held:
            batch, truth = see(pupil, block, torch.arange(len(block)), None, device)
            logits, moved = pupil(batch)
            moved = moved.float().cpu() if moved is not None else None
            said.append(
                (logits.float().cpu(), moved, Truth(truth.classes.cpu(), truth.units.cpu(), truth.motion.cpu()))
            )
    pupil.train()
    return mark(said, pupil.goals)


def _learn(
    lesson: Lesson, pupil: Pupil, held: list[Block], out: Path, drawers: int, watch: Watch
) -> tuple[float | None, list[Asked]]:
    """All blocks that are not learned from yet. Returns: pairs a second, and how it did on the way and at the end."""
    pupil.to(lesson.device).train()
    optimiser = lesson.optimiser(pupil)
    first, asked = _go_on(out / "state.pt", lesson, pupil, optimiser)
    if not asked:
        asked.append((first * lesson.order.pairs, ask(pupil, held, lesson.device)))
    began = kept = time.monotonic()
    remembered = deque[Block](maxlen=lesson.config.learn.remember)
    again = max(0, first + 1 - lesson.config.learn.remember)  # what was remembered is drawn once more
    with closing(in_order(partial(make, lesson.order), range(again, lesson.blocks), drawers)) as drawn:
        for number, block in enumerate(drawn, again):
            remembered.append(block)
            if number < first:
                continue
            loss = lesson.learn(pupil, optimiser, number, remembered)
            done = number + 1
            if done * ASKED // lesson.blocks > number * ASKED // lesson.blocks:
                asked.append((done * lesson.order.pairs, ask(pupil, held, lesson.device)))
            speed = (done - first) * lesson.order.pairs / (time.monotonic() - began)
            watch.progress(
                BAR,
                done * lesson.order.pairs,
                lesson.blocks * lesson.order.pairs,
                f"loss {loss:.2f}, {speed:.0f} pairs/s, people not seen: {asked[-1][1]}",
            )
            if time.monotonic() - kept > EVERY and done < lesson.blocks:
                _keep(out / "state.pt", lesson, pupil, optimiser, done, asked)
                kept = time.monotonic()
    seconds = time.monotonic() - began
    return ((lesson.blocks - first) * lesson.order.pairs / seconds if first < lesson.blocks else None), asked


def _keep(
    file: Path, lesson: Lesson, pupil: Pupil, optimiser: torch.optim.Optimizer, block: int, asked: Sequence[Asked]
) -> None:
    content = io.BytesIO()
    state = {
        "of": _digest(lesson.config),
        "pupil": pupil.state_dict(),
        "optimiser": optimiser.state_dict(),
        "next": block,
        "asked": [(pairs, asdict(marks)) for pairs, marks in asked],
    }
    torch.save(state, content)
    write_whole(file, content.getvalue())


def _go_on(file: Path, lesson: Lesson, pupil: Pupil, optimiser: torch.optim.Optimizer) -> tuple[int, list[Asked]]:
    """Take up what was kept. Returns: the next block, 0 where nothing was or it is damaged; and how it did so far."""
    try:
        state = torch.load(file, map_location="cpu", weights_only=True)
        if state["of"] != _digest(lesson.config):
            return 0, []
        asked = [(int(pairs), Marks.of(marks)) for pairs, marks in state.get("asked", ())]  # earlier versions kept none
    except Exception:  # whatever a damaged file may raise
        return 0, []
    pupil.load_state_dict(state["pupil"])
    optimiser.load_state_dict(state["optimiser"])
    return int(state["next"]), asked


def _begin(
    out: Path,
    config: PretrainConfig,
    order: Order,
    minutes: float | None,
    drawers: int,
    pupil: Pupil,
    device: torch.device,
    watch: Watch,
) -> dict[str, Any]:
    """What is fixed at the start, or was at an earlier one. Raises RunError: that was something else."""
    file = out / "pretraining.json"
    settings = config.model_dump(mode="json")
    if file.exists():
        try:
            begun = json.loads(file.read_text(encoding="utf-8"))
            was, generator = begun["settings"], begun["generator"]
        except (ValueError, KeyError, TypeError):
            raise RunError(f"{file}: is damaged. Delete {out} and begin again.") from None
        if was != settings or generator != VERSION:
            raise RunError(
                f"{out}: holds a pretraining with other settings or of another version. Choose another --out."
            )
        if minutes is not None:
            watch.note(
                f"{out} was begun, and goes on to the {begun['blocks'] * order.pairs} pairs fixed then: --minutes says nothing"
            )
        return begun
    strange = [one.name for one in out.iterdir() if not one.name.startswith(".") and one.name != "blocks"]
    if strange:
        raise RunError(f"{out}: is no pretraining, but holds {strange[0]}. Choose an empty or new folder.")
    # Half of the cores draw while the others learn; the number of threads decides the last bits, so it is kept.
    threads, pairs = max(1, cores() // 2), config.learn.pairs
    if minutes is not None:
        with on_threads(threads), torch.random.fork_rng():
            pairs = int(_rehearse(config, order, drawers, pupil, device) * 60 * minutes)
        watch.note(f"{minutes:g} minutes are about {pairs} pairs here")
    blocks = max(1, math.ceil(pairs / order.pairs))
    plan = {"format": FORMAT, "settings": settings, "generator": VERSION, "threads": threads, "blocks": blocks}
    write_whole(file, json.dumps(plan, indent=1) + "\n")
    return plan


def _rehearse(config: PretrainConfig, order: Order, drawers: int, pupil: Pupil, device: torch.device) -> float:
    """Pairs a second, from a few blocks; what was learned from them is forgotten."""
    before = {name: value.clone() for name, value in pupil.state_dict().items()}
    lesson = Lesson(config, order, 10**6, device)
    pupil.to(device).train()
    optimiser = lesson.optimiser(pupil)
    with closing(in_order(partial(make, order), count(), drawers)) as drawn:
        lesson.learn(pupil, optimiser, 0, [next(drawn)])  # when all workers have started
        began = time.monotonic()
        for number in range(REHEARSED):
            lesson.learn(pupil, optimiser, number, [next(drawn)])
        seconds = time.monotonic() - began
    pupil.load_state_dict(before)
    return REHEARSED * order.pairs / seconds


def _finish(
    out: Path, config: PretrainConfig, order: Order, plan: dict[str, Any], pupil: Pupil, asked: Sequence[Asked]
) -> None:
    """Save the model, then the card, which says that all is there."""
    pupil.model.classes = ()
    save_pretrained(pupil.model.half() if config.half else pupil.model, out)
    people = plan["blocks"] * order.draw.people
    card = {
        "format": FORMAT,
        "name": config.name,
        "seen": [drawn_with(config.draw.seed)],
        "people": people,
        "pairs": plan["blocks"] * order.pairs,
        "generator": VERSION,
        "targets": config.targets.model_dump(mode="json"),
        "classes": list(pupil.goals.classes),
        "units": list(UNITS),
        "held_out": asdict(asked[-1][1]),
        "asked": [{"pairs": pairs, **asdict(marks)} for pairs, marks in asked],
        "held_out_pairs": config.draw.held_out * order.pairs,
        "settings": config.model_dump(mode="json"),
        "tsfmicro": __version__,
        "note": "Learned from drawn faces alone, to be trained on: its last layer says nothing about people.",
    }
    write_whole(out / CARD, json.dumps(card, indent=1) + "\n")
    (out / "state.pt").unlink(missing_ok=True)


def _seed(config: PretrainConfig, what: str) -> int:
    return int(np.random.SeedSequence([config.draw.seed, *what.encode()]).generate_state(1)[0])


def _digest(config: PretrainConfig) -> str:
    return sha256(config.model_dump_json().encode()).hexdigest()


@contextmanager
def _held(out: Path) -> Iterator[None]:
    """The folder for this process alone. Raises RunError."""

    def refuse() -> None:
        raise RunError(f"{out}: another process is at work here. Wait for it, or choose another --out.")

    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise RunError(f"{out}: cannot be a folder ({problem.strerror}). Choose another --out.") from None
    with locked(out / ".lock", refuse):
        yield


@contextmanager
def _room(out: Path) -> Iterator[None]:
    """Raises RunError: the disk is full, or may not be written to."""
    try:
        yield
    except OSError as problem:
        raise RunError(
            f"{problem.filename or out}: cannot be written ({problem.strerror or problem}). "
            "Make room: the same command goes on from what is kept."
        ) from None
