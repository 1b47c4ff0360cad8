"""How far the learned spotter can be believed: the table and the picture of docs/spotting.md.

    python -m benchmarks.sure card [PICTURE]         what the shipped spotter's card says: reliability, false alarms at each level
    python -m benchmarks.sure films FOLDER [SEED COUNT]   peaks and learned on films of another seed, drawn and measured there
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tsfmicro.run.watch import Watch
from tsfmicro.spot.intervals import Thresholds
from tsfmicro.spot.learned import Spotter, shipped
from tsfmicro.spot.score import SpotScores
from tsfmicro.use.learn_spotter import (
    Candidates,
    calibration_error,
    candidates,
    judged,
    levels,
    reliability,
)
from tsfmicro.use.spot_films import KINDS, Lesson, lessons

SEED, COUNT = 2000, 16  # of films that nothing was learned from


def card(picture: Path | None) -> None:
    known = shipped().card
    print(f"{known['films']} films, {known['minutes']} minutes, {known['movements']} movements; calibration error {known['calibration error']}")
    for spotter, table in known["held out"].items():
        for n, level in enumerate(table["level"]):
            print(f"{spotter:8} level {level:.2f}: F1 {table['f1'][n]:.2f}, false a minute {table['micro'][n]:.2f} micro, {table['macro'][n]:.2f} macro")
    if picture is not None:
        draw(known["reliability"], picture)
