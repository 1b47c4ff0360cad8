"""What counts as an expression of a face, what is found, and what else is known of the face meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tsfmicro.spot.marks import Stretch
from tsfmicro.spot.types import Kind

SHORTEST, LONGEST_MICRO, LONGEST = 1 / 25, 1 / 2, 4.0
"""Seconds: a micro-expression lasts 1/25 to 1/2 s (Yan et al. 2013), a macro-expression up to 4 s (Ekman 2003)."""


@dataclass(frozen=True)
class Thresholds:
    """What counts as an expression. How the values were chosen stands in docs/spotting.md.

    Attributes:
        micro, macro: least movement and return, per cent of the eyes' distance; slow ones must be larger, because the
            errors a turning head leaves are slow.
        noise: … and at least so many times the trace's own noise.
        restless: … and so many times what the face's regions usually do in the seconds before and after; half as many times
            what this region does;
        fidgety: … of a micro-expression, which must be larger than what is as quick, so many times.
        calm: before and after a micro-expression its region moves by at most so large a share of it.
        turn: a head that turns may meanwhile carry the skin by at most so many times the movement; of a smile, which moves cheeks
            and mouth corners on both sides alike as no turn does,
        smile: … the head's turn may be so many times as large.
        sides: both sides of the face do the same by at least so many times as they go the same way; it is 1 of one side alone,
            and less of noise.
        way: a mouth that moves alone goes at most so many times as far as there and back, else it speaks.
        strokes: … and so many times in 1.2 seconds before and after its apex, else it chews.
        roll: … and roll by at most so many degrees.
        furthest: per cent that skin can move, but for lips and chin, which a jaw carries along: more is something else, a hand say;
        furthest_quick: … within a micro-expression.
        jump: share of a slow movement that may come in a thirtieth of a second: more is the picture's, of a codec say, and not the
            face's.
        flicker: so many times as much is asked for while the light flickers;
        compressed: … of every demand while a codec lets most of the face stand, for half of the movement or more.
        frames: least steps between frames from onset to offset.
        blinking: … and so many times as much in brows and cheeks while the eyes blink.
        edge: an expression begins and ends where it has so large a share of its height.
    """

    micro: float = 0.50
    macro: float = 0.80
    noise: float = 12.0
    restless: float = 18.0
    fidgety: float = 15.0
    calm: float = 0.45
    turn: float = 0.56
    smile: float = 1.4
    sides: float = 0.8
    way: float = 1.7
    strokes: float = 1.4
    roll: float = 15.0
    furthest: float = 10.0
    furthest_quick: float = 5.5
    jump: float = 0.5
    flicker: float = 2.0
    compressed: float = 1.5
    frames: int = 4
    blinking: float = 2.0
    edge: float = 0.06


@dataclass(frozen=True)
class Found:
    """One expression.

    Attributes:
        onset, apex, offset: seconds.
        region: number of the region that moved most; motion: how far, per cent of the eyes' distance.
        ratio: how many times the strictest of the demands was met: 1 at the threshold.
        doubt: what that demand was, where it was not met.
    """

    onset: float
    apex: float
    offset: float
    region: int
    motion: float
    ratio: float
    doubt: str = ""
    parts: int = 1  # movements of which it was joined
    held: bool = False  # to the end of the video

    @property
    def confidence(self) -> float:
        """0.5 at the threshold, towards 1 far above it and towards 0 below; a probability once it is calibrated."""
        return self.ratio / (1 + self.ratio)

    @property
    def length(self) -> float:
        return self.offset - self.onset

    @property
    def kind(self) -> Kind:
        return "micro" if self.length <= LONGEST_MICRO else "macro"


@dataclass(frozen=True)
class View:
    """What else is known of a face over time. Rows belong to the times of the traces.

    Attributes:
        turned: (T, R, 2) how far turns of the head have carried each region, per cent of the eyes' distance.
        roll: (T,) degrees by which the head is rolled.
        place: (T, 2) where the head is in the picture, right and down, per cent of the eyes' distance.
        seen: (T, R) whether a region's skin is to be seen.
        covered: seconds in which a hand or a thing is before the face.
        flicker: seconds in which the light flickers; compressed: in which a codec lets most of the face stand.
        lost: seconds at which the face came or was lost within the video.
    """

    turned: np.ndarray
    roll: np.ndarray
    place: np.ndarray
    seen: np.ndarray
    covered: Sequence[Stretch] = ()
    flicker: Sequence[Stretch] = ()
    lost: Sequence[float] = ()
    compressed: Sequence[Stretch] = ()

    @classmethod
    def clear(cls, motion: np.ndarray) -> View:
        """Nothing stands in the way. Args: motion: (T, R, 2)."""
        return cls(
            np.zeros_like(motion), np.zeros(len(motion)), np.zeros((len(motion), 2)), np.ones(motion.shape[:2], bool)
        )

    def near(self, rows: slice) -> View:
        """The same of a part of the times."""
        return replace(
            self, turned=self.turned[rows], roll=self.roll[rows], place=self.place[rows], seen=self.seen[rows]
        )


def covers(one: Found, other: Found) -> bool:
    """Whether two are one in time: they share half of the shorter one."""
    shared = min(one.offset, other.offset) - max(one.onset, other.onset)
    return shared > 0.5 * min(one.length, other.length)
