"""What README and docs say was scored is scored again, from the logits of those runs: `python -m benchmarks.numbers` kept them."""

import json
import re
import tarfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks.numbers import lines_of
from benchmarks.starts import lines as started
from tsfmicro.app.cli import app
from tsfmicro.evaluate.compare import differences
from tsfmicro.evaluate.score import tally
from tsfmicro.evaluate.select import RULES
from tsfmicro.reading.compare import compare
from tsfmicro.run.floors import floors
from tsfmicro.run.folder import RunFolder
from tsfmicro.run.start import SHIPPED as STARTS
from tsfmicro.run.summary import answers, summarise
from tsfmicro.spot.learned import shipped
from tsfmicro.study.beside import holm, page
from tsfmicro.study.grid import Member
from tsfmicro.study.study import Row, compared

ROOT, KEPT = Path(__file__).parents[1], Path(__file__).parent / "numbers"


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Unpacks an archive of runs."""

    def unpacked(name):
        room = tmp_path_factory.mktemp(name)
        with tarfile.open(KEPT / f"{name}.tar.xz") as whole:
            whole.extractall(room, filter="data")
        return room

    return unpacked


def text(page):
    return (ROOT / page).read_text(encoding="utf-8")


def rows(markdown):
    """The cells of a page's tables."""
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in markdown.splitlines() if line[:1] == "|"]


def printed(monkeypatch, *words):
    monkeypatch.setenv("COLUMNS", "300")
    done = CliRunner().invoke(app, list(words), catch_exceptions=False)
    return [line.rstrip() for line in done.stdout.splitlines()]


def block(page, first):
    """The lines of the code block that begins so."""
    blocks = re.split(r"^```.*\n", text(page), flags=re.MULTILINE)[1::2]
    (found,) = [one for one in blocks if one.startswith(first)]
    return [line.rstrip() for line in found.splitlines()]


def test_the_score_of_the_readme_is_what_its_run_gives(kept, monkeypatch):
    again = printed(monkeypatch, "evaluate", f"{kept('demo') / 'run'}")
    assert [line for line in block("README.md", "demo ") if line not in again] == []


def test_what_the_demo_reaches_from_scratch_is_what_its_run_gives(kept):
    summary = summarise(RunFolder.open(kept("demo") / "scratch"))
    gain = summary.versus_linear["uf1"]
    told = " ".join(text("docs/pretraining-results.md").split())
    assert f"it is {summary.model.uf1}, {gain.interval.value:.2f} above (p {gain.shown_p};" in told


def test_all_rules_of_the_page_of_scores_are_what_its_run_gives(kept, monkeypatch):
    again = printed(monkeypatch, "evaluate", f"{kept('scores') / 'late'}", "--rule", "all")
    told = [line for line in block("docs/scores.md", "demo ") if not line.startswith("look at")]
    assert [line for line in told if line not in again] == []


def test_the_comparison_of_the_page_of_scores_is_what_its_runs_give(kept, monkeypatch):
    runs = kept("scores")
    again = printed(monkeypatch, "compare", f"{runs / 'late'}", f"{runs / 'spatial'}")
    told = [line for line in block("docs/scores.md", "A = ") if line[:3] not in ("A =", "B =", "…")]
    assert [line for line in told if line not in again] == []


def test_every_row_of_the_zoo_is_what_its_run_gives(kept):
    cells = 8  # what it is called, its scores, the leak, the floor, the difference, p; not what it cost
    again = {row[0]: row[:cells] for row in rows(page("quick", list(lines_of(kept("zoo")))))}
    told = {row[0]: row[:cells] for row in rows(text("docs/zoo.md").split("## Exact")[0])}
    assert told == again


def started_runs(place):
    """The runs of a set of people, each started one beside its own from scratch."""
    found = []
    for run in sorted(file.parent for file in place.glob("*/run.json")):
        opened = RunFolder.open(run)
        against = run.name.replace("started", "scratch") if run.name.endswith("started") else ""
        found.append(Row(Member(run.name, opened.plan.config, against), summarise(opened)))
    return {row.member.name: row for row in compared(place, found)}


def test_every_gain_of_a_start_is_what_its_runs_give(kept):
    of = {place.name: started_runs(place) for place in sorted(kept("starts").iterdir())}
    again = [line for name, runs in of.items() for line in started(name, runs)]
    told = text("docs/pretraining-results.md")
    table = [row for row in rows(told) if row[0] in {line[0] for line in again}]
    assert sorted(table) == sorted(again)
    p = {(name, run): row.versus["uf1"].p for name, runs in of.items() for run, row in runs.items() if row.versus}
    assert f"Holm over all {len(p)} tests of the table" in " ".join(told.split())
    assert {one for one, adjusted in holm(p).items() if adjusted < 0.05} == {
        ("drawn-101", "tsfmicro-small-started"),
        ("drawn-101", "tsfmicro-small-flow-started"),
        ("drawn-101", "mmnet-started"),
        ("drawn-102", "tsfmicro-small-started"),
    }


def test_what_three_seeds_of_a_started_network_reach_is_what_its_runs_give(kept):
    told = " ".join(text("docs/pretraining-results.md").split())
    runs = sorted((kept("starts") / "faces-seeds").iterdir())
    assert [run.name.removesuffix("-flow-drawn-started") for run in runs] == ["sssnet", "ststnet", "tsfmicro-small"]
    for run in runs:
        summary = summarise(RunFolder.open(run))
        gain = summary.versus_linear["uf1"]
        said = f"reaches {summary.model.uf1}, {gain.interval.value:.2f} above its linear floor (p {gain.shown_p})"
        assert len(summary.model.seeds) == 3 and said in told


