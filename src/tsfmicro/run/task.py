"""One training, start to finish: what a worker does, here or on another machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import numpy as np
import torch
from torch.autograd.graph import saved_tensors_hooks

from tsfmicro.config import RunConfig
from tsfmicro.memory import keep_freed_memory
from tsfmicro.models.base import Model
from tsfmicro.models.registry import create_model
from tsfmicro.prepare.cache import open_prepared
from tsfmicro.run.folder import RunFolder
from tsfmicro.run.watch import Task
from tsfmicro.train.fit import fit
from tsfmicro.train.loader import Loader


@dataclass(frozen=True)
class Job:
    """Where the trainings of a run find what they need.

    Attributes:
        run: the run folder; prepared: folder of the prepared set.
        device: 'cpu', 'cuda', 'mps', …
        threads: CPU threads of one training; a result is the same to the last bit only for the same number.
    """

    run: Path
    prepared: Path
    device: str
    threads: int


def train_task(job: Job, task: Task, on_epoch: Callable[[int, int, float], None]) -> None:
    """Train a fold with a seed and keep the result in the run folder.

    A training's randomness comes from its fold and seed alone, not from what ran before it: so a run that was killed and
    goes on, and a run with other workers, end the same.

    Args: on_epoch: called with the epoch from 1, the number of epochs and the mean loss.
    """
    keep_freed_memory()
    folder = RunFolder.open(job.run)
    plan, train = folder.plan, folder.plan.config.train
    fold = next(f for f in plan.folds if f.name == task.fold)
    model_seed, data_seed = np.random.SeedSequence([task.seed, crc32(task.fold.encode())]).generate_state(2)
    prepared = open_prepared(job.prepared)
    threads = torch.get_num_threads()
    torch.set_num_threads(job.threads)
    try:
        with torch.random.fork_rng():
            torch.manual_seed(int(model_seed))  # initial weights and stochastic depth
            model = build_model(plan.config, len(plan.classes))
            fitted = fit(
                model,
                Loader(prepared, model.inputs, torch.device(job.device)),
                labels={clip: plan.labels[clip] for clip in fold.train},
                others=[*fold.test, *fold.val],
                config=train,
                generator=torch.Generator().manual_seed(int(data_seed)),
                on_epoch=lambda epoch, loss: on_epoch(epoch, train.epochs, loss),
            )
    finally:
        torch.set_num_threads(threads)
    folder.save(task, fold, fitted.logits, fitted.losses, model.state_dict())


def build_model(config: RunConfig, n_classes: int) -> Model:
    """The model of a run, with new weights. Raises UnknownNameError, ConfigError: a name or option that cannot be."""
    return create_model(config.model.name, n_classes, size=config.prepare.size, **config.model.options)


def training_memory(config: RunConfig, n_classes: int) -> float:
    """Bytes that one training needs, about: what autograd keeps for a batch, the weights with their gradients and moments,
    and the program itself. Nothing is computed: the model runs once on torch's 'meta' device.
    """
    kept = 0

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        nonlocal kept
        kept += tensor.numel() * tensor.element_size()
        return tensor

    with torch.device("meta"), saved_tensors_hooks(keep, lambda tensor: tensor):
        model = build_model(config, n_classes).train()
        model(**{name: torch.empty(2, 3, model.size, model.size) for name in model.inputs})
    weights = sum(p.numel() * p.element_size() for p in model.parameters())
    return kept / 2 * config.train.batch_size * 1.3 + 4 * weights + 5e8
