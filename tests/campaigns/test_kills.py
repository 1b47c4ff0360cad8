"""That the campaign of kills finds what a killed command leaves wrong, and passes one that goes on; and one round of our own."""

import sys

import pytest

from campaigns import kills

# Ten lines, one after the other; `whole` writes each so that it is there or not, `halves` keeps a file that tells of the kill.
PROGRAM = """
import os, pathlib, sys, time
way, out = sys.argv[1], pathlib.Path(sys.argv[2]) / "out"
out.mkdir(exist_ok=True)
for n in range(10):
    time.sleep(0.03)
    part = out / f"{n}.part"
    if (out / f"{n}.txt").exists():
        continue
    part.write_text(str(n))
    if way == "whole":
        os.replace(part, out / f"{n}.txt")
    elif way == "halves" and n == 0:
        (out / f"started-{os.getpid()}").touch()
    else:
        (out / f"{n}.txt").write_text(f"{time.time()}" if way == "other" else str(n))
        part.unlink()
if way == "halves":
    (out / "0.part").unlink()
"""


@pytest.fixture
def rounds(tmp_path, monkeypatch):
    def do(way, count=2):
        (tmp_path / "program.py").write_text(PROGRAM)
        monkeypatch.setattr(kills, "PROGRAM", [sys.executable, str(tmp_path / "program.py"), way])
        monkeypatch.setattr(kills, "CASES", {"it": kills.Case(lambda material, new: [str(new)])})
        room = tmp_path / way
        room.mkdir()
        return list(kills.rounds(tmp_path, room, range(count)))

    return do


def test_a_command_that_goes_on_passes(rounds):
    found = rounds("whole")
    assert [fault for _, _, fault in found] == [None, None]
    assert all(what.startswith("it, killed after") for _, what, _ in found)


@pytest.mark.parametrize(("way", "told"), [("halves", "left over"), ("other", "another content")])
def test_what_a_kill_leaves_wrong_is_told(rounds, way, told):
    assert any(told in (fault or "") or "missing" in (fault or "") for _, _, fault in rounds(way))


def test_tables_that_differ_in_time_alone_are_the_same(tmp_path):
    def table(folder, score, seconds):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "table.csv").write_text(f"run,UF1,training seconds\na,{score},{seconds}\n")
        (tmp_path / folder / "table.md").write_text(f"| run | UF1 | time |\n| a | {score} | {seconds} s |\n")
        return kills.contents(tmp_path / folder, ("*",))

    one = table("one", 0.8, 3.1)
    assert table("slower", 0.8, 12) == one
    assert not set(table("other", 0.9, 3.1).items()) & set(one.items())


@pytest.mark.slow
def test_drawing_people_survives_kills(tmp_path):
    found = list(kills.rounds(tmp_path, tmp_path, [3], "faces"))
    assert [fault for _, _, fault in found] == [None], found
