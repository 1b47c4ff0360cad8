"""What a dataset is to everybody else: it reads a folder, and tells clips and all that is odd about them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from tsfmicro.data.entries import Correction, Flag
from tsfmicro.data.fake import Cells, FakeSheet, Layout
from tsfmicro.types import Clip

if TYPE_CHECKING:
    import numpy as np

Progress = Callable[[int, int], None]
"""Called with what is done, and all there is to do."""


@dataclass(frozen=True)
class Fixed:
    """A correction that was applied."""

    clip: str
    row: int
    correction: Correction


@dataclass(frozen=True)
class Reading:
    """What a dataset's folder holds.

    Attributes:
        clips: every micro-expression, in the sheet's order; apex None where it has none that can be used.
        flags: everything odd; nothing is left out quietly.
        fixed: corrections that were applied.
        sheet: the file that was read, or the folder where there is no sheet.
        version: which of the published sheets it is, and its rows.
        rows: how many rows it has; without a sheet, clips.
        frames: the folder that the frames are taken from.
        macro: macro-expressions of the same sheet.
        other_sheets, other_frames: what would have done as well; give its folder as root to have it read.
    """

    clips: tuple[Clip, ...]
    flags: tuple[Flag, ...]
    fixed: tuple[Fixed, ...]
    sheet: Path
    version: str
    rows: int
    frames: Path
    macro: tuple[Clip, ...] = ()
    other_sheets: tuple[Path, ...] = ()
    other_frames: tuple[Path, ...] = ()

    @property
    def trainable(self) -> tuple[Clip, ...]:
        """Clips with an apex, and with the onset and the apex frame on disk."""
        return tuple(clip for clip in self.clips if can_train(clip))


def can_train(clip: Clip) -> bool:
    """Whether a clip has an apex, and its onset and apex frames are on disk."""
    numbers = clip.frames.numbers
    return clip.apex is not None and clip.onset in numbers and clip.apex in numbers


class Dataset(ABC):
    """A dataset as everybody sees it: it is read from a folder, and what is published about it stands beside.

    Attributes:
        name, title: in ids and commands; for people.
        fps: frames per second; None where each clip or video says its own.
        published: label scheme → class → clips, as its paper counts them.
        published_of: the same for each of several datasets that its clips are of: dataset → class → clips.
        release_rows: rows of the published sheet, or clips.
        has_sheet: whether a spreadsheet tells of the clips.
        has_apex: whether it annotates apexes; where not, they can be spotted.
        ready: the product that its clips are ready-made files of, as `Clip` has it; empty where they are pictures.
        size: of its frames, in words.
        gate: where it is applied for.
        sheets, layouts: what copies of the release look like. Fakes are written so; reading does not ask.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    fps: ClassVar[float | None]
    published: ClassVar[Mapping[str, Mapping[str, int]]] = {}
    published_of: ClassVar[Mapping[str, Mapping[str, int]]] = {}
    release_rows: ClassVar[int]
    has_sheet: ClassVar[bool] = True
    has_apex: ClassVar[bool] = True
    ready: ClassVar[str] = ""
    size: ClassVar[str] = ""
    gate: ClassVar[str] = ""
    sheets: ClassVar[Mapping[str, FakeSheet]] = {}
    layouts: ClassVar[Mapping[str, Layout]] = {}

    @property
    def shows(self) -> tuple[str, ...]:
        """The datasets that stand in its clips' ids: as a rule its own name."""
        return tuple(self.published_of) or (self.name,)

    @abstractmethod
    def read(self, root: Path, tell: Progress = lambda done, total: None) -> Reading:
        """Everything a folder holds of this dataset.

        Args:
            root: the dataset's folder, one above it, or the folder of its frames.
            tell: called with clips or files that were looked at, and all of them.
        Raises:
            AnnotationError: no such folder, no sheet, a sheet that cannot be read, or two rows that make one clip.
            LabelError: there is not one emotion that the dataset has.
            FrameError: no folder with frames of these clips.
        """

    def remarks(self, reading: Reading) -> tuple[str, ...]:
        """Why counts differ from the paper's, where the dataset's own history explains it."""
        return ()

    def write_fake(
        self,
        root: Path,
        rng: np.random.Generator,
        *,
        rows: int | None = None,
        sheet: str | None = None,
        layout: str | None = None,
        cells: Cells = "release",
        bare: bool = False,
        every_frame: bool = False,
        lost: float = 0.0,
    ) -> None:
        """Write a tree of the release's shape that shows nobody.

        Args:
            rows: how many rows at most, spread over the sheet; all of them by default.
            sheet, layout: a key of `sheets` and of `layouts`; the first one by default.
            cells: 'release' as in the published file, or every number as 'text' or as 'number'.
            bare: leave out what some copies lack: preamble and blank columns.
            every_frame: write all frames from onset to offset, not just onset, apex and offset.
            lost: share of the clips whose apex frame is not there.
        Raises:
            UnknownNameError: no such sheet or layout.
        """
        raise NotImplementedError(f"{self.title} has no fake. Write write_fake().")
