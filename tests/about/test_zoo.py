"""The zoo's page with a study on it."""

import pytest

from tsfmicro.about.zoo import side_by_side
from tsfmicro.errors import RunError


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
