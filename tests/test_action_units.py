import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsfmicro.action_units import parse_action_units
from tsfmicro.types import ActionUnit as AU


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("4", [AU(4)]),
        ("4.0", [AU(4)]),
        ("4+7+10", [AU(4), AU(7), AU(10)]),
        ("15A+17", [AU(15, intensity="A"), AU(17)]),
        ("L12 + 61", [AU(12, side="L"), AU(61)]),
        ("R14+17+soft focus", [AU(14, side="R"), AU(17)]),
        ("A14C", [AU(14, side="A", intensity="C")]),
        ("T10+B25", [AU(10, side="T"), AU(25, side="B")]),
        ("10A/B", [AU(10, intensity="A")]),
        ("1,2，4", [AU(1), AU(2), AU(4)]),
        ("AU12", [AU(12)]),
        ("AUR2", [AU(2, side="R")]),
        ("AU4+L7", [AU(4), AU(7, side="L")]),
        ("LAD39", [AU(39, side="L")]),
        ("26+ADR30", [AU(26), AU(30, side="R")]),
        ("AD38+M57", [AU(38), AU(57)]),
        ("12L", [AU(12, side="L")]),
        ("4R+7", [AU(4, side="R"), AU(7)]),
        ("7(B/C)", [AU(7, intensity="B")]),
        ("12(C)+25", [AU(12, intensity="C"), AU(25)]),
        ("subject do 2x  R2(C and then B)", [AU(2, side="R")]),
        ("double 45", [AU(45)]),
        ("80 (big swallow) ", [AU(80)]),
        ("all of the above", []),
        ("Chewing", []),
        ("null", []),
        ("", []),
    ],
)
def test_a_cell_gives_its_units_with_side_and_intensity(text, units):
    assert parse_action_units(text).units == tuple(units)


@pytest.mark.parametrize(
    ("text", "certain", "doubted"),
    [
        ("(R6 or R12)+R15", [15], [6, 12]),
        ("ref(7B)+43", [43], [7]),
        ("4+15?", [4], [15]),
        ("1(k)+2", [2], [1]),
        ("6or12", [], [6, 12]),
        ("10or11", [], [10, 11]),
        ("AUR2+12(k)+45", [2, 45], [12]),
        ("(loses 1+2) or (4(B/C))", [], [1, 2, 4]),
        ("(loses 1+2)+4", [4], [1, 2]),
        ("13?", [], [13]),
    ],
)
def test_what_the_coder_was_not_sure_of_is_kept_as_uncertain(text, certain, doubted):
    units = parse_action_units(text).units
    assert [unit.number for unit in units if unit.certain] == certain
    assert [unit.number for unit in units if not unit.certain] == doubted


@given(st.text(alphabet="0123456789LRATBCDE+,，()?/ orefkul.-", max_size=40) | st.text(max_size=40))
def test_parsing_never_fails_and_keeps_the_text(text):
    parsed = parse_action_units(text)
    assert parsed.text == text
    assert all(0 <= number <= 99 for number in parsed.numbers)


@given(st.lists(st.builds(AU, st.integers(1, 80), st.sampled_from(["", *"LRATB"]), st.sampled_from(["", *"ABCDE"]))))
def test_what_is_written_by_the_grammar_is_read_back(units):
    text = "+".join(f"{unit.side}{unit.number}{unit.intensity}" for unit in units)
    assert parse_action_units(text).units == tuple(units)


@pytest.mark.parametrize(
    ("text", "moving"),
    [
        ("AUR2+12(k)+45", (2, 45)),
        ("(loses 1+2) or (4(B/C))", (4,)),
        ("(loses 1+2)+4", (4,)),
        ("10or11", (10, 11)),
        ("4(K)", ()),
        ("12(k) or 4", (4,)),
    ],
)
def test_static_and_lost_units_do_not_move(text, moving):
    assert parse_action_units(text).numbers == moving
