"""Pictures with faces in them: heat maps beside what they are about, and the clips that are confused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from tsfmicro.prepared import PreparedSet
from tsfmicro.report.figures import difference, head, short
from tsfmicro.report.material import Maps, Material
from tsfmicro.report.style import HEAT, new_figure, styled

_GREY = np.array([0.299, 0.587, 0.114])
_MOST_MISTAKES = 12


@dataclass(frozen=True)
class Heat:
    """A column of heat maps.

    Attributes:
        title: what stands above it.
        maps: clip id → (h, w) uint8; answers: clip id → class name that the map speaks for.
    """

    title: str
    maps: Mapping[str, np.ndarray] = field(repr=False)
    answers: Mapping[str, str] = field(repr=False)


def heats_of_runs(runs: Sequence[Material]) -> list[Heat]:
    """The joined features of each run, side by side."""
    return [_heat(run, "joined", short(run.label)) for run in runs]


def heats_of_streams(run: Material) -> list[Heat]:
    """The streams of one run and their joined features, side by side."""
    return [_heat(run, part, part) for part in _maps(run).parts]


def telling_clips(runs: Sequence[Material]) -> list[str]:
    """For each class the clip that most runs answer right, and of those the one they are surest of."""
    everywhere = sorted(set.intersection(*(set(run.clips) for run in runs)))
    right, sure = Counter[str](), Counter[str]()
    for run in runs:
        place = {clip: n for n, clip in enumerate(run.clips)}
        for clip in everywhere:
            n = place[clip]
            right[clip] += int(_maps(run).answer[n] == run.target[n])
            sure[clip] += float(run.probabilities[:, n, run.target[n]].mean())  # type: ignore[assignment]
    number = dict(zip(runs[0].clips, runs[0].target, strict=True))
    of_class = [[c for c in everywhere if number[c] == n] for n in range(len(runs[0].classes))]
    return [max(clips, key=lambda c: (right[c], sure[c])) for clips in of_class if clips]


@styled
def heat_maps(
    heats: Sequence[Heat], truth: Mapping[str, str], prepared: PreparedSet | None, runs: Sequence[Material]
) -> Figure:
    """A row for each clip: onset, apex, their difference, then each heat map over the onset.

    Args:
        heats: the columns.
        truth: clip id → class name; one row each.
        prepared: the faces; without them the maps stand alone.
        runs: what is said of them stands on top.
    """
    seen = 3 if prepared is not None else 0
    columns = seen + len(heats)
    figure = new_figure(1.02 * columns + 0.35, 1.17 * len(truth) + 0.8)
    panels = figure.subplots(len(truth), columns, squeeze=False)
    for row, (clip, name) in enumerate(truth.items()):
        face = None
        if prepared is not None:
            face = prepared.faces("annotated")[prepared.rows_of([clip])[0]]
            for axes, image in zip(panels[row], (*face, difference(*face)), strict=False):
                axes.imshow(image)
        for axes, heat in zip(panels[row][seen:], heats, strict=True):
            _overlay(axes, None if face is None else face[0], heat.maps[clip])
            said = heat.answers[clip]
            axes.set_xlabel(f"{'✓' if said == name else '✗'} {said}", fontsize=6.5, labelpad=1.5)
        panels[row][0].set_ylabel(name, fontsize=8)
    titles = ["onset", "apex", "apex − onset, ×4"][:seen] + [heat.title for heat in heats]
    for axes, title in zip(panels[0], titles, strict=True):
        axes.set_title(title, fontsize=7)
    for axes in panels.flat:
        _bare(axes)
    scale = ScalarMappable(Normalize(0, 1), HEAT)
    bar = figure.colorbar(scale, ax=panels, location="bottom", shrink=0.35, aspect=28, pad=0.015, ticks=[0, 1])
    bar.ax.set_xticklabels(["nothing", "most for the answer"], fontsize=6.5)
    bar.ax.tick_params(length=0)
    bar.outline.set_visible(False)
    head(figure, runs)
    return figure


def mistakes_of(run: Material) -> list[str]:
    """Clips answered wrongly after the last epoch: of each frequent confusion the two surest, the most frequent first."""
    mean = run.probabilities.mean(0)  # (N, C)
    wrong = [n for n in range(len(run.clips)) if mean[n].argmax() != run.target[n]]
    pairs = Counter((int(run.target[n]), int(mean[n].argmax())) for n in wrong)
    ordered = sorted(wrong, key=lambda n: -mean[n].max())
    shown = [
        n
        for pair, _ in sorted(pairs.items(), key=lambda item: (-item[1], item[0]))
        for n in [n for n in ordered if (run.target[n], mean[n].argmax()) == pair][:2]
    ]
    return [run.clips[n] for n in shown[:_MOST_MISTAKES]]


@styled
def mistakes(run: Material, prepared: PreparedSet) -> Figure:
    """Confused clips, small: onset, apex, difference, and truth → answer with the answer's probability, mean over seeds."""
    clips = mistakes_of(run)
    across = min(3, max(1, len(clips)))
    rows = max(1, -(-len(clips) // across))
    figure = new_figure(2.45 * across, 1.05 * rows + 0.25)
    panels = figure.subplots(rows, across, squeeze=False)
    place = {clip: n for n, clip in enumerate(run.clips)}
    mean = run.probabilities.mean(0)
    for axes in panels.flat:
        axes.axis("off")
    for axes, clip in zip(panels.flat, clips, strict=False):
        onset, apex = prepared.faces("annotated")[prepared.rows_of([clip])[0]]
        axes.imshow(_beside(onset, apex, difference(onset, apex)))
        n = place[clip]
        truth, answer = run.classes[run.target[n]], run.classes[mean[n].argmax()]
        axes.set_title(f"{truth} → {answer} {mean[n].max():.2f}", fontsize=7, loc="left", pad=2, fontweight="bold")
        axes.text(0, -0.04, clip, fontsize=5.5, va="top", transform=axes.transAxes)
    head(figure, [run], "last")
    return figure


def _beside(*images: np.ndarray) -> np.ndarray:
    """Images of one size as one, white between them."""
    gap = np.full((images[0].shape[0], max(1, images[0].shape[1] // 24), 3), 255, np.uint8)
    return np.concatenate([part for image in images for part in (image, gap)][:-1], axis=1)


def _heat(run: Material, part: str, title: str) -> Heat:
    maps = _maps(run)
    of_clip = dict(zip(run.clips, maps.parts[part], strict=True))
    return Heat(title, of_clip, dict(zip(run.clips, (run.classes[a] for a in maps.answer), strict=True)))


def _maps(run: Material) -> Maps:
    assert run.maps is not None, "pass runs that have heat maps"
    return run.maps


def _overlay(axes: Axes, face: np.ndarray | None, heat: np.ndarray) -> None:
    """A heat map, smoothed between its places, over a grey face."""
    edge = 1.0 if face is None else float(face.shape[0])
    if face is not None:
        axes.imshow(face @ _GREY, cmap="gray", vmin=0, vmax=255, extent=(0, edge, edge, 0))
    axes.imshow(
        heat,
        cmap=HEAT,
        vmin=0,
        vmax=255,
        extent=(0, edge, edge, 0),
        alpha=1 if face is None else 0.55,
        interpolation="bilinear",
    )


def _bare(axes: Axes) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
