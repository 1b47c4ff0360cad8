"""The figures of `Tables.plot`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tsfmicro.errors import ConfigError
from tsfmicro.report.style import SHARES, new_figure, styled

if TYPE_CHECKING:
    from tsfmicro.api.tables import Tables

_KINDS = {"micro": "#d1495b", "macro": "#2e86ab", "other": "#8a8d91"}


@styled
def plot(tables: Tables) -> Figure:
    """The figure for what there is. Raises ConfigError: there is nothing."""
    if len(tables.curves):
        return _curves(tables)
    if len(tables.moments):
        return _moments(tables.moments, tables.model)
    if len(tables.clips):
        return _clips(tables.clips, tables.model)
    raise ConfigError(f"{tables.place}: there is nothing to draw: no moment, no curve, no clip.")


def _curves(tables: Tables) -> Figure:
    """How far the most moved region of each face is from rest, with the moments as bands."""
    faces = sorted(tables.curves["face"].unique())
    figure = new_figure(9, 2.3 * len(faces) + 0.4)
    for axes, face in zip(_below(figure, len(faces)), faces, strict=True):
        of_face = tables.curves[tables.curves["face"] == face]
        percent = of_face.filter(like="_percent").max(axis=1)
        axes.plot(of_face["time_s"], percent, color="black", lw=0.9)
        _bands(axes, tables.moments[tables.moments["face"] == face])
        axes.set_ylim(0, 1.15 * max(1.0, float(percent.max())))
        axes.set_xlabel("seconds")
        axes.set_ylabel("movement, % of\nthe eyes' distance")
        axes.set_title(f"face {face}", loc="left")
    _say(figure, tables.model)
    return figure


def _moments(moments: Any, model: str) -> Figure:
    """Moments over time: a panel for each video, a row for each person and coder."""
    videos = list(moments.groupby("video", sort=False))
    by = [name for name in ("person", "coder", "face") if name in moments]
    figure = new_figure(9, 0.5 + sum(0.9 + 0.35 * len(of.groupby(by)) for _, of in videos))
    for axes, (video, of_video) in zip(_below(figure, len(videos)), videos, strict=True):
        rows = list(of_video.groupby(by, sort=True))
        for row, (_, some) in enumerate(rows):
            for kind, of_kind in some.groupby("kind"):
                spans = list(zip(of_kind["onset_s"], of_kind["offset_s"] - of_kind["onset_s"], strict=True))
                axes.broken_barh(spans, (row - 0.35, 0.7), color=_KINDS[str(kind)])
        names = [", ".join(str(part) for part in name if str(part)) or "–" for name, _ in rows]
        axes.set_yticks(range(len(rows)), names)
        axes.set_ylim(-0.6, len(rows) - 0.4)
        axes.set_xlim(left=0)
        axes.set_xlabel("seconds")
        axes.set_title(str(video), loc="left")
    _say(figure, model)
    return figure


def _clips(clips: Any, model: str) -> Figure:
    """How many clips of each class were taken for which: darker is a larger part of the row."""
    import pandas as pd

    classes = [name.removeprefix("p_") for name in clips if name.startswith("p_")]
    counts = (
        pd.crosstab(clips["truth"], clips["answer"]).reindex(index=classes, columns=classes, fill_value=0).to_numpy()
    )
    shares = counts / counts.sum(1, keepdims=True).clip(min=1)
    figure = new_figure(1.6 + 0.7 * len(classes), 1.6 + 0.6 * len(classes))
    axes = figure.add_subplot()
    axes.imshow(shares, cmap=SHARES, vmin=0, vmax=1, aspect="auto")
    for (row, column), count in zip(
        ((r, c) for r in range(len(classes)) for c in range(len(classes))), counts.flat, strict=True
    ):
        axes.text(
            column, row, str(count), ha="center", va="center", color="white" if shares[row, column] > 0.5 else "black"
        )
    axes.set_xticks(range(len(classes)), classes, rotation=45, ha="right")
    axes.set_yticks(range(len(classes)), classes)
    axes.set_xlabel("answer")
    axes.set_ylabel("truth")
    _say(figure, model)
    return figure


def _below(figure: Figure, rows: int) -> list[Axes]:
    return list(figure.subplots(rows, 1, squeeze=False)[:, 0])


def _bands(axes: Axes, moments: Any) -> None:
    for moment in moments.itertuples():
        axes.axvspan(moment.onset_s, moment.offset_s, color=_KINDS[moment.kind], alpha=0.25, lw=0)
        axes.axvline(moment.apex_s, color=_KINDS[moment.kind], lw=0.8, ls=":")


def _say(figure: Figure, model: str) -> None:
    """Who speaks, and what the colours are, below."""
    from textwrap import fill

    kinds = (
        "red: micro-expressions, blue: macro-expressions, dotted: apex. "
        if len(figure.axes) and not figure.axes[0].images
        else ""
    )
    figure.supxlabel(fill(kinds + model, 130 if figure.get_figwidth() > 6 else 60), fontsize=6.5, x=0.01, ha="left")
