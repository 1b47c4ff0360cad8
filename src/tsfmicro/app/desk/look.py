"""Moments looked for in a video, in a process of its own."""

from __future__ import annotations

import time

from tsfmicro.desk.found import as_found, keep
from tsfmicro.desk.jobs import Look, Tell
from tsfmicro.run.watch import Watch

_OFTEN = 0.2  # seconds between two reports


class _Teller(Watch):
    def __init__(self, tell: Tell) -> None:
        self._tell, self._last = tell, 0.0

    def progress(self, what: str, done: int, total: int, detail: str = "") -> None:
        if time.monotonic() - self._last > _OFTEN:
            self._last = time.monotonic()
            self._tell((what, min(1.0, done / max(1, total))))


def look(at: Look, tell: Tell) -> int:
    """Find the moments of a video and keep them. Returns: how many there are."""
    watch = _Teller(tell)
    if at.model is None:
        from tsfmicro.use.spot import spot

        found = as_found(spot(at.video, watch, at.fps, rest=at.rest))
    else:
        from tsfmicro.use.recognise import Recognizer

        reading = Recognizer.load(at.model, threshold=at.threshold).video(at.video, watch, at.fps, rest=at.rest)
        found = as_found(reading.spotting, reading.to_dict())
    keep(found, at.out)
    return len(found.told["moments"])
