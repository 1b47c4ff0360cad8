"""What spotting finds. All of it is frozen; frame numbers count from 0, times are seconds from the first frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np

from tsfmicro.errors import ShapeError

Kind = Literal["micro", "macro"]


@dataclass(frozen=True, eq=False)
class Video:
    """A video that was read to its end.

    Attributes:
        path: the file, or the folder of images.
        width, height: pixels.
        fps: frames per second, over all frames; by the median step between them where it varies.
        times: (T,) seconds of each frame, ascending; steps may differ.
    """

    path: Path
    width: int
    height: int
    fps: float
    times: np.ndarray = field(repr=False)

    @property
    def frames(self) -> int:
        return len(self.times)

    @property
    def seconds(self) -> float:
        """From the first frame to the end of the last."""
        return float(self.times[-1] - self.times[0]) + 1 / self.fps

    def frame_at(self, seconds: float) -> int:
        """Number of the nearest frame."""
        return int(np.abs(self.times - seconds).argmin())


@dataclass(frozen=True, eq=False)
class Segment:
    """A stretch of a video in which one face was followed without a break.

    Attributes:
        track: number of the face, from 1; a face that leaves and returns begins a new segment of the same track.
        frames: (n,) frame numbers that were measured, ascending; every one up to 200 frames per second.
        landmarks: (5, 2) pixels of the video on the first of them: eyes, nose, mouth corners, the picture's left first.
        head: (n, 2, 3) similarity that takes pixels of the first frame to pixels of each; the head's own movement.
        motion: (n, R, 2) how far each region has moved since the first frame, right and down, the head's movement taken
            out, in per cent of the distance between the eyes: pixels on a face whose eyes are 100 pixels apart.
        turned: (n, R, 2) how far turns of the head have carried each region, in the same unit; it is no part of motion.
        seen: (n, R) whether a region's skin is to be seen: no hand before it, no mouth that opened, inside the picture.
        light: (n,) mean brightness of the face, grey levels.
        eyes: (n, 2, 8, 12) uint8, both eyes seen small, the head held still.
        mouth: (m, 2) frame numbers, some five a second, and how wide the mouth is on each, per cent of the distance between the
            eyes. Nothing is carried over from frame to frame, so it does not drift.
        frozen: (n,) share of the face's 8 × 8 blocks that are as on the frame before, as a codec leaves them; 0 where it is not given.
    Raises:
        ShapeError: counts that differ.
    """

    track: int
    frames: np.ndarray = field(repr=False)
    landmarks: np.ndarray = field(repr=False)
    head: np.ndarray = field(repr=False)
    motion: np.ndarray = field(repr=False)
    turned: np.ndarray = field(repr=False)
    seen: np.ndarray = field(repr=False)
    light: np.ndarray = field(repr=False)
    eyes: np.ndarray = field(repr=False)
    mouth: np.ndarray = field(repr=False, default_factory=lambda: np.zeros((0, 2), np.float32))
    frozen: np.ndarray = field(repr=False, default_factory=lambda: np.zeros(0, np.float32))

    def __post_init__(self) -> None:
        if not len(self.frozen):
            object.__setattr__(self, "frozen", np.zeros(len(self.frames), np.float32))
        rows = (self.frames, self.head, self.motion, self.turned, self.seen, self.light, self.eyes, self.frozen)
        lengths = {len(one) for one in rows}
        if len(lengths) != 1 or 0 in lengths:
            raise ShapeError(f"segment of face {self.track}: arrays of {sorted(lengths)} rows do not belong together.")

    @property
    def first(self) -> int:
        return int(self.frames[0])

    @property
    def last(self) -> int:
        return int(self.frames[-1])

    @property
    def eye_distance(self) -> float:
        """Pixels between the eyes on the first frame."""
        return float(np.linalg.norm(self.landmarks[1] - self.landmarks[0]))

    @property
    def roll(self) -> np.ndarray:
        """(n,) degrees by which the head has rolled since the first frame."""
        return np.degrees(np.unwrap(np.arctan2(self.head[:, 1, 0], self.head[:, 0, 0])))

    @property
    def place(self) -> np.ndarray:
        """(n, 2) where the head is in the picture, right and down, per cent of the eyes' distance."""
        return (self.head[:, :, :2] @ self.landmarks.mean(0) + self.head[:, :, 2]) * (
            100 / max(self.eye_distance, 1e-6)
        )

    def landmarks_at(self, frame: int) -> np.ndarray:
        """(5, 2) landmarks on a frame of the segment, pixels of the video; they follow the head, not the expression."""
        place = int(np.abs(self.frames - frame).argmin())
        return self.landmarks @ self.head[place, :, :2].T + self.head[place, :, 2]


