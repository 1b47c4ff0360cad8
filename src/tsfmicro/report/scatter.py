"""Features of clips as points (t-SNE), runs side by side, by class or by person."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from tsfmicro.report.figures import grid, head, short
from tsfmicro.report.material import Features, Material
from tsfmicro.report.style import look, new_figure, styled


def embedded(features: np.ndarray, seed: int = 0) -> np.ndarray:
    """t-SNE (van der Maaten and Hinton 2008) of standardised features. (N, D) → (N, 2), the same for the same input."""
    from sklearn.manifold import TSNE  # seconds to import: only who asks waits
    from sklearn.preprocessing import StandardScaler

    scaled = StandardScaler().fit_transform(features.astype(np.float64))
    perplexity = max(2.0, min(30.0, (len(features) - 1) / 4))
    return TSNE(2, perplexity=perplexity, init="pca", learning_rate="auto", random_state=seed).fit_transform(scaled)


def neighbours_alike(features: np.ndarray, kinds: Sequence[object]) -> tuple[float, float]:
    """How often the nearest clip is of the same kind, and how often any other clip is: the first without the second says little.

    Distances are taken between standardised features, not in the picture.

    Args: features: (N, D); kinds: N classes or people.
    """
    from sklearn.neighbors import NearestNeighbors
    from sklearn.preprocessing import StandardScaler

    scaled = StandardScaler().fit_transform(features.astype(np.float64))
    nearest = NearestNeighbors(n_neighbors=1).fit(scaled).kneighbors(return_distance=False)[:, 0]
    _, number = np.unique(np.array(kinds, dtype=str), return_inverse=True)
    counts = np.bincount(number)[number]
    return float((number[nearest] == number).mean()), float(((counts - 1) / (len(number) - 1)).mean())


@styled
def classes(runs: Sequence[Material]) -> Figure:
    """By class; each clip through the network of its own fold, which has not seen its person."""
    names = runs[0].classes
    return _panels("class", runs, [_own(run) for run in runs], [[names[t] for t in run.target] for run in runs], names)


@styled
def people(runs: Sequence[Material]) -> Figure:
    """By person; all clips through one network, so that what lies apart differs in the clips and not in the networks.

    Points of one person that lie together show that the features still hold who somebody is. The ringed person is the one
    whom that network has not seen.
    """
    names = sorted({person for run in runs for person in run.people})
    rings = [run.features.tested for run in runs if run.features]
    return _panels("person", runs, [_one(run) for run in runs], [run.people for run in runs], names, rings)


def _own(run: Material) -> np.ndarray:
    return _there(run).own


def _one(run: Material) -> np.ndarray:
    return _there(run).one


def _there(run: Material) -> Features:
    assert run.features is not None, "pass runs that have features"
    return run.features


def _panels(
    what: str,
    runs: Sequence[Material],
    features: Sequence[np.ndarray],
    kinds: Sequence[Sequence[str]],
    names: Sequence[str],
    rings: Sequence[np.ndarray] = (),
) -> Figure:
    rows, columns = grid(len(runs))
    few = len(names) <= 10
    size = 17 if max(map(len, features)) < 300 else 8
    shown = [name.partition("/")[2] or name for name in names]
    beside = min(2 * columns, len(names))  # names that fit beside each other
    legend_rows = -(-len(names) // beside) if few else 0
    figure = new_figure(2.4 * columns + 0.3, 2.75 * rows + 0.2 * legend_rows)
    panels = figure.subplots(rows, columns, squeeze=False)
    for axes in panels.flat[len(runs) :]:
        axes.axis("off")
    for place, (run, values, kind) in enumerate(zip(runs, features, kinds, strict=True)):
        axes = panels.flat[place]
        points = embedded(values)
        for number, name in enumerate(names):
            mine = points[np.array(kind) == name]
            style = look(number)
            axes.scatter(
                *mine.T, s=size, color=style.colour, marker=style.marker, linewidth=0, alpha=0.85, label=shown[number]
            )
        if rings:
            axes.scatter(*points[rings[place]].T, s=3 * size, facecolor="none", edgecolor="black", linewidth=0.7)
        alike, chance = neighbours_alike(values, kind)
        axes.set_title(f"{short(run.label)}\nnearest clip is of the same {what}:\n{alike:.0%}, by chance {chance:.0%}")
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set_visible(True)
        axes.set_box_aspect(1)
    head(figure, runs, "last")
    if few:
        figure.legend(*panels.flat[0].get_legend_handles_labels(), loc="outside lower center", ncols=beside)
    return figure
