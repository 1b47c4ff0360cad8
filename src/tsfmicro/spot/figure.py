"""The picture of a spotting: how the face moved over time, what was found, and what it looked like."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from tsfmicro.files import counted, write_whole
from tsfmicro.spot.types import Expression, Spotting

COLOURS = {"micro": "#d1495b", "macro": "#2e86ab"}
_PARTS = {"brows": ["brow"], "nose": ["nose"], "cheeks": ["cheek"], "mouth": ["mouth", "lip"], "chin": ["chin"]}
_LINES = ("#3d348b", "#8a8d91", "#e09f3e", "#9a031e", "#0f8b8d")
SHOWN = 16  # pictures of onset and apex; with more, those of the highest confidence
_ACROSS = 4
_WIDE, _HIGH, _PAIRS_HIGH, _DPI = 13.0, 2.9, 1.95, 110  # inches of a line of the picture, of a curve or of faces
_LONG, _LINE = 180.0, 300.0  # seconds; a longer video is drawn in lines of at most so many
_LINES_AT_MOST = 36
_POINTS = 1500  # of a curve in one line; of more, the highest are drawn
_BELOW = (0, 0, 1, 0.97)  # of a line of faces: a title of two lines is a little higher than is left for it
_ROW = 0.055  # of the axes' height, for one kind of mark


def draw_spotting(spotting: Spotting, pairs: Mapping[Expression, np.ndarray], path: Path) -> None:
    """Write the picture.

    Args: pairs: onset and apex of an expression, (2, size, size, 3) uint8; those that are not there are not shown.
    """
    lines, shown = _lines(spotting), [e for e in spotting.expressions if e in pairs]
    rows = [shown[k : k + _ACROSS] for k in range(0, len(shown), _ACROSS)]
    high, low = round(_DPI * _HIGH), round(_DPI * _PAIRS_HIGH)
    picture = np.full((high * len(lines) + low * len(rows), round(_DPI * _WIDE), 3), 255, np.uint8)
    top = 0
    for figure in _figures(spotting, lines, rows, pairs):  # one at a time: an hour has many
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        drawn = np.asarray(canvas.buffer_rgba())[..., 2::-1]
        picture[top : top + len(drawn), : drawn.shape[1]] = drawn
        top += len(drawn)
        figure.clear()
    write_whole(path, cv2.imencode(".png", picture, [cv2.IMWRITE_PNG_COMPRESSION, 6])[1].tobytes())


def _figures(
    spotting: Spotting,
    lines: Sequence[tuple[int, float, float]],
    rows: Sequence[Sequence[Expression]],
    pairs: Mapping[Expression, np.ndarray],
) -> Iterator[Figure]:
    """What the picture shows from top to bottom: curves, then faces."""
    for line in lines:
        figure = Figure(figsize=(_WIDE, _HIGH), dpi=_DPI)
        _draw_curve(figure.add_axes((0.06, 0.2, 0.93, 0.7)), spotting, *line)
        yield figure
    for row in rows:
        figure = Figure(figsize=(_WIDE, _PAIRS_HIGH), dpi=_DPI, layout=ConstrainedLayoutEngine(rect=_BELOW))
        for axes, expression in zip(figure.subplots(1, _ACROSS), row, strict=False):
            _draw_pair(axes, expression, pairs[expression], several=len(spotting.tracks) > 1)
        for axes in figure.axes[len(row) :]:
            axes.axis("off")
        yield figure


def _lines(spotting: Spotting) -> list[tuple[int, float, float]]:
    """Face, and seconds from and to, of each line of the picture. Faces that were there longest come first where not all fit."""
    times = spotting.video.times
    first, last = float(times[0]), float(times[-1])
    count = 1 if last - first <= _LONG else -(-int(last - first) // int(_LINE))
    edges = np.linspace(first, last, count + 1)
    frames = {track: sum(len(s.frames) for s in spotting.segments if s.track == track) for track in spotting.tracks}
    lines = [
        (track, float(begin), float(end))
        for track in sorted(frames, key=lambda track: -frames[track])
        for begin, end in pairwise(edges)
        if any(s.track == track and times[s.last] >= begin and times[s.first] <= end for s in spotting.segments)
    ]
    return sorted(lines[:_LINES_AT_MOST])


def _draw_curve(axes: Axes, spotting: Spotting, track: int, from_: float, to: float) -> None:
    """One face for some time: the most moved region of each part, and the expressions as bands."""
    video = spotting.video
    segments = [
        (video.times[s.frames[there]], c[there])
        for s, c in zip(spotting.segments, spotting.curves, strict=True)
        if s.track == track
        for there in [slice(*np.searchsorted(video.times[s.frames], (from_, to + 1e-9)))]
        if there.stop > there.start
    ]
    for blink in spotting.blinks:
        if blink.track == track and _within(video.times[blink.onset], video.times[blink.offset], from_, to):
            axes.axvspan(video.times[blink.onset], video.times[blink.offset], ymax=0.035, color="#888888", lw=0)
    marks = [
        m for m in spotting.marks
        if m.track == track and _within(video.times[m.onset], video.times[m.offset], from_, to)
    ]  # fmt: skip
    kinds = list(dict.fromkeys(mark.what for mark in marks))  # a row for each, above the curves
    for row, what in enumerate(kinds):
        low, named = 1 - _ROW * (row + 1), False
        for mark in (mark for mark in marks if mark.what == what):
            begin, end = video.times[mark.onset], video.times[mark.offset]
            axes.axvspan(begin, end, ymin=low + 0.1 * _ROW, ymax=low + _ROW, color="#dddddd", lw=0)
            if not named:
                late = begin > to - 0.1 * (to - from_)  # its name would run out of the picture
                axes.text(
                    min(end, to) if late else max(begin, from_), low + 0.25 * _ROW, f" {what} ", fontsize=6,
                    ha="right" if late else "left", transform=axes.get_xaxis_transform(),
                )  # fmt: skip
                named = True
    expressions = [e for e in spotting.expressions if e.track == track and _within(e.onset_s, e.offset_s, from_, to)]
    for e in expressions:
        axes.axvspan(e.onset_s, e.offset_s, color=COLOURS[e.kind], alpha=0.22, lw=0)
        axes.axvline(e.apex_s, color=COLOURS[e.kind], lw=0.9, ls=":")
    for number, (part, names) in enumerate(_PARTS.items()):
        regions = [k for k, name in enumerate(spotting.regions) if any(word in name for word in names)]
        for k, (seconds, curve) in enumerate(segments):
            label, most = (part if k == 0 else None), curve[:, regions].max(1)
            bunch = max(1, len(most) // _POINTS)
            starts = np.arange(0, len(most), bunch)
            axes.plot(seconds[starts], np.maximum.reduceat(most, starts), lw=1.0, color=_LINES[number], label=label)
    top = max((float(c.max()) for _, c in segments), default=1.0)
    axes.set_ylim(0, 1.15 * max(top, 1.0))
    axes.set_xlim(from_, to)
    axes.set_xlabel("seconds")
    axes.set_ylabel("movement, % of\nthe eyes' distance")
    count = {kind: sum(e.kind == kind for e in expressions) for kind in COLOURS}
    axes.set_title(
        f"face {track}: {counted(count['micro'], 'micro-expression')} (red), {counted(count['macro'], 'macro-expression')} (blue); "
        "dotted: apex; grey below: blinks, above: what is no expression",
        fontsize=9, loc="left",
    )  # fmt: skip
    axes.set_ylim(top=axes.get_ylim()[1] / (1 - _ROW * len(kinds)))
    axes.legend(fontsize=7, ncols=5, loc="upper right", bbox_to_anchor=(1, -0.12), frameon=False)
    axes.spines[["top", "right"]].set_visible(False)


def _within(begin: float, end: float, from_: float, to: float) -> bool:
    return end >= from_ and begin <= to


def _draw_pair(axes: Axes, e: Expression, pair: np.ndarray, several: bool) -> None:
    gap = np.full((pair.shape[1], 4, 3), 255, np.uint8)
    axes.imshow(np.concatenate([pair[0], gap, pair[1]], axis=1))
    whose = f"face {e.track}, " if several else ""
    axes.set_title(
        f"{whose}{e.kind} {e.onset_s:.2f} → {e.apex_s:.2f} s\n{e.region} {e.motion:.1f} %, confidence {e.confidence:.2f}",
        fontsize=8, color=COLOURS[e.kind],
    )  # fmt: skip
    axes.axis("off")