CANDIDATES: dict[str, tuple[int, ...]] = {
    "inner brow": (1, 4),
    "outer brow": (2, 4),
    "nose wing": (9, 10),
    "cheek": (6, 12),
    "mouth corner": (12, 14, 15, 20),
    "upper lip": (10, 25),
    "lower lip": (16, 23, 25),
    "chin": (17, 26),
}
"""Action units whose muscles move a region's skin, the likeliest first (Ekman, Friesen and Hager, Facial Action Coding System, 2002).
Which of them it was, the place alone does not tell."""


@dataclass(frozen=True)
class Expression:
    """One spotted expression.

    Attributes:
        track: whose it is. kind: 'micro' up to 1/2 s, 'macro' above.
        onset, apex, offset: frame numbers; onset_s, apex_s, offset_s: seconds.
        region: the one that moved most.
        motion: how far it moved, per cent of the distance between the eyes.
        confidence: how likely it is an expression, calibrated on drawn films; 0.5 where the demands are just met.
        doubt: what speaks against it most, where confidence is below 0.5.
    """

    track: int
    kind: Kind
    onset: int
    apex: int
    offset: int
    onset_s: float
    apex_s: float
    offset_s: float
    region: str
    motion: float
    confidence: float
    doubt: str = ""

    @property
    def candidates(self) -> tuple[int, ...]:
        """Action units that may have moved the region."""
        return CANDIDATES[self.region.removeprefix("left ").removeprefix("right ")]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON and CSV."""
        return {
            "face": self.track,
            "kind": self.kind,
            "onset": self.onset,
            "apex": self.apex,
            "offset": self.offset,
            "onset_s": round(self.onset_s, 4),
            "apex_s": round(self.apex_s, 4),
            "offset_s": round(self.offset_s, 4),
            "region": self.region,
            "unit_candidates": list(self.candidates),
            "motion": round(self.motion, 3),
            "confidence": round(self.confidence, 3),
            "doubt": self.doubt,
        }


@dataclass(frozen=True)
class Blink:
    """The eyes of a face were closed, or closing or opening. onset, offset: frame numbers."""

    track: int
    onset: int
    offset: int


@dataclass(frozen=True)
class Mark:
    """A stretch that is no expression, or in which none can be told.

    Attributes:
        what: 'covered' (a hand or a thing before the face), 'not seen', 'head turns', 'looks aside', 'chews', 'speaks', 'swallows', 'shakes'
            (the camera, or the head), 'flicker', 'exposure' (a step of the brightness), 'compressed' (a codec lets most of the face
            stand); and, of an expression that is told, 'micro-expression within a macro-expression'.
        onset, offset: frame numbers.
    """

    track: int
    what: str
    onset: int
    offset: int


@dataclass(frozen=True)
class Resting:
    """Where a face rests, or is taken to: in this video, or in another one of the same person.

    Attributes:
        onset, offset: frame numbers; None in another video. onset_s, offset_s: seconds.
        unrest: region → how far it goes meanwhile, per cent of the eyes' distance.
        video: the other one's name; empty for this one.
    """

    track: int
    onset: int | None
    offset: int | None
    onset_s: float
    offset_s: float
    unrest: Mapping[str, float]
    video: str = ""

    @property
    def moved(self) -> float:
        """What its least quiet region does meanwhile, per cent of the eyes' distance."""
        return max(self.unrest.values())

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "face": self.track,
            "onset": self.onset,
            "offset": self.offset,
            "onset_s": round(self.onset_s, 4),
            "offset_s": round(self.offset_s, 4),
            "moved": round(self.moved, 3),
            "unrest": {region: round(value, 4) for region, value in self.unrest.items()},
            "video": self.video,
        }


