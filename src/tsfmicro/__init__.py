"""Facial micro-expressions: from a dataset's folder to a leave-one-subject-out score that can be trusted."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tsfmicro.models.pretrained import from_pretrained as from_pretrained
    from tsfmicro.models.pretrained import save_pretrained as save_pretrained
    from tsfmicro.models.registry import create_model as create_model
    from tsfmicro.use.recognise import Recognizer as Recognizer

__version__ = "0.1.0"

# Names lent by rooms, loaded on first use: torch takes seconds.
_LENT = {
    "Recognizer": "tsfmicro.use.recognise",
    "create_model": "tsfmicro.models.registry",
    "from_pretrained": "tsfmicro.models.pretrained",
    "save_pretrained": "tsfmicro.models.pretrained",
}
__all__ = ["Recognizer", "create_model", "from_pretrained", "save_pretrained"]


def __getattr__(name: str) -> Any:
    if name not in _LENT:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LENT[name]), name)
