"""A released checkpoint as a saved model of ours, or as a start, read without running anything that is in it."""

from __future__ import annotations

import json
import pickle
import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tsfmicro.data.registry import DATASETS
from tsfmicro.errors import ConfigError, UnknownNameError, WeightsError
from tsfmicro.files import write_whole
from tsfmicro.generated import DRAWN
from tsfmicro.models.base import Model
from tsfmicro.models.origin import Released
from tsfmicro.models.pretrained import fit_weights, lacking, of_the_classes, save_pretrained
from tsfmicro.models.registry import MODELS, create_model, entry_of
from tsfmicro.people import FAMILIES, person
from tsfmicro.run.start import CARD

NESTED = (
    "state_dict",
    "model_state_dict",
    "model",
    "net",
    "weights",
)  # under which programs keep the weights in a dict
UNNAMED = 5  # answers of a start that names no classes: a run leaves its last layer out
NEAR = 0.7  # from where on a name is taken for a slip of another


@dataclass(frozen=True)
class Converted:
    """What was saved.

    Attributes:
        new: names of the weights that no file holds, which begin new in a start.
        strange: those of whom it has seen that are of no dataset here, so that nobody of theirs is looked for.
    """

    model: Model
    new: tuple[str, ...] = ()
    strange: tuple[str, ...] = ()


def convert(
    name: str,
    weights: Sequence[Path],
    out: Path,
    classes: Sequence[str] = (),
    size: int | None = None,
    seen: Sequence[str] | None = None,
    **options: Any,
) -> Converted:
    """Read a released program's weights, and save them as `from_pretrained` reads them, or as a start that runs begin with.

    Args:
        name: of the model. weights: .pth, .pt or .safetensors files, among which its parts may be spread. out: the folder to write.
        classes: class names in the order of the released program's outputs; without them a start's last layer begins new.
        size, options: of the model.
        seen: whom or which datasets the weights learned from, as 'casme2/sub04' or 'casme3': makes a start, in which what no file
            holds begins new, always the same. None for a model that answers.
    Raises:
        UnknownNameError, ConfigError: no such model, none that has a released program, or options that cannot be.
        WeightsError: a file cannot be read, holds code, or does not fit.
    """
    released = entry_of(name).released
    if released is None:
        able = ", ".join(entry.name for entry in MODELS.values() if entry.released)
        raise ConfigError(f"no released checkpoint of {name} is known; there are maps for {able}.")
    if not classes and seen is None:
        raise ConfigError("give the class names in the order of the released program's outputs: --classes A,B,C.")
    known_people, strange = ([], []) if seen is None else people_of(seen)
    with torch.random.fork_rng():
        torch.manual_seed(0)  # what begins new is the same each time
        model = create_model(name, len(classes) or UNNAMED, size, **options)
    given = _together(name, released, weights, options)
    answers = of_the_classes(model)
    if not classes:
        given = {key: tensor for key, tensor in given.items() if key not in answers}
    new = lacking(model, given)
    if seen is not None:
        if classes and answers & set(new):
            raise ConfigError(
                f"no file holds the last layer of {name}, so its answers have no names: leave --classes out."
            )
        given |= {key: tensor for key, tensor in model.state_dict().items() if key in new}
    try:
        fit_weights(model, given, ", ".join(map(str, weights)))
    except WeightsError as problem:
        more = " Or give the file that holds what is missing too, or --start." * bool(new and seen is None)
        raise WeightsError(f"{problem}{more}") from None
    model.classes = () if new else tuple(classes)  # with something new in it, it answers nothing
    (out / CARD).unlink(missing_ok=True)  # of what was here before
    save_pretrained(model.eval(), out)
    if seen is not None:
        card = {"name": name, "seen": known_people, "classes": list(classes), "new": new}
        write_whole(out / CARD, json.dumps(card, indent=1) + "\n")
    return Converted(model, tuple(new) if seen is not None else (), tuple(strange))