@dataclass(frozen=True)
class Finding:
    """What is not well with a recording.

    Attributes:
        what: 'frame rate', 'repeated frames', 'missing frames', 'size', 'lying', 'leaning', 'to the side', 'cut', 'dark', 'bright',
            'clipped', 'flicker' or 'compression'.
        value: what was measured: frames per second, pixels, degrees, or a share of the time.
        text: that in words, and what to do.
    """

    what: str
    value: float
    text: str


@dataclass(frozen=True)
class Fitness:
    """Whether a recording is fit for what is to be found in it: all that is not well; nothing where all is."""

    findings: tuple[Finding, ...] = ()

    def to_dict(self) -> list[dict[str, Any]]:
        """Plain values, for JSON."""
        return [{"what": f.what, "value": round(f.value, 4), "text": f.text} for f in self.findings]


@dataclass(frozen=True, eq=False)
class Spotting:
    """All that was found in a video.

    Attributes:
        segments: by time, then by face. expressions, blinks, marks: by onset.
        regions: names of the R regions of a segment's motion; left and right are those of the picture.
        curves: for each segment, (n, R) how far each region is from where it rests, per cent of the eyes' distance.
        notes: what the user should know, e.g. that the file is cut short.
        fitness: what is not well with the recording.
        rests: of each face that is seen long enough, by face.
        spotter: what said how sure each expression is: 'learned' or 'peaks'. level: the least confidence that was asked for.
        false_alarms: to be expected at that level, of each kind, a minute.
    """

    video: Video
    segments: tuple[Segment, ...]
    expressions: tuple[Expression, ...]
    blinks: tuple[Blink, ...]
    marks: tuple[Mark, ...]
    regions: tuple[str, ...]
    curves: tuple[np.ndarray, ...] = field(repr=False)
    notes: tuple[str, ...] = ()
    fitness: Fitness = field(default_factory=Fitness)
    rests: tuple[Resting, ...] = ()
    spotter: str = "peaks"
    level: float = 0.5
    false_alarms: Mapping[str, float] = field(default_factory=dict)

    @cached_property
    def tracks(self) -> tuple[int, ...]:
        """Numbers of the faces, from 1."""
        return tuple(sorted({segment.track for segment in self.segments}))

    def surest(self, count: int) -> list[Expression]:
        """So many of the highest confidence, the surest first: what is shown of an hour."""
        return sorted(self.expressions, key=lambda e: -e.confidence)[:count]

    def segment_of(self, expression: Expression) -> Segment:
        """Where it was seen."""
        return next(s for s in self.segments if s.track == expression.track and s.first <= expression.apex <= s.last)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; without the curves."""
        v = self.video
        return {
            "video": str(v.path),
            "width": v.width,
            "height": v.height,
            "fps": round(v.fps, 3),
            "frames": v.frames,
            "seconds": round(v.seconds, 4),
            "faces": [
                {"face": s.track, "first": s.first, "last": s.last, "eye_distance_px": round(s.eye_distance, 1)}
                for s in self.segments
            ],
            "expressions": [e.to_dict() for e in self.expressions],
            "blinks": [{"face": b.track, "onset": b.onset, "offset": b.offset} for b in self.blinks],
            "marks": [
                {
                    "face": m.track,
                    "what": m.what,
                    "onset": m.onset,
                    "offset": m.offset,
                    "onset_s": round(float(v.times[m.onset]), 4),
                    "offset_s": round(float(v.times[m.offset]), 4),
                }
                for m in self.marks
            ],
            "rests": [r.to_dict() for r in self.rests],
            "fitness": self.fitness.to_dict(),
            "spotter": self.spotter,
            "level": self.level,
            "false_alarms_per_minute": {kind: round(rate, 3) for kind, rate in self.false_alarms.items()},
            "notes": list(self.notes),
        }
