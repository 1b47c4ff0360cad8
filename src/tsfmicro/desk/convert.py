"""Codings from one format into another; what the new one cannot hold is told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tsfmicro.coding.base import Format
from tsfmicro.coding.project import FILE, Project
from tsfmicro.coding.registry import format_for, named
from tsfmicro.columns import write_codebook
from tsfmicro.desk.gather import Coding, gather
from tsfmicro.desk.videos import facts, opened
from tsfmicro.errors import AnnotationError, ConfigError
from tsfmicro.spot.video import Source
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
        fps: frame rate where the source does not tell it; of a video that is a folder of images.
        video: the file that was coded: its name, frame rate and length are taken, and checked where they are told.
    Raises:
        AnnotationError, ConfigError, VideoError: each kind of bad input, in one line.
    """
    form = named(to) if to else format_for(out)
    if not form.writes:
        raise ConfigError(f"--as {form.name}: is read, not written. Choose another format.")
    if out.exists() and source.resolve() == out.resolve():
        raise ConfigError(f"{out}: is what is read. Choose another name for what is written.")
    about = None
    if video is not None:
        about = opened(video, fps)
        if fps and not _is_rate(fps, about):
            raise ConfigError(f"--fps {fps:g}: {video.name} has {about.fps:g} frames per second. Leave --fps out.")
        fps = facts(about)["fps"]
    codings, unread = gather(source, fps, of)
    if about is not None:
        codings = (_of_video(codings, about),)
    timelines = [_told(coding, fps) for coding in codings]
    files = _write(form, out, timelines)
    notes = [*unread, *(note for t in timelines for note in (*t.notes, *t.oddities()))]
    lost = form.lost(timelines)
    if isinstance(form, Project):
        nameless = sum(not m.person for t in timelines for m in t.moments)
        notes += (
            [f"{nameless} moments have no person: they make no clips until codes.csv names one"] if nameless else []
        )
        alike = _alike(timelines)
        notes += (
            [f"{', '.join(alike)} differ in their endings alone: rename them, or clips take one for the other"]
            if alike
            else []
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
    alike = _alike(timelines)
    names = [(t.video if t.video in alike else Path(t.video).stem) or "coding" for t in timelines]
    files = [out if is_file else out / f"{name}{form.endings[0]}" for name in names]
    for file, t in zip(files, timelines, strict=True):
        form.write(file, [t])
    return files


def _alike(timelines: Sequence[Timeline]) -> list[str]:
    """Videos whose names differ in their endings alone, e.g. clip.mp4 and clip.avi."""
    count = Counter(t.stem for t in timelines)
    return [t.video for t in timelines if count[t.stem] > 1]


def _is_rate(fps: float, video: Source) -> bool:
    """Whether frames per second are a video's: that of its beginning, that in all, or, where it varies, one between."""
    rates = (video.fps, facts(video)["fps"])
    return 0.99 * min(rates) <= fps <= 1.01 * max(rates)


def _of_video(codings: Sequence[Coding], video: Source) -> Coding:
    """The coding of a video, with its frame rate and length. Raises AnnotationError: there is none, or it is of another cut."""
    name = video.path.name
    own = [c for c in codings if c.timeline.stem in ("", stem(name))]
    if len(own) > 1:
        own = [c for c in own if c.timeline.video.casefold() == name.casefold()]
    if len(own) != 1:
        there = ", ".join(c.timeline.video for c in codings) or "nothing"
        file = codings[0].file if codings else "the coding"
        raise AnnotationError(f"{file}: codes {there}, not {name}. Give the video that was coded, or rename it.")
    (coding,) = own
    t, known = coding.timeline, facts(video)
    fps, seconds = known["fps"], known["seconds"] or None
    if t.seconds and seconds and abs(t.seconds - seconds) > max(0.01 * seconds, 2 / fps):
        raise AnnotationError(
            f"{coding.file}: was coded on a video of {t.seconds:.3f} s, and {name} has {seconds:.3f} s: another cut. "
            "Give the video that was coded."
        )
    if t.fps and not _is_rate(t.fps, video):
        what = f"{coding.file}: was coded at {t.fps:g} frames per second, and {name} has {fps:g}"
        if not t.seconds:
            raise AnnotationError(f"{what}. Give the video that was coded.")
        t = t.with_notes(
            [f"{what}; they are as long as each other"]
        )  # a mean rate may be told where frames are missing
    return replace(coding, timeline=replace(t, video=name, fps=fps, seconds=t.seconds or seconds))
