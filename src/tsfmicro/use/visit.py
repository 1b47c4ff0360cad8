"""One upload to the page: read in a thread of its own, within limits, stopped when asked, and deleted."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from pathlib import Path

from tsfmicro.errors import TsfmicroError, VideoError
from tsfmicro.prepare.images import read_image
from tsfmicro.run.watch import Watch
from tsfmicro.spot.spot import LEVEL
from tsfmicro.spot.video import open_video
from tsfmicro.use.pages import as_csv, as_json, as_page, as_report
from tsfmicro.use.recognise import Recognizer
from tsfmicro.use.spot import SPOTTER


@dataclass(frozen=True)
class Limits:
    """What one upload may be. megabytes, seconds: of the video; minutes: of work."""

    megabytes: int = 500
    seconds: float = 180
    minutes: float = 15


@dataclass(frozen=True)
class Result:
    """What a visitor may keep, each as text: a page (HTML), a table (CSV), JSON, and a report to print (HTML)."""

    page: str
    json: str
    csv: str
    report: str


class Stopped(Exception):
    """The visitor has cancelled, or has left."""


class Visit(Watch):
    """A video being read. It begins at once; `result` or `trouble` is there when `done` is set.

    Attributes:
        doing, share: what is being done, and how much of it, from 0 to 1.
        trouble: what went wrong, in words for the visitor.
    """

    def __init__(
        self,
        recognizer: Recognizer,
        video: Path,
        limits: Limits,
        delete: bool,
        level: float = LEVEL,
        spotter: str = SPOTTER,
    ) -> None:
        self._level, self._spotter = level, spotter
        self._recognizer, self._video, self._limits, self._delete = recognizer, video, limits, delete
        self._ends = time.monotonic() + 60 * limits.minutes
        self._stop = threading.Event()
        self.done = threading.Event()
        self.doing, self.share = "looking at the file", 0.0
        self.result: Result | None = None
        self.trouble = ""
        threading.Thread(target=self._work, daemon=True).start()

    def stop(self) -> None:
        """End the work at the next frame. What it had is dropped."""
        self._stop.set()

    def progress(self, what: str, done: int, total: int, detail: str = "") -> None:
        if self._stop.is_set():
            raise Stopped
        if time.monotonic() > self._ends:
            raise VideoError(
                f"the work took longer than {self._limits.minutes:g} minutes and was stopped. Cut the video, or read it with "
                "`tsfmicro predict` on your own machine."
            )
        self.doing, self.share = what, min(1.0, done / max(1, total))

    def _work(self) -> None:
        try:
            self._check()
            reading = self._recognizer.video(self._video, self, level=self._level, spotter=self._spotter)
            self.result = Result(as_page(reading, watch=self), as_json(reading), as_csv(reading), as_report(reading))
        except Stopped:
            self.trouble = "Cancelled."
        except TsfmicroError as reason:
            self.trouble = str(reason).replace(str(self._video), self._video.name)
        except Exception as fault:  # a page must answer whatever happens
            self.trouble = f"Something went wrong in the program ({type(fault).__name__}). Please report it."
            raise
        finally:
            if self._delete:
                self._video.unlink(missing_ok=True)
            self.done.set()

    def _check(self) -> None:
        try:
            size = self._video.stat().st_size / 1e6
        except OSError:
            raise VideoError("the upload is not there any more. Choose the video again.") from None
        if size > self._limits.megabytes:
            raise VideoError(f"the file has {size:.1f} MB; at most {self._limits.megabytes} are taken here.")
        source = open_video(self._video, read_image)
        seconds = source.about / source.fps
        if seconds > self._limits.seconds:
            raise VideoError(
                f"the video is {seconds:.1f} s long; at most {self._limits.seconds:.0f} are taken here. Cut it, or read it with "
                "`tsfmicro predict`."
            )
