"""Who is who: faces that the program followed have the names that coders give them, and a person's videos share one rest.

A rest is where a coder says that the person rests; else where the program found it, in the first of their videos. What the face
does there, the program takes for no expression in the person's other videos either.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tsfmicro.desk.found import Found
from tsfmicro.desk.project import Project
from tsfmicro.desk.values import first_spelled, person_key
from tsfmicro.spot.rest import Known, Rest, Stretch, as_rest

_SAME = 0.1  # seconds by which a stretch that was asked for and the one that was measured may differ


@dataclass(frozen=True)
class Baseline:
    """How a person rests, in all their videos.

    Attributes:
        video, begin, end: where, seconds. by_coder: whether a coder said so.
        rest: what the program measured there; None where it has yet to look.
    """

    video: str
    begin: float
    end: float
    by_coder: bool
    rest: Rest | None

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for the page."""
        return {
            "video": self.video, "from": round(self.begin, 3), "to": round(self.end, 3), "byCoder": self.by_coder,
            "measured": self.rest is not None,
        }  # fmt: skip


@dataclass(frozen=True)
class _Known:
    """What is needed often of what was found in a video: the arrays of an hour are not read for it."""

    faces: frozenset[int] = frozenset()
    rests: tuple[Mapping[str, Any], ...] = ()


class People:
    """Those of a project. Args: found: what the program found in a video."""

    def __init__(self, project: Project, found: Callable[[str], Found | None]) -> None:
        self._project, self._found = project, found
        self._known: dict[str, _Known] = {}

    def forget(self, video: str) -> None:
        """The program has looked again."""
        self._known.pop(video, None)

    def _seen(self, video: str) -> _Known:
        if video not in self._known:
            found = self._found(video)
            self._known[video] = _Known(frozenset(found.faces), tuple(found.rests)) if found else _Known()
        return self._known[video]

    def name_of(self, video: str, face: int) -> str:
        """Whose face it is; empty where nobody said. The only face of a video with one person is theirs."""
        value = self._project.videos[video]
        who, people = value.get("who", {}), value["people"]
        named = who.get(str(face), "")
        if named or who or len(people) != 1:
            return str(named)
        return str(people[0]) if len(self._seen(video).faces) <= 1 else ""

    def face_of(self, video: str, person: str) -> int | None:
        """The number of a person's face in a video; None where nobody said."""
        key = person_key(person)
        return next((f for f in self._seen(video).faces if key and person_key(self.name_of(video, f)) == key), None)

    def faces(self, video: str) -> list[dict[str, Any]]:
        """The faces that were followed in a video: whose, from when to when, for how long, and where each was taken to rest."""
        found = self._found(video)
        told: list[dict[str, Any]] = []
        if found is None:
            return told
        for face in sorted(set(found.faces)):
            stretches = found.stretches(face)
            rest = next((dict(r) for r in found.rests if r["face"] == face), None)
            told.append(
                {"face": face, "name": self.name_of(video, face), "from": round(stretches[0][0], 3), "to": round(stretches[-1][1], 3),
                 "seconds": round(sum(end - begin for begin, end in stretches), 3),
                 "rest": rest and {"video": rest.get("video") or video, "from": rest["onset_s"], "to": rest["offset_s"]}}
            )  # fmt: skip
        return told

    def of(self, video: str) -> list[str]:
        """The names of those whose faces are in a video."""
        faces = self.faces(video)
        names = [face["name"] for face in faces] or self._project.videos[video]["people"]
        return list(dict.fromkeys(filter(None, names)))

    def videos_of(self, person: str) -> list[str]:
        """Where somebody is seen, by what coders said."""
        key = person_key(person)
        marked = {
            v["video"]
            for (k, _), v in self._project.history.state.items()
            if k == "moment" and person_key(v["person"]) == key
        }
        return [n for n, v in self._project.videos.items() if n in marked or key in map(person_key, v["people"])]

    def everybody(self) -> list[str]:
        """All who have a name, as it was written first."""
        state = self._project.history.state
        names = [p for v in self._project.videos.values() for p in v["people"]]
        names += [v["person"] for (kind, _), v in state.items() if kind == "moment"]
        return list(first_spelled(names).values())

    def baseline(self, person: str) -> Baseline | None:
        """How somebody rests; None where nobody said so and the program has found nothing."""
        said = self._project.rest_of(person)
        if said is not None:
            measured = self._own_rest(said["video"], person)
            fits = measured and max(abs(measured.begin - said["from"]), abs(measured.end - said["to"])) < _SAME
            return Baseline(said["video"], said["from"], said["to"], True, measured if fits else None)
        for video in self.videos_of(person):
            rest = self._own_rest(video, person)
            if rest is not None:
                return Baseline(video, rest.begin, rest.end, False, rest)
        return None

    def _own_rest(self, video: str, person: str) -> Rest | None:
        """Where a person was found to rest in this very video."""
        for rest in self._seen(video).rests:
            if not rest.get("video") and person_key(self.name_of(video, rest["face"])) == person_key(person):
                return as_rest(rest, video)
        return None

    def rest_for(self, video: str) -> Known | None:
        """What is known of how the faces of a video rest, before the program looks."""
        who = self._project.videos[video].get("who", {})
        if who:
            known = {int(face): rest for face, name in who.items() if (rest := self._for(video, name))}
            return known or None
        people = self._project.videos[video]["people"]
        return self._for(video, people[0]) if len(people) == 1 else None

    def _for(self, video: str, person: str) -> Stretch | Rest | None:
        known = self.baseline(person)
        if known is None or (known.video == video and not known.by_coder):
            return None
        return (known.begin, known.end) if known.video == video else known.rest

    def before(self, videos: Sequence[str]) -> list[str]:
        """Videos at which the program must look first, since people of these rest there and it has not measured how."""
        known = [one for video in videos for name in self.of(video) if (one := self.baseline(name))]
        return list(
            dict.fromkeys(one.video for one in known if one.rest is None and not self._project.trouble(one.video))
        )

    def told(self, video: str) -> dict[str, Any]:
        """For the page: the faces of a video, and the rest of each person whose face has a name."""
        faces = self.faces(video)
        rests: dict[str, Any] = {}
        for name in self.of(video):
            known = self.baseline(name)
            used: Mapping[str, Any] | None = next((f["rest"] for f in faces if f["name"] == name), None)
            stale = known is not None and bool(faces) and (used is None or _differ(known, used))
            rests[name] = {"used": used, "is": known and known.to_dict(), "stale": stale}
        return {"faces": faces, "rests": rests}


def _differ(known: Baseline, used: Mapping[str, Any]) -> bool:
    times = abs(known.begin - used["from"]), abs(known.end - used["to"])
    return known.video != used["video"] or max(times) >= _SAME
