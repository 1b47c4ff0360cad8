"""A little of the campaign of wrong inputs, with other inputs than the last time a round was written; and that it finds faults."""

import random

import pytest

from campaigns import inputs
from campaigns.damage import BYTES, WORDS, damage
from tsfmicro.app import cli

ROUNDS = 12


@pytest.fixture(scope="module")
def material(tmp_path_factory):
    return inputs.make_material(tmp_path_factory.mktemp("campaign") / "material")


def test_no_wrong_input_ends_in_a_traceback_or_goes_unnoticed(material):
    faults = [
        f"--seed {seed}: {what}: {fault}\n{ended.told}"
        for seed, what, fault, ended in inputs.rounds(material, range(ROUNDS))
        if fault
    ]
    assert not faults, "\n".join(faults)


def test_a_command_that_lets_an_exception_out_is_a_fault(monkeypatch):
    def fails():
        raise KeyError("apex")

    monkeypatch.setattr(cli, "main", fails)
    assert inputs.typed(["spot"]).fault == "a traceback"


def test_a_hang_is_a_fault(monkeypatch):
    monkeypatch.setattr(inputs, "SECONDS", 1)
    monkeypatch.setattr(cli, "main", lambda: [None for _ in iter(int, 1)])
    assert "Hang" in inputs.typed(["spot"]).told


def test_a_damage_that_nobody_tells_is_a_fault(material, monkeypatch):
    """A command that always succeeds and says how many bytes it saw."""
    monkeypatch.setattr(
        cli,
        "main",
        lambda: print(
            sum(len(f.read_bytes()) if f.is_file() else 0 for f in inputs.Path(inputs.sys.argv[2]).rglob("*"))
        ),
    )
    found = list(inputs.rounds(material, range(40), "run-folder"))
    assert any(fault and "no word" in fault for _, _, fault, _ in found)


@pytest.mark.parametrize("way", [*BYTES, *WORDS], ids=lambda way: way.__name__)
def test_every_way_spoils_a_file(tmp_path, way):
    file = tmp_path / "file.json"
    text = '{"a": [1, 2], "b": "word"}\n' * 3
    for seed in range(20):
        if file.is_dir():
            file.rmdir()
        file.unlink(missing_ok=True)
        file.write_text(text)
        way(file, random.Random(seed))
        if not file.is_file() or file.read_bytes() != text.encode():
            return
    pytest.fail("it leaves the file as it is")


def test_the_same_seed_spoils_alike(tmp_path):
    said = []
    for name in "ab":
        (tmp_path / f"{name}.csv").write_text("x,y\n1,2\n3,4\n")
        said.append(damage(tmp_path / f"{name}.csv", random.Random(5)))
    assert said[0] == said[1]
