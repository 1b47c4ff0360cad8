"""Which emotions count as which class: the paper's Tables 1 and 2, the MEGC2019 composite, and all datasets together; and which
action units are told: those of CD6ME, and those that ten clips or more of a dataset show."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from tsfmicro.errors import LabelError, UnknownNameError
from tsfmicro.types import LabelScheme

if TYPE_CHECKING:
    import numpy as np

_NEGATIVE_POSITIVE_SURPRISE = ("negative", "positive", "surprise")


def _identity(name: str, classes: tuple[str, ...], left_out: tuple[str, ...] = ()) -> LabelScheme:
    return LabelScheme(name, classes, {c: c for c in classes} | dict.fromkeys(left_out))


def _grouped(name: str, negative: tuple[str, ...], left_out: tuple[str, ...] = (), others: bool = False) -> LabelScheme:
    of: dict[str, str | None] = dict.fromkeys(negative, "negative")
    of |= {"happiness": "positive", "surprise": "surprise"} | dict.fromkeys(left_out)
    of |= {"positive": "positive"} if "negative" in negative else {}
    if others:
        of["others"] = "others"
    return LabelScheme(name, _NEGATIVE_POSITIVE_SURPRISE + (("others",) if others else ()), of)


def _units(name: str, *units: int) -> LabelScheme:
    return LabelScheme(name, tuple(f"AU{unit}" for unit in units), of={}, units=units)


# The composite counts CASME II by the sheet of 2014, of which three labels were changed in 2019. Naming those clips makes both
# sheets give the same 145.
_MEGC2019 = LabelScheme(
    "megc2019-3",
    _NEGATIVE_POSITIVE_SURPRISE,
    of={c: c for c in _NEGATIVE_POSITIVE_SURPRISE},  # SMIC, and flow maps of any of the three
    of_dataset={
        "casme2": {
            "disgust": "negative",
            "repression": "negative",
            "happiness": "positive",
            **dict.fromkeys(("sadness", "fear", "others")),
        },
        "samm": {
            **dict.fromkeys(("anger", "contempt", "disgust", "fear", "sadness"), "negative"),
            "happiness": "positive",
            "others": None,
        },
    },
    excluded={
        "casme2/sub04/EP12_01f": "the sheet has no apex",
        "casme2/sub05/EP09_05f": "its apex is its onset",
        **{f"casme2/sub24/{clip}": "sadness in the sheet of 2014" for clip in ("EP07_01", "EP07_04f", "EP10_03")},
    },
)

# Emotions of one clip of 4DME: both negative for whom repression is, or of two kinds.
_4DME_TORN = ("negative+surprise", "positive+surprise", "repression+surprise")
_4DME_MIXED = ("negative+repression", *_4DME_TORN)
_NUMERALS = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII")


def _objective(count: int) -> LabelScheme:
    """Classes of action units, whatever the emotion (Davison et al., 2018): MEGC2018 takes the first five."""
    of = {c: c if place < count else None for place, c in enumerate(_NUMERALS)}
    return LabelScheme(f"objective-{count}", _NUMERALS[:count], of | {"": None}, by="objective")


# Tense, of CASME, is negative beside repression: who reads all datasets together wants few classes.
_ALL_NEGATIVE = ("anger", "contempt", "disgust", "fear", "negative", "repression", "sadness", "tense")
_CASME2_4 = LabelScheme(
    "casme2-4-repression-others",
    (*_NEGATIVE_POSITIVE_SURPRISE, "others"),
    {
        **dict.fromkeys(("disgust", "sadness", "fear"), "negative"),
        "happiness": "positive",
        "surprise": "surprise",
        **dict.fromkeys(("others", "repression"), "others"),
    },
)
_CASME_NEGATIVE = ("disgust", "sadness", "fear", "contempt")
_DFME = ("disgust", "surprise", "sadness", "fear", "happiness", "anger", "contempt")

SCHEMES: dict[str, LabelScheme] = {
    scheme.name: scheme
    for scheme in (
        _identity("casme2-5", ("happiness", "disgust", "repression", "surprise", "others"), ("sadness", "fear")),
        _grouped("casme2-3", ("disgust", "repression", "sadness", "fear"), ("others",)),
        _CASME2_4,
        _grouped("casme2-4-repression-negative", ("disgust", "repression", "sadness", "fear"), others=True),
        _identity("samm-5", ("happiness", "anger", "contempt", "surprise", "others"), ("disgust", "fear", "sadness")),
        _grouped("samm-3", ("anger", "contempt", "disgust", "fear", "sadness"), ("others",)),
        _identity("casme3-7", ("happiness", "anger", "disgust", "fear", "sadness", "surprise", "others")),
        _grouped("casme3-4", ("disgust", "fear", "anger", "sadness"), others=True),
        _grouped("casme3-3", ("disgust", "fear", "anger", "sadness"), ("others",)),
        _identity("casme3-c-4", (*_NEGATIVE_POSITIVE_SURPRISE, "others")),
        _identity("casme3-c-3", _NEGATIVE_POSITIVE_SURPRISE, ("others",)),
        _identity("casme-squared-4", (*_NEGATIVE_POSITIVE_SURPRISE, "others")),
        _identity("casme-squared-3", _NEGATIVE_POSITIVE_SURPRISE, ("others",)),
        _identity("4dme-5", (*_NEGATIVE_POSITIVE_SURPRISE, "repression", "others"), _4DME_MIXED),
        _identity("4dme-3", _NEGATIVE_POSITIVE_SURPRISE, ("repression", "others", *_4DME_MIXED)),
        _identity(
            "casme-8", ("tense", "disgust", "repression", "surprise", "happiness", "sadness", "contempt", "fear")
        ),
        _identity(
            "casme-4", ("tense", "disgust", "repression", "surprise"), ("happiness", "sadness", "contempt", "fear")
        ),
        _grouped("casme-3", _CASME_NEGATIVE, ("repression", "tense")),
        _grouped("casme-3-repression", (*_CASME_NEGATIVE, "repression"), ("tense",)),
        _grouped("casme-3-repression-tense", (*_CASME_NEGATIVE, "repression", "tense")),
        _identity("smic-3", _NEGATIVE_POSITIVE_SURPRISE),
        _identity("mmew-7", ("happiness", "surprise", "disgust", "fear", "sadness", "anger", "others")),
        _identity("mmew-6", ("happiness", "surprise", "disgust", "fear", "sadness", "anger"), ("others",)),
        _identity("mmew-5", ("happiness", "surprise", "disgust", "fear", "sadness"), ("anger", "others")),
        _identity("mmew-4", ("happiness", "surprise", "disgust", "others"), ("fear", "sadness", "anger")),
        _grouped("mmew-3", ("disgust", "fear", "sadness", "anger"), ("others",)),
        _identity("dfme-7", _DFME),
        _grouped("dfme-3", ("disgust", "sadness", "fear", "anger", "contempt")),
        _objective(5),
        _objective(7),
        _MEGC2019,
        _grouped("all-3", (*_ALL_NEGATIVE, "negative+repression"), ("others", *_4DME_TORN)),
        _grouped("all-4", (*_ALL_NEGATIVE, "negative+repression"), _4DME_TORN, others=True),
        _units("cd6me-12", 1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17),
        _units("casme-au4", 1, 4, 9, 14),
        _units("casme2-au8", 1, 2, 4, 7, 12, 14, 15, 17),
        _units("samm-au4", 2, 4, 7, 12),
        _units("mmew-au8", 1, 2, 4, 5, 7, 10, 12, 14),
        _units("4dme-au8", 1, 2, 4, 6, 7, 12, 17, 45),
    )
}


def is_of_units(name: str) -> bool:
    """Whether the labels of that scheme are action units, several a clip; no for a name that is not known."""
    return name in SCHEMES and bool(SCHEMES[name].units)


def units_shown(labels: Iterable[int], n_classes: int) -> np.ndarray:
    """(N, n_classes) bool: which action units each label stands for."""
    import numpy as np

    return (np.array(list(labels), np.int64)[:, None] >> np.arange(n_classes) & 1).astype(bool)


def scheme(name: str) -> LabelScheme:
    """The label scheme of that name; with classes behind it, e.g. 'all-3:negative+positive', the scheme with those alone.

    Raises: UnknownNameError: there is none. LabelError: it has no such classes, or fewer than two are named.
    """
    whole, _, chosen = name.partition(":")
    if whole not in SCHEMES:
        raise UnknownNameError("label scheme", whole, SCHEMES)
    return only(SCHEMES[whole], chosen.split("+")) if chosen else SCHEMES[whole]


def only(whole: LabelScheme, classes: Collection[str]) -> LabelScheme:
    """A scheme with some of its classes: clips of the others are left out. Raises LabelError: see `scheme`."""
    if whole.units:
        raise LabelError(
            f"label scheme {whole.name}: tells action units, and is used whole. Leave out what follows the colon."
        )
    if set(classes) - set(whole.classes) or len(set(classes)) < 2:
        raise LabelError(
            f"label scheme {whole.name}:{'+'.join(classes)}: name two or more of {', '.join(whole.classes)}."
        )
    kept = tuple(c for c in whole.classes if c in classes)
    of, of_dataset = _only(whole.of, kept), {name: _only(of, kept) for name, of in whole.of_dataset.items()}
    return replace(whole, name=f"{whole.name}:{'+'.join(kept)}", classes=kept, of=of, of_dataset=of_dataset)


def _only(of: Mapping[str, str | None], kept: Collection[str]) -> dict[str, str | None]:
    return {emotion: c if c in kept else None for emotion, c in of.items()}
