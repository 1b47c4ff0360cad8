"""What trainings begin with, where it is not chance: weights that were learned elsewhere, and from whom.

A start is a folder with model.safetensors, config.json (the recipe, as `save_pretrained` writes it) and card.json, which says
whom it has seen, as `tsfmicro pretrain` and `tsfmicro convert --start` leave it; the final model of a run, whose card lies in
config.json, is one too. The shipped ones lie in starts/NAME/, a
folder for each model.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tsfmicro.card import unit_of_flow
from tsfmicro.config import USUAL_FLOW, RunConfig
from tsfmicro.errors import ConfigError, LeakageError, RunError, UnknownNameError, WeightsError
from tsfmicro.files import write_whole
from tsfmicro.generated import DRAWN, cast_of, has_seen
from tsfmicro.labels import scheme
from tsfmicro.people import person
from tsfmicro.types import Fold, dataset_of, person_of

if TYPE_CHECKING:
    from tsfmicro.models.base import Model

SHIPPED = Path(str(files("tsfmicro") / "starts"))
WEIGHTS, CONFIG, CARD = "model.safetensors", "config.json", "card.json"
SHOWN = 3  # people in one line


@dataclass(frozen=True)
class Start:
    """The weights that a run's trainings begin with.

    Attributes:
        name: as `train.start` has it. digest: SHA-256 of the weights' file.
        seen: everybody whom they were learned from, as `generated.has_seen` reads them.
        tells: the classes that their first answers stand for.
        folder: where they lie. held: the weights' file, where they travel without their folder.
    """

    name: str
    digest: str
    seen: tuple[str, ...] = field(repr=False)
    folder: Path
    tells: tuple[str, ...] = field(default=(), repr=False)
    held: bytes | None = field(default=None, repr=False, compare=False)

    def give(self, model: Model, classes: Sequence[str] = ()) -> None:
        """Put the weights into a new model, all but its last layer.

        Args: classes: the model's, which its last layer then begins to tell as the start does; none for a new one.
        Raises: as `content`; WeightsError: they do not fit.
        """
        import safetensors.torch

        from tsfmicro.models.pretrained import fit_start

        answers = [self.tells.index(one) for one in classes]
        fit_start(model, safetensors.torch.load(self.content()), self.folder / WEIGHTS, answers)

    def carried(self) -> Start:
        """The same with the weights in memory, for a machine that does not reach the folder."""
        return replace(self, held=self.content())

    def kept(self, folder: Path) -> Start:
        """Copy it there, so that the run is whole without what it came from."""
        folder.mkdir(parents=True, exist_ok=True)
        for file in (CONFIG, CARD):
            if (self.folder / file).exists():
                write_whole(folder / file, (self.folder / file).read_bytes())
        write_whole(folder / WEIGHTS, self.content())
        return replace(self, folder=folder)

    def content(self) -> bytes:
        """The weights' file. Raises RunError: it is missing, or not the one that the run began with."""
        try:
            content = self.held if self.held is not None else (self.folder / WEIGHTS).read_bytes()
        except OSError as problem:
            raise RunError(
                f"{self.folder / WEIGHTS}: cannot be read ({problem.strerror}). Restore it, or run again elsewhere."
            ) from None
        if sha256(content).hexdigest() != self.digest:
            raise RunError(
                f"{self.folder / WEIGHTS}: is not what the run began with. Restore it, or run again elsewhere."
            )
        return content


def names() -> list[str]:
    """The shipped starts."""
    return sorted(folder.name for folder in SHIPPED.iterdir() if folder.is_dir()) if SHIPPED.is_dir() else []


def starts_for(model: str) -> list[str]:
    """How the shipped starts of a model are asked for: 'train.start=drawn-people prepare.size=64 …'."""
    found = []
    for name in names():
        for folder in sorted(one for one in (SHIPPED / name).iterdir() if one.is_dir()):
            recipe = _read(folder / CONFIG)
            if recipe["name"] == model:
                options = [f"model.options.{key}={value}" for key, value in recipe["options"].items()]
                greys, method = _flow_of(folder)
                if greys:
                    options.append("data.datasets=[flow-maps]")
                elif method != USUAL_FLOW:
                    options.append(f"prepare.products.flow.method={method}")
                found.append(" ".join([f"train.start={name}", f"prepare.size={recipe['size']}", *options]))
    return found


