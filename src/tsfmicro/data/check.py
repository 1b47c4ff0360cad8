"""A dataset's folder against what the paper counts: what is there, what differs, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tsfmicro.data.base import Dataset, Reading, can_train
from tsfmicro.data.corrections import corrections
from tsfmicro.data.entries import NO_APEX, Flag
from tsfmicro.data.exclusions import leave_out
from tsfmicro.data.registry import read
from tsfmicro.files import counted
from tsfmicro.labels import scheme
from tsfmicro.types import Clip

_SHOWN = 10  # flags of one reason that lines() names


@dataclass(frozen=True)
class ClassCount:
    """Clips of one class: with that label, of these with an apex, of these with both frames on disk; and the paper's."""

    name: str
    labelled: int
    with_apex: int
    trainable: int
    paper: int

    @property
    def difference(self) -> int:
        """Clips with the label here, less the paper's."""
        return self.labelled - self.paper


@dataclass(frozen=True)
class SchemeCounts:
    """One label scheme: its classes, how many people show one of them, and why counts differ from the paper's."""

    scheme: str
    classes: tuple[ClassCount, ...]
    people: int
    notes: tuple[str, ...]

    @property
    def total(self) -> ClassCount:
        columns = [(c.labelled, c.with_apex, c.trainable, c.paper) for c in self.classes]
        return ClassCount("total", *map(sum, zip(*columns, strict=True)))


@dataclass(frozen=True)
class DatasetCounts:
    """One of several datasets that the clips are of: clips of each class here, and as published."""

    dataset: str
    clips: dict[str, int]
    published: dict[str, int]


