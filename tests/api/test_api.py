"""docs/api.md is a promise: what it names is there, looks as it says, and does what its lines say."""

import ast
import inspect
import re
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

import tsfmicro
from tsfmicro.models import pretrained, runtimes
from tsfmicro.prepare import parts
from tsfmicro.run import folder
from tsfmicro.use.recognise import example_video

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")


def rows(heading):
    table = PAGE.split(f"## {heading}")[1].split("\n## ")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if line[:2] == "| "][
        1:
    ]


def test_every_line_of_the_page_works(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    example = cv2.VideoCapture(str(example_video()))
    frames = [example.read()[1] for _ in range(40)]
    cv2.imwrite("onset.png", frames[0])
    cv2.imwrite("apex.png", frames[20])
    video = cv2.VideoWriter("video.avi", cv2.VideoWriter.fourcc(*"MJPG"), 50, frames[0].shape[1::-1])
    for frame in frames:
        video.write(frame)
    video.release()
    known = {}
    exec("\n".join(re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)), known)
    assert known["prepared"].clips and known["reading"].clips
    assert known["audit"].passed and known["again"].equal
    assert 0 <= known["summary"].model.uf1.value <= 1
    assert sum(known["answer"].probabilities.values()) == pytest.approx(1)
    assert set(known["clips"]["truth"]) <= set(known["summary"].model.classes)
    assert len(known["table"].curves) == len(frames)
    assert Path("report/index.html") in known["report"].files
    assert capsys.readouterr().out.startswith("nowhere: no such folder")


def test_every_name_has_an_example_and_a_place_in_the_table():
    shown = set(re.findall(r"tsfmicro\.(\w+)", "".join(re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL))))
    told = {name for row in rows("What is stable") for name in re.findall(r"`(\w+)`", row[0])}
    assert shown == told == set(tsfmicro.__all__)


@pytest.mark.parametrize(
    "row", [row for row in rows("What is stable") if row[1].startswith("`")], ids=lambda row: row[0]
)
def test_arguments_are_those_of_the_page(row):
    called = getattr(tsfmicro, row[0].strip("`"))
    assert list(inspect.signature(called).parameters) == row[1].split("`")[1].split(", ")


def test_formats_are_those_of_the_page():
    written = {row[0]: int(row[2]) for row in rows("Formats")}
    assert all(max(map(int, row[3].split(", "))) == int(row[2]) for row in rows("Formats"))
    ours = {"run": folder.FORMAT, "cache": parts.FORMAT, "model and card": pretrained.FORMAT, "export": runtimes.FORMAT}
    assert written == ours


def test_completion_and_help_lead_to_every_name():
    assert set(tsfmicro.__all__) <= set(dir(tsfmicro))
    assert not {"Any", "import_module"} & set(dir(tsfmicro))
    assert all(inspect.getdoc(getattr(tsfmicro, name)) for name in tsfmicro.__all__)
    assert all(name in tsfmicro.__doc__ for name in tsfmicro.__all__)
    with pytest.raises(AttributeError, match="no attribute 'run_experimnet'"):
        _ = tsfmicro.run_experimnet


def test_type_checkers_see_the_same_names():
    tree = ast.parse(Path(tsfmicro.__file__).read_text(encoding="utf-8"))
    for_checkers = next(node for node in tree.body if isinstance(node, ast.If))
    assert {alias.asname for node in for_checkers.body for alias in node.names} == set(tsfmicro.__all__)
    assert (Path(tsfmicro.__file__).parent / "py.typed").exists()


def test_every_package_says_what_it_is():
    house = Path(tsfmicro.__file__).parent
    for file in house.rglob("__init__.py"):
        assert ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))), file


def test_importing_the_package_loads_nothing_heavy():
    program = (
        "import sys, tsfmicro; dir(tsfmicro); heavy = {'torch', 'numpy', 'cv2', 'pydantic', 'yaml', 'pandas'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_settings_are_put_into_a_config_that_is_read_already_and_mistakes_are_told():
    config = tsfmicro.load_config("demo")
    assert tsfmicro.load_config("demo", {"train.epochs": 3}).train.epochs == 3 != config.train.epochs
    with pytest.raises(tsfmicro.TsfmicroError, match="did you mean epochs"):
        tsfmicro.prepare_clips(config, {}, settings={"train.epoch": 3})


def test_what_a_package_says_lives_in_it_does():
    house = Path(tsfmicro.__file__).parent
    told = 0
    for file in house.glob("*/__init__.py"):
        for names in re.findall(
            r"^([a-z_0-9]+(?:, [a-z_0-9]+)*)  +\S", ast.get_docstring(ast.parse(file.read_text())), re.M
        ):
            for name in names.split(", "):
                assert (file.parent / f"{name}.py").exists() or (file.parent / name).is_dir(), f"{file}: {name}"
                told += 1
    assert told > 80
