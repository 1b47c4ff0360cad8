"""How far the learned spotter can be believed: the tables and the picture of docs/spotting.md.

python -m benchmarks.sure card [PICTURE]            what the shipped spotter's card says; its reliability as a picture
python -m benchmarks.sure films FOLDER [SEED COUNT]  peaks and learned on films that nobody learned from, drawn and measured there
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tsfmicro.spot.found import Thresholds
from tsfmicro.spot.learned import shipped
from tsfmicro.use.learn_spotter import calibration_error, candidates, levels, reliability, table_of
from tsfmicro.use.spot_films import lessons

SEED, COUNT = 2000, 16


def card(picture: Path | None = None) -> None:
    known = shipped().card
    print(f"{known['films']} films, {known['minutes']} minutes, {known['movements']} movements that were looked at")
    show(known["held out"])
    print("learned")
    show_reliability(known["reliability"])
    print(f"peaks, {known['peaks']['movements']} movements")
    show_reliability(known["peaks"]["reliability"])
    if picture is not None:
        draw({"learned": known["reliability"], "peaks": known["peaks"]["reliability"]}, picture)


def films(folder: Path, seed: int = SEED, count: int = COUNT) -> None:
    taught, spotter = lessons(folder, seed, count), shipped()
    looked = [candidates(one) for one in taught]
    start = time.process_time()
    sure = [spotter.probabilities(one.numbers) for one in looked]
    spent = time.process_time() - start
    peaks = [candidates(one, Thresholds()) for one in taught]
    minutes = sum(one.minutes for one in taught)
    print(f"{len(taught)} films, {minutes:.1f} minutes; {1e3 * spent / minutes:.1f} ms a minute for the networks")
    for name, wanted in (
        ("all", None),
        *((f"{rate:g} fps", rate) for rate in sorted({one.recipe.fps for one in taught})),
    ):
        chosen = [n for n, one in enumerate(taught) if wanted in (None, one.recipe.fps)]
        print(name)
        tables = {
            "learned": table_of(levels([looked[n] for n in chosen], [sure[n] for n in chosen])),
            "peaks": table_of(
                levels(
                    [peaks[n] for n in chosen],
                    [np.array([f.confidence for f in spotter.of_peaks(peaks[n].found)]) for n in chosen],
                )
            ),
        }
        show(tables, (0.5,) if wanted else (0.0, 0.3, 0.5, 0.7, 0.9))
    show_reliability(reliability(np.concatenate(sure), np.concatenate([one.hits for one in looked])))


def show(tables: Mapping[str, Mapping[str, Sequence[float]]], at: Sequence[float] = (0.0, 0.3, 0.5, 0.7, 0.9)) -> None:
    for spotter, table in tables.items():
        for n, level in enumerate(table["level"]):
            if level in at:
                print(
                    f"  {spotter:8} level {level:.1f}: F1 {table['f1'][n]:.2f}; false a minute {table['micro'][n]:.2f} micro, "
                    f"{table['macro'][n]:.2f} macro; found {table['micro recall'][n]:.2f} and {table['macro recall'][n]:.2f}"
                )


def show_reliability(table: Sequence[Mapping[str, Any]]) -> None:
    for row in table:
        print(f"  confidence {row['confidence']:.2f}: true {row['hits']:.2f} of {row['count']}")
    print(f"  calibration error {calibration_error(table):.3f}")


def draw(tables: Mapping[str, Sequence[Mapping[str, Any]]], picture: Path) -> None:
    """Confidence against how often it was true, with an interval of 95 % (Wilson) by the number of movements."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.4, 4.0), layout="constrained")
    z = 1.96
    for axes, (name, table) in zip(figure.subplots(1, len(tables), sharey=True), tables.items(), strict=True):
        said, true, count = (np.array([row[of] for row in table], float) for of in ("confidence", "hits", "count"))
        middle = (true + z**2 / (2 * count)) / (1 + z**2 / count)
        half = z * np.sqrt(true * (1 - true) / count + z**2 / (4 * count**2)) / (1 + z**2 / count)
        axes.plot([0, 1], [0, 1], color="0.7", linewidth=1)
        axes.vlines(said, middle - half, middle + half, color="#2a6f97")
        axes.plot(said, true, "o", color="#2a6f97")
        for x, y, n in zip(said, true, count, strict=True):
            axes.annotate(f"{n:.0f}", (x, y), xytext=(6, -9), textcoords="offset points", fontsize=7, color="0.4")
        axes.set(xlabel="confidence", xlim=(0, 1), ylim=(0, 1), title=name)
    figure.axes[0].set_ylabel("share that is true")
    figure.savefig(picture, dpi=90)


def main(what: str = "", *given: str) -> None:
    if what == "card":
        card(*map(Path, given))
    elif what == "films" and given:
        films(Path(given[0]), *map(int, given[1:]))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(*sys.argv[1:])
