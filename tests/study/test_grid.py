"""From a study's YAML file to its runs."""

import textwrap

import pytest
import torch

from tsfmicro.errors import ConfigError, UnknownNameError
from tsfmicro.labels import scheme
from tsfmicro.protocols.registry import protocol
from tsfmicro.run.task import build_model
from tsfmicro.study import shipped
from tsfmicro.study.grid import read_study

RUN = "base: {name: x, data: {datasets: [casme2], scheme: casme2-5}}\n"


@pytest.fixture
def runs(tmp_path):
    """The runs of a study file, by name."""

    def read(text, only=(), **overrides):
        path = tmp_path / "mine.yaml"
        path.write_text("name: mine\n" + text)
        _, members = read_study(str(path), {key.replace("__", "."): value for key, value in overrides.items()}, only)
        return {member.name: member.config for member in members}

    return read


def test_every_combination_of_a_grid_is_a_run_with_a_name_of_its_own(runs):
    found = runs(RUN + "grid: {train.lr: [1e-3, 8e-4], model.options.variant: [early, late], train.seeds: [[0, 1]]}")
    assert list(found) == [
        "lr-0.001-early-seeds-0-1",
        "lr-0.001-late-seeds-0-1",
        "lr-0.0008-early-seeds-0-1",
        "lr-0.0008-late-seeds-0-1",
    ]
    one = found["lr-0.0008-early-seeds-0-1"]
    assert (one.name, one.train.lr, one.train.seeds) == ("lr-0.0008-early-seeds-0-1", 8e-4, (0, 1))
    assert one.model.options == {"variant": "early"}


def test_a_label_stands_for_several_settings(runs):
    found = runs(
        RUN + "grid: {streams: {late: {model.options.variant: late}, apex only: {model: {options: {variant: spatial, "
        "frame: apex}}}}}"
    )
    assert found["late"].model.options == {"variant": "late"}
    assert found["apex-only"].model.options == {"variant": "spatial", "frame": "apex"}


def test_runs_may_be_listed_by_name_each_from_another_base(runs, tmp_path):
    (tmp_path / "other.yaml").write_text("name: other\ndata: {datasets: [samm], scheme: samm-3}\ntrain: {epochs: 7}\n")
    found = runs("runs: {one: {base: demo, train.epochs: 2}, two: {base: other.yaml}, three: {base: samm-5-released}}")
    assert [found[n].train.epochs for n in ("one", "two", "three")] == [2, 7, 199]
    assert found["two"].data.datasets == ("samm",)


def test_a_grid_may_choose_data_protocol_and_base(runs):
    found = runs(
        "set: {train.epochs: 3}\n"
        "grid: {base: [casme2-5-released, samm-5-released], protocol: [loso, {name: person_kfold, options: {k: 3}}]}"
    )
    assert list(found)[1] == "casme2-5-released-person_kfold-3"
    assert found["samm-5-released-person_kfold-3"].protocol.options == {"k": 3}
    assert {config.train.epochs for config in found.values()} == {3}


def test_what_is_set_on_the_command_line_comes_last(runs):
    assert runs(RUN + "grid: {train.epochs: [3]}", train__epochs=9)["epochs-3"].train.epochs == 9


def test_only_chooses_runs_by_pattern(runs):
    text = RUN + "grid: {model.options.variant: [early, late, temporal]}"
    assert list(runs(text, only=["e*", "late"])) == ["early", "late"]
    with pytest.raises(ConfigError, match=r"no run matches --only x\* \(there are early, late, temporal\)"):
        runs(text, only=["x*"])


