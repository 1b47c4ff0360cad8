"""Videos in which moments are looked for, one after another, each in a process of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tsfmicro.errors import TsfmicroError
from tsfmicro.spot.rest import Known
from tsfmicro.workers import Job


@dataclass(frozen=True)
class Look:
    """What is to be looked at.

    Attributes:
        model: names emotions, too; None where none is asked for. rest: what is known of how the faces rest.
        out: where what is found is kept.
    """

    video: Path
    fps: float | None
    model: str | None
    threshold: float
    out: Path
    rest: Known | None = None

    def __str__(self) -> str:
        return self.video.name


Tell = Callable[[tuple[str, float]], None]
"""Is told what is being done, and how much of it."""


class Jobs:
    """The queue.

    Args:
        look: finds and keeps the moments of a video, and gives how many there are; it can be sent to another process.
        ended: is told of a video that was looked at, and how many moments it has.
    """

    def __init__(self, look: Callable[[Look, Tell], int], ended: Callable[[str, int], None]) -> None:
        self._look, self._ended = look, ended
        self._waiting: dict[str, Callable[[], Look]] = {}
        self._at: tuple[str, Job] | None = None
        self._troubles: dict[str, str] = {}
        self._changed = threading.Condition()
        self._closed = False
        threading.Thread(target=self._work, daemon=True).start()

    def add(self, name: str, at: Callable[[], Look]) -> None:
        """Look at a video when those before it are done; what is known by then is asked for then."""
        with self._changed:
            self._troubles.pop(name, None)
            if self._at is None or self._at[0] != name:
                self._waiting[name] = at
            self._changed.notify_all()

    def cancel(self, name: str) -> None:
        """Do not look at a video, or stop looking."""
        with self._changed:
            self._waiting.pop(name, None)
            if self._at and self._at[0] == name:
                self._at[1].stop()

    def close(self) -> None:
        """Stop everything."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            if self._at:
                self._at[1].stop()
            self._changed.notify_all()

    def state(self) -> dict[str, dict[str, Any]]:
        """Video → what is being done (doing, share), or what went wrong (trouble)."""
        with self._changed:
            told: dict[str, dict[str, Any]] = {name: {"trouble": said} for name, said in self._troubles.items()}
            told |= {name: {"doing": "waiting", "share": 0.0} for name in self._waiting}
            if self._at:
                doing, share = self._at[1].told or ("beginning", 0.0)
                told[self._at[0]] = {"doing": doing, "share": share}
            return told

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closed)
                if self._closed:
                    return
                name = next(iter(self._waiting))
                try:
                    job = Job(self._look, self._waiting.pop(name)())
                except TsfmicroError as problem:  # it was removed meanwhile
                    self._troubles[name] = str(problem)
                    continue
                self._at = (name, job)
            job.done.wait()
            with self._changed:
                self._at = None
                if job.trouble is not None:
                    self._troubles[name] = _words(job.trouble)
            if job.result is not None:
                self._ended(name, job.result)


def _words(trouble: Exception) -> str:
    if isinstance(trouble, TsfmicroError):
        return str(trouble)
    return f"Something went wrong in the program ({type(trouble).__name__}: {trouble}). Please report it."
