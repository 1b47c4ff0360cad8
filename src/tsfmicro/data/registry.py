"""The datasets that can be read. A new one is a file of its own and one line here."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from inspect import get_annotations
from pathlib import Path

from tsfmicro.data.annotated import AnnotatedDataset
from tsfmicro.data.base import Dataset, Progress, Reading
from tsfmicro.data.casme import Casme
from tsfmicro.data.casme2 import Casme2
from tsfmicro.data.casme3 import Casme3
from tsfmicro.data.casme3_b import Casme3B
from tsfmicro.data.casme3_c import Casme3C
from tsfmicro.data.casme_squared import CasmeSquared
from tsfmicro.data.coded import Coded
from tsfmicro.data.dfme import Dfme
from tsfmicro.data.flow_maps import FlowMaps
from tsfmicro.data.four_dme import FourDme
from tsfmicro.data.mmew import Mmew
from tsfmicro.data.samm import Samm
from tsfmicro.data.samm_lv import SammLongVideos
from tsfmicro.data.sheets import Table, read_tables
from tsfmicro.data.smic import SmicHs, SmicNir, SmicVis
from tsfmicro.data.smic_e import SmicHsE, SmicNirE, SmicVisE
from tsfmicro.errors import AnnotationError, ConfigError, NoSheetError, UnknownNameError

DATASETS: dict[str, Dataset] = {
    d.name: d
    for d in (
        Casme2(),
        Samm(),
        Casme3(),
        Casme3B(),
        Casme3C(),
        CasmeSquared(),
        SammLongVideos(),
        FourDme(),
        Casme(),
        SmicHs(),
        SmicVis(),
        SmicNir(),
        SmicHsE(),
        SmicVisE(),
        SmicNirE(),
        Mmew(),
        Dfme(),
        FlowMaps(),
        Coded(),
    )
}


NO_READER = {"meview": ("MEVIEW", "not verified: its facts are hearsay, no reader")}
"""Datasets that the field names and nobody here has seen a sheet of: name → title, and why they cannot be read."""


def dataset(name: str) -> Dataset:
    """The dataset of that name.

    Raises: UnknownNameError; AnnotationError for one that has no reader; ConfigError: its class lacks what every dataset says.
    """
    if name.casefold() in NO_READER:
        title, why = NO_READER[name.casefold()]
        raise AnnotationError(
            f"{title} is {why}. If you have it, write one by docs/adding-a-dataset.md, or choose from `tsfmicro data list`."
        )
    if name not in DATASETS:
        raise UnknownNameError("dataset", name, DATASETS)
    data = DATASETS[name]
    if isinstance(data, type):
        raise ConfigError(f"dataset {name}: the registry has the class {data.__name__}. Write {data.__name__}() there.")
    ours = [part for part in reversed(type(data).__mro__) if part.__module__.startswith("tsfmicro.data.")]
    said = dict.fromkeys(attribute for part in ours for attribute in get_annotations(part))
    if lacking := [attribute for attribute in said if not hasattr(data, attribute)]:
        raise ConfigError(
            f"dataset {name}: {type(data).__name__} does not say its {', '.join(lacking)}. Add it to the class."
        )
    return data


def read(data: Dataset, root: Path, tell: Progress = lambda done, total: None) -> Reading:
    """What a dataset's folder holds.

    Raises: as `Dataset.read`. Where it holds another dataset's sheet instead, the line says whose.
    """
    try:
        return data.read(root, tell)
    except NoSheetError as lack:
        whose = _of(lack.files)
        if not whose:
            raise
        names = " or ".join(f"{other.title} ({other.name})" for other in whose)
        raise NoSheetError(f"{lack} There is a sheet of {names}: is the name the right one?", lack.files) from None


def _of(files: Iterable[Path]) -> list[AnnotatedDataset]:
    """Datasets for which a sheet among these files will do alone."""
    tables: list[Table] = []
    for file in files:
        with suppress(AnnotationError):
            tables += read_tables(file)
    with_sheet = [data for data in DATASETS.values() if isinstance(data, AnnotatedDataset) and data.has_sheet]
    return [data for data in with_sheet if any(not (data.refuses(one) or data.beside_only(one)) for one in tables)]