def above_the_floor(run, other):
    """UF1 of a run above the linear floor of another one."""
    its, floor = answers(run, RULES["last"]), floors(other)["linear"]
    return differences(*(tally(one, run.plan.tested, run.plan.classes) for one in (its, floor)))["uf1"]


def test_how_far_a_start_on_flow_that_knows_faces_lies_above_what_dis_gives_is_what_its_runs_give(kept):
    folder, told = kept("starts"), " ".join(text("docs/pretraining-results.md").split())
    dis = RunFolder.open(folder / "faces" / "tsfmicro-small-flow-started")
    for place, begins in (("faces", "UF1 0.96 is "), ("faces-seeds", " and ")):
        gain = above_the_floor(RunFolder.open(folder / place / "tsfmicro-small-flow-drawn-started"), dis)
        (said,) = re.findall(rf"{begins}({re.escape(str(gain.interval))}) above [^(]* DIS[^(]*\(p ([0-9.]+)\)", told)
        assert said == (f"{gain.interval}", gain.shown_p)
    own = compare(folder / "faces" / "tsfmicro-small-flow-drawn-started", f"{dis.path}").differences["uf1"]
    assert f"{own.interval.value:.2f} above itself on DIS flow (p {own.shown_p})" in told


@pytest.mark.parametrize("network", ["ststnet", "sssnet"])
def test_how_far_other_networks_lie_above_linear_machines_there_is_what_their_runs_give(kept, network):
    folder, told = kept("starts") / "faces", " ".join(text("docs/pretraining-results.md").split())
    run, dis = (RunFolder.open(folder / f"{network}{on}-started") for on in ("-flow-drawn", ""))
    for floor in (run, dis):
        gain = above_the_floor(run, floor)
        assert re.search(rf"{re.escape(str(gain.interval))}[a-z ]* \(p {re.escape(gain.shown_p)}\)", told)
    own = compare(run.path, f"{dis.path}").differences["uf1"]
    assert f"{own.interval.value:.2f} (p {own.shown_p})" in told


def test_what_flow_gives_a_linear_machine_is_what_its_runs_give(kept):
    folder, told = kept("flow"), {row[0]: row[1:] for row in rows(text("docs/generated-faces.md"))}
    assert told["DIS"][0] == str(summarise(RunFolder.open(folder / "dis")).model.uf1)
    for name in ("expression", "facial"):
        found = compare(folder / name, f"{folder / 'dis'}")
        gain = found.differences["uf1"]
        assert told[f"drawn, `part: {name}`"] == [str(found.scores[0].uf1), f"{gain.interval:+}", gain.shown_p]


def test_what_a_training_in_bfloat16_scores_is_what_its_runs_give(kept):
    folder = kept("precision")
    found = compare(folder / "bfloat16", f"{folder / 'float32'}")
    lower, full = (score.uf1 for score in found.scores)
    gain = found.differences["uf1"]
    assert [f"{full}", f"{lower}", f"{gain.interval:+}", gain.shown_p] in rows(text("docs/the-model.md"))


def test_the_levels_of_the_learned_spotter_are_those_of_its_card():
    known = shipped().card["held out"]
    told = [
        row for row in rows(text("docs/spotting.md").split("| level |")[1].split("\n\n")[0]) if row[0][:1].isdigit()
    ]
    assert len(told) == 5
    for level, *cells in told:
        n = known["learned"]["level"].index(float(level))
        of = [known[which] for which in ("learned", "peaks")]
        again = [
            said for one in of for said in (f"{one['f1'][n]:.2f}", f"{one['micro'][n]:.1f} and {one['macro'][n]:.1f}")
        ]
        assert [_numbers(cell) for cell in cells] == [_numbers(cell) for cell in again], level


def _numbers(cell):
    return [float(part) for part in cell.split(" and ")]


def test_what_starts_reach_on_people_they_had_not_seen_is_what_their_cards_say():
    cards = [json.loads(file.read_text(encoding="utf-8")) for file in STARTS.glob("*/*/card.json")]
    assert cards and all(f" {card['held_out']['uf1']:.2f}" in text("docs/pretraining.md") for card in cards)


def test_every_page_that_tells_a_score_with_its_interval_says_where_it_comes_from():
    known = text("docs/numbers.md")
    for one in sorted((ROOT / "docs").glob("*.md")):
        if re.search(r"\d\.\d\d \[-?\d", text(one)) and one.stem not in ("numbers", "user-guide", "first-run"):
            assert f"({one.name})" in known, one.name


def test_what_a_start_gave_on_maps_of_another_program_s_faces_is_what_its_runs_give(kept):
    folder = kept("maps")
    found = compare(folder / "started", f"{folder / 'scratch'}")
    started, scratch = (score.uf1 for score in found.scores)
    floor = summarise(RunFolder.open(folder / "started")).floors["linear"].uf1
    gain = found.differences["uf1"]
    told = " ".join(text("docs/composite.md").split())
    assert (
        f"reaches {started} with one seed, from scratch {scratch} with three, {gain.interval:+} (p {gain.shown_p})"
        in told
    )
    assert f"the linear floor {floor.value:.2f}." in told