def test_all_mistakes_of_all_runs_are_told_at_once_and_once(runs):
    text = RUN + "grid: {train.epochs: [0, 5], train.lrr: [1], model.options.variant: [late, early]}"
    with pytest.raises(ConfigError) as error:
        runs(text)
    line = str(error.value)
    assert "\n" not in line
    assert line.count("train.lrr: no such setting (did you mean lr?)") == 2, "with and without the other mistake"
    assert "train.epochs: input should be greater than or equal to 1 (it is 0)" in line
    assert "[epochs-0-lrr-1-late, epochs-0-lrr-1-early]" in line


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (RUN, "has neither grid nor runs"),
        ("grid: {train.epochs: [3]}", "base is missing"),
        ("base: dmo\ngrid: {train.epochs: [3]}", "Did you mean 'demo'"),
        ("base: none.yaml\ngrid: {train.epochs: [3]}", "none.yaml: cannot be read"),
        (RUN + "grids: {}", "grids: no such setting (did you mean grid?)"),
        (RUN + "grid: {train.epochs: 3}", "grid.train.epochs"),
        (RUN + "grid: {train.epochs: []}", "has no values"),
        (RUN + "grid: {train.epochs: [3, 3]}", "2 runs are called 'epochs-3'"),
        (RUN + "grid: {name.x: [3]}", "name.x: name is a value, not a section"),
    ],
)
def test_a_study_that_cannot_be_is_told_in_one_line(runs, text, said):
    with pytest.raises(ConfigError) as error:
        runs(text)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_a_run_is_compared_with_the_one_that_differs_in_what_the_study_names(tmp_path):
    path = tmp_path / "mine.yaml"
    grid = "grid: {train.epochs: [3, 5], loss: {plain: {}, focal: {train.loss: focal}}}\nagainst: {loss: plain}"
    path.write_text(f"name: mine\n{RUN}{grid}")
    assert {m.name: m.against for m in read_study(str(path), {})[1]} == {
        "epochs-3-plain": "",
        "epochs-3-focal": "epochs-3-plain",
        "epochs-5-plain": "",
        "epochs-5-focal": "epochs-5-plain",
    }


@pytest.mark.parametrize(
    ("against", "said"),
    [
        (
            "{train.epochs: early}",
            "against.train.epochs: early is nothing that differs here (train.epochs has epochs-3)",
        ),
        ("{streams: late}", "against.streams: late is nothing that differs here (there are train.epochs)"),
    ],
)
def test_what_a_run_cannot_be_compared_with_is_told(runs, against, said):
    with pytest.raises(ConfigError) as error:
        runs(f"{RUN}grid: {{train.epochs: [3]}}\nagainst: {against}")
    assert said in str(error.value)


def test_a_config_is_no_study_and_a_study_no_config():
    with pytest.raises(ConfigError, match="tsfmicro run demo"):
        read_study("demo", {})
    with pytest.raises(ConfigError, match="tsfmicro study demo-study"):
        shipped.config("demo-study")
    with pytest.raises(UnknownNameError, match="Did you mean 'paper/fusion-released'"):
        read_study("paper/fusion-relesed", {})


@pytest.mark.parametrize("name", shipped.study_names())
def test_every_run_of_every_shipped_study_has_a_model_that_can_be_built(name):
    title, members = read_study(name, {})
    assert title == name.rpartition("/")[2]
    for config in [member.config for member in members]:
        with torch.device("meta"):
            model = build_model(config, len(scheme(config.data.scheme).classes))
        assert model.size == config.prepare.size
        assert protocol(config.protocol.name, config.protocol.options)


PAPER = ["casme2-5", "casme2-3", "samm-5", "samm-3", "casme3-7", "casme3-4"]


@pytest.mark.parametrize("kind", ["released", "published"])
@pytest.mark.parametrize(
    ("study", "variants"),
    [
        ("ablation", ["spatial", "temporal", "late"]),
        ("fusion", ["early", "temporal_to_spatial", "spatial_to_temporal", "late"]),
    ],
)
def test_the_papers_studies_have_every_dataset_class_count_and_variant(study, variants, kind):
    members = read_study(f"paper/{study}-{kind}", {})[1]
    assert [m.name for m in members] == [f"{data}-{kind}-{variant}" for data in PAPER for variant in variants]
    assert [m.config.model.options["variant"] for m in members] == variants * len(PAPER)


def test_the_study_of_rare_classes_trains_each_way_and_compares_it_with_plain():
    members = read_study("paper/imbalance", {}, ["samm-*"])[1]
    assert [(m.config.train.loss, m.config.train.sampling) for m in members] == [
        ("cross_entropy", "shuffled"),
        ("balanced", "shuffled"),
        ("focal", "shuffled"),
        ("cross_entropy", "balanced"),
    ]
    assert {m.against for m in members[1:]} == {"samm-5-published-plain"} and not members[0].against


