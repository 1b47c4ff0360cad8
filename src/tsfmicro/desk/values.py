"""What of a project is kept as plain values, and what of it cannot be: moments, what coders say of a video, and of a person."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from tsfmicro.desk.history import Key
from tsfmicro.errors import AnnotationError
from tsfmicro.timeline import KINDS, Kind, Moment, Timeline, one_line, units_in, units_text

PROGRAM = "the program"
"""Who has coded what nobody did."""
NEW: Mapping[str, Any] = {"people": [], "done": {}, "peeked": {}, "who": {}}
"""What coders say of a video: who is seen; coder → when it was done, and when the program's moments were shown before; the
number of a face that the program followed → a name."""

_DECIMALS = 6  # of seconds
_LONGEST = 80  # letters of a name


def videos_of(state: Mapping[Key, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Video → all that is known of it; the names of its faces are among its people."""
    told = {n: {**state.get(("file", n), {}), **value} for (kind, n), value in state.items() if kind == "video"}
    return {name: {**value, "people": _people(value)} for name, value in told.items()}


def person_key(name: str) -> str:
    """What a person is known by in all videos: capitals make no difference, as in a dataset."""
    return _name(name).casefold()


def first_spelled(names: Iterable[str]) -> dict[str, str]:
    """What is known without capitals → as it was written first; of names that are not empty."""
    first: dict[str, str] = {}
    for name in filter(None, names):
        first.setdefault(person_key(name), name)
    return first


def moment_of(value: Mapping[str, Any]) -> Moment:
    """A moment from plain values. Raises AnnotationError: they are none."""
    units = value.get("units") or ""
    if not isinstance(units, str) or (units.strip() and not units_in(units)):
        raise AnnotationError(f"{units!r} holds no action unit. Write them as R12B+4.")
    if value.get("kind") not in KINDS:
        raise AnnotationError(f"kind {value.get('kind')!r} is unknown. Choose micro, macro or other.")
    told = {name: str(value.get(name) or "") for name in ("person", "emotion", "note", "coder")}
    try:
        onset, offset = (round(float(value[name]), _DECIMALS) for name in ("onset", "offset"))
        apex, certainty = (
            None if value.get(name) is None else round(float(value[name]), _DECIMALS) for name in ("apex", "certainty")
        )
    except (KeyError, TypeError, ValueError, OverflowError):
        raise AnnotationError("onset, apex, offset and certainty must be numbers. Correct them.") from None
    kind: Kind = value["kind"]
    return Moment(onset, offset, apex, kind=kind, units=units_in(units), certainty=certainty, **told)


def as_value(video: str, m: Moment) -> dict[str, Any]:
    """A moment as plain values."""
    return {
        "video": video, "onset": round(m.onset, _DECIMALS), "apex": None if m.apex is None else round(m.apex, _DECIMALS),
        "offset": round(m.offset, _DECIMALS), "person": m.person, "kind": m.kind, "units": units_text(m.units),
        "emotion": m.emotion, "certainty": m.certainty, "note": m.note, "coder": m.coder,
    }  # fmt: skip


def taken(told: Mapping[str, Any], coder: str) -> dict[str, Any]:
    """A moment of the program as a coder's. Args: told: as `Expression.to_dict`, with the person's name where it is known."""
    return {
        "onset": told["onset_s"], "apex": told["apex_s"], "offset": told["offset_s"], "kind": told["kind"],
        "person": told.get("person", ""), "units": "", "emotion": "", "certainty": None, "note": told["region"], "coder": coder,
    }  # fmt: skip


def left_out(videos: Sequence[str], reader: str) -> str:
    """What a blind coder is told of videos whose other codings are hidden."""
    return f"What others and the program marked in {', '.join(videos)} is left out until {reader or 'the coder'} is done there."


def timeline_of(name: str, value: Mapping[str, Any], moments: Sequence[Moment]) -> Timeline:
    """What was coded in a video. Args: value: what is known of it."""
    people = tuple(value.get("people", ()))
    return Timeline(name, tuple(moments), value.get("fps") or None, value.get("seconds") or None, people)


def checked_video(name: str, value: Mapping[str, Any]) -> dict[str, Any]:
    """What coders may change of a video. Raises AnnotationError: it is not as it should be."""
    told = {part: value[part] for part in NEW if part in value}
    people, who = told.get("people", []), told.get("who", {})
    if not isinstance(people, list) or not all(isinstance(p, str) for p in people):
        raise AnnotationError(f"{name}: people must be names.")
    if "people" in told:
        told["people"] = [p for p in dict.fromkeys(_name(p) for p in people) if p]
    if not isinstance(who, dict) or not all(face.isdecimal() and isinstance(p, str) for face, p in who.items()):
        raise AnnotationError(f"{name}: who must give a name to the number of a face.")
    if "who" in told:
        told["who"] = {face: _name(p) for face, p in who.items() if _name(p)}
    for part in ("done", "peeked"):
        if not isinstance(told.get(part, {}), dict) or not all(isinstance(v, str) for v in told.get(part, {}).values()):
            raise AnnotationError(f"{name}: {part} must say when, for each coder.")
    return told


def checked_person(name: str, value: Mapping[str, Any], videos: Collection[str]) -> dict[str, Any]:
    """Where a coder says that a person rests. Raises AnnotationError: it is no stretch of a video of the project."""
    try:
        rest: Mapping[str, Any] = value["rest"]
        if rest["video"] in videos and 0 <= (begin := float(rest["from"])) < (end := float(rest["to"])) < float("inf"):
            return {
                "rest": {"video": rest["video"], "from": round(begin, _DECIMALS), "to": round(end, _DECIMALS)},
            }
    except (KeyError, TypeError, ValueError):
        pass
    raise AnnotationError(f"{name}: a rest must have seconds, from and to, of a video of the project. Correct them.")


def _people(value: Mapping[str, Any]) -> list[str]:
    return list(dict.fromkeys([*value.get("people", ()), *value.get("who", {}).values()]))


def _name(text: str) -> str:
    return one_line(text)[:_LONGEST]
