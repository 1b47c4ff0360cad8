"""One training step: gather a batch, forward, backward, update. On a CUDA GPU it is recorded once and then replayed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn.utils import convert_conv2d_weight_memory_format

from tsfmicro.config import TrainConfig
from tsfmicro.errors import ConfigError, RunError
from tsfmicro.losses import balanced, balanced_units, binary, focal, weighted
from tsfmicro.train.loader import Loader
from tsfmicro.train.optimiser import optimiser, rated
from tsfmicro.train.precision import lowered, precision_on

REHEARSALS = 3  # ordinary calls before a recording: libraries choose kernels and take their room then, and not in it

Work = Callable[[], None]
Criterion = Callable[[Tensor, Tensor], Tensor]


class Recorder(Protocol):
    """What makes recordings on a device."""

    def rehearse(self, work: Work) -> None:
        """Do the work where it will be recorded."""

    def record(self, work: Work) -> Work:
        """Record the work without doing it; gives what does the recording."""


class Replayed:
    """Work that is done by a GPU as one recording from the fourth call on.

    A step of TSFmicro is about a thousand kernels, many of them small: to start them one by one, a processor needs about
    as long as a fast GPU needs to run them. The first calls are ordinary ones, so nothing is done twice or undone; without a recorder
    all calls are.
    """

    def __init__(self, recorder: Recorder | None) -> None:
        self._recorder = recorder
        self._rehearsed = 0
        self._recording: Work | None = None

    def __call__(self, work: Work) -> None:
        """Do the work: the same at each call, on the same tensors, reading nothing back from the device."""
        if self._recorder is None:
            work()
        elif self._rehearsed < REHEARSALS:
            self._rehearsed += 1
            self._recorder.rehearse(work)
        else:
            self._recording = self._recording or self._recorder.record(work)
            self._recording()


class CudaGraphs:
    """Recordings as CUDA graphs. They share their memory, since no two run at once.

    Random numbers come from torch's default generator of the GPU, which moves on at each replay.
    """

    def __init__(self) -> None:
        self._pool = torch.cuda.graph_pool_handle()
        self._stream = torch.cuda.Stream()

    def rehearse(self, work: Work) -> None:
        self._stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self._stream):
            work()
        torch.cuda.current_stream().wait_stream(self._stream)

    def record(self, work: Work) -> Work:
        """Raises RunError: the work cannot be recorded."""
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph, pool=self._pool, stream=self._stream):
                work()
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as problem:
            raise RunError(
                f"a training step could not be recorded as a CUDA graph ({str(problem).splitlines()[0]}). In a model's"
                " forward nothing may read values back from the GPU: no .item(), no .tolist(), no `if` on a tensor."
            ) from problem
        return graph.replay


class Step:
    """A model, its optimiser and its labels on the device, and a step on the clips in given rows of the prepared set.

    Nothing in a step waits for the device.

    Args:
        model: its `loss(batch, target)` is what falls, unless `config.loss` says otherwise; it is moved to the loader's device.
        labels: class number of each TRAINING clip; no other label is given, so none can leak.
        only: names with which the parameters that learn begin; all learn if there are none.
        units: how many action units a label's bits stand for; 0 where it is a class number.
    Attributes:
        loss: () sum over the clips of all steps since it was last set to zero, on the device.
    """

    def __init__(
        self,
        model: nn.Module,
        loader: Loader,
        labels: Mapping[str, int],
        config: TrainConfig,
        only: Sequence[str] = (),
        units: int = 0,
    ) -> None:
        self.loader = loader
        self.device = loader.device
        self.precision = precision_on(self.device, config.precision)
        self.model = on_device(model, self.device).train()
        self.loss = torch.zeros((), device=self.device)
        self._pair = config.pair
        known = torch.tensor(list(labels.values()))
        if units:
            known = (known[:, None] >> torch.arange(units) & 1).float()
        # As many as there are rows, so that a row number finds its label: −100 is what cross-entropy leaves out.
        targets = torch.full((loader.prepared.capacity, *known.shape[1:]), -100, dtype=known.dtype)
        targets[loader.prepared.rows_of(labels)] = known
        self._targets = targets.to(self.device)
        self._criterion = criterion(config, known, self.device)
        # A recording reads tensors where they lie: what is gathered from the memory map anew each time cannot be in it.
        recorded = self.device.type == "cuda" and loader.resident
        learning = _learning(self.model, only)
        self.optimiser = optimiser(rated(self.model, learning, config.start_rates), config, self.device, recorded)
        self._recorder = CudaGraphs() if recorded else None
        self._of_size: dict[int, tuple[Tensor, Tensor, Replayed]] = {}
        loader.stay(self._pair)

    def set_rate(self, rate: float) -> None:
        """The learning rate from the next step on; of the last layer, where they differ."""
        for group in self.optimiser.param_groups:
            its = rate * group.get("part", 1.0)
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(its)
            else:
                group["lr"] = its

    def __call__(self, rows: Tensor, movements: Tensor) -> None:
        """Learn from a batch. rows (N,) of the prepared set and movements (N, 2, 3), both where the loader reads them."""
        if len(rows) not in self._of_size:  # an epoch's last batch is smaller, and a recording has one size
            self._of_size[len(rows)] = torch.empty_like(rows), torch.empty_like(movements), Replayed(self._recorder)
        rows_here, movements_here, learn = self._of_size[len(rows)]
        rows_here.copy_(rows)
        movements_here.copy_(movements)
        learn(partial(self._learn, rows_here, movements_here))

    def _learn(self, rows: Tensor, movements: Tensor) -> None:
        batch = self.loader.gather(rows, self._pair, movements)
        target = self._targets.index_select(0, rows)
        with lowered(self.device, self.precision):
            if self._criterion is None:
                loss = self.model.loss(batch, target)  # type: ignore[operator]  # every model of ours has it
            else:
                loss = self._criterion(self.model(**batch).float(), target)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        self.loss += loss.detach() * len(rows)


def criterion(config: TrainConfig, known: Tensor, device: torch.device) -> Criterion | None:
    """The loss that the settings name, from (N, C) logits and targets; None for the model's own.

    Args: known: targets of the training side, which alone decide how much a class weighs: (n,) class numbers, or (n, C) of 0 and 1
        for action units, which no model has a loss of its own for.
    """
    if known.ndim == 2:
        weights = balanced_units(known).to(device) if config.loss == "balanced" else None
        return partial(binary, weights=weights, gamma=config.gamma if config.loss == "focal" else 0.0)
    if config.loss == "balanced":
        return partial(weighted, weights=balanced(known.tolist(), int(known.max()) + 1).to(device))
    return partial(focal, gamma=config.gamma) if config.loss == "focal" else None


def _learning(model: nn.Module, only: Sequence[str]) -> list[nn.Parameter]:
    """The parameters that learn; the others are told that they do not. Raises ConfigError: none does."""
    learning, frozen = [], getattr(model, "is_frozen", lambda name: False)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_((not only or name.startswith(tuple(only))) and not frozen(name))
        if parameter.requires_grad:
            learning.append(parameter)
    if not learning:
        raise ConfigError(
            f"no parameter's name begins with {' or '.join(only) or 'anything'}, or train.frozen has them all. Correct the model's stages, or train.frozen."
        )
    return learning


def on_device(model: nn.Module, device: torch.device) -> nn.Module:
    """The model there; a CUDA GPU's convolutions want channels last in memory, as the maps of the models are."""
    model = model.to(device)
    if device.type == "cuda":  # the weights of convolutions alone: other parameters and buffers may have four axes too
        convert_conv2d_weight_memory_format(model, torch.channels_last)
    return model