def people_of(seen: Iterable[str]) -> tuple[list[str], list[str]]:
    """Whom weights have seen, as `generated.has_seen` reads them, and which of the names are of no dataset here.

    Raises: ConfigError: nobody. UnknownNameError: nearly a dataset's name: a slip would hide that the weights have seen people of it.
    """
    shown: dict[str, tuple[str, ...]] = {one: (one,) for data in DATASETS.values() for one in data.shows}
    shown |= {family.name: family.datasets[:1] for family in FAMILIES} | {n: data.shows for n, data in DATASETS.items()}
    known, strange = [], []
    for name in seen:
        dataset, _, subject = name.partition("/")
        if dataset in shown:
            known += [person(one, subject).rstrip("/") for one in shown[dataset]]
        elif re.fullmatch(rf"{DRAWN}(-\d+)?", dataset):
            known.append(name)
        elif near := _near(dataset, [*shown, DRAWN]):
            hint = f"Did you mean {near!r}? Something else needs a name that is not so near to it."
            raise UnknownNameError("dataset in --seen", name, shown, hint)
        else:
            known.append(name)
            strange.append(name)
    if not known:
        raise ConfigError(
            "a start must say whom it has seen, for a run refuses one that has seen the people it tests. Give whom or which "
            "datasets the weights learned from: --seen casme3,casme2/sub04 or --seen imagenet."
        )
    return known, strange


def _near(name: str, known: Sequence[str]) -> str | None:
    """Of the known names the one that is a word of this one, or nearly this one: casme2-macro, CAS(ME)3."""
    said = name.lower()
    if re.search(r"cas\(me\)\W*[2²]", said):
        return "casme-squared"
    word = next((one for one in re.split(r"[^a-z0-9]+", said) if one in known), None)
    return word or next(iter(get_close_matches(re.sub(r"[^a-z0-9-]", "", said), known, 1, NEAR)), None)


def _together(name: str, released: Released, files: Sequence[Path], options: Mapping[str, Any]) -> dict[str, Tensor]:
    """What all files hold, under our names. Raises WeightsError: one holds nothing of this model, or two do not agree."""
    held: dict[str, Tensor] = {}
    for file in files:
        try:
            ours = released(read_state(file), **options)
        except (KeyError, IndexError, ValueError, RuntimeError):
            ours = {}
        if not ours:
            raise WeightsError(
                f"{file}: is not a checkpoint of the released {name}. "
                "Give its own weights, and the options that they were trained with."
            )
        twice = next(
            (key for key in ours if key in held and not torch.equal(held[key].float(), ours[key].float())), None
        )
        if twice:
            raise WeightsError(f"{file}: says otherwise than the files before it what {twice} is. Give each part once.")
        held |= {key: tensor for key, tensor in ours.items() if not key.endswith("num_batches_tracked")}
    return held


def read_state(path: Path) -> dict[str, Tensor]:
    """The tensors of a checkpoint by their names; nothing in it is run. Raises WeightsError."""
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # how a file was pickled
            values = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as problem:
        raise WeightsError(f"{path}: cannot be read ({problem.strerror or problem}).") from None
    except pickle.UnpicklingError:
        raise WeightsError(
            f"{path}: is no checkpoint, or holds code besides weights and is not read for safety. "
            "Save its state_dict alone, where you trust it."
        ) from None
    except Exception:  # whatever a damaged file may raise
        raise WeightsError(f"{path}: is not a checkpoint, or a damaged one. Copy it again.") from None
    while isinstance(values, Mapping) and (inner := next((values[n] for n in NESTED if n in values), None)) is not None:
        values = inner
    if not isinstance(values, Mapping) or not all(isinstance(one, Tensor) for one in values.values()) or not values:
        raise WeightsError(f"{path}: holds no weights by name. Give a state_dict.")
    return {str(name).removeprefix("module."): tensor for name, tensor in values.items()}
