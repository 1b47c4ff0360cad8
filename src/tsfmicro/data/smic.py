"""SMIC: clips of micro-expressions cut from films of three cameras, HS at 100, VIS and NIR at 25 frames per second, 640×480
(Li et al., FG 2013). There is no sheet: the folders say whose clip it is and what it shows, and the first and last frame there
is are onset and offset."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from tsfmicro.data.annotated import AnnotatedDataset, Source
from tsfmicro.data.base import Reading
from tsfmicro.data.entries import Entry, Flag, Odd
from tsfmicro.data.fake import Cells, Layout, write_frames
from tsfmicro.errors import UnknownNameError
from tsfmicro.types import Clip

if TYPE_CHECKING:
    import numpy as np

GATE = "Oulu CMVS, on request"
SPOT_THE_APEX = "no apex is annotated: set prepare.apex=missing to have it looked for"
CLASSES = ("negative", "positive", "surprise")
SHORT = dict(zip(("ne", "po", "sur"), CLASSES, strict=True))  # in the names of clips
# Clips of each class, of each person whom the fast camera saw.
CLIPS: Mapping[int, tuple[int, int, int]] = {
    1: (3, 2, 1),
    2: (0, 1, 5),
    3: (22, 11, 6),
    4: (10, 4, 5),
    5: (1, 0, 1),
    6: (2, 0, 2),
    8: (9, 4, 0),
    9: (0, 1, 3),
    11: (3, 3, 1),
    12: (0, 8, 1),
    13: (0, 10, 0),
    14: (3, 2, 5),
    15: (1, 1, 2),
    18: (2, 0, 5),
    19: (0, 1, 1),
    20: (14, 3, 5),
}
LATER = (11, 12, 13, 14, 15, 18, 19, 20)  # people whom all three cameras saw
_CAMERAS = ("hs", "vis", "nir")


def camera_of(*names: str) -> str:
    """The camera that the first of several names names that names one: 'SMIC-HS-E' → 'hs'; empty where none does."""
    words = (set(re.split(r"[^a-z0-9]+", name.casefold())) & set(_CAMERAS) for name in names)
    return next((found.pop() for found in words if len(found) == 1), "")


def clip_names(people: Iterable[int]) -> list[tuple[int, str, str]]:
    """(person, clip, class) of all clips, as folders name them: (1, 's1_ne_01', 'negative')."""
    return [
        (person, f"s{person}_{short}_{number:02d}", emotion)
        for person in people
        for (short, emotion), count in zip(SHORT.items(), CLIPS[person], strict=True)
        for number in range(1, count + 1)
    ]


def named_class(clip: str) -> str | None:
    """The class in a clip's name: 's18_sur_03' → 'surprise'."""
    parts = re.fullmatch(r"s\d+_([a-z]+)_\d+", clip, re.IGNORECASE)
    return SHORT.get(parts[1].lower()) if parts else None


class Smic(AnnotatedDataset):
    """Attributes: camera: hs, vis or nir; people: whom it saw."""

    camera: ClassVar[str]
    people: ClassVar[Sequence[int]] = LATER
    size = "640×480"
    gate = GATE
    has_sheet = False
    has_apex = False
    person_folder = re.compile(r"s\d+", re.IGNORECASE)

    def __init_subclass__(cls) -> None:
        cls.name, cls.title = f"smic-{cls.camera}", f"SMIC-{cls.camera.upper()}"
        clips = clip_names(cls.people)
        cls.release_rows = len(clips)
        cls.published = {"smic-3": {c: sum(shown == c for _, _, shown in clips) for c in CLASSES}}
        folder = f"{cls.camera.upper()}/{{clip}}"
        cls.layouts = {
            "raw": Layout(f"SMIC_all_raw/{folder}", "image{n:06}.bmp"),
            "cropped": Layout(f"SMIC_all_cropped/{folder}", "reg_image{n:06}.bmp"),
        }

    def is_base(self, base: Path) -> bool:
        return camera_of(*reversed(base.absolute().parts)) in (self.camera, "")

    def entries(self, source: Source) -> Iterable[Entry | Flag]:
        # A long version may lie beside it, whose people's folders have no classes.
        of_bases = (sorted(base.glob("[sS]*/[mM][iI][cC][rR][oO]/*/*"), key=_in_order) for base in source.bases)
        for folder in max(of_bases, key=len, default=[]):
            person, _, emotion, clip = folder.parts[-4:]
            number = re.search(r"\d+", person)
            if not folder.is_dir():
                continue
            if number is None or named_class(clip) is None:
                yield Flag(clip, 0, "folder named like no clip", str(folder))
                continue
            yield Entry(f"s{int(number[0]):02d}", clip, emotion=emotion, recording="/".join(folder.parts[-4:]))

    def places(self, entry: Entry) -> Sequence[tuple[str, ...]]:
        return [tuple(entry.recording.split("/"))]

    def oddities(self, entry: Entry) -> list[Odd]:
        named = named_class(entry.name)
        if named == entry.emotion:
            return []
        return [("name and folder differ", f"{named} in the name, {entry.emotion} by the folder, which is taken")]

    def remarks(self, reading: Reading) -> tuple[str, ...]:
        missing = () if reading.rows == self.release_rows else (f"the paper counts by {self.release_rows} clips",)
        return (*missing, SPOT_THE_APEX)

    def version(self, source: Source, clips: Sequence[Clip]) -> str:
        return "folders without a sheet"

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
        """All clips under invented frame numbers. Every third has a gap; there are no cells and no apex to lose."""
        if layout is not None and layout not in self.layouts:
            raise UnknownNameError(f"{self.title} layout", layout, self.layouts)
        shape = self.layouts[layout or next(iter(self.layouts))]
        everything = []
        for person, clip, emotion in clip_names(self.people):
            onset, length = int(rng.integers(100, 2_000_000)), int(rng.integers(11, 57))
            everything.append(
                Entry(
                    f"s{person:02d}",
                    clip,
                    onset=str(onset),
                    offset=str(onset + length - 1),
                    emotion=emotion,
                    recording=f"s{person}/micro/{emotion}/{clip}",
                )
            )
        count = min(len(everything), rows or len(everything))
        chosen = [everything[i * len(everything) // count] for i in range(count)]
        write_frames(root, shape, chosen, every_frame=every_frame, lost=())
        for entry in chosen[::3] if every_frame else ():
            gap = shape.file.format(n=int(entry.onset or 0) + 5)
            (root / shape.folder.format(clip=entry.recording) / gap).unlink()


class SmicHs(Smic):
    camera = "hs"
    people = tuple(CLIPS)
    fps = 100.0


class SmicVis(Smic):
    camera = "vis"
    fps = 25.0


class SmicNir(Smic):
    camera = "nir"
    fps = 25.0


def _in_order(folder: Path) -> tuple[int, str, int]:
    """People and clips by number: s2 before s11."""
    person, _, emotion, clip = folder.parts[-4:]
    first, last = (int((re.findall(r"\d+", name) or ["0"])[-1]) for name in (person, clip))
    return first, emotion, last
