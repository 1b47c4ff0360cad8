"""Spotted intervals against the truth, as the grand challenges measure it, with intervals over people where they are known."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tsfmicro.errors import AnnotationError, ConfigError
from tsfmicro.evaluate.interval import interval
from tsfmicro.files import counted
from tsfmicro.spot.listing import Listed, Listing, check_rates, oddities, read_listing, same_videos
from tsfmicro.spot.score import (
    EMOTIONS,
    KINDS,
    Recognition,
    SpotScores,
    add_scores,
    score_intervals,
    spot_then_recognise,
)
from tsfmicro.types import Interval
from tsfmicro.use.long_videos import long_videos

_ROWS = (*KINDS, "overall")


@dataclass(frozen=True)
class SpotMeasure:
    """How well the intervals of many videos were spotted.

    Attributes:
        scores: of 'micro', 'macro' and 'overall', counted over all videos. of_person: the same of each person, where they are
            known of every video.
        f1: with a 95 % interval over people, where they are known and something is true or spotted.
        videos: how many were scored, of which `calm` without a true expression.
        recognition: of the emotions of micro-expressions that were hit; None where a side has no emotions.
        notes: what may be wrong, one line each.
    """

    scores: Mapping[str, SpotScores]
    of_person: Mapping[str, Mapping[str, SpotScores]]
    f1: Mapping[str, Interval]
    videos: int
    calm: int
    recognition: Recognition | None
    notes: tuple[str, ...] = ()

    @property
    def strs(self) -> float | None:
        """F1 of spotting micro-expressions × F1 of recognising them; None without emotions."""
        return spot_then_recognise(self.scores["micro"].f1, self.recognition.f1) if self.recognition else None

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        scores: dict[str, dict[str, Any]] = {kind: self.scores[kind].to_dict() for kind in _ROWS}
        for kind, f1 in self.f1.items():
            scores[kind]["f1_interval"] = [f1.low, f1.high]
        said = {"recognition": self.recognition.to_dict(), "strs": self.strs} if self.recognition else {}
        people = {person: {kind: of[kind].to_dict() for kind in _ROWS} for person, of in self.of_person.items()}
        seen = {"videos": self.videos, "videos_without_expressions": self.calm, "people": len(self.of_person) or None}
        return seen | {"scores": scores} | said | {"of_person": people, "notes": list(self.notes)}

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Headings, and a row for each kind."""
        rows = []
        for kind in _ROWS:
            s = self.scores[kind]
            row = [
                kind,
                str(s.true),
                str(s.spotted),
                str(s.hits),
                f"{s.precision:.4f}",
                f"{s.recall:.4f}",
                f"{s.f1:.4f}",
            ]
            f1 = self.f1.get(kind)
            rows.append([*row, f"[{f1.low:.2f}, {f1.high:.2f}]" if f1 else "–"])
        return ["kind", "true", "spotted", "hits", "precision", "recall", "F1", "95 % over people"], rows

    def lines(self) -> list[str]:
        """What the command prints below the table."""
        people = f"{len(self.of_person)} people, " if self.of_person else ""
        calm = f", {self.calm} of them without a true expression" if self.calm else ""
        said = [
            f"{people}{counted(self.videos, 'video')}{calm}; a hit is half an overlap (intersection over union) and the same kind"
        ]
        if not self.of_person:
            said.append("who is seen is not told of every video, so F1 has no interval over people")
        if self.recognition:
            r = self.recognition
            said.append(
                f"recognition of {r.hits} hits ({', '.join(r.classes)}): precision {r.precision:.4f}, recall {r.recall:.4f}, "
                f"F1 {r.f1:.4f}; STRS {self.scores['micro'].f1:.4f} × {r.f1:.4f} = {self.strs:.4f}"
            )
        return said + [f"note: {note}" for note in self.notes]


