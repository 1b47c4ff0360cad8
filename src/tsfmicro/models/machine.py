"""A support vector machine on descriptions of clips: the part that the classical systems share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, Literal, get_args

import numpy as np
import torch
from torch import Tensor

from tsfmicro.errors import ConfigError
from tsfmicro.models.base import ClosedForm, check_choice, check_switch
from tsfmicro.needs import Input, TrainingFacts
from tsfmicro.types import person_of

Kernel = Literal["linear", "poly", "rbf"]
KERNELS: tuple[str, ...] = get_args(Kernel)
DEGREE = 3  # of the polynomial kernel
GRID = (1.0, 0.1, 10.0, 0.01, 100.0)  # tried for C, those nearest to the usual 1 first: of equals, the first is taken
PARTS = 5  # of the training people, when C is chosen
CHOSEN = "chosen"


class Machine(ClosedForm):
    """One machine for each pair of classes, which vote (libsvm's one-vs-one); a subclass says how clips are described.

    With c="chosen", C is the one of GRID with the best mean recall over training people that are left out in turn; nobody
    but the training side is looked at. Where it is not known who the training clips show, clips are left out instead.

    Buffers: vectors: (S, D) standardised support vectors; weights: (pairs, S); offsets: (pairs,); gamma: () of the kernel;
    mean, spread: (D,); shown: (C,) 1 for classes of the training side; cost: () C.
    """

    grows = ("vectors", "weights")
    vectors: Tensor
    weights: Tensor
    offsets: Tensor
    gamma: Tensor
    mean: Tensor
    spread: Tensor
    shown: Tensor
    cost: Tensor
    _votes: Tensor

    def __init__(
        self,
        inputs: Mapping[str, Input],
        size: int,
        num_classes: int,
        dimensions: int,
        kernel: str,
        c: float | str,
        standardise: bool,
    ) -> None:
        super().__init__(inputs, size)
        check_choice("kernel", kernel, KERNELS)
        check_switch("standardise", standardise)
        if c != CHOSEN and (isinstance(c, bool) or not isinstance(c, int | float) or not c > 0):
            raise ConfigError(f"c is {c!r}; give a number above 0, or {CHOSEN} to choose it on the training side.")
        self.kernel, self.c, self.standardise = kernel, c, standardise
        self.pairs = list(combinations(range(num_classes), 2))
        self.people: Sequence[str] = ()
        for name, start in {
            "vectors": torch.zeros(1, dimensions),
            "weights": torch.zeros(len(self.pairs), 1),
            "offsets": torch.zeros(len(self.pairs)),
            "gamma": torch.ones(()),
            "mean": torch.zeros(dimensions),
            "spread": torch.ones(dimensions),
            "shown": torch.ones(num_classes),
            "cost": torch.ones(()),
        }.items():
            self.register_buffer(name, start)
        votes = torch.zeros(len(self.pairs), num_classes)
        for pair, (one, other) in enumerate(self.pairs):
            votes[pair, one], votes[pair, other] = 1, -1
        self.register_buffer("_votes", votes, persistent=False)

    def begin(self, known: TrainingFacts) -> None:
        self.people = [person_of(clip) for clip in sorted(known.labels)]

    def solve(self, described: Tensor, target: Tensor) -> None:
        features, known = described.double().numpy(force=True), target.numpy(force=True)
        mean, spread = np.zeros(features.shape[1]), np.ones(features.shape[1])
        if self.standardise:
            mean, spread = features.mean(0), features.std(0)
            spread[spread < 1e-12] = 1
        people = np.array(self.people) if len(self.people) == len(known) else np.arange(len(known))
        self.people = ()
        cost = float(self.c) if self.c != CHOSEN else best_cost(features, known, people, self.kernel, self.standardise)
        self._keep((features - mean) / spread, known, cost)
        self.learn("mean", mean)
        self.learn("spread", spread)

    def _keep(self, features: np.ndarray, known: np.ndarray, cost: float) -> None:
        classes = np.unique(known)
        weights, vectors = np.zeros((len(self.pairs), 1)), np.zeros((1, features.shape[1]))
        offsets, gamma = np.zeros(len(self.pairs)), 1.0
        if len(classes) > 1:
            machine = machine_of(self.kernel, cost).fit(features, known)
            vectors, gamma = machine.support_vectors_, 1 / (features.shape[1] * features.var())
            weights = np.zeros((len(self.pairs), len(vectors)))
            ends = np.cumsum([0, *machine.n_support_])
            sign = -1 if len(classes) == 2 else 1  # scikit-learn turns the sign of two classes alone
            for n, (i, j) in enumerate(combinations(range(len(classes)), 2)):
                pair = self.pairs.index((classes[i], classes[j]))
                of_i, of_j = slice(ends[i], ends[i + 1]), slice(ends[j], ends[j + 1])
                weights[pair, of_i] = sign * machine.dual_coef_[j - 1, of_i]
                weights[pair, of_j] = sign * machine.dual_coef_[i, of_j]
                offsets[pair] = sign * machine.intercept_[n]
        shown = np.isin(np.arange(len(self.shown)), classes)
        for name, values in {
            "vectors": vectors, "weights": weights, "offsets": offsets, "gamma": gamma, "shown": shown, "cost": cost,
        }.items():  # fmt: skip
            self.learn(name, values)

    def answer(self, described: Tensor) -> Tensor:
        """(N, C) votes of the pairs, and below one vote how sure they were; −inf for a class that nobody showed. Of classes with as many
        votes the first is the answer, as libsvm has it: it is given the highest score of them."""
        features = (described - self.mean) / self.spread
        sure = self._like(features) @ self.weights.T + self.offsets  # (N, pairs) above 0 for the first of the two
        took_part = self.shown @ self._votes.abs().T > 1  # (pairs,)
        votes = torch.where(took_part, torch.where(sure > 0, 1.0, -1.0), 0.0) @ self._votes
        sure = sure @ self._votes
        votes = torch.where(self.shown > 0, votes / 2, -torch.inf)
        scores = votes + sure / (3 * (sure.abs() + 1))
        answer = torch.arange(len(self.shown), device=votes.device) == votes.argmax(1, keepdim=True)
        return torch.where(answer, scores.amax(1, keepdim=True), scores)

    def _like(self, features: Tensor) -> Tensor:
        """(N, S) how like each clip is to each support vector."""
        products = features @ self.vectors.T
        if self.kernel == "linear":
            return products
        if self.kernel == "poly":
            return (self.gamma * products) ** DEGREE
        apart = features.square().sum(1, keepdim=True) + self.vectors.square().sum(1) - 2 * products
        return (-self.gamma * apart.clamp(min=0)).exp()


def machine_of(kernel: str, cost: float) -> Any:
    from sklearn.svm import SVC  # seconds to import: only who trains one waits

    return SVC(C=cost, kernel=kernel, degree=DEGREE, gamma="scale")


def best_cost(
    features: np.ndarray, target: np.ndarray, people: np.ndarray, kernel: str, standardise: bool = True
) -> float:
    """The C whose machines have the best mean recall over people that are left out in turn; 1 where that cannot be told.

    Args: features: (N, D); target: (N,) class numbers; people: (N,) who is seen. All of the training side alone.
    """
    from sklearn.metrics import recall_score
    from sklearn.model_selection import StratifiedGroupKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    parts = min(PARTS, len(np.unique(people)), np.bincount(target).max())
    if parts < 2:
        return GRID[0]
    folds = list(StratifiedGroupKFold(parts).split(features, target, people))
    recalls = []
    for cost in GRID:
        said = np.full(len(target), -1)
        for train, test in folds:
            if not len(train) or not len(test):
                continue
            if len(np.unique(target[train])) < 2:
                said[test] = target[train][0]
                continue
            steps = [StandardScaler()] if standardise else []
            said[test] = (
                make_pipeline(*steps, machine_of(kernel, cost))
                .fit(features[train], target[train])
                .predict(features[test])
            )
        recalls.append(recall_score(target, said, labels=np.unique(target), average="macro", zero_division=0))
    return GRID[int(np.argmax(recalls))]
