"""What is learned from, block by block: drawn people as the model will see filmed ones.

A block hangs on the seed and its number alone, so that nothing of it needs to be kept: whoever draws it again has the same.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from tsfmicro.errors import ConfigError, RunError
from tsfmicro.files import write_whole
from tsfmicro.models.base import ClosedForm, Model, check_choice
from tsfmicro.needs import Need
from tsfmicro.prepare.flow import flow_and_strain, strain
from tsfmicro.prepare.products.flow import COMPUTED_ON, shrink
from tsfmicro.pretrain.settings import DrawConfig
from tsfmicro.run.task import on_threads
from tsfmicro.synthetic.breadth import Breadth
from tsfmicro.synthetic.pairs import Pairs, draw_pairs

HELD_OUT = 10_000_000  # number of the first block that is only asked about: no pretraining gets so far
STEP = 4  # true motion is known for every fourth pixel
FINER = 2  # pixels of a small face are means of so many drawn ones each way, as in preparation: texture must not alias
COARSER = 128  # px at which a face is drawn whose flow is measured on 224: dis looks at halves of its pictures at most
_KEPT = ("motion", "units", "emotion")


@dataclass(frozen=True)
class Block:
    """Pairs as a model looks at them, and what is true of them.

    Attributes:
        products: need → (n, …) as preparation would store it.
        motion: (n, 2, q, q) where each place of the face goes when the head is held still, pixels of a face of 224.
        units: (n, U) how strong each action unit is on either side, as drawn, 0 where it is not there.
        emotion: (n,) number of the drawn emotion.
    """

    products: Mapping[Need, np.ndarray] = field(repr=False)
    motion: np.ndarray = field(repr=False)
    units: np.ndarray = field(repr=False)
    emotion: np.ndarray = field(repr=False)

    def __len__(self) -> int:
        return len(self.emotion)

    @classmethod
    def join(cls, blocks: Sequence[Block]) -> Block:
        """Several as one."""
        products = {need: np.concatenate([block.products[need] for block in blocks]) for need in blocks[0].products}
        return cls(products, *(np.concatenate([getattr(block, name) for block in blocks]) for name in _KEPT))


@dataclass(frozen=True)
class Order:
    """What every block is to hold. Attributes: needs: of the model; keep: where blocks are kept, where they are."""

    draw: DrawConfig
    needs: tuple[Need, ...]
    keep: Path | None = None

    @property
    def size(self) -> int:
        """Edge at which people are drawn, pixels."""
        return -(-max(map(self._drawn_for, self.needs)) // STEP) * STEP

    @property
    def taken(self) -> int:
        """Edge of the pictures that are taken of them, pixels."""
        return max(map(self._taken_for, self.needs))

    def _drawn_for(self, need: Need) -> int:
        if need.product == "faces":
            return min(FINER * _on(need), max(COMPUTED_ON, _on(need)))
        if self.draw.flow == "true":
            return STEP * (need.size or 0)
        return COARSER if _on(need) == COMPUTED_ON else _on(need)

    def _taken_for(self, need: Need) -> int:
        return _on(need) if need.product == "flow" and self.draw.flow != "true" else self._drawn_for(need)

    @property
    def pairs(self) -> int:
        """Pairs of a block."""
        return self.draw.people * self.draw.each


def needs_of(model: Model) -> tuple[Need, ...]:
    """What a model looks at. Raises ConfigError: it learns in closed form, or something cannot be made of two pictures."""
    name = model.recipe["name"]
    if isinstance(model, ClosedForm):
        raise ConfigError(f"model {name} is solved in closed form, from all clips at once. Choose a network.")
    lacking = [need for need in model.needs if need.product not in ("faces", "flow") or not need.size]
    if lacking:
        raise ConfigError(
            f"model {name} looks at {lacking[0]}, and a drawn pair has an onset, an apex and the flow between them. "
            "Choose a model that looks at these."
        )
    if type(model).begin is not Model.begin:
        raise ConfigError(f"model {name} wants facts of its training side before it learns. Choose another.")
    return model.needs


def breadth_of(draw: DrawConfig) -> Breadth:
    """Raises UnknownNameError, ConfigError: a kind of breadth that there is not, or an amount that cannot be."""
    for name in draw.breadth:
        check_choice("draw.breadth", name, [one.name for one in fields(Breadth)])
    return Breadth(**draw.breadth)


def make(order: Order, number: int) -> Block:
    """Draw a block, or read it where blocks are kept.

    Raises: RunError: it cannot be kept, or what is kept is damaged.
    """
    if order.keep is None:
        draw = order.draw
        drawn = draw_pairs(draw.seed, number, order.size, draw.people, draw.each, breadth_of(draw), order.taken)
        return _seen(drawn, order)
    file = order.keep / f"{number}.npz"
    try:
        if file.exists():
            return _read(file, order.needs)
        block = make(Order(order.draw, order.needs), number)
        content = io.BytesIO()
        looked: dict[str, Any] = {str(place): block.products[need] for place, need in enumerate(order.needs)}
        np.savez_compressed(content, **looked, **{name: getattr(block, name) for name in _KEPT})
        write_whole(file, content.getvalue())
        return block
    except OSError as problem:
        raise RunError(
            f"{file}: cannot be written ({problem.strerror}). Make room, or leave --keep out; the same command goes on."
        ) from None


def _read(file: Path, needs: tuple[Need, ...]) -> Block:
    try:
        with np.load(file) as kept:
            return Block({need: kept[str(n)] for n, need in enumerate(needs)}, *(kept[name] for name in _KEPT))
    except Exception as damage:  # whatever a damaged file may raise
        raise RunError(f"{file}: is damaged ({damage}). Delete it, and it is drawn again.") from None


def _seen(pairs: Pairs, order: Order) -> Block:
    """As preparation would leave them."""
    to_224 = np.float32(224 / order.size)
    with on_threads(1):  # of flow that a network measures, their number decides the last bits
        made = {need: np.stack(list(_product(need, pairs, pairs.flow * to_224, order))) for need in order.needs}
    return Block(made, pairs.still * to_224, pairs.units.astype(np.float32), pairs.emotion)


def _product(need: Need, pairs: Pairs, motion: np.ndarray, order: Order) -> Iterator[np.ndarray]:
    edge, on = need.size or 0, _on(need)
    for onset, apex, moved in zip(pairs.onset, pairs.apex, motion, strict=True):
        if need.product == "faces":
            yield np.stack([_resized(onset, edge), _resized(apex, edge)])
        elif order.draw.flow == "true":
            flow = cv2.resize(moved.transpose(1, 2, 0), (on, on), interpolation=cv2.INTER_LINEAR).transpose(2, 0, 1)
            yield shrink(np.concatenate([flow, strain(flow)]).astype(np.float16), edge)
        else:
            flow = flow_and_strain(_resized(onset, on), _resized(apex, on), order.draw.flow)
            yield flow if edge == on else shrink(flow, edge)


def _on(need: Need) -> int:
    """Edge of the pictures that a product is made from, as preparation makes it."""
    edge = need.size or 0
    return edge if need.product == "faces" else max(edge, COMPUTED_ON)


def _resized(image: np.ndarray, edge: int) -> np.ndarray:
    return image if len(image) == edge else cv2.resize(image, (edge, edge), interpolation=cv2.INTER_AREA)
