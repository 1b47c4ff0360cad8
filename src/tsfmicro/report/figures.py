"""Charts of runs: training curves, confusion matrices, people, the leak. Each function takes plain data and gives a figure.

The two `draw_…` functions write what every run leaves in its folder.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from tsfmicro.files import write_whole
from tsfmicro.prepared import PreparedSet
from tsfmicro.report.material import Material
from tsfmicro.report.style import SHARES, look, new_figure, rendered, styled
from tsfmicro.report.tables import name_of
from tsfmicro.types import Interval, Scores, UnitScores, person_of

SCORES = {"acc": "ACC", "uf1": "UF1", "uar": "UAR"}
_PEOPLE_IN_A_COLUMN = 40
_NAME = 24  # letters of a label that fit beside or above a panel
_DPI = 130  # of what every run leaves
_EDGE, _BESIDE, _ABOVE = 184, 14, 40  # of a picture of a clip, and the room between two and above one, pixels
_LETTER = 0.046  # width of a small letter on top of a figure, inches


def draw_confusion(scores: Scores, path: Path) -> None:
    """Confusion matrix with counts and row percentages, readable in grey."""
    write_whole(path, rendered(_one_confusion(scores), "png", _DPI))


def draw_units(scores: UnitScores, path: Path) -> None:
    """For each action unit counts of truth × answer, with row percentages."""
    write_whole(path, rendered(_units(scores), "png", _DPI))


def draw_pairs(
    prepared: PreparedSet, labels: Mapping[str, int], classes: Sequence[str], path: Path, each: int = 2
) -> None:
    """What the model sees: for each class some clips of different people, with onset, apex and their difference (×4).

    Of ready-made flow maps: horizontal and vertical flow and strain.
    """
    chosen = [clip for n in range(len(classes)) for clip in _of_different_people(labels, n, each)]
    height, width = -(-len(chosen) // each) * (_EDGE + _ABOVE) + _BESIDE, each * 3 * (_EDGE + _BESIDE)
    figure = Figure((width / _DPI, height / _DPI), dpi=_DPI)
    pictures = {}
    for place, clip in enumerate(chosen):
        images, last = _three_of(prepared, clip)
        row, start = divmod(place, each)
        top = row * (_EDGE + _ABOVE) + _ABOVE
        for column, (image, name) in enumerate(zip(images, (clip, classes[labels[clip]], last), strict=True)):
            left = (3 * start + column) * (_EDGE + _BESIDE) + _BESIDE // 2
            pictures[top, left] = _shown(image)
            figure.text((left + _EDGE / 2) / width, 1 - (top - _ABOVE / 4) / height, name, fontsize=7, ha="center")
    # matplotlib draws the letters; the pictures are laid between them, since it would sample each anew, which takes twice as long.
    drawn = FigureCanvasAgg(figure)
    drawn.draw()
    canvas = np.asarray(drawn.buffer_rgba())[..., :3].copy()
    for (top, left), picture in pictures.items():
        canvas[top : top + _EDGE, left : left + _EDGE] = picture
    write_whole(path, cv2.imencode(".png", canvas[..., ::-1])[1].tobytes())


def _shown(image: np.ndarray) -> np.ndarray:
    """A picture as large as all; a channel in grey from its least to its most. → (_EDGE, _EDGE, 3) uint8."""
    if image.ndim == 2:
        least, most = image.min(), image.max()
        image = np.repeat((255 * (image - least) / max(most - least, 1e-12)).astype(np.uint8)[..., None], 3, -1)
    return cv2.resize(image, (_EDGE, _EDGE), interpolation=cv2.INTER_AREA if len(image) > _EDGE else cv2.INTER_CUBIC)


def _three_of(prepared: PreparedSet, clip: str) -> tuple[Sequence[np.ndarray], str]:
    """Onset, apex and their difference, or a flow map's three channels; and what the last of them is."""
    row = prepared.rows_of([clip])[0]
    flow = prepared.largest("flow")
    if prepared.largest("faces") is None and flow is not None:
        return list(prepared.of(flow).of("annotated")[row].astype(np.float32)), "u, v, strain"
    onset, apex = prepared.faces("annotated")[row]
    return [onset, apex, difference(onset, apex)], "apex − onset, ×4"


