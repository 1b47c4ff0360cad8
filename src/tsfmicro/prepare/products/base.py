"""What every product promises, and all of them by name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np

from tsfmicro.config import Section, check_section
from tsfmicro.errors import ConfigError, FrameError, UnknownNameError, check_free
from tsfmicro.needs import Moves, Need
from tsfmicro.prepare.aligned import AlignedClip
from tsfmicro.types import Clip, Pair


class NoOptions(Section):
    """Of a product that leaves nothing to choose."""


Chosen = TypeVar("Chosen", bound=Section)


class Product(ABC, Generic[Chosen]):
    """Something that is made of an aligned clip and stored, one row for each clip.

    Attributes:
        name: as models ask for it.
        version: raise it when the same clip and options would give other numbers.
        dtype: of the stored array.
        unit: of its values. moves: how augmentation moves it. swap: of points, which one each becomes in a mirror.
        paired: it is made once for the annotated and once for the widest pair.
        ready_unit: of files that hold it ready-made; empty where it cannot come ready-made. Those are never moved.
        sequence: it looks at frames between onset and apex too. depth: it looks at depth pictures.
        Options: its settings, a `Section`; unknown ones are told.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    dtype: ClassVar[str]
    unit: ClassVar[str]
    moves: ClassVar[Moves]
    swap: ClassVar[tuple[int, ...]] = ()
    paired: ClassVar[bool] = False
    ready_unit: ClassVar[str] = ""
    sequence: ClassVar[bool] = False
    depth: ClassVar[bool] = False
    Options: ClassVar[type[Section]] = NoOptions

    @abstractmethod
    def shape(self, size: int | None, options: Chosen) -> tuple[int, ...]:
        """Of one clip's row. Raises ConfigError: a size that it cannot have."""

    @abstractmethod
    def make(self, aligned: AlignedClip, pair: Pair, size: int | None, options: Chosen) -> np.ndarray:
        """One row; `pair` means nothing where the product is not paired. Raises FrameError."""

    def length(self, clip: Clip, options: Chosen) -> int | None:
        """Rows of a clip, where that differs from clip to clip; None where each has one."""
        return None

    def looks_between(self, options: Chosen) -> bool:
        """Whether a pair of images is not enough, since it looks at frames between onset and apex too."""
        return self.sequence

    def reads(self, clip: Clip, options: Chosen) -> Collection[int]:
        """Frames that are read besides those that alignment reads."""
        return ()

    def read_ready(self, clip: Clip, size: int | None) -> np.ndarray:
        """A row from the file that holds it ready-made. Raises FrameError: missing, damaged or of another size."""
        raise FrameError(f"{clip.id}: {self.name} cannot be read ready-made. Choose a dataset with images.")


PRODUCTS: dict[str, Product[Any]] = {}


def product(made: type[Product[Any]]) -> type[Product[Any]]:
    """Decorate a product's class to make it known by its name."""
    check_free("product", made.name, type(PRODUCTS[made.name]) if made.name in PRODUCTS else None, made)
    PRODUCTS[made.name] = made()
    return made


def product_of(need: Need, overrides: Mapping[str, Mapping[str, Any]] | None = None) -> tuple[Product[Any], Section]:
    """The product behind a need, and its options.

    Args: overrides: product → options that the user has set; they win over the model's.
    Raises: UnknownNameError: no such product; ConfigError: an option that it does not have.
    """
    if need.product not in PRODUCTS:
        raise UnknownNameError("product", need.product, PRODUCTS)
    chosen = PRODUCTS[need.product]
    values = {**dict(need.options), **(overrides or {}).get(need.product, {})}
    return chosen, check_section(chosen.Options, values, f"product {need.product}")


def edge_of(name: str, size: int | None) -> int:
    """The size, which this product needs. Raises ConfigError: there is none."""
    if size is None:
        raise ConfigError(f"product {name}: needs a size, the edge of its images in pixels.")
    return size
