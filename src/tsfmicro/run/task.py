"""One training, start to finish: what a worker does, here or on another machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from zlib import crc32

import numpy as np
import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from tsfmicro.config import RunConfig, TrainConfig
from tsfmicro.errors import ConfigError
from tsfmicro.labels import is_of_units
from tsfmicro.memory import keep_freed_memory
from tsfmicro.models.base import ClosedForm, Model
from tsfmicro.models.registry import create_model
from tsfmicro.needs import Need
from tsfmicro.prepare.cache import open_prepared
from tsfmicro.prepared import PreparedSet
from tsfmicro.run.environment import computed_on
from tsfmicro.run.folder import Plan, RunFolder, given_labels
from tsfmicro.run.watch import Task
from tsfmicro.train.checkpoint import Checkpoint, NoCheckpoint
from tsfmicro.train.fit import check_stages, epochs_of, fit
from tsfmicro.train.loader import Loader

Tell = Callable[[tuple[Task, int, int, float]], None]


@dataclass(frozen=True)
class Job:
    """Where the trainings of a run find what they need.

    Attributes:
        run: the run folder; prepared: folder of the prepared set.
        device: 'cpu', 'cuda', 'mps', …
        threads: CPU threads of one training; a result is the same to the last bit only for the same number.
        precision: what it computes in; 'auto' leaves it to the machine that trains.
    """

    run: Path
    prepared: Path
    device: str
    threads: int
    precision: str = "auto"


@dataclass(frozen=True)
class Trained:
    """What a training leaves behind.

    Attributes:
        labels: what it learned from, just as `fit` received them.
        logits: (epochs, test + val, C) float32, clips in the fold's order; losses: (epochs,).
        weights: the model's state, on the CPU.
        on: the device it ran on and the precision it computed in.
        seconds: how long it took.
    """

    task: Task
    labels: Mapping[str, int]
    logits: np.ndarray
    losses: np.ndarray
    weights: Mapping[str, Tensor]
    on: Mapping[str, str] = field(default_factory=dict)
    seconds: float | None = None


def do_task(job: Job, task: Task, tell: Tell) -> None:
    """Train one model, and keep the result in the run folder, where this machine reaches it.

    A long training keeps its state there now and then, and goes on from it after a kill.

    Args: tell: called with the task, the epoch from 1, the number of epochs and the mean loss.
    """
    folder = RunFolder.open(job.run)
    prepared = open_prepared(job.prepared, check=False)
    checkpoint = folder.checkpoint(task)
    keep(folder, train_task(folder.plan, prepared, task, job.device, job.threads, tell, checkpoint, job.precision))
    checkpoint.forget()


def keep(folder: RunFolder, trained: Trained) -> None:
    """Write a training's result into the run folder, unless it is there already."""
    fold = folder.plan.fold(trained.task.fold)
    if not folder.place(trained.task).exists():
        weights = trained.weights if folder.plan.config.train.keep == "last" else None
        folder.save(
            trained.task, fold, trained.labels, trained.logits, trained.losses, weights, trained.on, trained.seconds
        )


def train_task(
    plan: Plan,
    prepared: PreparedSet,
    task: Task,
    device: str,
    threads: int,
    tell: Tell,
    checkpoint: Checkpoint = NoCheckpoint(),
    precision: str = "auto",
) -> Trained:
    """Train one model on its fold's training side; nothing is read or written but the prepared set and the checkpoint.

    A training's randomness comes from its fold and seed alone, not from what ran before it: so a run that was killed and
    goes on, and a run with other workers or on other machines, end the same.
    """
    keep_freed_memory()
    on = computed_on(device, plan.config.train.precision if precision == "auto" else precision)
    config, fold = plan.config.train.model_copy(update={"precision": on["precision"]}), plan.fold(task.fold)
    labels = given_labels(plan, fold, task)
    model_seed, data_seed = _seeds(task.seed, task.fold)
    with on_threads(threads), torch.random.fork_rng():
        torch.manual_seed(model_seed)  # initial weights and stochastic depth
        model = build_model(plan.config, len(plan.classes))
        if plan.start:
            plan.start.give(model, plan.classes if config.start_answers else ())
        fitted = fit(
            model,
            Loader(prepared, model.inputs | model.targets, torch.device(device), plan.config.prepare.size),
            labels=labels,
            others=[*fold.test, *fold.val],
            config=config,
            generator=torch.Generator().manual_seed(data_seed),
            on_epoch=lambda epoch, loss: tell((task, epoch, plan.epochs, loss)),
            checkpoint=checkpoint,
            classes=plan.classes,
            units=len(plan.scheme.units),
        )
    weights = {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}
    return Trained(task, labels, fitted.logits, fitted.losses, weights, on, fitted.seconds)


