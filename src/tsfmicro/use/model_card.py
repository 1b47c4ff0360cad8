"""What is known of a trained model, without loading it where its folder tells."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

from tsfmicro.card import Card
from tsfmicro.run.start import CONFIG

DEMONSTRATION = "demonstration"


def demonstration_folder() -> Path:
    """The small model that comes with the package. It is trained on drawn faces and not for use on people."""
    return Path(str(files("tsfmicro") / DEMONSTRATION))


def model_card(place: str | Path) -> Card:
    """The card of what `Recognizer.load` would load.

    A saved model's folder, or a run's with a final model, has it in a file of text; all else is loaded, which needs torch.

    Raises: WeightsError, RunError: what is there cannot be used, and why.
    """
    folder = demonstration_folder() if str(place) == DEMONSTRATION else Path(place)
    for file in (folder / "final" / CONFIG, folder / CONFIG):
        try:
            told = json.loads(file.read_text(encoding="utf-8"))["card"]
        except (OSError, ValueError, KeyError, TypeError):
            continue
        return Card.from_dict(told, str(file))
    from tsfmicro.use.recognise import Recognizer

    return Recognizer.load(place).card
