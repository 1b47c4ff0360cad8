"""What is published: the wheel and the source, their licences, who to cite, how they are tested elsewhere."""

import re
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

import tsfmicro
from tsfmicro.about.licences import ELSEWHERE, WEIGHTS, files_of_weights, licences

ROOT = Path(__file__).parents[1]
HOUSE = ROOT / "src" / "tsfmicro"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The names in the wheel and in the source archive."""
    wheels = pytest.importorskip("hatchling.builders.wheel", reason="hatchling is not installed")
    from hatchling.builders.sdist import SdistBuilder

    out = str(tmp_path_factory.mktemp("dist"))
    (wheel,) = wheels.WheelBuilder(str(ROOT)).build(directory=out, versions=["standard"])
    (source,) = SdistBuilder(str(ROOT)).build(directory=out, versions=["standard"])
    with tarfile.open(source) as archive:
        return zipfile.ZipFile(wheel).namelist(), [name.partition("/")[2] for name in archive.getnames()]


def test_the_wheel_holds_the_package_whole_and_nothing_else(built):
    wheel, _ = built
    about = [name for name in wheel if not name.startswith("tsfmicro/")]
    assert all(name.startswith(f"tsfmicro-{tsfmicro.__version__}.dist-info/") for name in about)
    ours = {f.relative_to(HOUSE.parent).as_posix() for f in HOUSE.rglob("*") if f.is_file() and f.suffix != ".pyc"}
    assert set(wheel) - set(about) == ours
    assert {
        "tsfmicro/py.typed",
        "tsfmicro/configs/demo.yaml",
        "tsfmicro/demonstration/model.safetensors",
        "tsfmicro/prepare/drawn_flow.safetensors",
        "tsfmicro/prepare/mtcnn/pnet.onnx",
    } <= set(wheel)
    assert {Path(name).suffix for name in ours} <= {
        ".py", ".typed", ".yaml", ".csv", ".html", ".css", ".js", ".json", ".webm", ".safetensors", ".tflite", ".onnx", ""
    }  # fmt: skip
    assert {f.name for f in HOUSE.rglob("*") if f.is_file() and not f.suffix} == {"LICENSE", "NOTICE"}


def test_the_source_holds_what_builds_and_tests_it_and_nothing_else(built):
    _, source = built
    tops = {name.partition("/")[0] for name in source}
    folders = {"src", "docs", "tests", "benchmarks", "campaigns", "conda"}
    files = {"README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "CITATION.cff", "LICENSE"}
    files |= {"pyproject.toml", "constraints.txt", "Makefile", "Dockerfile", "mkdocs.yml", ".gitignore", "PKG-INFO"}
    assert tops == folders | files
    assert "tests/test_package.py" in source
    assert not [name for name in source if "__pycache__" in name or name.endswith((".pyc", ".part", ".lock"))]


def test_every_weight_in_the_package_has_its_licence():
    assert files_of_weights() == sorted(WEIGHTS)
    page = (ROOT / "docs" / "licences.md").read_text(encoding="utf-8")
    assert all(name in page for name in (*WEIGHTS, *(what for what, *_ in ELSEWHERE)))


def test_every_dependency_has_a_row_on_the_page_of_licences():
    rows = re.findall(r"^\| ([\w.-]+) \|", (ROOT / "docs" / "licences.md").read_text(encoding="utf-8"), re.MULTILINE)
    extras = PROJECT["optional-dependencies"]
    asked = [*PROJECT["dependencies"], *(line for extra in extras if extra != "dev" for line in extras[extra])]
    assert {re.split(r"[>=;<]", line)[0].strip().lower().replace("_", "-") for line in asked} <= set(rows)


def test_licences_are_read_from_what_is_installed_with_those_that_others_ask_for():
    found = {one.name: one for one in licences()}
    assert found["numpy"].licence.startswith("BSD") and not found["numpy"].through
    assert found["sympy"].through == "torch"
    assert "tsfmicro" not in found and "pytest" not in found


def test_the_version_and_the_licence_are_the_same_wherever_they_stand():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == tsfmicro.__version__
    assert citation["license"] in PROJECT["license"]
    assert f"tsfmicro-{tsfmicro.__version__}-py3" in (ROOT / "docs" / "install.md").read_text(encoding="utf-8")
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## {re.escape(tsfmicro.__version__)} – \d{{4}}-\d\d-\d\d$", changes, re.MULTILINE)


def test_the_conda_recipe_asks_for_what_the_package_asks_for():
    recipe = yaml.safe_load((ROOT / "conda" / "recipe.yaml").read_text(encoding="utf-8"))
    assert recipe["context"]["version"] == tsfmicro.__version__
    assert f"python {PROJECT['requires-python']}" in recipe["requirements"]["run"]
    assert all((ROOT / name).exists() for name in recipe["about"]["license_file"])
    there = {"torch": "pytorch", "opencv-python-headless": "py-opencv", "matplotlib": "matplotlib-base"}
    ours = dict(re.fullmatch(r"([\w-]+)(\S*)", line).groups() for line in PROJECT["dependencies"])
    theirs = dict(line.split() for line in recipe["requirements"]["run"] if not line.startswith("python "))
    assert {there.get(name, name).lower(): version for name, version in ours.items()} == theirs


def test_the_container_runs_the_page_without_rights_and_copies_only_what_is_let_through():
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    let_through = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {word for line in lines if line.startswith("COPY") for word in line.split()[1:-1]}
    assert copied == let_through and all((ROOT / name).exists() for name in copied)
    user = next(n for n, line in enumerate(lines) if line.startswith("USER"))
    assert not [line for line in lines[user:] if line.startswith(("RUN", "USER root", "ADD"))]


def test_other_machines_test_every_python_that_the_package_names():
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "tests.yml").read_text(encoding="utf-8"))["jobs"]
    matrix = jobs["test"]["strategy"]["matrix"]
    named = [c.rpartition(" :: ")[2] for c in PROJECT["classifiers"] if "Python :: 3." in c]
    assert matrix["python"] == named
    assert {name.partition("-")[0] for name in matrix["os"]} == {"ubuntu", "macos", "windows"}