def find_start(config: RunConfig, n_classes: int) -> Start | None:
    """The start that a run's settings name; None where they name none.

    Raises:
        UnknownNameError: there is no such start.
        WeightsError: a file of it is missing or damaged, it does not say whom it has seen, or its weights do not fit.
        ConfigError: it is for another model, other inputs or another size, or tells other classes and its answers are wanted.
    """
    asked = config.train.start
    if asked is None:
        return None
    import torch

    from tsfmicro.data.registry import DATASETS
    from tsfmicro.run.task import build_model

    model = _on_meta(lambda: build_model(config, n_classes))
    if hasattr(model, "solve"):
        raise ConfigError(
            f"model {config.model.name} is solved in closed form and begins with nothing. Leave train.start out."
        )
    greys = any(DATASETS[name].ready == "flow" for name in config.data.datasets if name in DATASETS)
    wanted = greys, USUAL_FLOW if greys else config.prepare.products.get("flow", {}).get("method", USUAL_FLOW)
    folder = _shipped(asked, model, wanted) if asked in names() else _given(asked)
    recipe = _read(folder / CONFIG)
    _check_alike(asked, recipe, model)
    if any(one.need.product == "flow" for one in model.inputs.values()) and _in_greys(folder, recipe) == (not greys):
        looked, learned = ("greys of ready-made maps", "flow in pixels")[:: 1 if greys else -1]
        raise ConfigError(
            f"train.start={asked}: learned from {learned}, and this run looks at {looked}. Choose another, or make one with "
            f"`tsfmicro pretrain` and --set draw.greys={str(greys).lower()}."
        )
    start = Start(asked, _digest(folder / WEIGHTS), _seen(folder, recipe), folder, _tells(folder, recipe))
    classes = scheme(config.data.scheme).classes if config.train.start_answers else ()
    lacking = [one for one in classes if one not in start.tells]
    if lacking or (classes and len(classes) != n_classes):
        raise ConfigError(
            f"train.start={asked}: does not tell {', '.join(lacking) or 'these classes'}, but {', '.join(start.tells) or 'no classes'}. "
            "Leave train.start_answers out, or choose the label scheme that it learned."
        )
    with torch.random.fork_rng():  # the model is thrown away, and no training's chance moves on
        start.give(build_model(config, n_classes), classes)
    return start


def check_unseen(start: Start, folds: Sequence[Fold], casts: Mapping[str, str]) -> None:
    """Raises LeakageError: the start has seen somebody whom a fold tests."""
    met = seen_of(start.seen, (clip for fold in folds for clip in fold.test), casts)
    if met:
        more = f" and {len(met) - SHOWN} more" if len(met) > SHOWN else ""
        raise LeakageError(
            f"train.start={start.name} has learned from {', '.join(met[:SHOWN])}{more}, whom this run tests. "
            "Choose a start that has not seen them, or test other people."
        )


def seen_of(seen: Sequence[str], clips: Iterable[str], casts: Mapping[str, str]) -> list[str]:
    """The people of these clips who are among those that were seen."""
    return sorted(who for who in {known_as(clip, casts) for clip in clips} if has_seen(seen, who))


def known_as(clip: str, casts: Mapping[str, str]) -> str:
    """Who is in a clip: 'casme2/sub04', and for a generated one 'drawn-7/sub04'.

    Args: casts: dataset → whose people it holds, for generated ones alone.
    """
    who, cast = person_of(clip), casts.get(dataset_of(clip))
    return f"{cast}/{who.partition('/')[2]}" if cast else who


def casts_of(roots: Mapping[str, Path]) -> dict[str, str]:
    """For `known_as`, from the folders of the datasets."""
    from tsfmicro.data.registry import DATASETS

    found = {name: cast for name, root in roots.items() if (cast := cast_of(root))}
    return {shown: cast for name, cast in found.items() for shown in (*DATASETS[name].shows, name)}


def _given(asked: str) -> Path:
    folder = Path(asked)
    if (folder / "run.json").exists():
        if not (folder / "final" / CONFIG).exists():
            raise WeightsError(f"{asked}: is a run without a final model. Give its command again with --final.")
        return folder / "final"
    if folder.is_dir():
        return folder
    if len(folder.parts) == 1:
        raise UnknownNameError("start", asked, names())
    raise WeightsError(
        f"{asked}: no such folder. Give one that `tsfmicro pretrain` or `convert --start` made, or a start's name."
    )


