"""What preparation leaves, as every room sees it: products of many clips, found by clip id."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from tsfmicro.errors import ConfigError, ShapeError
from tsfmicro.needs import Need, Stored
from tsfmicro.types import Clip, Pair

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class PreparedSet:
    """What preparation has made of many clips: products, memory-mapped, found by clip id.

    Attributes:
        key: hash of the settings and of the clips.
        clips: the clips that could be prepared, N of them.
        rows: (N,) row of each clip in the products, which have R ≥ N rows (a skipped clip leaves its row empty).
        products: need, as it is stored → what was made for it. Ask with `of`.
        skipped: (clip id, reason) of each clip that could not be prepared.
    Raises:
        ShapeError: counts that differ, or a clip twice.
    """

    key: str
    clips: tuple[Clip, ...]
    rows: np.ndarray = field(repr=False)
    products: Mapping[Need, Stored] = field(repr=False)
    skipped: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        lengths = {stored.rows for stored in self.products.values()}
        if (
            len(lengths) > 1
            or len(self.rows) != len(self.clips)
            or (lengths and len(self.rows) and max(self.rows) >= min(lengths))
        ):
            raise ShapeError(
                f"prepared set {self.key}: {len(self.clips)} clips, {len(self.rows)} rows and products of {sorted(lengths)} "
                "rows do not belong together. Delete the cache folder and prepare again."
            )
        if len(self._row_of) != len(self.clips):
            twice = sorted(i for i, count in Counter(c.id for c in self.clips).items() if count > 1)
            raise ShapeError(
                f"prepared set {self.key}: {twice} is there twice. Give each dataset and clip its own name."
            )

    @cached_property
    def _row_of(self) -> dict[str, int]:
        return {clip.id: int(row) for clip, row in zip(self.clips, self.rows, strict=True)}

    @property
    def capacity(self) -> int:
        """R, the rows of the products."""
        return max((stored.rows for stored in self.products.values()), default=len(self.rows))

    def of(self, need: Need) -> Stored:
        """What was made for a need. Raises ConfigError: it was not, and what was."""
        if need.stored not in self.products:
            there = ", ".join(map(str, self.products)) or "nothing"
            raise ConfigError(
                f"the model needs {need}, but this prepared set holds {there}. Prepare the clips for this model."
            )
        return self.products[need.stored]

    def largest(self, product: str) -> Need | None:
        """The need of that product with the largest images; None where there is none."""
        found = [need for need in self.products if need.product == product]
        return max(found, key=lambda need: need.size or 0, default=None)

    def faces(self, pair: Pair) -> np.ndarray:
        """(R, 2, H, W, 3) uint8 RGB, onset and apex, the largest there are. Raises ConfigError: faces were not prepared."""
        largest = self.largest("faces")
        if largest is None:
            raise ConfigError(
                "these clips were prepared without faces, as ready-made flow maps are. "
                "Choose a model that looks at flow, or a dataset with images."
            )
        return self.products[largest].of(pair)

    def rows_of(self, clip_ids: Iterable[str]) -> list[int]:
        """Rows of these clips in the products. Raises ShapeError for a clip that is not prepared."""
        try:
            return [self._row_of[clip_id] for clip_id in clip_ids]
        except KeyError as missing:
            raise ShapeError(f"clip {missing.args[0]} is not in prepared set {self.key}. Prepare it first.") from None

    def clip_of(self, clip_id: str) -> Clip:
        """The clip of that id. Raises ShapeError: it is not prepared."""
        if clip_id not in self._place_of:
            raise ShapeError(f"clip {clip_id} is not in prepared set {self.key}. Prepare it first.")
        return self.clips[self._place_of[clip_id]]

    @cached_property
    def _place_of(self) -> dict[str, int]:
        return {clip.id: place for place, clip in enumerate(self.clips)}
