"""The protocols by name. A protocol takes labels by clip id and returns folds; `Fold` itself refuses a leak."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from tsfmicro.errors import UnknownNameError
from tsfmicro.protocols.loso import loso
from tsfmicro.types import Fold

Protocol = Callable[[Mapping[str, int], int, np.random.Generator], tuple[Fold, ...]]

PROTOCOLS: dict[str, Protocol] = {"loso": loso}


def protocol(name: str) -> Protocol:
    """The protocol of that name. Raises UnknownNameError."""
    if name not in PROTOCOLS:
        raise UnknownNameError("protocol", name, PROTOCOLS)
    return PROTOCOLS[name]