def _shipped(name: str, model: Model, wanted: tuple[bool, str]) -> Path:
    """The folder of a shipped start that is of this model, or the one that comes closest to it: the same kind of flow, of the same
    method or else the usual one. Args: wanted: as `_flow_of`."""
    there = {folder: _read(folder / CONFIG) for folder in sorted((SHIPPED / name).iterdir()) if folder.is_dir()}
    alike = {folder: recipe for folder, recipe in there.items() if recipe["name"] == model.recipe["name"]}
    if not alike:
        models = ", ".join(sorted({recipe["name"] for recipe in there.values()}))
        raise ConfigError(
            f"train.start={name}: there is none for {model.recipe['name']}, only for {models}. "
            "Choose one of these models, or make a start with `tsfmicro pretrain`."
        )
    fits = [folder for folder, recipe in alike.items() if _looks(_built(recipe)) == _looks(model)]

    def strange(folder: Path) -> tuple[bool, bool, bool]:
        greys, method = _flow_of(folder)
        return greys != wanted[0], method != wanted[1], method != USUAL_FLOW

    return min(fits or alike, key=strange)


def _flow_of(folder: Path) -> tuple[bool, str]:
    """Whether a pretraining learned from flow in greys, and by which method it was measured."""
    draw = _read(folder / CARD).get("settings", {}).get("draw", {})
    return bool(draw.get("greys")), str(draw.get("flow", USUAL_FLOW))


def _in_greys(folder: Path, recipe: Mapping[str, Any]) -> bool | None:
    """Whether the flow that a start learned from was in greys, of a pretraining or of a run on ready-made maps; None where weights of
    another program do not say."""
    if (folder / CARD).exists():
        return _flow_of(folder)[0] if "settings" in _read(folder / CARD) else None
    card = recipe.get("card") or {}
    return unit_of_flow(card.get("units", {}), card.get("datasets", ())) == "grey"


def _check_alike(asked: str, recipe: Mapping[str, Any], model: Model) -> None:
    if recipe["name"] != model.recipe["name"]:
        raise ConfigError(
            f"train.start={asked}: is of model {recipe['name']}, and this run trains {model.recipe['name']}. "
            "Choose a start of that model."
        )
    learned = _built(recipe)
    if _looks(learned) != _looks(model):
        raise ConfigError(
            f"train.start={asked}: was learned from {_shown(learned)}, and this run looks at {_shown(model)}. "
            f"Set prepare.size={recipe['size']} and the model's options as there ({dict(recipe['options'])}), or choose another."
        )


def _looks(model: Model) -> dict[str, Any]:
    """What a model looks at, but for how it is computed: flow of another method is still flow."""
    return {name: (one.need.product, one.need.size, one.need.scale, one.shape) for name, one in model.inputs.items()}


def _shown(model: Model) -> str:
    return ", ".join(f"{name} {one.need.size}×{one.need.size}" for name, one in model.inputs.items())


def _built(recipe: Mapping[str, Any]) -> Model:
    from tsfmicro.models.registry import create_model

    return _on_meta(lambda: create_model(recipe["name"], recipe["num_classes"], recipe["size"], **recipe["options"]))


def _on_meta(build: Any) -> Any:
    import torch

    with torch.device("meta"):
        return build()


def _seen(folder: Path, recipe: Mapping[str, Any]) -> tuple[str, ...]:
    """Whom it has seen; of a card that names nobody, everybody of its datasets."""
    card: Any = _read(folder / CARD) if (folder / CARD).exists() else recipe.get("card")
    try:
        if card.get("seen"):
            return tuple(map(str, card["seen"]))
        return (DRAWN,) if card["demonstration"] else tuple(person(name, "").rstrip("/") for name in card["datasets"])
    except (AttributeError, KeyError, TypeError):
        raise WeightsError(
            f"{folder}: has no card that says whom it learned from, so nobody can tell whether it has seen the people who "
            f"are tested. Give a folder with {CARD}, as `tsfmicro pretrain` or `convert --start` leaves it, or the final model of a run."
        ) from None


def _tells(folder: Path, recipe: Mapping[str, Any]) -> tuple[str, ...]:
    """The classes of its first answers: of the card, or of a run's final model; none where nobody says."""
    card = _read(folder / CARD) if (folder / CARD).exists() else recipe
    return tuple(map(str, card.get("classes") or ()))


def _read(file: Path) -> dict[str, Any]:
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(values, dict) or (
            file.name == CONFIG and not {"name", "num_classes", "size", "options"} <= set(values)
        ):
            raise ValueError("something is missing")
    except OSError as problem:
        raise WeightsError(f"{file}: cannot be read ({problem.strerror}), so this is no start.") from None
    except ValueError as problem:
        raise WeightsError(f"{file}: is damaged ({problem}). Make the start again.") from None
    return values


def _digest(file: Path) -> str:
    try:
        return sha256(file.read_bytes()).hexdigest()
    except OSError as problem:
        raise WeightsError(f"{file}: cannot be read ({problem.strerror}), so this is no start.") from None
