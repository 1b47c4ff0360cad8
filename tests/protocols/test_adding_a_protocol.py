"""The page on adding a protocol shows code that works."""

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from pydantic import Field

from tsfmicro.protocols.base import Protocol
from tsfmicro.protocols.people import clips_of_people, leave_each_out
from tsfmicro.types import Fold

PAGE = Path(__file__).parents[2] / "docs" / "adding-a-protocol.md"


def test_the_protocol_on_the_page_makes_folds():
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    names = {
        "Protocol": Protocol, "Field": Field, "Mapping": Mapping, "np": np, "Fold": Fold,
        "clips_of_people": clips_of_people, "leave_each_out": leave_each_out,
    }  # fmt: skip
    exec(code, names)
    labels = {f"casme2/sub{n:02}/a": n % 3 for n in range(1, 7)}
    folds = names["OddAndEven"](swap=True).folds(labels, 1, np.random.default_rng(0))
    assert [fold.name for fold in folds] == ["even", "odd"]
    assert folds[0].test == ("casme2/sub02/a", "casme2/sub04/a", "casme2/sub06/a")
    assert len(folds[0].val) == 1
