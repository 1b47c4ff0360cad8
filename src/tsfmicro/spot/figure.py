"""The picture of a spotting: how the face moved over time, what was found, and what it looked like."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from tsfmicro.spot.types import Expression, Spotting

COLOURS = {"micro": "#d1495b", "macro": "#2e86ab"}
_PARTS = {"brows": ["brow"], "nose": ["nose"], "cheeks": ["cheek"], "mouth": ["mouth", "lip"], "chin": ["chin"]}
_LINES = ("#3d348b", "#8a8d91", "#e09f3e", "#9a031e", "#0f8b8d")
SHOWN = 16  # pictures of onset and apex; with more, those of the highest confidence
_ACROSS = 4
_ROW = 0.055  # of the axes' height, for one kind of mark


def draw_spotting(spotting: Spotting, pairs: Mapping[Expression, np.ndarray], path: Path) -> None:
    """Write the picture.

    Args: pairs: onset and apex of an expression, (2, size, size, 3) uint8; those that are not there are not shown.
    """
    shown = [e for e in spotting.expressions if e in pairs]
    rows = -(-len(shown) // _ACROSS)
    faces = len(spotting.tracks)
    figure = Figure(figsize=(13, 2.9 * faces + 1.95 * rows + 0.3), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(faces + rows, _ACROSS, height_ratios=[2.9] * faces + [1.95] * rows)
    for place, track in enumerate(spotting.tracks):
        _draw_curve(figure.add_subplot(grid[place, :]), spotting, track)
    for number, expression in enumerate(shown):
        axes = figure.add_subplot(grid[faces + number // _ACROSS, number % _ACROSS])
        _draw_pair(axes, expression, pairs[expression], several=faces > 1)
    figure.savefig(path, dpi=110)


def _draw_curve(axes: Axes, spotting: Spotting, track: int) -> None:
    """One face: the most moved region of each part, and the expressions as bands."""
    video = spotting.video
    segments = [(s, c) for s, c in zip(spotting.segments, spotting.curves, strict=True) if s.track == track]
    for blink in spotting.blinks:
        if blink.track == track:
            axes.axvspan(video.times[blink.onset], video.times[blink.offset], ymax=0.035, color="#888888", lw=0)
    marks = [mark for mark in spotting.marks if mark.track == track]
    kinds = list(dict.fromkeys(mark.what for mark in marks))  # a row for each, above the curves
    for row, what in enumerate(kinds):
        low, named = 1 - _ROW * (row + 1), False
        for mark in (mark for mark in marks if mark.what == what):
            begin, end = video.times[mark.onset], video.times[mark.offset]
            axes.axvspan(begin, end, ymin=low + 0.1 * _ROW, ymax=low + _ROW, color="#dddddd", lw=0)
            if not named:
                axes.text(begin, low + 0.25 * _ROW, f" {what}", fontsize=6, transform=axes.get_xaxis_transform())
                named = True
    expressions = [e for e in spotting.expressions if e.track == track]
    for e in expressions:
        axes.axvspan(e.onset_s, e.offset_s, color=COLOURS[e.kind], alpha=0.22, lw=0)
        axes.axvline(e.apex_s, color=COLOURS[e.kind], lw=0.9, ls=":")
    for number, (part, names) in enumerate(_PARTS.items()):
        regions = [k for k, name in enumerate(spotting.regions) if any(word in name for word in names)]
        for k, (segment, curve) in enumerate(segments):
            label = part if k == 0 else None
            seconds = video.times[segment.frames]
            axes.plot(seconds, curve[:, regions].max(1), lw=1.0, color=_LINES[number], label=label)
    top = max((float(c.max()) for _, c in segments), default=1.0)
    axes.set_ylim(0, 1.15 * max(top, 1.0))
    axes.set_xlim(float(video.times[0]), float(video.times[-1]))
    axes.set_xlabel("seconds")
    axes.set_ylabel("movement, % of\nthe eyes' distance")
    count = {kind: sum(e.kind == kind for e in expressions) for kind in COLOURS}
    axes.set_title(
        f"face {track}: {count['micro']} micro-expressions (red), {count['macro']} macro-expressions (blue); "
        "dotted: apex; grey below: blinks, above: what is no expression",
        fontsize=9, loc="left",
    )  # fmt: skip
    axes.set_ylim(top=axes.get_ylim()[1] / (1 - _ROW * len(kinds)))
    axes.legend(fontsize=7, ncols=5, loc="upper right", bbox_to_anchor=(1, -0.12), frameon=False)
    axes.spines[["top", "right"]].set_visible(False)


def _draw_pair(axes: Axes, e: Expression, pair: np.ndarray, several: bool) -> None:
    gap = np.full((pair.shape[1], 4, 3), 255, np.uint8)
    axes.imshow(np.concatenate([pair[0], gap, pair[1]], axis=1))
    whose = f"face {e.track}, " if several else ""
    axes.set_title(
        f"{whose}{e.kind} {e.onset_s:.2f} → {e.apex_s:.2f} s\n{e.region} {e.motion:.1f} %, confidence {e.confidence:.2f}",
        fontsize=8, color=COLOURS[e.kind],
    )  # fmt: skip
    axes.axis("off")