@dataclass(frozen=True)
class Check:
    """What a folder holds of a dataset, beside what the paper counts.

    Attributes:
        clips, people, trainable: clips, the people they show, and clips with an apex and both frames on disk.
        macro: macro-expressions of the same sheet, which are kept apart.
        corrections: those applied, as (clip id, what and why).
        corrections_known: how many the package has for this dataset.
        excluded: clips left out on request, as (clip id, why).
        flags: everything odd in rows and frames.
        datasets: clips of each dataset, where they are of several.
    """

    dataset: str
    title: str
    root: Path
    sheet: Path
    version: str
    other_sheets: tuple[Path, ...]
    frames: Path
    other_frames: tuple[Path, ...]
    clips: int
    macro: int
    people: int
    trainable: int
    schemes: tuple[SchemeCounts, ...]
    corrections: tuple[tuple[str, str], ...]
    corrections_known: int
    excluded: tuple[tuple[str, str], ...]
    flags: tuple[Flag, ...]
    datasets: tuple[DatasetCounts, ...]

    @property
    def reasons(self) -> dict[str, int]:
        """How many flags have each reason, the most frequent first."""
        return dict(Counter(flag.reason for flag in self.flags).most_common())

    @property
    def _once_spotted(self) -> str:
        spottable = sum(flag.reason == NO_APEX for flag in self.flags) if not self.trainable else 0
        return f" as they are, {spottable} once their apex is spotted (prepare.apex=missing)" if spottable else ""

    def lines(self) -> list[str]:
        """The whole check as plain text; to_dict() names every flag, this the first ten of a kind."""
        lines = [
            f"{self.title} in {self.root}",
            f"{'sheet ' if self.sheet != self.root else 'folder'}  {self.sheet}: {self.version}{_also(self.other_sheets)}",
            f"frames  {self.frames}{_also(self.other_frames)}",
            f"clips   {self.clips} of {counted(self.people, 'person', 'people')}; {self.trainable} can be trained on{self._once_spotted}"
            + (f"; and {counted(self.macro, 'macro-expression')}, kept apart" if self.macro else ""),
        ]
        for counts in self.schemes:
            lines += ["", *_table(counts), *(f"  {note}" for note in counts.notes)]
        lines += ["", *_table_of_datasets(self.datasets)] if self.datasets else []
        lines += ["", f"corrections: {len(self.corrections)} of {self.corrections_known} known ones applied"]
        lines += [f"  {clip}: {what}" for clip, what in self.corrections]
        if self.excluded:
            lines += ["", f"left out: {len(self.excluded)}", *(f"  {clip}: {why}" for clip, why in self.excluded)]
        for reason, count in self.reasons.items():
            flags = [flag for flag in self.flags if flag.reason == reason]
            lines += ["", f"{reason}: {count}"]
            lines += [
                f"  {flag.clip}{f' (row {flag.row})' if flag.row else ''}: {flag.detail}" for flag in flags[:_SHOWN]
            ]
            lines += [f"  … and {count - _SHOWN} more"] if count > _SHOWN else []
        return lines

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values, for JSON."""
        values = asdict(self)
        values |= {name: str(getattr(self, name)) for name in ("root", "sheet", "frames")}
        values |= {name: [str(path) for path in getattr(self, name)] for name in ("other_sheets", "other_frames")}
        values["reasons"] = self.reasons
        for counts, plain in zip(self.schemes, values["schemes"], strict=True):
            rows = (*counts.classes, counts.total)
            plain["classes"] = [asdict(row) | {"difference": row.difference} for row in rows[:-1]]
            plain["total"] = asdict(rows[-1]) | {"difference": rows[-1].difference}
        return values


def check(dataset: Dataset, root: Path, exclusions: Mapping[str, str] | None = None) -> Check:
    """Read a dataset's folder and compare it with the paper.

    Args:
        exclusions: clip id → why it is left out.
    Raises:
        AnnotationError, LabelError, FrameError: as `Dataset.read`; AnnotationError for an exclusion without a clip.
    """
    reading = read(dataset, root)
    exclusions = exclusions or {}
    clips = leave_out(reading.clips, exclusions)
    return Check(
        dataset=dataset.name,
        title=dataset.title,
        root=root,
        sheet=reading.sheet,
        version=reading.version,
        other_sheets=reading.other_sheets,
        frames=reading.frames,
        other_frames=reading.other_frames,
        clips=len(clips),
        macro=len(reading.macro),
        people=len({clip.person for clip in clips}),
        trainable=sum(map(can_train, clips)),
        schemes=tuple(_count(dataset, name, reading, clips) for name in dataset.published),
        corrections=tuple((fixed.clip, str(fixed.correction)) for fixed in reading.fixed),
        corrections_known=len(corrections(dataset.name)),
        excluded=tuple(exclusions.items()),
        flags=reading.flags,
        datasets=tuple(_count_dataset(name, published, clips) for name, published in dataset.published_of.items()),
    )


def _count_dataset(name: str, published: Mapping[str, int], clips: Sequence[Clip]) -> DatasetCounts:
    emotions = Counter(clip.emotion for clip in clips if clip.dataset == name)
    return DatasetCounts(name, {c: emotions[c] for c in published}, dict(published))


def _count(dataset: Dataset, name: str, reading: Reading, clips: Sequence[Clip]) -> SchemeCounts:
    labels = scheme(name)
    of_class: dict[str, list[Clip]] = {c: [] for c in labels.classes}
    for clip in clips:
        label = labels.label_of(clip)
        if label is not None:
            of_class[labels.classes[label]].append(clip)
    counts, notes = [], []
    for class_name, members in of_class.items():
        without_apex = [clip for clip in members if clip.apex is None]
        count = ClassCount(
            name=class_name,
            labelled=len(members),
            with_apex=len(members) - len(without_apex),
            trainable=sum(map(can_train, members)),
            paper=dataset.published[name][class_name],
        )
        counts.append(count)
        if count.difference and count.with_apex == count.paper:
            ids = ", ".join(clip.id for clip in without_apex)
            notes.append(f"{class_name} {count.difference:+d}: {ids} without an apex; the paper leaves it out too")
    if dataset.has_sheet and reading.rows != dataset.release_rows:
        notes.append(
            f"this sheet has {counted(reading.rows, 'row')}, the one the paper counts by {dataset.release_rows}"
        )
    people = {clip.person for members in of_class.values() for clip in members}
    return SchemeCounts(name, tuple(counts), len(people), (*notes, *dataset.remarks(reading)))


def _also(others: Sequence[Path]) -> str:
    return f" (also there: {', '.join(map(str, others))})" if others else ""


def _table(counts: SchemeCounts) -> list[str]:
    rows = [(c.name, c.labelled, c.with_apex, c.trainable, c.paper, f"{c.difference:+d}") for c in counts.classes]
    total = counts.total
    rows.append(("total", total.labelled, total.with_apex, total.trainable, total.paper, f"{total.difference:+d}"))
    heads = ("labelled", "with apex", "trainable", "paper", "difference")
    return [
        f"{counts.scheme:<12}" + "".join(f"{head:>12}" for head in heads),
        *(f"{name:<12}" + "".join(f"{value:>12}" for value in values) for name, *values in rows),
        counted(counts.people, "person", "people"),
    ]


def _table_of_datasets(counts: Sequence[DatasetCounts]) -> list[str]:
    heads = ("clips", *counts[0].published, "published")
    rows = [(c.dataset, sum(c.clips.values()), *c.clips.values(), sum(c.published.values())) for c in counts]
    return [
        f"{'':<8}" + "".join(f"{head:>10}" for head in heads),
        *(f"{name:<8}" + "".join(f"{value:>10}" for value in values) for name, *values in rows),
    ]
