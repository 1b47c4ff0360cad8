"""What must travel with a trained model for its answers to be read rightly."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from tsfmicro.config import PrepareConfig, without_gone
from tsfmicro.errors import WeightsError

DEMONSTRATION = "A demonstration, trained on drawn faces. Not for use on people."


def unit_of_flow(units: Mapping[str, str], datasets: Collection[str]) -> str | None:
    """Of the flow that a model learned from; None where its card, of an earlier version, leaves it open.

    Args: units, datasets: of the card.
    """
    return units.get("flow") or ("grey" if not units and "flow-maps" in datasets else None)


@dataclass(frozen=True)
class Card:
    """A trained model's card.

    Attributes:
        name: the run it comes from.
        scheme: label scheme, which says what each class means.
        datasets, people, clips: what it was trained on.
        prepare: how the faces it learned from were found and cropped; others must be prepared alike.
        units: product → unit of what it learned from, e.g. {"flow": "px"}; what comes in another unit is refused. Empty in
            cards of earlier versions, which did not say.
        scores: what the run reached on people left out, one line with its rule and counts; empty if never scored.
        right, guessed: share of the clips of people left out that it named rightly, and that always naming the commonest class
            does; None if never scored, and in cards of earlier versions.
        temperature: logits are divided by it before softmax; fitted on people left out, 1 if never fitted.
        demonstration: trained on generated faces.
        seen: everybody whom it, or the start it began with, learned from, as `generated.has_seen` reads them. Empty in cards
            of earlier versions, which did not say.
    """

    name: str
    scheme: str
    datasets: tuple[str, ...]
    people: int
    clips: int
    prepare: PrepareConfig = field(default_factory=PrepareConfig)
    scores: str = ""
    temperature: float = 1.0
    demonstration: bool = False
    units: Mapping[str, str] = field(default_factory=dict)
    seen: tuple[str, ...] = ()
    right: float | None = None
    guessed: float | None = None

    @property
    def line(self) -> str:
        """Trained on 248 clips of 26 people (casme2), labels casme2-5. On people left out: UF1 …"""
        trained = (
            f"{self.name}: trained on {self.clips} clips of {self.people} people ({', '.join(self.datasets)}), "
            f"labels {self.scheme}."
        )
        scores = self.scores.replace("   ", "; ")
        left_out = f" On people left out: {scores}." if scores else " Never scored on people left out."
        return f"{DEMONSTRATION} {trained}{left_out}" if self.demonstration else trained + left_out

    @property
    def words(self) -> str:
        """What somebody must know who reads no figures."""
        if self.demonstration:
            return (
                f"The model here is a demonstration: it learned from {self.clips} clips of {self.people} drawn people and was never "
                f"tried on anybody real. {self._rightly('drawn people')}When a face moved, and where, does not depend on it; what it "
                "would name is hidden until you ask."
            )
        return (
            f"The model here learned from {self.clips} clips of {self.people} people ({', '.join(self.datasets)}). "
            f"{self._rightly('people')}On other recordings than those it will be wrong more often than on these."
        )

    def _rightly(self, people: str) -> str:
        if self.right is None or self.guessed is None:
            return ""
        return (
            f"It named {10 * self.right:.0f} of 10 clips of {people} it had not seen rightly; always giving the commonest answer, "
            f"it would be right in {10 * self.guessed:.0f}. "
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self) | {
            "datasets": list(self.datasets),
            "units": dict(self.units),
            "seen": list(self.seen),
            "prepare": self.prepare.model_dump(mode="json"),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], where: str) -> Card:
        """Read a card. Raises WeightsError: something is missing or of the wrong kind."""
        try:
            known = {f.name: values[f.name] for f in fields(cls) if f.name in values}
            known["datasets"] = tuple(known["datasets"])
            prepare = without_gone({"prepare": values.get("prepare", {})})["prepare"]
            known["prepare"] = PrepareConfig.model_validate(prepare)
            known["units"] = dict(values.get("units", {}))
            known["seen"] = tuple(values.get("seen", ()))
            return cls(**known)
        except (KeyError, TypeError, ValueError) as problem:
            raise WeightsError(f"{where}: its card cannot be read ({' '.join(str(problem).split())}).") from None