def _seeds(seed: int, what: str) -> tuple[int, int]:
    """Of a model's weights, and of the order and changes of its data."""
    of_model, of_data = np.random.SeedSequence([seed, crc32(what.encode())]).generate_state(2)
    return int(of_model), int(of_data)


@contextmanager
def on_threads(count: int) -> Iterator[None]:
    """So many of torch's threads, and as many as before on leaving."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def build_model(config: RunConfig, n_classes: int) -> Model:
    """The model of a run, with new weights. Raises UnknownNameError, ConfigError: a name or option that cannot be."""
    return create_model(config.model.name, n_classes, size=config.prepare.size, **config.model.options)


def plan_of_model(config: RunConfig, n_classes: int) -> tuple[tuple[Need, ...], int]:
    """What a run's model needs of each clip, and how many epochs its training leaves logits of. Raises as build_model."""
    with torch.device("meta"):
        model = build_model(config, n_classes)
    _check_loss(model, config)
    check_stages(config.model.name, model.stages, config.train)
    return model.needs, 1 if isinstance(model, ClosedForm) else epochs_of(model.stages, config.train)


def parameters_of(config: RunConfig, n_classes: int) -> int:
    """How many numbers the run's model learns. Raises as build_model."""
    with torch.device("meta"):
        return sum(p.numel() for p in build_model(config, n_classes).parameters())


def _check_loss(model: Model, config: RunConfig) -> None:
    """Raises ConfigError: a setting for rare classes that would not reach this model."""
    if is_of_units(config.data.scheme) and (isinstance(model, ClosedForm) or model.has_own_loss):
        raise ConfigError(
            f"model {config.model.name} answers with one class: it {'is in closed form' if isinstance(model, ClosedForm) else 'has a loss of its own'}. "
            f"For action units ({config.data.scheme}) choose a model without, e.g. tsfmicro-small."
        )
    usual, train = TrainConfig(), config.train
    names: tuple[str, ...]
    if isinstance(model, ClosedForm):
        names, why = ("loss", "sampling"), "is solved in closed form, from all training clips at once"
    elif model.has_own_loss:
        names, why = ("loss",), "has a loss of its own (train.sampling=balanced reaches it)"
    else:
        return
    asked = [f"train.{n}={getattr(train, n)}" for n in names if getattr(train, n) != getattr(usual, n)]
    if asked:
        raise ConfigError(
            f"{' and '.join(asked)} does nothing for model {config.model.name}, which {why}. Leave it out."
        )


def training_memory(config: RunConfig, n_classes: int) -> float:
    """Bytes that one training needs, about: what autograd keeps for a batch, the weights with their gradients and moments,
    and the program itself. Nothing is computed: the model's loss runs once on torch's 'meta' device.
    """
    kept = 0

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        nonlocal kept
        kept += tensor.numel() * tensor.element_size()
        return tensor

    with torch.device("meta"):
        model = build_model(config, n_classes).train()
        with saved_tensors_hooks(keep, lambda tensor: tensor):
            model.loss(model.example(2), torch.zeros(2, dtype=torch.int64))
    weights = sum(p.numel() * p.element_size() for p in model.parameters())
    return kept / 2 * config.train.batch_size * 1.3 + 4 * weights + 5e8
