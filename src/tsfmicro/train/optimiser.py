"""The optimiser that settings name, and how fast each layer learns."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from copy import deepcopy
from functools import cache
from types import FunctionType
from typing import Any

import torch
from torch import nn

from tsfmicro.config import TrainConfig

RATES = 12  # steps from the last layer's learning rate to the first's: many groups of parameters are slow to update


@cache
def plain(kind: type[torch.optim.Optimizer]) -> type[Any]:
    """One of torch's optimisers that does the same to the last bit, and never loads torch's compiler.

    Their methods are wrapped so that a program that is compiled leaves them out. Nothing is here, and loading the compiler
    costs each process that trains a second and 80 MB.
    """
    methods = {
        name: inspect.unwrap(method)
        for name, method in vars(torch.optim.Optimizer).items()
        if isinstance(method, FunctionType) and hasattr(method, "__wrapped__")
    }
    return type(kind.__name__, (kind,), methods | {"step": torch.no_grad()(inspect.unwrap(kind.step))})


def optimiser(
    groups: Sequence[dict[str, Any]], config: TrainConfig, device: torch.device, recorded: bool
) -> torch.optim.Optimizer:
    """The optimiser that the settings name; weight decay is decoupled in AdamW alone. Args: groups: from `rated`."""
    # A recording would keep a number as it was; a tensor is read where it lies.
    parameters = [g | {"lr": torch.tensor(config.lr, device=device)} for g in groups] if recorded else list(groups)
    common: dict[str, Any] = {"lr": config.lr, "weight_decay": config.weight_decay}
    if config.optimiser == "sgd":
        return plain(torch.optim.SGD)(parameters, momentum=config.momentum, fused=True, **common)
    common["capturable"] = recorded
    if config.optimiser == "rmsprop":
        return plain(torch.optim.RMSprop)(parameters, momentum=config.momentum, **common)
    kind = torch.optim.Adam if config.optimiser == "adam" else torch.optim.AdamW
    return plain(kind)(parameters, fused=True, **common)


def rated(model: nn.Module, learning: Sequence[nn.Parameter], first: float) -> list[dict[str, Any]]:
    """The parameters in groups of one learning rate, each with its part of the last layer's.

    Args: first: the part of the layer that is farthest from the answer; the others' lie between, evenly in their logarithm.
    """
    if first == 1:
        return [{"params": list(learning)}]
    far, names = distances(model), {id(p): name for name, p in model.named_parameters()}
    farthest = max(far.values(), default=0) or 1
    groups: dict[int, list[nn.Parameter]] = {}
    for parameter in learning:
        place = far.get(names[id(parameter)], farthest) / farthest
        groups.setdefault(round(place * RATES), []).append(parameter)
    return [{"params": groups[n], "part": first ** (n / RATES)} for n in sorted(groups)]


def distances(model: nn.Module) -> dict[str, int]:
    """How many layers with weights lie between each parameter and the answer, at most; nothing is computed.

    Streams that lie side by side are counted each by itself, whatever the order in which the model names its parts.
    """
    twin = deepcopy(model).to("meta").requires_grad_(True)
    with torch.device("meta"):
        batch = {n: v.requires_grad_(v.is_floating_point()) for n, v in twin.example(2).items()}  # type: ignore[operator]
        root = twin(**batch).grad_fn
    names = {id(parameter): name for name, parameter in twin.named_parameters()}
    name_of = lambda node: names.get(id(getattr(node, "variable", None)))  # noqa: E731
    order, found = _from_the_end(root), dict[str, int]()
    weights: set[Any] = set()  # with what is computed of them alone, such as their transpose, which is no layer
    for node in reversed(order):
        if name_of(node) or (_inner(node) and weights.issuperset(_inner(node))):
            weights.add(node)
    far = dict.fromkeys(order, 0)
    for node in order:
        is_layer = node not in weights and not weights.isdisjoint(_inner(node))
        for inner in _inner(node):
            far[inner] = max(far[inner], far[node] + (is_layer and inner not in weights))
        if name := name_of(node):
            found[name] = far[node]
    return found


def _inner(node: Any) -> list[Any]:
    return [inner for inner, _ in node.next_functions if inner is not None]


def _from_the_end(root: Any) -> list[Any]:
    """The steps of a computation, each before those that it is computed from."""
    order, seen, waiting = [], set(), [(root, False)]
    while waiting:
        node, is_done = waiting.pop()
        if is_done:
            order.append(node)
        elif node not in seen:
            seen.add(node)
            waiting.append((node, True))
            waiting += [(inner, False) for inner in _inner(node)]
    return order[::-1]
