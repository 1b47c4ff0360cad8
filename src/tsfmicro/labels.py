"""Which emotions count as which class (the paper's Tables 1 and 2)."""

from __future__ import annotations

from tsfmicro.errors import UnknownNameError
from tsfmicro.types import LabelScheme

_NEGATIVE_POSITIVE_SURPRISE = ("negative", "positive", "surprise")


def _identity(name: str, classes: tuple[str, ...], left_out: tuple[str, ...] = ()) -> LabelScheme:
    return LabelScheme(name, classes, {c: c for c in classes} | dict.fromkeys(left_out))


def _grouped(name: str, negative: tuple[str, ...], left_out: tuple[str, ...] = (), others: bool = False) -> LabelScheme:
    of: dict[str, str | None] = dict.fromkeys(negative, "negative")
    of |= {"happiness": "positive", "surprise": "surprise"} | dict.fromkeys(left_out)
    if others:
        of["others"] = "others"
    return LabelScheme(name, _NEGATIVE_POSITIVE_SURPRISE + (("others",) if others else ()), of)


SCHEMES: dict[str, LabelScheme] = {
    scheme.name: scheme
    for scheme in (
        _identity("casme2-5", ("happiness", "disgust", "repression", "surprise", "others"), ("sadness", "fear")),
        _grouped("casme2-3", ("disgust", "repression", "sadness", "fear"), ("others",)),
        _identity("samm-5", ("happiness", "anger", "contempt", "surprise", "others"), ("disgust", "fear", "sadness")),
        _grouped("samm-3", ("anger", "contempt", "disgust", "fear", "sadness"), ("others",)),
        _identity("casme3-7", ("happiness", "anger", "disgust", "fear", "sadness", "surprise", "others")),
        _grouped("casme3-4", ("disgust", "fear", "anger", "sadness"), others=True),
    )
}


def scheme(name: str) -> LabelScheme:
    """The label scheme of that name. Raises UnknownNameError."""
    if name not in SCHEMES:
        raise UnknownNameError("label scheme", name, SCHEMES)
    return SCHEMES[name]
