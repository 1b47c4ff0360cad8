"""Micro-expressions of CAS(ME)³ that its authors name, beside the sheet, as bad to see. They are flagged, and stay."""

from __future__ import annotations

from tsfmicro.data.entries import Entry, Odd
from tsfmicro.data.sheets import whole

# (subject, video, onset) of the face that something covers at its apex.
_COVERED = (
    ("spNO.2", "e", 138),
    ("spNO.145", "g", 150),
    ("spNO.146", "a", 530),
    ("spNO.147", "d", 1146),
    ("spNO.147", "e", 1058),
    ("spNO.155", "d", 5),
    ("spNO.179", "b", 7),
    ("spNO.200", "b", 518),
    ("spNO.204", "a", 606),
    ("spNO.206", "a", 10),
    ("spNO.206", "c", 69),
    ("spNO.214", "b", 5),
    ("spNO.214", "k", 4),
    ("spNO.215", "f", 5),
    ("spNO.215", "f", 2183),
)
_BAD_QUALITY = (("spNO.214", "b", 5), ("spNO.214", "k", 4), ("spNO.215", "e", 7), ("spNO.215", "f", 5))
# Frames that cannot be read: (subject, video) → first and last.
_UNREADABLE = {("spNO.3", "J"): (498, 576), ("spNO.4", "j"): (568, 609)}

NAMED = tuple(dict.fromkeys((*_COVERED, *_BAD_QUALITY)))


def exceptions(entry: Entry) -> list[Odd]:
    """What the authors say of a clip of part A."""
    clip = (entry.subject, entry.recording, whole(entry.onset))
    odd = []
    if clip in _COVERED:
        odd.append(("face partly covered at the apex", "on the authors' list of exceptions; exclude it if it matters"))
    if clip in _BAD_QUALITY:
        odd.append(("frames of bad quality", "on the authors' list of exceptions; exclude it if it matters"))
    first, last = _UNREADABLE.get((entry.subject, entry.recording), (0, -1))
    onset, offset = whole(entry.onset), whole(entry.offset)
    if onset is not None and offset is not None and onset <= last and first <= offset:
        odd.append(
            ("frames that cannot be read", f"{first} to {last} of its video, by the authors' list of exceptions")
        )
    return odd
