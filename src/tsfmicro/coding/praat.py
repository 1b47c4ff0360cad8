"""Praat's TextGrid: tiers named as in ELAN, the apexes in a tier of points. A second interval of a tier may not overlap the first."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tsfmicro.coding.base import EVERYTHING, Format
from tsfmicro.coding.layers import SAID, Layer, Mark, Tiers, apex_of, layers, pympi, said, span
from tsfmicro.errors import AnnotationError
from tsfmicro.timeline import Timeline


class Praat(Format):
    name, title, endings = "praat", "Praat's TextGrid", (".TextGrid",)
    holds = EVERYTHING - {"video", "fps"}

    def read(self, path: Path, fps: float | None = None) -> list[Timeline]:
        grid = _parsed(path)
        tiers = Tiers(str(path))
        for tier in grid.tiers:
            points = tier.tier_type == "TextTier"
            marks = [(t[0], t[0] if points else t[1], t[-1]) for t in tier.get_intervals() if points or t[-1].strip()]
            tiers.add(tier.name, [Mark(round(1000 * a), round(1000 * b), text) for a, b, text in marks])
        moments = tiers.moments()
        return [Timeline("", moments, fps, grid.xmax or None, tuple(tiers.people), tuple(tiers.notes))]

    def content(self, timelines: Sequence[Timeline]) -> bytes:
        (timeline,) = timelines
        held = list(layers(timeline))
        ends = [span(m)[1] / 1000 for m in timeline.moments]
        grid = pympi("Praat").TextGrid(xmax=max([timeline.seconds or 0.0, 0.001, *ends]))
        for layer in held:
            _add(grid, layer)
        with TemporaryDirectory() as folder:  # pympi writes to a path alone
            file = Path(folder) / "grid"
            grid.to_file(str(file))
            return file.read_bytes()


def _add(grid: Any, layer: Layer) -> None:
    for what in ("kind", *SAID):
        texts = [(span(m), said(m, what)) for m in layer.moments]
        if what == "kind" or any(text for _, text in texts):
            tier = grid.add_tier(_name(layer, what))
            for (begin, end), text in texts:
                if text:
                    # Checked, each would be held against all others.
                    tier.add_interval(begin / 1000, end / 1000, text, check=False)
    apexes = [apex for m in layer.moments if (apex := apex_of(m)) is not None]
    if apexes:
        tier = grid.add_tier(_name(layer, "apex"), "TextTier")
        for apex in apexes:
            tier.add_point(apex / 1000, "apex", check=False)


def _name(layer: Layer, what: str) -> str:
    return layer.tier(what).replace('"', '""')  # pympi doubles quotes in texts, not in names


def _parsed(path: Path) -> Any:
    grids = pympi("Praat")
    codec = "utf-8-sig"
    try:
        with path.open("rb") as file:
            if file.read(2) in (b"\xff\xfe", b"\xfe\xff"):  # what Praat makes of letters beyond ASCII
                codec = "utf-16"
        return grids.TextGrid(str(path), codec=codec)
    except OSError as error:
        raise AnnotationError(f"{path}: cannot be read ({error.strerror}). Give a TextGrid.") from None
    except Exception:  # pympi raises what it stumbles over, of any kind
        raise AnnotationError(f"{path}: is no TextGrid, or damaged. Open it in Praat, and save it again.") from None
