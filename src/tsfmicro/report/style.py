"""One look for every figure: told apart in grey and by the colour-blind, text that stays text, a vector and a raster file."""

from __future__ import annotations

import io
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from tsfmicro.files import write_whole

Given = ParamSpec("Given")

# Okabe and Ito's colours for the colour-blind, ordered so that neighbours differ in grey too; yellow is too faint for lines.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "*")
DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1, 1)), (0, (5, 1, 1, 1)), (0, (3, 1, 1, 1, 1, 1)), (0, (8, 3)))

SHARES = "Blues"  # 0 … 1, dark is more, in grey too
HEAT = "inferno"  # heat maps: its lightness rises all the way

_SETTINGS: Any = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so a figure is the same on every machine
    "font.size": 8,
    "axes.titlesize": 8.5,
    "axes.labelsize": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "legend.fontsize": 7.5,
    "legend.frameon": False,
    "lines.linewidth": 1.4,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.5,
    "pdf.fonttype": 42,  # fonts that a journal's checker accepts
    "svg.fonttype": "none",
    "svg.hashsalt": "tsfmicro",  # the same figure is the same file
}


@dataclass(frozen=True)
class Look:
    """How one of several things is drawn in every figure of a report: by colour, marker and dashes at once."""

    colour: str
    marker: str
    dashes: Any


def look(number: int) -> Look:
    """The look of the n-th thing; from the eighth on colours come again, with other markers."""
    return Look(COLOURS[number % len(COLOURS)], MARKERS[number % len(MARKERS)], DASHES[number % len(DASHES)])


def styled(draw: Callable[Given, Figure]) -> Callable[Given, Figure]:
    """Draw under the shared settings, which are put back afterwards."""

    @wraps(draw)
    def drawn(*args: Given.args, **kwargs: Given.kwargs) -> Figure:
        with matplotlib.rc_context(_SETTINGS):
            return draw(*args, **kwargs)

    return drawn


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, inches."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def rendered(figure: Figure, form: str, dpi: int = 200) -> bytes:
    """The figure as a 'pdf', 'svg' or 'png' file."""
    metadata: dict[str, Any] = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}.get(form, {})
    content = io.BytesIO()
    with matplotlib.rc_context(_SETTINGS):
        figure.savefig(content, format=form, dpi=dpi, metadata=metadata)
    return content.getvalue()


def save(figure: Figure, folder: Path, name: str, dpi: int = 200) -> list[Path]:
    """Write <name>.pdf and <name>.png; returns their paths."""
    paths = [folder / f"{name}.{form}" for form in ("pdf", "png")]
    for path in paths:
        write_whole(path, rendered(figure, path.suffix[1:], dpi))
        figure.set_layout_engine("none")  # what the first one found holds for the second
    return paths


def data_uri(kind: str, content: bytes) -> str:
    """A file as text, to stand in a page. Args: kind: its media type, e.g. image/webp."""
    return f"data:{kind};base64,{b64encode(content).decode()}"