def difference(onset: np.ndarray, apex: np.ndarray, gain: float = 4) -> np.ndarray:
    """Apex − onset made visible: mid-grey where nothing changes. (..., H, W, 3) uint8 → the same."""
    return np.clip(127.5 + gain * (apex.astype(np.float32) - onset), 0, 255).astype(np.uint8)


def head(figure: Figure, runs: Sequence[Material], rule: str = "") -> None:
    """What is shown, in small letters on top: dataset and classes, people, clips, seeds, rule."""
    names = dict.fromkeys(
        f"{'generated faces as ' if run.generated else ''}{name_of(run.dataset, len(run.classes))}" for run in runs
    )
    counts = dict.fromkeys(run.counts for run in runs)
    told = ["; ".join(names), "; ".join(counts), f"rule {rule}" if rule else ""]
    text = textwrap.fill(" · ".join(part for part in told if part), int(figure.get_figwidth() / _LETTER))
    figure.suptitle(text, fontsize=6.5, color="#555555", x=0.01, ha="left")


@styled
def _units(scores: UnitScores) -> Figure:
    rows, columns = grid(len(scores.classes))
    figure = new_figure(1.5 * columns + 0.4, 1.6 * rows + 0.6)
    panels = figure.subplots(rows, columns, squeeze=False)
    for axes in panels.flat[len(scores.classes) :]:
        axes.axis("off")
    for axes, name, counts in zip(panels.flat, scores.classes, scores.confusion, strict=False):
        share = counts / counts.sum(-1, keepdims=True)
        axes.imshow(share, cmap=SHARES, vmin=0, vmax=1)
        for row, column in np.ndindex(2, 2):
            colour = "white" if share[row, column] > 0.55 else "black"
            said = f"{counts[row, column]}\n{100 * share[row, column]:.0f} %"
            axes.text(column, row, said, ha="center", va="center", fontsize=7, color=colour)
        axes.set_xticks(range(2), ["not said", "said"])
        axes.set_yticks(range(2), ["absent", "shown"])
        axes.set_title(f"{name}, F1 {scores.f1_of_units[name].value:.2f}")
    seeds = "" if len(scores.seeds) == 1 else f", {len(scores.seeds)} seeds summed"
    counted = f"{scores.people} people, {scores.clips} clips, rule {scores.rule}{seeds}"
    figure.suptitle(f"mean binary F1 {scores.f1}   macro F1 {scores.macro_f1}\n{counted}", fontsize=8)
    return figure


@styled
def matrix_of_datasets(datasets: Sequence[str], values: Sequence[Sequence[Interval | None]]) -> Figure:
    """UF1 with its interval: trained on (rows) × tested on (columns), dark is more; grey where there is none."""
    count = len(datasets)
    figure = new_figure(1.5 + 1.15 * count, 1.1 + 0.85 * count)
    axes = figure.subplots()
    shares = np.array([[np.nan if cell is None else cell.value for cell in row] for row in values], float)
    axes.set_facecolor("#e6e6e6")
    axes.imshow(np.ma.masked_invalid(shares), cmap=SHARES, vmin=0, vmax=1)
    for row, column in np.ndindex(count, count):
        cell = values[row][column]
        said = "–" if cell is None else f"{cell.value:.2f}\n[{cell.low:.2f}, {cell.high:.2f}]"
        colour = "white" if cell is not None and cell.value > 0.55 else "black"
        axes.text(column, row, said, ha="center", va="center", fontsize=7, color=colour)
    axes.set_xticks(range(count), [short(name) for name in datasets], rotation=30, ha="right")
    axes.set_yticks(range(count), [short(name) for name in datasets])
    axes.set_xlabel("tested on")
    axes.set_ylabel("trained on")
    axes.set_title("UF1 [95 % over people]")
    return figure


