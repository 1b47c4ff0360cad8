"""What a report of a project's video or person tells: whose moments, how often, in which time, and where people rest."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tsfmicro.coding.project import FILE
from tsfmicro.desk.found import PARTS, Found, kept
from tsfmicro.desk.people import People
from tsfmicro.desk.project import Project
from tsfmicro.desk.values import PROGRAM, first_spelled, left_out, person_key, taken
from tsfmicro.errors import ConfigError, RunError
from tsfmicro.evaluate.interval import rate_interval
from tsfmicro.files import counted, write_whole
from tsfmicro.report.coded import CodedVideo, Coder, Curve, Lane, coded_report
from tsfmicro.report.printed import is_named, made
from tsfmicro.timeline import units_in
from tsfmicro.types import Interval

_NOBODY = "without a name"  # a coder
_POINTS = 600  # of a curve in five minutes


class Reports:
    """Of a project.

    Args:
        found: what the program found in a video. names: whether emotions that a model names are told.
        sees: whether somebody may see what others and the program marked in a video; by default everybody may.
    """

    def __init__(
        self,
        project: Project,
        people: People,
        found: Callable[[str], Found | None],
        names: bool,
        sees: Callable[[str, str], bool] = lambda video, coder: True,
    ) -> None:
        self._project, self._people, self._found, self._names, self._sees = project, people, found, names, sees

    def of_video(self, video: str, reader: str = "") -> str:
        """All that was marked in a video, as HTML. Args: reader: for whom; blind coders do not see others' moments.

        Raises VideoError: the project has none of this name.
        """
        self._project.place(video)
        return self._report(video, f"What was coded in a video of the project {self._name}.", [video], None, reader)

    def of_person(self, person: str, reader: str = "") -> str:
        """All that was marked of somebody in all their videos, as HTML. Raises ConfigError: nobody is called so."""
        videos = self._people.videos_of(person)
        if not person_key(person) or not videos:
            known = ", ".join(self._people.everybody()) or "nobody by name"
            raise ConfigError(f"{person!r}: no person of the project {self._name} is called so. It has {known}.")
        where = f"{counted(len(videos), 'video')} of the project {self._name}"
        return self._report(person, f"What was coded of a person in {where}.", videos, person, reader)

    def write(self, out: Path, people: Sequence[str] = (), videos: Sequence[str] = ()) -> list[Path]:
        """Reports of these people and videos as files in a folder, or of all. Raises as the others; RunError: it cannot be written."""
        everything = not people and not videos
        pages = [
            *(("person", one, self.of_person(one)) for one in (self._people.everybody() if everything else people)),
            *(("video", one, self.of_video(one)) for one in (self._project.videos if everything else videos)),
        ]
        chosen: dict[str, str] = {}
        for kind, one, page in pages:
            chosen[_free(f"{kind} {_file(one)}", chosen)] = page
        files = [out / f"{name}.html" for name in chosen]
        try:
            out.mkdir(parents=True, exist_ok=True)
            for file, page in zip(files, chosen.values(), strict=True):
                write_whole(file, page)
        except OSError as error:
            raise RunError(
                f"{error.filename or out}: cannot be written ({error.strerror}). Choose another --out."
            ) from None
        return files

    @property
    def _name(self) -> str:
        return self._project.folder.resolve().name

    def _report(self, title: str, about: str, videos: Sequence[str], person: str | None, reader: str) -> str:
        shown = {name: self._video(name, person, reader) for name in videos}
        blind = [name for name in videos if not self._sees(name, reader)]
        looked = [found for name in videos if name not in blind and (found := self._found(name))]
        model = (str(looked[0].told.get("model") or "") if self._names else "") if looked else None
        return coded_report(
            title,
            about,
            list(shown.values()),
            self._coders(shown),
            made(),
            person is not None,
            self._baseline(person) if person else "",
            [left_out(blind, reader)] if blind else (),
            model,
        )

    def _video(self, name: str, person: str | None, reader: str) -> CodedVideo:
        value, found = self._project.videos[name], self._found(name)
        sees = self._sees(name, reader)
        lanes: dict[str, list[Mapping[str, Any]]] = {}
        for one in sorted(self._project.moments(name).values(), key=lambda m: m["onset"]):
            if (sees or one["coder"] in ("", reader)) and _is(person, one["person"]):
                lanes.setdefault(one["coder"] or _NOBODY, []).append(one)
        for coder in value.get("done", {}):
            if sees or coder == reader:
                lanes.setdefault(coder, [])
        faces = [f for f in self._people.faces(name) if _is(person, f["name"])]
        curves: list[Curve] = []
        if found and sees:
            numbers = {f["face"]: f["name"] for f in faces}
            named = self._names and is_named(str(found.told.get("model") or ""))
            told = [{**m, "person": numbers[m["face"]]} for m in found.told["moments"] if m["face"] in numbers]
            lanes[PROGRAM] = [{**taken(m, PROGRAM), "emotion": (named and m.get("emotion")) or ""} for m in told]
            curves = _curves(found, numbers, float(value.get("seconds") or 0))
        rests = [
            f"{f['rest']['video']}, {f['rest']['from']:.1f} to {f['rest']['to']:.1f} s" for f in faces if f["rest"]
        ]
        seconds = float(value.get("seconds") or 1)
        seen = _together([s for f in faces for s in found.stretches(f["face"])]) if found and faces else None
        marked = (m["person"] for lane in lanes.values() for m in lane)
        people = list(first_spelled([*value["people"], *marked]).values())
        return CodedVideo(
            name,
            seconds,
            float(value.get("fps") or 0),
            seen,
            people,
            rests,
            [Lane(*one) for one in lanes.items()],
            curves,
        )

    def _baseline(self, person: str) -> str:
        known = self._people.baseline(person)
        if known is None:
            return f"Where {person} rests, nobody said, and the program has not found it."
        who = "a coder said so" if known.by_coder else "the program found it"
        return (
            f"{person} rests in {known.video} from {known.begin:.1f} to {known.end:.1f} s ({who}); what the face does there, the program "
            "takes for no expression in the other videos either."
        )

    def _coders(self, videos: Mapping[str, CodedVideo]) -> list[Coder]:
        told = []
        for coder in dict.fromkeys(lane.name for v in videos.values() for lane in v.lanes):
            of = {n: lane for n, v in videos.items() for lane in v.lanes if lane.name == coder}
            moments = [m for lane in of.values() for m in lane.moments]
            minutes = sum(videos[n].seen or videos[n].seconds for n in of) / 60
            done = [when for n in of if (when := self._project.videos[n].get("done", {}).get(coder))]
            blind = sum(when.endswith(" blind") for when in done)
            about = [f"{counted(len(moments), 'moment')} in {counted(len(of), 'video')}, {minutes:.2f} minutes"]
            if done:
                about.append(
                    f"done with {len(done)}, {blind} of them without having seen the program’s moments; last on {max(done)[:10]}"
                )
            told.append(Coder(coder, "; ".join(about) + ".", _rates(moments, minutes)))
        return told


@contextmanager
def open_reports(folder: Path) -> Iterator[Reports]:
    """A project's, with all that anybody marked. Raises ConfigError: there is no project."""
    if not (folder / FILE).is_file():
        raise ConfigError(
            f"{folder}: is no project ({FILE} is not there). Give the folder of `tsfmicro web --project FOLDER`."
        )
    project = Project(folder)
    try:

        def found(video: str) -> Found | None:
            return kept(project.found_in(video))

        yield Reports(project, People(project, found), found, bool(project.settings["names"]))
    finally:
        project.close()


