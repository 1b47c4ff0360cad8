"""Our results stand beside the published ones, never among them, and each number of ours carries all that belongs to it."""

import numpy as np
import pytest

from tests.report.conftest import ONE_WRONG, RIGHT, made_run
from tsfmicro.report.material import VARIANTS, Gain
from tsfmicro.report.tables import Number, Table, against_others, make_tables, published, recalls, records, signed
from tsfmicro.types import Interval


def numbers(table, source="ours"):
    return [cell for row in table.rows for cell in row if isinstance(cell, Number) and cell.source == source]


def column(table, group, name):
    """Cells of a column, found by its group and name."""
    start = 0
    for text, span in table.groups:
        if text == group:
            return [row[start + list(table.columns[start : start + span]).index(name)] for row in table.rows]
        start += span
    raise AssertionError(f"no {group} in {table.groups}")


def test_the_published_numbers_are_those_of_the_paper():
    found = {(p.table, p.dataset, p.classes, p.model, p.metric): p.value for p in published()}
    assert found[4, "casme2", 5, "TSFmicro", "uf1"] == 86.17
    assert found[3, "casme3", 4, "ATM-GCN", "uar"] == 53.49
    assert found[8, "samm", 5, "TSFmicro/spatial", "recall_surprise"] == 33.33
    assert {p.table for p in published()} == {3, 4, 5, 6, 7, 8}
    assert len(found) == len(published()), "none is there twice"


def test_table_4_has_ours_in_the_column_of_its_rule_and_the_published_in_theirs(run):
    table = against_others([run])
    assert (table.number, table.dataset, table.classes) == (4, "casme2", 3)
    last = column(table, "ours, rule last", "ACC")
    assert [cell.text.split()[0] for cell in last if isinstance(cell, Number) and cell.source == "ours"] == ["87.5"]
    oracle = column(table, "ours, rule oracle (test-selected, optimistic)", "ACC")
    assert [cell.interval.value for cell in oracle if isinstance(cell, Number)] == [100]
    theirs = column(table, "published", "UF1")
    assert {cell.source for cell in theirs if isinstance(cell, Number)} == {"published"}
    assert table.rows[0][0] == "MERSiamC3D '21 †"


def test_a_published_row_has_nothing_of_ours_and_ours_nothing_published(run):
    for row in against_others([run]).rows:
        sources = {cell.source for cell in row if isinstance(cell, Number)}
        assert sources in ({"published"}, {"ours"}, {"floor"})


def test_every_number_of_ours_carries_interval_people_clips_seeds_and_rule(run):
    tables, _ = make_tables([run, made_run("early", "early")], {})
    ours = [number for table in tables for number in numbers(table)]
    assert len({table.number for table in tables}) == 3
    for number in ours:
        assert (number.people, number.clips, number.seeds) == (4, 8, 2)
        assert number.interval.low <= number.interval.value <= number.interval.high
    assert ours[0].told.endswith("· 4 people · 8 clips · 2 seeds · rule last")
    assert any("test-selected, optimistic" in number.told for number in ours)


def test_a_test_selected_column_never_stands_without_last(run):
    for table in make_tables([run, made_run("early", "early")], {})[0]:
        rules = [n.rule.name for n in numbers(table)]
        assert "last" in rules and rules.index("last") < rules.index("oracle")


def test_a_uar_that_the_paper_prints_as_acc_is_marked():
    table = against_others([made_run()])
    marked = {str(row[0]) for row in table.rows if "†" in str(row[0])}
    assert marked == {"MERSiamC3D '21 †", "AU-GCN '21 †"}
    values = {n.metric: n.interval.value for row in table.rows if row[0] == "AU-GCN '21 †" for n in row[1:] if n}
    assert values == {"UAR, printed as ACC": 87.1, "UF1": 87.98}
    assert any(note.startswith("†") for note in table.notes)


def test_a_system_that_nobody_can_rebuild_is_said_to_be_figures_only(run):
    (note,) = [note for note in against_others([run], {"DSSTDN": "no sizes", "Nobody": "?"}).notes if "rebuilt" in note]
    assert note == "DSSTDN cannot be rebuilt, so there are published figures only: no sizes."


def test_floors_stand_in_the_table_and_are_no_result(run):
    floors = numbers(against_others([run]), "floor")
    assert floors[0].interval.value == pytest.approx(100 * 3 / 8)
    assert "a floor" in floors[0].told


