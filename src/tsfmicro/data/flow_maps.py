"""Ready-made flow maps, as STSTNet, HTNet and their descendants have them on disk: MEGC2019's composite without its images.

Two shapes are read. Either a folder per left-out subject, with every clip in most of them:

    <subject>/{u_train,u_test}/{0,1,2}/sub01_EP02_01f .png        0 negative, 1 positive, 2 surprise; mind the space

or the same files in any folders without classes, beside a list (CSV): dataset, subject, filename, label. Under a header it may
have other columns, too.
A map has three channels: horizontal flow, vertical flow and optical strain. Which split a file lies in is of no interest: it
is the protocol that says who is tested on what.
"""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from tsfmicro.data.base import Dataset, Progress, Reading
from tsfmicro.data.entries import Flag
from tsfmicro.data.fake import Cells, Layout
from tsfmicro.data.fake_flow_maps import write_flow_maps
from tsfmicro.data.megc2019 import CLASSES, PEOPLE, PUBLISHED
from tsfmicro.data.sheets import Columns, read_tables
from tsfmicro.errors import AnnotationError, FrameError, UnknownNameError
from tsfmicro.files import counted
from tsfmicro.types import Clip, Frames

if TYPE_CHECKING:
    import numpy as np

NAME = "flow-maps"
_FPS = {"casme2": 200.0, "smic": 100.0, "samm": 200.0}
_SHOWN = 5  # names in one line
_COLUMNS: Columns = {
    "dataset": ("dataset", "data"),
    "subject": ("subject",),
    "clip": ("filename", "clip"),
    "label": ("label",),
}  # of the list, in its order


class FlowMaps(Dataset):
    """MEGC2019's composite as flow maps. Each clip has one "frame", number 0, which is the map; its emotion is the class."""

    name = NAME
    title = "ready-made flow maps (MEGC2019)"
    fps = None
    size = "28×28"
    gate = "those of its three datasets"
    has_sheet = False
    ready = "flow"
    release_rows = sum(map(sum, PUBLISHED.values()))
    published: ClassVar = {
        "megc2019-3": dict(zip(CLASSES, map(sum, zip(*PUBLISHED.values(), strict=True)), strict=True))
    }
    published_of: ClassVar = {name: dict(zip(CLASSES, counts, strict=True)) for name, counts in PUBLISHED.items()}
    layouts: ClassVar = {
        "flat": Layout(".", "<clip> .png"),
        "left-out subjects": Layout("{subject}/u_train/0", "<clip> .png"),
    }

    def read(self, root: Path, tell: Progress = lambda done, total: None) -> Reading:
        """The clips of a folder of flow maps, each once, however many left-out subjects' folders it lies in.

        Args: tell: called with the files that were compared, and all of them.
        Raises:
            AnnotationError: no such folder, no flow maps in it, no classes, or a clip with two of them.
            FrameError: a file cannot be read.
        """
        if not root.is_dir():
            raise AnnotationError(f"{root}: no such folder. Give the folder that holds the flow maps.")
        files = sorted(p for p in root.rglob("*") if p.suffix.lower() == ".png" and not p.name.startswith("."))
        if not files:
            raise AnnotationError(
                f"{root}: no flow maps. Looked for files like <subject>/u_train/0/sub01_EP02_01f .png, here and below."
            )
        found = [(path, clip_of(path.stem)) for path in files]
        known = [_Found(path, *identity) for path, identity in found if identity is not None]
        strange = [
            Flag(path.name, 0, f"file named like no clip of {', '.join(PUBLISHED)}", str(path.relative_to(root)))
            for path, identity in found
            if identity is None
        ]
        labels, told, sheet = _labels(root, known)
        clips, differing = _each_once([f for f in known if f.clip in labels], labels, tell)
        return Reading(
            clips=clips,
            flags=(*strange, *told, *differing),
            fixed=(),
            sheet=sheet,
            version=f"{counted(len(clips), 'clip')} in {counted(len(files), 'file')}",
            rows=len(clips),
            frames=root,
        )

    def remarks(self, reading: Reading) -> tuple[str, ...]:
        here = Counter((clip.dataset, clip.emotion) for clip in reading.clips)
        lines = [
            f"{name} {emotion}: {counted(here[name, emotion], 'clip')}, MEGC2019 has {there} ({here[name, emotion] - there:+d})"
            for name, counts in self.published_of.items()
            for emotion, there in counts.items()
            if here[name, emotion] != there
        ]
        people = len({clip.person for clip in reading.clips})
        lines += [f"{counted(people, 'person', 'people')}, MEGC2019 has {PEOPLE}"] if people != PEOPLE else []
        return tuple(lines or ["as many as MEGC2019 in every dataset and class"])

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
        """Maps of nobody. They have no sheet and no frames, so only `rows` and `layout` make a difference."""
        if layout is not None and layout not in self.layouts:
            raise UnknownNameError(f"{self.title} layout", layout, self.layouts)
        write_flow_maps(root, rng, clips=rows, folders=layout == "left-out subjects")


