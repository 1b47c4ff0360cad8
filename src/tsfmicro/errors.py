"""What can go wrong, by name. Every message says what, where, and what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path


class TsfmicroError(Exception):
    """A mistake in what we were given, told in one line. The command line prints it without a traceback."""


class AnnotationError(TsfmicroError):
    """A sheet or one of its rows cannot be read as the dataset's documentation says."""


class NoSheetError(AnnotationError):
    """No sheet of the dataset lies where it was looked for; `files` are the spreadsheets that do."""

    def __init__(self, line: str, files: Iterable[Path] = ()) -> None:
        super().__init__(line)
        self.files = tuple(files)


class FrameError(TsfmicroError):
    """A frame is missing or cannot be decoded."""


class UnreadableError(FrameError):
    """A file is there, but the disk or the network failed while it was read: another try may go well."""


class VideoError(TsfmicroError):
    """A video is missing, damaged, no video, or not made so that movements can be seen in it."""


class FaceError(TsfmicroError):
    """No face was found where one is needed."""


class LabelError(TsfmicroError):
    """An emotion or class that the label scheme does not know."""


class ConfigError(TsfmicroError):
    """A setting is unknown or has a value that cannot work."""


class CacheError(TsfmicroError):
    """A prepared set on disk is damaged, unfinished or somebody else's."""


class RunError(TsfmicroError):
    """A run folder is damaged, unfinished or made from other settings."""


class LeakageError(TsfmicroError):
    """One person would be on both sides of a fold."""


class ShapeError(TsfmicroError):
    """An array does not have the shape, type or size that is needed."""


class WeightsError(TsfmicroError):
    """Saved weights are damaged, or belong to another model."""


class ExportError(TsfmicroError):
    """A model cannot be exported, or what was exported does not say what the model says."""


class UnknownNameError(TsfmicroError):
    """A dataset, model, protocol or option that does not exist. Without a hint the nearest known name is one,
    and where none is near, where names are listed, or all of them."""

    def __init__(self, kind: str, name: str, known: Iterable[str], hint: str = "", listed: str = "") -> None:
        names = sorted(known)
        near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
        hint = hint or (
            f"Did you mean {near[0]!r}?"
            if near
            else listed or (f"Known: {', '.join(names)}." if names else "There is none.")
        )
        super().__init__(f"unknown {kind} {name!r}. {hint}")

    def __reduce__(self) -> tuple[type[TsfmicroError], tuple[str]]:
        return TsfmicroError, (str(self),)  # a worker's error travels as its line


def check_free(kind: str, name: str, taken: object, new: object) -> None:
    """Raises ConfigError: another module registered something of that name. What comes again, from a module that is loaded anew, may."""
    if taken is not None and _whence(taken) != _whence(new):
        raise ConfigError(f"{kind} {name}: {_whence(taken)[0]} has a {kind} of that name. Choose another name.")


def _whence(thing: object) -> tuple[str, str]:
    """The module and the name of a function or a class."""
    return getattr(thing, "__module__", ""), getattr(thing, "__qualname__", repr(thing))
