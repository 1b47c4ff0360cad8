"""The mark of a folder that holds people who never lived."""

from __future__ import annotations

from pathlib import Path

MANIFEST = "generated.json"


def is_generated(root: Path) -> bool:
    """Whether a dataset's folder holds generated people, or what was made of them."""
    return (root / MANIFEST).exists()
