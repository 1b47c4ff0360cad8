"""Codings from one format into another; what the new one cannot hold is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tsfmicro.coding.base import Format
from tsfmicro.coding.project import FILE, Project
from tsfmicro.coding.registry import format_for, named
from tsfmicro.columns import write_codebook
from tsfmicro.desk.gather import Coding, gather
from tsfmicro.errors import AnnotationError, ConfigError
from tsfmicro.prepare.images import read_image
from tsfmicro.spot.video import open_video
from tsfmicro.timeline import Timeline, stem


@dataclass(frozen=True)
class Converted:
    """What was written. Attributes: notes: what was left out or is odd, a line each; moments: how many were written."""

    files: tuple[Path, ...]
    notes: tuple[str, ...]
    moments: int


def convert(
    source: Path,
    out: Path,
    to: str | None = None,
    of: str | None = None,
    fps: float | None = None,
    video: Path | None = None,
) -> Converted:
    """Write codings in another format.

    Args:
        source: a file, or a folder of them.
        out: a file; or a folder, which gets a file for each video where the format holds but one.
        to, of: names of the formats; by default told by endings and headers.
        fps: frame rate where the source does not tell it.
        video: the file that was coded: its name, frame rate and length are taken, and checked where they are told.
    Raises:
        AnnotationError, ConfigError, VideoError: each kind of bad input, in one line.
    """
    form = named(to) if to else format_for(out)
    if not form.writes:
        raise ConfigError(f"--as {form.name}: is read, not written. Choose another format.")
    if out.exists() and source.resolve() == out.resolve():
        raise ConfigError(f"{out}: is what is read. Choose another name for what is written.")
    codings = gather(source, fps, of)
    if video is not None:
        codings = (_of_video(codings, video),)
    timelines = [_told(coding, fps) for coding in codings]
    files = _write(form, out, timelines)
    notes = [note for t in timelines for note in (*t.notes, *t.oddities())]
    lost = form.lost(timelines)
    if isinstance(form, Project):
        nameless = sum(not m.person for t in timelines for m in t.moments)
        notes += (
            [f"{nameless} moments have no person: they make no clips until codes.csv names one"] if nameless else []
        )
    return Converted(
        tuple(files), (*notes, *([lost] if lost else [])), sum(len(form.kept(t).moments) for t in timelines)
    )


def _told(coding: Coding, fps: float | None) -> Timeline:
    """A timeline with a name and a frame rate, where they can be had."""
    t = coding.timeline
    return replace(t, video=t.video or coding.file.stem, fps=t.fps or fps)


def _write(form: Format, out: Path, timelines: Sequence[Timeline]) -> list[Path]:
    is_file = bool(out.suffix) and not out.is_dir()
    if form.several:
        file = out if is_file else out / (FILE if isinstance(form, Project) else f"{form.name}{form.endings[0]}")
        form.write(file, timelines)
        return [file, *([write_codebook(file, form.columns)] if form.columns else [])]
    if is_file and len(timelines) != 1:
        raise ConfigError(
            f"{out}: {form.title} holds one video, and there are {len(timelines)}. Give a folder, with --as {form.name}."
        )
    files = [out if is_file else out / f"{Path(t.video).stem or 'coding'}{form.endings[0]}" for t in timelines]
    for file, t in zip(files, timelines, strict=True):
        form.write(file, [t])
    return files


def _of_video(codings: Sequence[Coding], video: Path) -> Coding:
    """The coding of a video, with its frame rate and length. Raises AnnotationError: there is none, or it is of another cut."""
    source = open_video(video, read_image)
    own = [c for c in codings if c.timeline.stem in ("", stem(video.name))]
    if len(own) != 1:
        there = ", ".join(c.timeline.video for c in codings)
        raise AnnotationError(
            f"{codings[0].file}: codes {there}, not {video.name}. Give the video that was coded, or rename it."
        )
    (coding,) = own
    t, seconds = coding.timeline, source.about / source.fps if source.about else None
    if t.seconds and seconds and abs(t.seconds - seconds) > max(0.01 * seconds, 2 / source.fps):
        raise AnnotationError(
            f"{coding.file}: was coded on a video of {t.seconds:.3f} s, and {video.name} has {seconds:.3f} s: another cut. "
            "Give the video that was coded."
        )
    return replace(coding, timeline=replace(t, video=video.name, fps=source.fps, seconds=t.seconds or seconds))
