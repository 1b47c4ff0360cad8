"""What has to go warns first: docs/api.md promises at least one minor version."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

Given = ParamSpec("Given")
Result = TypeVar("Result")


def deprecated(since: str, use: str) -> Callable[[Callable[Given, Result]], Callable[Given, Result]]:
    """A function that still works, and warns where it is called.

        @deprecated(since="1.1", use="tsfmicro.read_dataset")
        def load_dataset(…): …

    Args: since: the version that first warns; the next minor one may go without it. use: what to call instead.
    """

    def mark(function: Callable[Given, Result]) -> Callable[Given, Result]:
        told = f"tsfmicro.{function.__name__} will go after version {since}. Use {use}."

        @wraps(function)
        def warned(*args: Given.args, **kwargs: Given.kwargs) -> Result:
            warnings.warn(told, DeprecationWarning, stacklevel=2)
            return function(*args, **kwargs)

        warned.__doc__ = f"{(function.__doc__ or '').rstrip()}\n\n    Deprecated since {since}: use {use}.\n    "
        return warned

    return mark
