"""The protocols by name. A new one is a file of its own and one line here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tsfmicro.config import check_section
from tsfmicro.errors import UnknownNameError
from tsfmicro.protocols.base import Protocol
from tsfmicro.protocols.composite import Composite
from tsfmicro.protocols.cross_dataset import CrossDataset, HoldoutDatabase, LeaveOneDatasetOut
from tsfmicro.protocols.loso import Loso
from tsfmicro.protocols.person_kfold import PersonKFold

PROTOCOLS: dict[str, type[Protocol]] = {
    "loso": Loso,
    "composite": Composite,
    "cross_dataset": CrossDataset,
    "leave_one_dataset_out": LeaveOneDatasetOut,
    "hde": HoldoutDatabase,
    "person_kfold": PersonKFold,
}


def protocol(name: str, options: Mapping[str, Any] | None = None) -> Protocol:
    """The protocol of that name. Raises UnknownNameError, or ConfigError: an option that is unknown or cannot work."""
    if name not in PROTOCOLS:
        raise UnknownNameError("protocol", name, PROTOCOLS)
    return check_section(PROTOCOLS[name], options or {}, f"protocol {name}")