def score_files(
    found: Path,
    truth: Path | tuple[str, Path],
    shift: int = 0,
    found_fps: float | None = None,
    truth_fps: float | None = None,
    classes: Sequence[str] = EMOTIONS,
) -> SpotMeasure:
    """Score a challenge's file against another, or against a dataset.

    Args:
        found, truth: files as `read_listing` has them; the truth may be a dataset's name and folder, see `long_videos`.
        shift: is added to every frame number of `found`: 1 where it counts from 0 and the truth from 1.
        found_fps, truth_fps: frames per second, where `found` is numbered at another rate; its numbers become the truth's.
        classes: emotions that are recognised.
    Raises:
        AnnotationError: a file cannot be read, the truth has no interval, or no video is in both.
        ConfigError: one frame rate without the other.
    """
    true = read_listing(truth) if isinstance(truth, Path) else long_videos(*truth).truth
    given = read_listing(found)
    if (found_fps is None) != (truth_fps is None):
        raise ConfigError("--found-fps and --truth-fps belong together. Give both, or neither.")
    if found_fps and truth_fps:
        told, wanted = found_fps, truth_fps
        given = Listing(given.source, tuple(_without_rate(v) for v in given.videos))
        given = given.changed(lambda _, one: one.at_rate(told, wanted))
    return measure(given.changed(lambda _, one: one.moved(shift)), true, classes)


def measure(found: Listing, truth: Listing, classes: Sequence[str] = EMOTIONS) -> SpotMeasure:
    """Score found intervals against true ones, over all videos of both.

    Where the truth is complete, its videos that were not searched count as searched in vain, and a found video that it lacks is a
    mistake. Where it is a file, a found video that it lacks is one without expressions.

    Raises: AnnotationError: no video in common, a truth without intervals, or frames at another rate.
    """
    if not len(truth):
        raise AnnotationError(f"{truth.source}: has no interval. Give the file with the true ones.")
    same = same_videos(truth, found)
    check_rates(truth, found, same)
    strange = [video for place, video in enumerate(found.videos) if place not in same]
    notes = [*truth.notes, *found.notes, *oddities(truth, found, same), *_strange(strange, truth, found)]
    searched = {there: here for here, there in same.items()}
    sides = [(v, found.videos[searched[n]].intervals if n in searched else ()) for n, v in enumerate(truth.videos)]
    sides += [(Listed(video.name, (), video.person), video.intervals) for video in strange]
    people = truth.has_people and all(video.person for video in strange)
    total: dict[str, SpotScores] = {}
    of_person: dict[str, dict[str, SpotScores]] = defaultdict(dict)
    for video, given in sides:
        here = score_intervals(video.intervals, given)
        total = add_scores(total, here)
        if people:
            of_person[video.person] = add_scores(of_person[video.person], here)
    named = truth.has_emotions and found.has_emotions
    return SpotMeasure(
        scores=total,
        of_person=dict(of_person),
        f1=_intervals(of_person),
        videos=len(sides),
        calm=sum(not video.intervals for video, _ in sides),
        recognition=Recognition(total["micro"].emotions, tuple(classes)) if named else None,
        notes=tuple(notes),
    )


def _strange(strange: Sequence[Listed], truth: Listing, found: Listing) -> list[str]:
    """What is said of found videos that the truth does not name."""
    if not strange:
        return []
    names = ", ".join(video.name for video in strange[:3]) + (", …" if len(strange) > 3 else "")
    if truth.complete:
        raise AnnotationError(
            f"{found.source}: {names} ({len(strange)} in all) is no video of {truth.source}. Correct the name, or delete its rows."
        )
    alarms = sum(len(video.intervals) for video in strange)
    return [
        f"{found.source}: {names} ({len(strange)} in all) not in {truth.source}: taken as without expressions, {counted(alarms, 'false alarm')}"
    ]


def _intervals(of_person: Mapping[str, Mapping[str, SpotScores]]) -> dict[str, Interval]:
    """F1 of each kind with its interval, for kinds of which there is anything."""
    found = {}
    for kind in _ROWS if of_person else ():
        counts = np.array([_counts(of[kind]) for of in of_person.values()], float)
        if counts.sum():
            found[kind] = interval(_f1, counts[None])
    return found


def _counts(s: SpotScores) -> list[list[int]]:
    """Truly nothing or an expression × nothing or an expression spotted."""
    return [[0, s.spotted - s.hits], [s.true - s.hits, s.hits]]


def _f1(counts: np.ndarray) -> np.ndarray:
    """(..., 2, 2) → (..., 1)."""
    both = 2 * counts[..., 1, 1]
    with np.errstate(invalid="ignore"):
        return (both / (both + counts[..., 0, 1] + counts[..., 1, 0]))[..., None]


def _without_rate(video: Listed) -> Listed:
    return Listed(video.name, video.intervals, video.person)