def test_released_has_a_column_only_where_the_paper_prints_uar_and_says_that_it_is_macro_precision():
    assert not any("released" in text for text, _ in against_others([made_run()]).groups)
    casme3 = against_others([made_run(dataset="casme3")])
    assert any("its UAR is macro precision" in text for text, _ in casme3.groups)
    assert "macro precision" in casme3.columns


def test_table_7_shows_differences_to_the_first_row_published_to_published_and_ours_to_ours():
    runs = [made_run("a", "early"), made_run("b", "late", answers=(RIGHT, RIGHT))]
    gains = {("b", "a", "last"): {"uf1": Gain("a", Interval(0.125, 0.01, 0.25), p=0.03)}}
    (table,) = [t for t in make_tables(runs, gains)[0] if t.number == 7]
    uf1 = column(table, "published", "UF1")
    assert [cell.parts for cell in uf1] == [("89.33",), ("93.53", "+4.20"), ("92.75", "+3.42"), ("94.30", "+4.97")]
    first, *not_run, last = column(table, "ours, rule last", "UF1")
    assert not_run == ["", ""], "published variants that were not run here have nothing of ours"
    assert first.parts[2:] == ()
    assert last.parts == ("100.0", f"[{100 * runs[1].scores['last'].uf1.low:.1f}, 100.0]", "+12.5", "[+1.0, +25.0]")
    assert any("With a sign" in note for note in table.notes)


def test_table_6_names_the_streams():
    runs = [made_run("t", "temporal"), made_run("s", "spatial"), made_run("l", "late")]
    (table,) = [t for t in make_tables(runs, {})[0] if t.number == 6]
    assert [row[:2] for row in table.rows] == [["no", "yes"], ["yes", "no"], ["yes", "yes"]]


def test_table_8_has_a_row_for_each_variant_and_rule_with_recalls_worked_out_by_hand(run):
    table = recalls([run])
    assert [row[1] for row in table.rows] == ["published", "last", "oracle (test-selected, optimistic)"]
    last = table.rows[1]
    assert [cell.interval.value for cell in last[2:5]] == pytest.approx([100, 100 * 2 / 3, 100])
    assert {row[0] for row in table.rows} == {VARIANTS["late"]}


def test_two_runs_of_one_variant_are_told_apart():
    tables, _ = make_tables([made_run("e", "early"), made_run("published"), made_run("released")], {})
    for table in tables:
        names = [" ".join(map(str, row[: table.labels])) for row in table.rows]
        assert len(names) == len(set(names))
        assert any(", run released" in name for name in names)


def test_runs_of_different_datasets_are_not_put_into_one_table():
    tables, notes = make_tables([made_run("a"), made_run("b", dataset="samm")], {})
    assert [(t.number, t.dataset) for t in tables] == [(4, "casme2"), (5, "samm"), (8, "casme2"), (8, "samm")]
    assert sum("no Table 6" in note for note in notes) == 2
    assert notes[0].startswith("CASME II, 3 classes: no Table 6: it compares")


def test_what_the_paper_has_no_table_for_is_told():
    tables, notes = make_tables([made_run("a", variant=None, model="ststnet", dataset="megc2019")], {})
    assert tables == []
    assert any("the paper has none for megc2019" in note for note in notes)
    assert any("no Table 8" in note for note in notes)


def test_generated_faces_and_fewer_clips_are_said_under_the_table():
    assert any("generated faces" in note for note in against_others([made_run(generated=True)]).notes)
    fewer = against_others([made_run(published_clips=155)])
    assert any("8 clips, the published set has 155" in note for note in fewer.notes)
    assert not any("155" in note for note in against_others([made_run(published_clips=8)]).notes)


def test_records_hold_every_number_once_with_its_source():
    tables, _ = make_tables([made_run()], {})
    lines = records(tables)
    assert len(lines) == sum(len(numbers(t, s)) for t in tables for s in ("ours", "floor", "published"))
    ours = next(line for line in lines if line["source"] == "ours")
    assert (ours["metric"], ours["value"], ours["rule"], ours["people"]) == ("ACC", 87.5, "last", 4)
    theirs = next(line for line in lines if line["source"] == "published")
    assert (theirs["run"], theirs["rule"], theirs["low"], theirs["people"]) == ("", "", "", "")


def test_a_nought_has_no_sign():
    assert [signed(v) for v in (3.14, -2.0, 0.0, -0.01)] == ["+3.1", "−2.0", "0.0", "0.0"]


def test_a_class_that_is_never_answered_has_a_recall_of_nought():
    never = np.where(ONE_WRONG == 2, 0, ONE_WRONG)
    table = recalls([made_run(answers=(never, never))])
    assert isinstance(table, Table)
    assert table.rows[1][4].interval.value == 0
