"""The report of what was coded, of one video or of one person in all their videos, to be printed or filed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

from markupsafe import Markup

from tsfmicro.report.printed import LISTED, in_lines, of_model, on_paper
from tsfmicro.types import Interval

_WIDE, _LANE, _CURVE, _AXIS = 1000, 26, 70, 24  # of a timeline, SVG units
_NAME = 150  # for the names of lanes
_FULL = 10.0  # per cent of the distance between the eyes, to which the curve is drawn

Curve = Sequence[tuple[float, float]]
"""(seconds, per cent), of one stretch in which a face was followed."""


@dataclass(frozen=True)
class Lane:
    """Moments of one coder, or of the program, in one video, as plain values: onset, apex, offset, kind, units, emotion …"""

    name: str
    moments: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class CodedVideo:
    """One video of the report.

    Attributes:
        seen: seconds for which the face was followed; None where the program did not look. people: who is in it.
        rests: where each was taken to rest, in words. curves: of the stretches.
    """

    name: str
    seconds: float
    fps: float
    seen: float | None
    people: Sequence[str]
    rests: Sequence[str]
    lanes: Sequence[Lane]
    curves: Sequence[Curve] = field(default=(), repr=False)


@dataclass(frozen=True)
class Coder:
    """Whose moments are counted. about: how many, in which time, and whether blind; rates: what, how often, a minute."""

    name: str
    about: str
    rates: Sequence[tuple[str, int, Interval]]


def coded_report(
    title: str,
    about: str,
    videos: Sequence[CodedVideo],
    by_coder: Sequence[Coder],
    made: str,
    person: bool = False,
    baseline: str = "",
    hidden: Sequence[str] = (),
    model: str | None = None,
) -> str:
    """One HTML file that loads nothing.

    Args:
        about: of what it is, in a line. person: whether it is of one person. baseline: how that person rests, in words.
        hidden: what is left out and why, a line each.
        model: whom the program asked for emotions, empty for nobody; None: there is nothing of the program in it.
    """
    listed = sorted(
        ({**m, "video": v.name, "coder": lane.name} for v in videos for lane in v.lanes for m in lane.moments),
        key=lambda m: ([v.name for v in videos].index(m["video"]), m["onset"]),
    )
    return on_paper(
        "coded.html",
        title=title,
        about=about,
        made=made,
        person=person,
        baseline=baseline,
        hidden=hidden,
        videos=[{**vars(v), "timeline": [Markup(line) for line in timeline(v)]} for v in videos],
        by_coder=by_coder,
        moments=listed[:LISTED],
        more=max(0, len(listed) - LISTED),
        most=f"{_FULL:g}",
        program=model is not None,
        about_program=f"{of_model(model or '')} {model or ''}".strip(),
    )


def timeline(video: CodedVideo) -> list[str]:
    """A video's moments as pictures (SVG), one for each five minutes."""
    return [_line(video, begin, end) for begin, end in in_lines(video.seconds)]


def _line(video: CodedVideo, begin: float, end: float) -> str:
    def x(seconds: float) -> float:
        return _NAME + (min(max(seconds, begin), end) - begin) / (end - begin) * (_WIDE - _NAME)

    parts, top = [], 0
    if video.curves:
        for curve in video.curves:
            points = " ".join(
                f"{x(s):.1f},{_CURVE - min(v, _FULL) / _FULL * _CURVE:.1f}" for s, v in curve if begin <= s <= end
            )
            parts.append(f'<polyline class="curve" points="{points}"/>')
        top = _CURVE + 4
    for lane in video.lanes:
        parts.append(f'<rect class="lane" x="{_NAME}" y="{top}" width="{_WIDE - _NAME}" height="{_LANE - 4}"/>')
        parts.append(f'<text x="0" y="{top + 16}">{escape(lane.name[:18])}</text>')
        for m in lane.moments:
            if m["offset"] < begin or m["onset"] > end:
                continue
            left, right = x(m["onset"]), x(m["offset"])
            parts.append(
                f'<rect class="{m["kind"]}" x="{left:.1f}" y="{top + 2}" width="{max(2.0, right - left):.1f}" height="{_LANE - 8}"/>'
            )
            if m["apex"] is not None and right - left > 6 and begin <= m["apex"] <= end:
                parts.append(
                    f'<path class="apex" d="M{x(m["apex"]):.1f} {top + 2}v{_LANE - 8}"/>',
                )
        top += _LANE
    for t in _ticks(begin, end):
        parts.append(
            f'<path class="axis" d="M{x(t):.1f} {top}v6"/><text x="{x(t) + 3:.1f}" y="{top + 18}">{_clock(t, end)}</text>'
        )
    words = f"{video.name}, {begin:.0f} to {end:.0f} seconds: the moments as bands"
    return f'<svg viewBox="0 0 {_WIDE} {top + _AXIS}" role="img" aria-label="{escape(words)}">{"".join(parts)}</svg>'


def _ticks(begin: float, end: float) -> list[float]:
    step = next((s for s in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600) if (end - begin) / s <= 7), 1800)
    first = -int(-begin // step)
    return [n * step for n in range(first, int(end // step) + 1)]


def _clock(seconds: float, end: float) -> str:
    return f"{seconds:g} s" if end <= 120 else f"{int(seconds) // 60}:{int(seconds) % 60:02}"