@styled
def curves(runs: Sequence[Material], labels: Sequence[str] | None = None) -> Figure:
    """Scores after each epoch, pooled over folds: a line per run, mean over seeds, a band from the lowest to the highest seed.

    Long trainings are drawn as a running mean over a twenty-fifth of their epochs, the same for line and band.

    Args: labels: what the runs are called here, by default their labels.
    """
    figure = new_figure(7.2, 2.7)
    panels = figure.subplots(1, len(SCORES), sharey=True, squeeze=False)[0]
    for axes, score in zip(panels, SCORES, strict=True):
        for number, (run, label) in enumerate(zip(runs, labels or [run.label for run in runs], strict=True)):
            _curve(axes, run.curves[score], label, number)
        axes.set_title(SCORES[score])
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(axis="y")
        axes.set_ylim(0, 1)
    panels[0].set_ylabel("score of people left out")
    head(figure, runs)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=min(4, len(runs)))
    return figure


def _curve(axes: Axes, values: np.ndarray, label: str, number: int) -> None:
    """values (S, epochs)."""
    window = max(1, values.shape[1] // 25)
    smooth = np.stack([np.convolve(seed, np.full(window, 1 / window), "valid") for seed in values])
    epochs = np.arange(window, values.shape[1] + 1)  # a mean stands at the last of its epochs
    style = look(number)
    marker = "" if len(epochs) > 1 else style.marker
    axes.plot(epochs, smooth.mean(0), color=style.colour, linestyle=style.dashes, label=label, marker=marker)
    if len(values) > 1:
        axes.fill_between(epochs, smooth.min(0), smooth.max(0), color=style.colour, alpha=0.15, linewidth=0)


@styled
def confusions(runs: Sequence[Material], rule: str = "last") -> Figure:
    """Confusion matrices side by side: counts (summed over seeds) and row percentages."""
    rows, columns = grid(len(runs))
    edge = 0.9 + 0.43 * len(runs[0].classes)
    figure = new_figure(columns * edge + 0.5, rows * (edge + 0.35))
    panels = figure.subplots(rows, columns, squeeze=False)
    for axes in panels.flat[len(runs) :]:
        axes.axis("off")
    for place, run in enumerate(runs):
        axes = panels.flat[place]
        confusion_panel(axes, run.scores[rule], fontsize=6.5)
        axes.set_title(f"{short(run.label)}\nUF1 {run.scores[rule].uf1}", fontsize=8)
    head(figure, runs, str(runs[0].scores[rule].rule))
    return figure


@styled
def _one_confusion(scores: Scores) -> Figure:
    n = len(scores.classes)
    figure = new_figure(1.9 + 0.95 * n, 1.6 + 0.85 * n)
    axes = figure.subplots()
    confusion_panel(axes, scores, fontsize=9)
    seeds = "" if len(scores.seeds) == 1 else f", {len(scores.seeds)} seeds summed"
    axes.set_title(
        f"UF1 {scores.uf1}   {scores.rule.uar_is} {scores.uar}   ACC {scores.acc}\n"
        f"{scores.people} people, {scores.clips} clips, rule {scores.rule}{seeds}",
        fontsize=9,
    )
    return figure


def confusion_panel(axes: Axes, scores: Scores, fontsize: float) -> None:
    """One confusion matrix into axes that are there."""
    counts = scores.confusion
    shares = counts / counts.sum(1, keepdims=True)
    axes.imshow(shares, cmap=SHARES, vmin=0, vmax=1)
    for (row, column), share in np.ndenumerate(shares):
        colour = "white" if share > 0.55 else "black"
        text = f"{counts[row, column]}\n{share:.0%}"
        axes.text(column, row, text, ha="center", va="center", fontsize=fontsize, color=colour)
    axes.set_xticks(range(len(counts)), scores.classes, rotation=30, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(counts)), scores.classes)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_xlabel("answer")
    axes.set_ylabel("truth")


