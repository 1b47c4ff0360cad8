"""The zoo's page with a study on it."""

import pytest

from tsfmicro.about import zoo
from tsfmicro.about.zoo import kept_costs, resident, residents, side_by_side, zoo_table
from tsfmicro.errors import RunError
from tsfmicro.models.registry import MODELS, describe

BY_DAY = ("tsfmicro-small", "ststnet", "linear")  # counting all takes some seconds


@pytest.mark.parametrize(
    "name", [name if name in BY_DAY else pytest.param(name, marks=pytest.mark.slow) for name in MODELS]
)
def test_the_costs_that_come_along_are_what_the_models_cost(name):
    kept, now = kept_costs()[name], describe(name)
    assert (kept.inputs, kept.parameters) == (now.inputs, now.parameters), "see COSTS for how the file is made"
    assert kept.gflop == pytest.approx(now.gflop, rel=0.01)


def test_a_model_that_was_added_since_is_counted(monkeypatch):
    monkeypatch.setattr(zoo, "kept_costs", dict)
    added = resident("ststnet")
    assert (added.described.inputs, added.described.parameters) == (("flow 28×28",), 2_485)


def test_the_list_of_models_fits_a_terminal():
    headings, rows = zoo_table(residents())
    assert sum(max(len(row[column]) for row in [headings, *rows]) + 2 for column in range(len(headings))) <= 88


def test_the_page_says_by_which_commands_its_table_was_made(tmp_path):
    (tmp_path / "study.yaml").write_text("# Words.\n#   tsfmicro study mine --out OUT\nname: mine\n")
    (tmp_path / "table.md").write_text("## mine\n\n| system |\n| --- |\n| `a` |\n")
    assert side_by_side(tmp_path) == (
        "## Side by side\n\nWords.\n\n```sh\ntsfmicro study mine --out OUT\n```\n\n| system |\n| --- |\n| `a` |"
    )


def test_a_folder_without_a_study_and_a_study_without_a_run_are_told(tmp_path):
    with pytest.raises(RunError, match="is no study's folder"):
        side_by_side(tmp_path)
    (tmp_path / "study.yaml").write_text("name: mine\n")
    (tmp_path / "table.md").write_text("\n")
    with pytest.raises(RunError, match="no run of it is finished"):
        side_by_side(tmp_path)
