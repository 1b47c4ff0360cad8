from dataclasses import replace

from tsfmicro.data.corrections import correct, corrections
from tsfmicro.data.entries import Entry

ENTRY = Entry("032", "032_3_1", "4896", "1930.0", "4960", "Anger", "4", row=131)
(KNOWN,) = (c for c in corrections("samm") if c.clip == "032_3_1")


def test_a_correction_is_applied_where_the_sheet_still_says_what_it_corrects():
    entry, applied = correct(ENTRY, [KNOWN])
    assert entry.apex == "4930"
    assert str(applied[0]).startswith("apex 1930→4930: ")


def test_a_sheet_that_was_corrected_already_is_left_alone():
    already = replace(ENTRY, apex="4931")
    assert correct(already, [KNOWN]) == (already, ())


def test_a_dataset_without_a_table_has_no_corrections():
    assert corrections("casme2") == ()