@styled
def people(runs: Sequence[Material]) -> Figure:
    """Share of right answers for each person (rule last), a marker per run; the most difficult person stands on top."""
    shares = [run.accuracy_of_people() for run in runs]
    everyone = sorted({person for of_run in shares for person in of_run})
    mean = {p: float(np.mean([of_run[p][0] for of_run in shares if p in of_run])) for p in everyone}
    ordered = sorted(everyone, key=lambda p: (mean[p], p))
    columns = -(-len(ordered) // _PEOPLE_IN_A_COLUMN)
    each = -(-len(ordered) // columns)
    figure = new_figure(4.2 if columns == 1 else 7.2, 0.9 + 0.19 * max(each, len(runs)) + 0.2 * -(-len(runs) // 2))
    panels = figure.subplots(1, columns, sharex=True, squeeze=False)[0]
    one_dataset = len({p.partition("/")[0] for p in ordered}) == 1
    for axes, start in zip(panels, range(0, len(ordered), each), strict=True):
        shown = ordered[start : start + each]
        for number, (run, of_run) in enumerate(zip(runs, shares, strict=True)):
            _people_panel(axes, [of_run.get(p, (np.nan, 0))[0] for p in shown], run, number, len(runs))
        clips = [max(of_run[p][1] for of_run in shares if p in of_run) for p in shown]
        names = [p.partition("/")[2] if one_dataset else p for p in shown]
        axes.set_yticks(range(len(shown)), [f"{name} ({n})" for name, n in zip(names, clips, strict=True)])
        axes.set_ylim(each - 0.5, -0.5)
        axes.set_xlim(-0.03, 1.03)
        axes.grid(axis="x")
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel("share of right answers")
    panels[0].set_ylabel("person (clips)")
    head(figure, runs, "last")
    figure.legend(
        *panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=min(2 * columns, len(runs), 4)
    )
    return figure


def _people_panel(axes: Axes, shares: Sequence[float], run: Material, number: int, of: int) -> None:
    style = look(number)
    aside = 0.0 if of == 1 else 0.5 * (number / (of - 1) - 0.5)  # equal values stand below each other
    axes.axvline(run.last.acc.value, color=style.colour, linestyle=style.dashes, linewidth=0.9)
    label = f"{short(run.label)}, ACC {run.last.acc.value:.2f}"
    places = np.arange(len(shares)) + aside
    axes.scatter(shares, places, s=20, color=style.colour, marker=style.marker, label=label, zorder=3)


@styled
def leak(runs: Sequence[Material], score: str = "uf1") -> Figure:
    """What choosing the epoch on the test person adds: last (honest) → oracle (test-selected, optimistic), 95 % intervals."""
    figure = new_figure(6.2, 1.25 + 0.46 * len(runs))
    axes = figure.subplots()
    for row, run in enumerate(runs):
        honest, chosen = (getattr(run.scores[rule], score) for rule in ("last", "oracle"))
        for value, aside, colour, marker, filled in (
            (honest, 0.13, look(0).colour, "o", True),
            (chosen, -0.13, look(4).colour, "s", False),
        ):
            axes.plot([value.low, value.high], [row + aside] * 2, color=colour, linewidth=1)
            face = colour if filled else "white"
            axes.plot(value.value, row + aside, marker, color=colour, markerfacecolor=face, markersize=5.5)
        axes.text(1.02, row, f"{run.leak[score]:+}", va="center", ha="left", transform=axes.get_yaxis_transform())
    axes.plot([], [], "o-", color=look(0).colour, linewidth=1, label="last")
    axes.plot(
        [],
        [],
        "s-",
        color=look(4).colour,
        markerfacecolor="white",
        linewidth=1,
        label=str(runs[0].scores["oracle"].rule),
    )
    axes.text(1.02, -0.75, "oracle − last", va="center", ha="left", transform=axes.get_yaxis_transform())
    axes.set_yticks(range(len(runs)), [short(run.label) for run in runs])
    axes.set_ylim(len(runs) - 0.4, -1)
    axes.set_xlim(0, 1)
    axes.grid(axis="x")
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(SCORES[score])
    figure.legend(loc="outside lower center", ncols=2)
    head(figure, runs)
    return figure


def grid(panels: int) -> tuple[int, int]:
    """Rows and columns: up to three side by side, four as two by two."""
    columns = 2 if panels == 4 else min(3, panels)
    return -(-panels // columns), columns


def short(label: str) -> str:
    """A label that fits above a panel."""
    return label if len(label) <= _NAME else f"{label[: _NAME - 1]}…"


def _of_different_people(labels: Mapping[str, int], number: int, count: int) -> list[str]:
    """Clips of one class, from as many people as there are, in the order of their names."""
    seen: dict[str, str] = {}
    rest = []
    for clip in sorted(c for c, label in labels.items() if label == number):
        person = person_of(clip)
        if person in seen:
            rest.append(clip)
        seen.setdefault(person, clip)
    return [*seen.values(), *rest][:count]