@dataclass(frozen=True)
class _Found:
    """A file, and the clip it shows."""

    path: Path
    dataset: str
    subject: str
    name: str

    @property
    def clip(self) -> str:
        return f"{self.dataset}/{self.subject}/{self.name}"


def clip_of(stem: str, dataset: str | None = None) -> tuple[str, str, str] | None:
    """Dataset, subject and clip in a file's name, written as the datasets' readers write them; None where it is unknown.

    'sub01_EP02_01f ' → casme2, sub01, EP02_01f; '006_1_2' → samm, 006, 006_1_2; 's1_ne_01' → smic, s01, s01_ne_01.

    Args: dataset: the one it must be of.
    """
    parts = re.fullmatch(r"(sub|s|)0*(\d{1,3})_(.+)", stem.strip(), re.IGNORECASE)
    if parts is None or (not parts[1] and not re.match(r"\d+_\d+", parts[3])):
        return None
    prefix, number, rest = parts[1].lower(), int(parts[2]), parts[3].strip()
    if prefix == "sub":
        identity = ("casme2", f"sub{number:02d}", rest)
    elif prefix == "s":
        identity = ("smic", f"s{number:02d}", f"s{number:02d}_{rest}")
    else:
        identity = ("samm", f"{number:03d}", f"{number:03d}_{rest}")
    if dataset not in (None, identity[0]):
        return None
    inner = clip_of(rest, identity[0])  # some copies name the person twice: 006_006_1_2
    return inner if inner and inner[1] == identity[1] else identity


def _labels(root: Path, found: Sequence[_Found]) -> tuple[dict[str, int], list[Flag], Path]:
    """Class number of each clip, what is odd about files and list, and where the classes were read."""
    in_class_folders = [f for f in found if f.path.parent.name in ("0", "1", "2")]
    if not in_class_folders:
        return _labels_of_list(root, found)
    first: dict[str, _Found] = {}
    for one in in_class_folders:
        other = first.setdefault(one.clip, one)
        if other.path.parent.name != one.path.parent.name:
            raise AnnotationError(
                f"{one.clip}: has two classes, {other.path} and {one.path}. Delete the file in the wrong folder."
            )
    beside = [
        Flag(f.clip, 0, "file in no folder 0, 1 or 2, left out", str(f.path.relative_to(root)))
        for f in found
        if f.clip not in first
    ]
    return {clip: int(one.path.parent.name) for clip, one in first.items()}, beside, root


def _labels_of_list(root: Path, found: Sequence[_Found]) -> tuple[dict[str, int], list[Flag], Path]:
    """Class numbers from the list, and what of list and files has no counterpart."""
    lists = [path for path in sorted(root.rglob("*.csv")) if not path.name.startswith(".")]
    if len(lists) != 1:
        there = f"{len(lists)} lists: {_some([p.name for p in lists])}" if lists else "no list"
        raise AnnotationError(
            f"{root}: {there}, and no class folders 0, 1, 2. Put one CSV file there: dataset, subject, filename, label."
        )
    labels: dict[str, int] = {}
    lines: dict[str, int] = {}
    for number, row in _rows(lists[0]):
        clip, label = _listed(row, f"{lists[0]}, line {number}")
        lines.setdefault(clip, number)
        if labels.setdefault(clip, label) != label:
            raise AnnotationError(f"{lists[0]}, line {number}: {clip} has two classes. Keep one line.")
    on_disk = {one.clip: one.path for one in found}
    if not on_disk.keys() & labels.keys():
        raise AnnotationError(
            f"{lists[0]}: names none of the {len(on_disk)} clips with a file. Give the list that belongs to them."
        )
    absent = [
        Flag(clip, lines[clip], "on the list without a file", f"no file in {root}")
        for clip in sorted(labels.keys() - on_disk.keys())
    ]
    unlisted = [
        Flag(clip, 0, "file not on the list, left out", str(on_disk[clip].relative_to(root)))
        for clip in sorted(on_disk.keys() - labels.keys())
    ]
    return labels, [*absent, *unlisted], lists[0]


