"""What a run's networks made of its clips, and where they looked: worked out once from the stored weights and faces.

features.npz and maps.npz in the run folder hold it, so that figures can be made where the images are not.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from zipfile import BadZipFile

import numpy as np

from tsfmicro.errors import CacheError, RunError
from tsfmicro.files import in_the_way, write_whole
from tsfmicro.prepare.cache import open_prepared
from tsfmicro.prepared import PreparedSet
from tsfmicro.report.material import Features, Maps
from tsfmicro.run.folder import RunFolder
from tsfmicro.run.watch import Task, Watch
from tsfmicro.types import Fold

if TYPE_CHECKING:
    from tsfmicro.models.base import Model
    from tsfmicro.train.loader import Loader

FEATURES, MAPS = "features.npz", "maps.npz"
_BATCH = 16

Kept = TypeVar("Kept")


def prepared_faces(folder: RunFolder, caches: Sequence[Path]) -> PreparedSet:
    """The prepared set of a run, from the first of these caches that has it. Raises CacheError."""
    key = folder.plan.prepared
    found = next((cache / key for cache in caches if (cache / key).exists()), None)
    if found is None:
        looked = ", ".join(map(str, caches))
        raise CacheError(
            f"the prepared faces {key} are not in {looked}. Give the run's cache with --cache, or prepare again."
        )
    return open_prepared(found)


def features_of(folder: RunFolder, faces: Callable[[], PreparedSet], device: str, watch: Watch) -> Features:
    """What the last layer takes of each tested clip, stored or worked out now.

    Args: faces: gives the prepared set; called only where nothing is stored.
    Raises: RunError: what is stored is damaged; CacheError: the faces are not there; ShapeError: the model has no such layer.
    """
    return _stored(folder, FEATURES, _read_features) or _make_features(folder, faces(), device, watch)


def maps_of(folder: RunFolder, faces: Callable[[], PreparedSet], device: str, watch: Watch) -> Maps:
    """Grad-CAM of each tested clip, stored or worked out now. Raises as features_of, and TsfmicroError: captum is not there."""
    return _stored(folder, MAPS, _read_maps) or _make_maps(folder, faces(), device, watch)


def _make_features(folder: RunFolder, prepared: PreparedSet, device: str, watch: Watch) -> Features:
    from tsfmicro.report.saliency import before_classifier

    plan = folder.plan
    order, one, seed = list(plan.tested), _first_fold(folder), plan.config.train.seeds[0]
    place = {clip: n for n, clip in enumerate(order)}
    own: dict[str, np.ndarray] = {}
    of_one: dict[str, np.ndarray] = {}
    done, total = 0, 2 * len(order) - len(one.test)
    for fold in plan.folds:
        model, loader = trained(folder, prepared, Task(fold.name, seed), device)
        wanted = order if fold is one else fold.test
        for clips in _batches(wanted):
            values = before_classifier(model, loader.batch(clips, "annotated")).float().cpu().numpy()
            said = dict(zip(clips, values, strict=True))
            own |= {clip: said[clip] for clip in clips if clip in fold.test}
            of_one |= said if fold is one else {}
        done += len(wanted)
        watch.progress(f"features of {folder.path.name}", done, total)
    features = Features(
        own=np.stack([own[clip] for clip in order]).astype(np.float16),
        one=np.stack([of_one[clip] for clip in order]).astype(np.float16),
        fold=one.name,
        tested=np.isin(np.arange(len(order)), [place[clip] for clip in one.test]),
        seed=seed,
    )
    _keep(folder, watch, FEATURES, clips=np.array(order), own=features.own, one=features.one, tested=features.tested,
          fold=np.array(features.fold), seed=np.array(seed))  # fmt: skip
    return features


def _make_maps(folder: RunFolder, prepared: PreparedSet, device: str, watch: Watch) -> Maps:
    import torch

    from tsfmicro.report.saliency import check_captum, check_map, grad_cam
    from tsfmicro.run.trained import fold_model

    check_captum()
    check_map(fold_model(folder, Task(_first_fold(folder).name, folder.plan.config.train.seeds[0])))
    plan = folder.plan
    seed = plan.config.train.seeds[0]
    said = folder.logits(seed)
    answers = dict(zip(said.clips, said.values[-1].argmax(-1).tolist(), strict=True))
    found: dict[str, dict[str, np.ndarray]] = {}
    done = 0
    for fold in plan.folds:
        model, loader = trained(folder, prepared, Task(fold.name, seed), device)
        for clips in _batches(fold.test):
            target = torch.tensor([answers[clip] for clip in clips], device=loader.device)
            for name, maps in grad_cam(model, model.streams(), loader.batch(clips, "annotated"), target).items():
                found.setdefault(name, {}).update(zip(clips, _as_bytes(maps.float().cpu().numpy()), strict=True))
        done += len(fold.test)
        watch.progress(f"heat maps of {folder.path.name}", done, len(plan.tested))
    parts = {name: np.stack([maps[clip] for clip in plan.tested]) for name, maps in found.items()}
    answer = np.array([answers[clip] for clip in plan.tested])
    arrays = {f"map_{name}": maps for name, maps in parts.items()}
    _keep(folder, watch, MAPS, clips=np.array(list(plan.tested)), answer=answer, seed=np.array(seed), **arrays)
    return Maps(parts, answer, seed)


def _as_bytes(maps: np.ndarray) -> np.ndarray:
    """(N, h, w) not negative → uint8, each map with its own highest place at 255."""
    highest = maps.max((1, 2), keepdims=True)
    return np.round(255 * maps / np.where(highest > 0, highest, 1)).astype(np.uint8)


def _first_fold(folder: RunFolder) -> Fold:
    """The fold whose network shows all clips: the one that tests most, so that its training side lacks most."""
    return max(folder.plan.folds, key=lambda fold: len(fold.test))


def trained(folder: RunFolder, prepared: PreparedSet, task: Task, device: str) -> tuple[Model, Loader]:
    """The model that a fold's training left, and what makes its inputs. Raises as `fold_model`."""
    import torch

    from tsfmicro.run.trained import fold_model
    from tsfmicro.train.loader import Loader

    model = fold_model(folder, task)
    return model.to(device), Loader(prepared, model.inputs, torch.device(device))


def _batches(clips: Sequence[str]) -> Iterator[Sequence[str]]:
    return (clips[start : start + _BATCH] for start in range(0, len(clips), _BATCH))


def _keep(folder: RunFolder, watch: Watch, name: str, **arrays: np.ndarray) -> None:
    if in_the_way(folder.path):
        watch.note(f"{name} is not kept: {folder.path} may not be written into")
        return
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)  # type: ignore[arg-type]
    write_whole(folder.path / name, content.getvalue())


def _stored(folder: RunFolder, name: str, read: Callable[[np.lib.npyio.NpzFile], Kept]) -> Kept | None:
    file = folder.path / name
    if not file.exists():
        return None
    try:
        with np.load(file) as stored:
            if stored["clips"].tolist() != list(folder.plan.tested):
                raise ValueError("it is of other clips")
            return read(stored)
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as damage:
        raise RunError(f"{file}: is damaged ({damage}). Delete it, and make the report again.") from None


def _read_features(stored: np.lib.npyio.NpzFile) -> Features:
    return Features(stored["own"], stored["one"], str(stored["fold"]), stored["tested"], int(stored["seed"]))


def _read_maps(stored: np.lib.npyio.NpzFile) -> Maps:
    parts = {name.removeprefix("map_"): stored[name] for name in stored.files if name.startswith("map_")}
    return Maps(parts, stored["answer"], int(stored["seed"]))
