"""`tsfmicro doctor`: what is here, what is missing, which extra brings it, and how fast it is.

Whatever may hang or take the process down with it (a library built for another processor, a driver) is tried in a process of its own,
which says before each thing what it tries.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from threading import Timer
from typing import Any, Literal

import tsfmicro
from tsfmicro.places import VARIABLE, usual_cache

State = Literal["ok", "absent", "broken"]
SECONDS = 120.0  # for all that is tried in the other process; five to ten are usual
_COUNTING = 3.0  # seconds after which a cache is not measured any further

EXTRAS = {
    "hub": "models from the Hugging Face hub",
    "ray": "trainings on a Ray cluster",
    "slurm": "trainings as SLURM jobs",
    "onnx": "models in one file, and asked by onnxruntime",
    "openvino": "exported models, asked the fastest way on a CPU",
    "explain": "heat maps",
    "coding": "codings of ELAN and Praat",
    "tables": "pandas tables, `tsfmicro.read`",
    "tvl1": "the flow method tvl1",
    "web": "the page for videos, and heat maps",
}
"""What each extra is for; those that are not here are for who develops."""


@dataclass(frozen=True)
class Finding:
    """One thing.

    Attributes:
        state: 'ok'; 'absent', which only matters to who wants it; 'broken', which keeps a part from working.
        detail: how it is. todo: what to do, where something is to be done.
        values: the same as numbers, for programs.
    """

    what: str
    state: State
    detail: str
    todo: str = ""
    values: dict[str, Any] = field(default_factory=dict)

    def line(self) -> str:
        """One line, whatever the detail holds."""
        told = f"{self.what}: {self.detail}" + (f". {self.todo}" if self.todo else "")
        return f"{self.state:6s}  {' '.join(told.split())}"


@dataclass(frozen=True)
class Health:
    """All findings. It is well where nothing is broken; what is absent may not be wanted."""

    findings: tuple[Finding, ...]

    @property
    def well(self) -> bool:
        return all(finding.state != "broken" for finding in self.findings)

    def lines(self) -> list[str]:
        """A line for each thing, and the verdict."""
        broken = sum(finding.state == "broken" for finding in self.findings)
        verdict = "all that is needed works" if self.well else f"{broken} of {len(self.findings)} things are broken"
        return [*(finding.line() for finding in self.findings), verdict]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {"well": self.well, "findings": [asdict(finding) for finding in self.findings]}


def doctor(cache: Path | None = None, seconds: float = SECONDS) -> Health:
    """Look at everything once; nothing is raised and nothing is left behind.

    Args: cache: where prepared faces are kept; by default where commands keep them. seconds: after which what hangs is given up.
    """
    place = usual_cache() if cache is None else cache
    found = [
        *guarded("program", _program),
        *guarded("memory", _memory),
        *guarded("cache", lambda: _cache(place)),
        *guarded("temporary files", _temporary_files),
        *guarded("ffmpeg", _ffmpeg),
        *guarded("extras", _extras),
    ]
    return Health((*found, *tried(seconds)))


def guarded(what: str, look: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """What a look finds; what it raises is a finding too."""
    try:
        yield from look()
    except Exception as problem:  # whatever a broken installation may raise
        yield Finding(what, "broken", f"{type(problem).__name__}: {problem}"[:300])


def tried(seconds: float, command: tuple[str, ...] = ("-m", "tsfmicro.about.probes")) -> Iterator[Finding]:
    """What the other process finds; where it dies or hangs, at what. Args: command: what Python is to run there."""
    with tempfile.TemporaryFile("w+", errors="replace") as said:
        child = subprocess.Popen(
            [sys.executable, "-P", *command], stdout=subprocess.PIPE, stderr=said, text=True, errors="replace"
        )
        began, trying = time.monotonic(), "start of Python"
        limit = Timer(seconds, child.kill)
        limit.start()
        try:
            assert child.stdout is not None
            for line in child.stdout:
                try:
                    told = json.loads(line)
                    finding = None if "trying" in told else Finding(**told)
                except (ValueError, TypeError):
                    continue  # a library's chatter
                trying = told.get("trying", trying)
                if finding:
                    yield finding
            status = child.wait()
        finally:
            limit.cancel()
            child.kill()
            child.wait()
        if status:
            said.seek(0)
            last = (said.read().strip().splitlines() or ["it said nothing"])[-1][:200]
            hung = time.monotonic() - began >= seconds
            why = f"did not end within {seconds:g} s" if hung else f"the process ended with status {status} ({last})"
            yield Finding(
                trying, "broken", why, "Install it again for this processor; what comes after it was not tried"
            )


def _program() -> Iterator[Finding]:
    place = Path(tsfmicro.__file__).parent
    yield Finding("tsfmicro", "ok", f"{tsfmicro.__version__} in {place}", values={"version": tsfmicro.__version__})
    yield Finding("Python", "ok", f"{platform.python_version()} ({sys.executable}), {platform.platform(terse=True)}")


def _memory() -> Iterator[Finding]:
    import psutil

    from tsfmicro.run.environment import free_in_group
    from tsfmicro.workers import cores

    all_of_it = psutil.virtual_memory()
    free = min(float(all_of_it.available), free_in_group())
    yield Finding(
        "machine",
        "ok",
        f"{cores()} cores, {_size(free)} of {_size(all_of_it.total)} memory free",
        "" if free > 2e9 else "That is little: a training wants 1 to 4 GB",
        {"cores": cores(), "free": int(free), "memory": all_of_it.total},
    )


def _cache(place: Path) -> Iterator[Finding]:
    standing = next(folder for folder in (place, *place.absolute().parents) if folder.exists())
    free = shutil.disk_usage(standing).free
    size, files, whole = _measure(place)
    how = f"{place}: {'' if whole else 'more than '}{_size(size)} in {files} files, {_size(free)} free on that disk"
    values = {"folder": str(place), "bytes": size, "files": files, "free": free}
    if _holds_files(standing):
        yield Finding("cache", "ok", how, "" if free > 5e9 else "Little room: prepared faces may take some GB", values)
    else:
        yield Finding("cache", "broken", f"{how}; it cannot be written to", f"Set {VARIABLE} or use --cache", values)


def _holds_files(folder: Path) -> bool:
    """Whether a file can be made there; what a folder says of itself is not always so (/proc)."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _measure(place: Path) -> tuple[int, int, bool]:
    """Bytes and files of a folder, and whether all were counted in time."""
    began, size, files = time.monotonic(), 0, 0
    for folder, _, names in os.walk(place):
        for name in names:
            try:
                size += (Path(folder) / name).lstat().st_size
                files += 1
            except OSError:  # gone meanwhile
                continue
        if time.monotonic() - began > _COUNTING:
            return size, files, False
    return size, files, True