def _rows(path: Path) -> list[tuple[int, Sequence[str]]]:
    """The number of each line, and what it says of dataset, subject, filename and label: all of it where no header does."""
    (table,) = read_tables(path)
    if table.header(_COLUMNS).lacks(_COLUMNS):
        return [(number, cells) for number, cells in enumerate(table.cells, 1) if any(cells)]
    return [(row.number, [row[column] for column in _COLUMNS]) for row in table.rows(_COLUMNS)]


def _listed(row: Sequence[str], where: str) -> tuple[str, int]:
    """A clip's id and class number."""
    if len(row) != len(_COLUMNS) or row[3] not in ("0", "1", "2"):
        raise AnnotationError(
            f"{where}: {', '.join(row)!r} is not dataset, subject, filename, label (0 negative, 1 positive, 2 surprise). "
            "Correct the line; other columns need a header that names these four."
        )
    dataset, subject, name, _ = row
    plain = re.sub(r"[^a-z0-9]", "", dataset.lower())
    of = next((known for known in PUBLISHED if plain.startswith(known.rstrip("2"))), None)
    name = Path(name).stem if name.lower().endswith(".png") else name
    # CASME II's file names repeat from person to person, and lack the subject here; the others begin with it.
    prefix = {"casme2": "sub", "smic": "s"}.get(of or "", "")
    identity = clip_of(name, of) or clip_of(f"{subject}_{name}", of) or clip_of(f"{prefix}{subject}_{name}", of)
    if of is None or identity is None:
        raise AnnotationError(
            f"{where}: {dataset}, {subject}, {name} is no clip of {', '.join(PUBLISHED)}. Correct the line."
        )
    return "/".join(identity), int(row[3])


def _each_once(
    found: Sequence[_Found], labels: Mapping[str, int], tell: Progress
) -> tuple[tuple[Clip, ...], list[Flag]]:
    """Of equal copies the first; where copies differ, the most frequent, and a flag that says so."""
    copies: dict[str, list[_Found]] = {}
    for one in found:
        copies.setdefault(one.clip, []).append(one)
    clips, flags, done = [], [], 0
    for clip, those in sorted(copies.items()):
        sums = [_checksum(one.path) for one in those] if len(those) > 1 else [0]
        taken, count = Counter(sums).most_common(1)[0]
        one = those[sums.index(taken)]
        if count < len(those):
            other = next(o for o, its in zip(those, sums, strict=True) if its != taken)
            what = f"{len(those) - count} of {len(those)}, e.g. {other.path}; taken: {one.path}"
            flags.append(Flag(clip, 0, "copies differ", what))
        clips.append(
            Clip(
                dataset=one.dataset,
                subject=one.subject,
                name=one.name,
                frames=Frames(one.path.parent, {0: one.path.name}),
                onset=0,
                apex=0,
                offset=0,
                fps=_FPS[one.dataset],
                emotion=CLASSES[labels[clip]],
                ready=FlowMaps.ready,
            )
        )
        done += len(those)
        tell(done, len(found))
    return tuple(clips), flags


def _checksum(path: Path) -> int:
    try:
        return zlib.crc32(path.read_bytes())
    except OSError as error:
        raise FrameError(f"{path}: cannot be read ({error.strerror}). Copy it again, or exclude the clip.") from None


def _some(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names[:_SHOWN])) + (" …" if len(names) > _SHOWN else "")
