"""What there is: the datasets, as tables."""

from __future__ import annotations

from pathlib import Path

from tsfmicro.data.check import Check, check
from tsfmicro.data.registry import DATASETS, NO_READER, dataset

Table = tuple[list[str], list[list[str]]]


def datasets_table() -> Table:
    """Headings and rows for `tsfmicro data list`."""
    rows = [
        [
            d.name,
            d.title,
            str(d.release_rows) if d.published else "–",
            f"{d.fps:g}" if d.fps else "–",
            d.size,
            "yes" if d.has_apex else "to be spotted",
            d.gate,
            ", ".join(d.published),
        ]
        for d in DATASETS.values()
    ]
    rows += [[name, title, "–", "–", "", "", "", why] for name, (title, why) in NO_READER.items()]
    return ["name", "dataset", "clips", "fps", "frames", "apex", "applied for at", "label schemes"], rows


def check_dataset(name: str, root: Path) -> Check:
    """What `tsfmicro data check` tells. Raises UnknownNameError, AnnotationError."""
    return check(dataset(name), root)