def _temporary_files() -> Iterator[Finding]:
    with tempfile.TemporaryDirectory() as folder:
        yield Finding("temporary files", "ok", f"{Path(folder).parent}")


def _ffmpeg() -> Iterator[Finding]:
    found = shutil.which("ffmpeg")
    if found:
        yield Finding("ffmpeg", "ok", f"{found}, for videos that must be converted first")
    else:
        yield Finding("ffmpeg", "absent", "only needed where a video must be converted first")


def _extras() -> Iterator[Finding]:
    from packaging.requirements import Requirement

    asked = [Requirement(text) for text in requires("tsfmicro") or ()]
    for extra, purpose in EXTRAS.items():
        wanted = [r for r in asked if r.marker and "extra" in str(r.marker) and r.marker.evaluate({"extra": extra})]
        lacking = [why for one in wanted if (why := lack(one.name, str(one.specifier)))]
        here = ", ".join(f"{one.name} {version(one.name)}" for one in wanted) if not lacking else ", ".join(lacking)
        state: State = "absent" if lacking else "ok"
        yield Finding(
            f"extra {extra}", state, f"{purpose}; {here}", f"pip install 'tsfmicro[{extra}]'" if lacking else ""
        )


def lack(package: str, specifier: str) -> str:
    """Why an installed package will not do: it is not there, or of a version that is not wanted. '' where it will."""
    from packaging.specifiers import SpecifierSet

    try:
        found = version(package)
    except PackageNotFoundError:
        return f"{package} is not installed"
    return "" if SpecifierSet(specifier).contains(found, prereleases=True) else f"{package} {found} is not {specifier}"


def _size(count: float) -> str:
    """'1.2 GB'."""
    for unit, size in (("GB", 1e9), ("MB", 1e6)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count / 1e3:.0f} kB"