def test_the_released_studies_keep_the_habits_of_the_released_programs():
    by_name = {m.name: m.config for s in ("ablation", "fusion") for m in read_study(f"paper/{s}-released", {})[1]}
    assert by_name["samm-5-released-spatial"].model.options["frame"] == "apex"
    assert by_name["samm-5-released-temporal_to_spatial"].model.options["join"] == "after"
    assert by_name["samm-5-released-early"].train.seeds == (112,)
    assert by_name["samm-5-released-late"].train.seeds == (0,)


def test_a_study_like_another_has_its_runs_with_some_replaced_and_added(runs, tmp_path):
    (tmp_path / "other.yaml").write_text("name: other\nruns: {one: {base: demo}, two: {base: zoo/sssnet}}")
    found = runs("like: other.yaml\nruns: {two: {base: zoo/rcn}, three: {base: demo, train.epochs: 7}}")
    assert [(name, one.model.name) for name, one in found.items()] == [
        ("one", "tsfmicro-small"),
        ("two", "rcn"),
        ("three", "tsfmicro-small"),
    ]
    with pytest.raises(UnknownNameError, match="paper/table-4"):
        runs("like: paper/table-44\ngrid: {train.lr: [1e-3]}")


def test_a_run_may_change_more_under_a_label_of_the_grid(runs):
    text = """
    base: demo
    runs:
      plain: {train.epochs: 3}
      more: {train.epochs: 3, when: {slow: {base: casme2-5-published, train.epochs: 5}}}
    grid:
      speed: {slow: {train.lr: 1e-4}, fast: {train.lr: 1e-2}}
    """
    said = {run: (c.model.name, c.train.epochs, c.train.lr) for run, c in runs(textwrap.dedent(text)).items()}
    small = "tsfmicro-small"
    assert said == {
        "plain-slow": (small, 3, 1e-4),
        "plain-fast": (small, 3, 1e-2),
        "more-slow": ("tsfmicro", 5, 1e-4),
        "more-fast": (small, 3, 1e-2),
    }


@pytest.mark.parametrize(
    ("when", "said"),
    [
        ("{fats: {train.epochs: 2}}", r"runs\.plain\.when: fats is no label of the grid \(there are fast\)"),
        ("3", r"when is 3; write"),
    ],
)
def test_what_a_run_changes_under_no_label_is_told(runs, when, said):
    with pytest.raises(ConfigError, match=said):
        runs(f"base: demo\nruns: {{plain: {{when: {when}}}}}\ngrid: {{speed: {{fast: {{train.lr: 1e-2}}}}}}\n")


def test_a_study_that_takes_runs_over_may_have_other_labels(runs):
    found = runs("like: paper/table-4\ngrid: {data.scheme: [casme2-3]}\n", only=("mmnet*",))
    assert [config.train.epochs for config in found.values()] == [74]


def test_what_a_run_changes_hangs_on_the_grid_and_not_on_what_the_run_is_called(runs):
    found = runs(
        "base: demo\nruns: {fast: {train.epochs: 5, when: {fast: {train.epochs: 9}}}}\n"
        "grid: {speed: {slow: {train.lr: 1e-4}, fast: {train.lr: 1e-2}}}\n"
    )
    assert {run: config.train.epochs for run, config in found.items()} == {"fast-slow": 5, "fast-fast": 9}


def test_the_paper_s_tables_train_each_system_as_it_is_for_that_many_classes():
    of = {
        m.name: m.config for m in (*read_study("paper/table-4", {})[1], *read_study("paper/table-5", {}, ["tsf*"])[1])
    }
    three = of["mmnet-3-classes"]
    assert (three.model.options, three.train.epochs, three.train.weight_decay) == ({"form": "3-class"}, 99, 0.7)
    assert (of["tsfmicro-3-classes"].train.augment.pad, of["tsfmicro-5-classes"].train.augment.pad) == (4, 15)
