"""Which epoch is scored. A rule is applied afterwards, to the logits that training stored."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tsfmicro.errors import UnknownNameError
from tsfmicro.types import Logits


def last(logits: Logits) -> np.ndarray:
    """The last epoch: chosen by nobody, hence honest. Returns (N,) predicted classes."""
    return logits.values[-1].argmax(-1)


RULES: dict[str, Callable[[Logits], np.ndarray]] = {"last": last}


def select(rule: str, logits: Logits) -> np.ndarray:
    """Predicted class of each clip under a rule. Raises UnknownNameError."""
    if rule not in RULES:
        raise UnknownNameError("selection rule", rule, RULES)
    return RULES[rule](logits)
