"""The state of a long training, kept now and then, so that a kill costs minutes and changes not a bit of the result."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch

from tsfmicro.errors import RunError

if TYPE_CHECKING:
    from tsfmicro.train.step import Step

EVERY = 300.0  # seconds of training that a kill may cost


@dataclass
class State:
    """Where a training is: what it said and lost after each epoch, and what `capture` took of model, optimiser and chance.

    Attributes:
        before: seconds that it was trained before it was taken up again; None where an earlier version did not write them down.
    """

    logits: list[np.ndarray] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    captured: dict[str, Any] = field(default_factory=dict)
    before: float | None = 0.0
    begun: float = field(default_factory=time.monotonic)

    @property
    def epochs(self) -> int:
        return len(self.losses)

    @property
    def seconds(self) -> float | None:
        """How long this training has taken, in all the programs that had a part in it; None where that is not known."""
        return None if self.before is None else self.before + time.monotonic() - self.begun

    def add(self, said: np.ndarray, loss: float) -> None:
        self.logits.append(said)
        self.losses.append(loss)

    def capture(self, step: Step, generator: torch.Generator) -> None:
        self.captured = {
            "model": step.model.state_dict(),
            "optimiser": step.optimiser.state_dict(),
            "generator": generator.get_state(),
            "chance": torch.get_rng_state(),
        }
        if step.device.type == "cuda":
            self.captured["chance on the GPU"] = torch.cuda.get_rng_state(step.device)

    def restore(self, model: torch.nn.Module, generator: torch.Generator, device: torch.device) -> None:
        """Weights and chance as they were; the optimiser's state goes to the step of the same stage."""
        model.load_state_dict(self.captured["model"])
        generator.set_state(self.captured["generator"])
        torch.set_rng_state(self.captured["chance"])
        if device.type == "cuda" and "chance on the GPU" in self.captured:
            torch.cuda.set_rng_state(self.captured["chance on the GPU"], device)


class Checkpoint(Protocol):
    """Where a training's state is kept."""

    def load(self) -> State | None:
        """What was kept before; None where nothing was."""

    def keep(self, state: State, step: Step, generator: torch.Generator) -> None:
        """Called after each epoch; keeps the state if it is time to."""


class NoCheckpoint:
    """Nothing is kept: the training is short, or its folder cannot be reached from here."""

    def load(self) -> State | None:
        return None

    def keep(self, state: State, step: Step, generator: torch.Generator) -> None:
        pass


class InFile:
    """In a file beside the fold's folder, written under another name and renamed; gone when the fold is finished.

    Args:
        plan: digest of the run's plan: what another plan left is not continued.
    """

    def __init__(self, path: Path, plan: str) -> None:
        self.path, self.plan = path, plan
        self._kept = time.monotonic()

    def load(self) -> State | None:
        """A damaged or foreign file is passed over: the training then begins anew."""
        try:
            values = torch.load(self.path, map_location="cpu", weights_only=True)
            if values["plan"] != self.plan:
                return None
            logits = [one.numpy() for one in values["logits"]]
            return State(logits, values["losses"], values["captured"], values.get("seconds"))
        except FileNotFoundError:
            return None
        except Exception:  # whatever a damaged file may raise
            return None

    def keep(self, state: State, step: Step, generator: torch.Generator) -> None:
        if time.monotonic() - self._kept < EVERY:
            return
        state.capture(step, generator)
        part = self.path.with_name(f".{self.path.name}.{os.getpid()}.part")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            values: dict[str, Any] = {"plan": self.plan, "losses": state.losses, "captured": state.captured}
            values |= {"seconds": state.seconds}
            torch.save(values | {"logits": [torch.from_numpy(one) for one in state.logits]}, part)
            part.replace(self.path)
        except (OSError, RuntimeError) as problem:  # torch's writer tells a full disk as a RuntimeError
            part.unlink(missing_ok=True)
            raise RunError(
                f"{self.path}: cannot be written ({problem}). Make room: finished folds are kept, and the same command goes on."
            ) from None
        self._kept = time.monotonic()

    def forget(self) -> None:
        """The fold is finished."""
        self.path.unlink(missing_ok=True)
