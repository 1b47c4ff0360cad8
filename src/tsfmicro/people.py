"""Who a person is: some datasets show the people of another one again, and a person is one person wherever they are seen."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Family:
    """Datasets that show the same people.

    Attributes:
        name: stands in a person's id where the dataset's would.
        datasets: by their names in clip ids.
        written: how a subject may be written, with its number in a group.
        spelling: how ids write it, so that 's1' of one dataset and 's01' of another are one person.
    """

    name: str
    datasets: tuple[str, ...]
    written: re.Pattern[str]
    spelling: str

    def subject(self, text: str) -> str:
        """A subject in the family's spelling; one that is written in no known way stays as it is."""
        number = self.written.fullmatch(text)
        return self.spelling.format(int(number[1])) if number else text


# CAS(ME)³ has one numbering for its parts A and B. Part C counts from 1 again, and whether its 1 is part A's is not published:
# taken for one person, nobody can be on two sides of a fold, whatever is true.
FAMILIES = (
    Family(
        "smic",
        ("smic", "smic-hs", "smic-vis", "smic-nir", "smic-hs-e", "smic-vis-e", "smic-nir-e"),
        re.compile(r"s?0*(\d+)", re.IGNORECASE),
        "s{:02d}",
    ),
    Family("samm", ("samm", "samm-lv"), re.compile(r"0*(\d+)"), "{:03d}"),
    Family("casme3", ("casme3", "casme3-b", "casme3-c"), re.compile(r"(?:spno\.)?0*(\d+)", re.IGNORECASE), "spNO.{}"),
)
_OF_DATASET: Mapping[str, Family] = {dataset: family for family in FAMILIES for dataset in family.datasets}


def family_of(dataset: str) -> Family | None:
    """The family of a dataset; None for one whose people no other shows."""
    return _OF_DATASET.get(dataset)


def person(dataset: str, subject: str) -> str:
    """The id of a person: ('casme2', 'sub04') → 'casme2/sub04', and ('smic-vis', 's11') → 'smic/s11'."""
    family = family_of(dataset)
    return f"{family.name}/{family.subject(subject)}" if family else f"{dataset}/{subject}"
