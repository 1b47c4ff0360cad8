import pytest

from tsfmicro.card import unit_of_flow


@pytest.mark.parametrize(
    ("units", "datasets", "unit"),
    [
        ({"flow": "px"}, ["flow-maps"], "px"),
        ({"flow": "grey"}, ["casme2"], "grey"),
        ({}, ["flow-maps"], "grey"),
        ({}, ["casme2"], None),
        ({"faces": "grey level"}, ["flow-maps"], None),
    ],
)
def test_a_card_says_its_unit_of_flow_and_one_of_an_earlier_version_shows_that_of_ready_made_maps(
    units, datasets, unit
):
    assert unit_of_flow(units, datasets) == unit
