"""Whatever befalls a file of a finished run, reading the run ends in a result or in one line that says what to do."""

import json

import numpy as np
import pytest
import yaml

from tests.run.conftest import invent, plan_of, tiny_config
from tsfmicro.errors import TsfmicroError
from tsfmicro.prepare.cache import open_prepared
from tsfmicro.reading.audit import audit
from tsfmicro.reading.compare import compare
from tsfmicro.run.folder import RunFolder
from tsfmicro.run.linear_floors import store_linear_floors
from tsfmicro.run.summary import evaluate_run, summarise
from tsfmicro.run.watch import Watch

LISTS = ("config.yaml", "run.json", "clips.csv", "skipped.csv", "folds.json", "scores.json")
FOLD = "folds/casme2-sub00/seed-0/"
FILES = (*LISTS, "floor-linear.npy", *(FOLD + name for name in ("logits.npz", "received.json", "model.safetensors")))
ODD = (None, 0, 1.5, True, "x", "", [], {}, [None], [[1]], {"a": None}, 10**30, float("nan"))
READ = {
    "open": RunFolder.open,
    "summarise": lambda run: summarise(RunFolder.open(run)),
    "audit": audit,
    "compare": lambda run: compare(run, "linear"),
}


@pytest.fixture
def run(start, prepared_folder):
    folder, _ = start(plan=plan_of(tiny_config(epochs=1, seeds=(0,)), prepared_folder))
    store_linear_floors(invent(folder), open_prepared(prepared_folder), Watch())
    evaluate_run(folder)
    return folder.path


def read_all(run, what):
    for name, read in READ.items():
        try:
            read(run)
        except TsfmicroError as told:
            assert "\n" not in str(told), f"{name}, {what}"
        except Exception as surprise:
            raise AssertionError(f"{name}, {what}: {type(surprise).__name__}: {surprise}") from surprise


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_gone_a_folder_cut_short_or_of_something_else(run, name):
    file, drawing = run / name, np.random.default_rng(0)
    whole = file.read_bytes()
    contents = [
        b"",
        whole[: len(whole) // 2],
        whole[:-1],
        b"\0" * 50,
        b"\xff\xfe\xe4\n",
        b"null",
        b"3",
        b'"',
        b"[" * 50_000,
    ]
    contents += [b"\xef\xbb\xbf" + whole, whole.replace(b"\n", b"\r\n"), b"clip,class\n" + b"x" * 200_000]
    for n in range(8):
        flipped = bytearray(whole)
        for place in drawing.integers(0, min(len(whole), 400), 1 + n % 3):
            flipped[place] = drawing.integers(256)
        contents.append(bytes(flipped))
    for content in contents:
        file.write_bytes(content)
        read_all(run, f"{name} holds {content[:60]!r}")
    file.unlink()
    read_all(run, f"{name} is gone")
    file.mkdir()
    read_all(run, f"{name} is a folder")


def places(value, path=()):
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value[:2]) if isinstance(value, list) else ()
    for key, within in inner:
        yield from places(within, (*path, key)) if len(path) < 3 else ()


def with_another(value, path, new):
    if not path:
        return new
    copy = json.loads(json.dumps(value))
    inner = copy
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = new
    return copy


@pytest.mark.parametrize("name", ["config.yaml", "run.json", "folds.json", "scores.json", FOLD + "received.json"])
def test_a_value_of_another_kind_wherever_it_stands(run, name):
    file, drawing = run / name, np.random.default_rng(1)
    load, dump = (yaml.safe_load, yaml.safe_dump) if name.endswith("yaml") else (json.loads, json.dumps)
    value = load(file.read_text())
    for path in places(value):
        for n in drawing.choice(len(ODD), 1):
            file.write_text(dump(with_another(value, path, ODD[n])))
            read_all(run, f"{name}: {path} is {ODD[n]!r}")


@pytest.mark.parametrize("name", ["clips.csv", "skipped.csv"])
def test_a_table_without_head_or_with_other_rows(run, name):
    head, *rows = (run / name).read_text().splitlines()
    for lines in (
        [],
        [head],
        rows,
        [head, *rows, *rows],
        [head, "a"],
        [head, ",".join("abcdefghijkl")],
        ["x,y", *rows],
    ):
        (run / name).write_text("\n".join(lines))
        read_all(run, f"{name} is {lines[:2]}")


@pytest.mark.parametrize("name", ["floor-linear.npy", FOLD + "logits.npz"])
@pytest.mark.parametrize("kind", ["U5", "c8", "i4", "M8[s]", "bool", "object"])
def test_numbers_of_another_kind(run, name, kind):
    stored = np.load(run / name)
    if name.endswith("npy"):
        np.save(run / name, stored.astype(kind))
    else:
        np.savez(run / name, **{key: stored[key].astype(kind) for key in stored})
    read_all(run, f"{name} holds {kind}")


def test_the_line_names_the_file(run):
    (run / "skipped.csv").unlink()
    with pytest.raises(TsfmicroError, match=r"skipped\.csv is missing"):
        summarise(RunFolder.open(run))
    (run / "folds.json").write_text('[{"name": 3}]')
    with pytest.raises(TsfmicroError, match=r"folds\.json: is damaged \(0\.name: .*string.*\)\. Restore it"):
        RunFolder.open(run)
