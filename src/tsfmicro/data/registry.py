"""The datasets that can be read. A new one is a file of its own and one line here."""

from __future__ import annotations

from tsfmicro.data.base import Dataset
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
from tsfmicro.data.smic import SmicHs, SmicNir, SmicVis
from tsfmicro.data.smic_e import SmicHsE, SmicNirE, SmicVisE
from tsfmicro.errors import AnnotationError, UnknownNameError

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
    """The dataset of that name. Raises: UnknownNameError; AnnotationError for one that has no reader."""
    if name.casefold() in NO_READER:
        title, why = NO_READER[name.casefold()]
        raise AnnotationError(
            f"{title} is {why}. If you have it, write one by docs/adding-a-dataset.md, or choose from `tsfmicro data list`."
        )
    if name not in DATASETS:
        raise UnknownNameError("dataset", name, DATASETS)
    return DATASETS[name]