def _file(name: str) -> str:
    """A name as a part of a file's name on every system."""
    return re.sub(r'[\\/:*?"<>|\s]+', " ", name).strip(" .") or "nameless"


def _free(name: str, taken: Collection[str]) -> str:
    """A name with a number behind where another file is called so; capitals make no difference on some systems."""
    known = {one.casefold() for one in taken}
    names = (name, *(f"{name} {number}" for number in range(2, len(known) + 2)))
    return next(one for one in names if one.casefold() not in known)


def _together(stretches: Sequence[tuple[float, float]]) -> float:
    """Seconds in which there is one of them, or several."""
    seconds, last = 0.0, 0.0
    for begin, end in sorted(stretches):
        seconds += max(0.0, end - max(begin, last))
        last = max(last, end)
    return seconds


def _is(person: str | None, name: str) -> bool:
    return person is None or person_key(person) == person_key(name)


def _curves(found: Found, faces: Iterable[int], seconds: float) -> list[Curve]:
    points = int(_POINTS * max(1.0, seconds / 300))
    wanted = [one for one in found.curve(0, seconds, points) if one["face"] in faces]
    return [
        [(s, max(at)) for s, *at in zip(one["seconds"], *(one[part] for part in PARTS), strict=True)] for one in wanted
    ]


def _rates(moments: Sequence[Mapping[str, Any]], minutes: float) -> list[tuple[str, int, Interval]]:
    """All moments, each kind, each emotion, each action unit: how many, and how many a minute."""
    if not moments:
        return [("all", 0, rate_interval(0, minutes))]
    kinds = Counter(f"{m['kind']}-expressions" if m["kind"] != "other" else "others" for m in moments)
    spelled = first_spelled(m["emotion"] for m in moments)
    emotions = Counter(spelled[person_key(m["emotion"])] for m in moments if m["emotion"])
    units = Counter(number for m in moments for number in {u.number for u in units_in(m["units"])})
    rows = [("all", len(moments)), *kinds.most_common(), *emotions.most_common()]
    rows += [(f"AU {number}", count) for number, count in sorted(units.items())]
    return [(what, count, rate_interval(count, minutes)) for what, count in rows]
