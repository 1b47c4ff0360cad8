"""The page on adding a protocol shows code that works."""

import re
from pathlib import Path

import numpy as np
import pytest

from tests import test_every_protocol as sweep
from tsfmicro.protocols.registry import PROTOCOLS

PAGE = Path(__file__).parents[2] / "docs" / "adding-a-protocol.md"


@pytest.fixture(scope="module")
def odd_and_even():
    """The protocol on the page, registered as it says."""
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    names = {}
    exec(code, names)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(PROTOCOLS, "odd_and_even", names["OddAndEven"])
        yield names["OddAndEven"]


@pytest.mark.parametrize("people", [("sub01", "sub02", "sub03", "sub04"), ("ann", "ben", "eva", "zoe")])
def test_the_protocol_on_the_page_makes_folds(odd_and_even, people):
    first, second, third, fourth = (f"casme2/{person}/a" for person in people)
    labels = {fourth: 0, second: 1, first: 2, third: 0}
    folds = odd_and_even(swap=True).folds(labels, 1, np.random.default_rng(0))
    assert [fold.name for fold in folds] == ["even", "odd"]
    assert folds[0].test == (second, fourth)
    assert len(folds[0].val) == 1


def test_the_protocol_on_the_page_keeps_what_every_protocol_must(odd_and_even):
    sweep.test_every_clip_is_tested_once_and_nobody_is_on_two_sides("odd_and_even")
    sweep.test_the_order_of_the_clips_on_disk_changes_nothing("odd_and_even")
    sweep.test_too_few_people_are_refused("odd_and_even")
    sweep.test_an_unknown_option_is_told_with_those_there_are("odd_and_even")
