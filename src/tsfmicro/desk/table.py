"""What lies on the desk: one project, the videos that are open, and what is being looked for. It knows nothing of the web."""

from __future__ import annotations

import base64
import dataclasses
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np

from tsfmicro.coding.project import Project as Codes
from tsfmicro.coding.registry import FORMATS, named, read
from tsfmicro.desk.agree import agree
from tsfmicro.desk.film import Film, frames_between
from tsfmicro.desk.found import PARTS, Found, kept, portrait, replay
from tsfmicro.desk.history import Change, Key, Value
from tsfmicro.desk.jobs import Jobs, Look, Tell
from tsfmicro.desk.people import People
from tsfmicro.desk.project import Project
from tsfmicro.desk.values import PROGRAM, as_value, left_out, moment_of, taken, timeline_of
from tsfmicro.desk.videos import opened, videos_below
from tsfmicro.errors import AnnotationError, ConfigError, TsfmicroError, VideoError
from tsfmicro.spot.video import constant_rate
from tsfmicro.timeline import Moment, Timeline, one_line, stem

if TYPE_CHECKING:
    from tsfmicro.desk.report import Reports

_OPEN = 4  # videos whose frames are kept at once
_STEADY = 0.1  # of a frame: where one is further from its turn, e.g. after frames that are missing, all have the times of the file
_AT_ONCE = 1.0  # seconds that opening a video waits for its frames to be counted
DEMONSTRATION = "demonstration"
EMOTIONS = ("happiness", "surprise", "disgust", "sadness", "fear", "anger", "contempt", "repression", "others")
"""Those that are offered; a coder may write any word."""


class Table:
    """A project on the desk.

    Args:
        look: see `Jobs`. find: landmarks (5, 2) of the faces in an image (H, W, 3) uint8 RGB.
        model: whose emotions may be shown, with its threshold; the demonstration is no real one.
    """

    def __init__(
        self,
        folder: Path,
        look: Callable[[Look, Tell], int],
        find: Callable[[np.ndarray], list[np.ndarray]],
        model: str = DEMONSTRATION,
        threshold: float = 0.5,
    ) -> None:
        self.project = Project(folder)
        self._model, self._threshold, self._find = model, threshold, find
        self._films: OrderedDict[str, tuple[float, Film]] = OrderedDict()
        self._found: OrderedDict[str, Found | None] = OrderedDict()
        self._guard = threading.RLock()
        self.jobs = Jobs(look, self._looked)
        self.people = People(self.project, self.found)

    def close(self) -> None:
        """Stop everything and let others open the project."""
        self.jobs.close()
        with self._guard:
            for _, film in self._films.values():
                film.close()
            self._films.clear()
        self.project.close()

    # What is there ------------------------------------------------------------------------------------------------------------

    def overview(self) -> dict[str, Any]:
        """The project with its list of videos."""
        p, counts, jobs = self.project, self.project.counts(), self.jobs.state()
        return {
            "name": p.folder.resolve().name,
            "folder": str(p.folder.resolve()),
            "readonly": p.readonly,
            "notes": p.notes,
            **self.place(),
            "settings": p.settings,
            "names": self.names_shown,
            "demonstration": self.demonstration,
            "emotions": EMOTIONS,
            "people": self.people.everybody(),
            "formats": [{"name": f.name, "title": f.title} for f in FORMATS.values() if f.writes],
            "parts": list(PARTS),
            "videos": [
                {
                    "name": name,
                    "seconds": value.get("seconds"),
                    "fps": value.get("fps"),
                    "people": value.get("people", []),
                    "done": value.get("done", {}),
                    "found": value.get("found"),
                    "coded": counts.get(name, {}),
                    "job": jobs.get(name),
                    "trouble": p.trouble(name),
                }
                for name, value in p.videos.items()
            ],
        }

    def place(self) -> dict[str, Any]:
        """Where the history stands."""
        h = self.project.history
        return {"revision": self.project.revision, "undo": h.undoes, "redo": h.redoes}

    @property
    def demonstration(self) -> bool:
        """Whether the model has only ever seen drawn faces."""
        return self._model == DEMONSTRATION

    @property
    def names_shown(self) -> bool:
        """Whether emotions that the model names are shown."""
        asked = self.project.settings["names"]
        return not self.demonstration if asked is None else bool(asked)

    def video(self, name: str, coder: str) -> dict[str, Any]:
        """All about one video that a coder may see."""
        value = self.project.videos.get(name, {})
        trouble = self.project.trouble(name)
        told: dict[str, Any] = {"name": name, "trouble": trouble, **self.place()}
        told |= {
            part: value.get(part) for part in ("fps", "frames", "seconds", "people", "done", "peeked", "who", "found")
        }
        told["counted"], told["times"], told["key"] = 1.0, None, str(value.get("ends", ""))
        if not trouble or "changed" in trouble:
            told |= self._opened(name)
        sees = self.sees(name, coder)
        moments = self.project.moments(name)
        told["sees"] = sees
        told["moments"] = {k: v for k, v in moments.items() if sees or v["coder"] in ("", coder)}
        told["hidden"] = len(moments) - len(told["moments"])
        found = self.found(name)
        told["program"] = self._program(name, found) if found and sees else None
        told |= self.people.told(name)
        return told

    def sees(self, name: str, coder: str) -> bool:
        """Whether a coder may see what others, and the program, have marked in a video."""
        value = self.project.videos.get(name, {})
        return not self.project.settings["blind"] or coder in value.get("done", {}) or coder in value.get("peeked", {})

    def _unseen(self, coder: str) -> set[str]:
        """Videos in which a coder may not see yet what others, and the program, have marked."""
        return {name for name in self.project.videos if not self.sees(name, coder)}

    def _opened(self, name: str) -> dict[str, Any]:
        film = self.film(name)
        film.wait_counted(_AT_ONCE)
        if film.times is None:
            return {"counted": film.counted, "frames": film.frames}
        fps = constant_rate(film.times, _STEADY)
        learned: dict[str, Any] = {"frames": len(film.times), "counted": True}
        if fps:
            learned |= {"fps": round(fps, 6), "seconds": round(len(film.times) / fps, 6)}
        else:
            rate = (len(film.times) - 1) / float(film.times[-1])
            learned |= {"fps": round(rate, 6), "seconds": round(float(film.times[-1]) + 1 / rate, 6)}
        self.project.learn(name, learned)
        return {**learned, **self.place(), "counted": 1.0, "times": None if fps else np.round(film.times, 6).tolist()}

    def _program(self, name: str, found: Found) -> dict[str, Any]:
        hidden = () if self.names_shown else ("emotion", "probabilities", "threshold", "why_not")
        moments = [{k: v for k, v in m.items() if k not in hidden} for m in self.of_program(name, found)]
        return {**found.told, "moments": moments, "faces": sorted(set(found.faces))}

    def of_program(self, name: str, found: Found) -> list[dict[str, Any]]:
        """The moments that the program found in a video, each with the name of its face."""
        names = {face: self.people.name_of(name, face) for face in set(found.faces)}
        return [{**m, "person": names.get(m["face"], "")} for m in found.told["moments"]]

    def add(self, path: Path, link: bool, fps: float | None, coder: str) -> dict[str, Any]:
        """Add a video, or all that are in a folder and below.

        Returns: names: of those that were added; notes: why others were not.
        Raises: VideoError: none was.
        """
        paths = videos_below(path) if path.is_dir() else [path]
        names, notes = [], []
        for one in paths:
            try:
                names.append(self.project.add(one, link, fps, coder, below=path if path.is_dir() else None))
            except VideoError as problem:
                notes.append(str(problem))
        if not names:
            raise VideoError(notes[0] + (f" And {len(notes) - 1} more could not be added." if len(notes) > 1 else ""))
        return {"names": names, "notes": notes}

    # Pictures -----------------------------------------------------------------------------------------------------------------

    def film(self, name: str) -> Film:
        """The frames of a video. Raises VideoError: it cannot be read."""
        place = self.project.place(name)
        with self._guard:
            date = place.stat().st_mtime if place.exists() else 0.0
            known = self._films.get(name)
            if known is not None and known[0] == date:
                self._films.move_to_end(name)
                return known[1]
            if known is not None:
                self._films.pop(name)[1].close()
            value = self.project.videos[name]
            index = self.project.own / "index" / f"{name}.{value.get('ends', '')[:12]}.npy"
            film = Film(opened(place, value.get("fps")), index)
            self._films[name] = (date, film)
            while len(self._films) > _OPEN:
                self._films.popitem(last=False)[1][1].close()
            return film

    def replay(self, name: str, onset: float, offset: float, person: str = "", face: int | None = None) -> bytes:
        """A moment, slowly and magnified, as an animated WebP. Args: person, face: whose, where several are seen."""
        film = self.film(name)
        if film.times is None:
            raise VideoError(f"{name}: its frames are still being counted. Try again in a moment.")
        source = opened(self.project.place(name), self.project.videos[name].get("fps"))
        found = self.found(name)
        whose = face if face is not None else self.people.face_of(name, person)
        landmarks = found.landmarks_near(onset, whose) if found else None
        if landmarks is None:
            ((_, image),) = frames_between(source, film.times, [int(np.abs(film.times - onset).argmin())])
            landmarks = max(self._find(image), key=lambda marks: float(np.ptp(marks[:, 0])), default=None)
        return replay(source, film.times, landmarks, onset, offset)

    def face(self, name: str, number: int) -> bytes:
        """A face that was followed, as a JPEG. Raises VideoError: there is none, or the frames are still being counted."""
        film, found = self.film(name), self.found(name)
        quietest = found.quietest(number) if found else None
        if quietest is None or film.times is None:
            raise VideoError(f"{name}: no face {number} was followed, or its frames are still being counted.")
        source = opened(self.project.place(name), self.project.videos[name].get("fps"))
        return portrait(source, film.times, *quietest)

    def curves(self, name: str, coder: str, begin: float, end: float, points: int) -> list[dict[str, Any]]:
        """How far the parts of the faces are from rest in a stretch."""
        self.project.place(name)
        found = self.found(name)
        return found.curve(begin, end, max(2, min(points, 4000))) if found and self.sees(name, coder) else []

    # Looking for moments ------------------------------------------------------------------------------------------------------

    def look(self, names: Sequence[str]) -> None:
        """Look for moments in videos, and before that where the people in them rest. Raises ConfigError: nothing can be saved. VideoError: there is no such video."""
        if self.project.readonly:
            raise ConfigError(self.project.readonly)
        for name in names:
            self.project.place(name)
        for name in dict.fromkeys([*self.people.before(names), *names]):
            self.jobs.add(name, partial(self._at, name))

    def _at(self, name: str) -> Look:
        place = self.project.place(name)
        fps = self.project.videos[name].get("fps") if place.is_dir() else None
        model = self._model if self.names_shown else None
        return Look(place, fps, model, self._threshold, self.project.found_in(name), self.people.rest_for(name))

    def found(self, name: str) -> Found | None:
        """What was found in a video; None where nothing was looked for."""
        with self._guard:
            if name not in self._found:
                self._found[name] = kept(self.project.found_in(name))
                while len(self._found) > _OPEN:
                    self._found.popitem(last=False)
            return self._found[name]

    def _looked(self, name: str, moments: int) -> None:
        with self._guard:
            self._found.pop(name, None)
            self.people.forget(name)
        self.project.learn(name, {"found": moments})

    # Codes in and out ---------------------------------------------------------------------------------------------------------

    def change(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Make what a page asks for: coder, what, things as [kind, name, value or null], and the revision it saw."""
        try:
            things: dict[Key, Value] = {(str(k), str(n)): v for k, n, v in body["things"]}
            if not all(v is None or isinstance(v, dict) for v in things.values()):
                raise ValueError
            coder, what, revision = str(body["coder"]), str(body["what"]), int(body["revision"])
        except (KeyError, TypeError, ValueError):
            raise AnnotationError("The page sent something that is no change. Reload it.") from None
        return self.told(self.project.change(what, coder, things, revision))

    def told(self, change: Change | None) -> dict[str, Any]:
        """A change for the page."""
        if change is None:
            return {**self.place(), "what": "", "things": [], "videos": []}
        touched = [(key, value) for side in (change.now, change.before) for key, value in side.items() if value]
        videos = dict.fromkeys(value["video"] if kind == "moment" else name for (kind, name), value in touched)
        known = self.project.videos
        things = [
            [*key, known.get(key[1]) if key[0] == "video" and value else value] for key, value in change.now.items()
        ]
        return {
            **self.place(),
            "what": change.what,
            "things": things,
            "videos": [v for v in videos if v in self.project.videos],
        }

    @property
    def reports(self) -> Reports:
        """What can be printed."""
        from tsfmicro.desk.report import Reports  # with matplotlib

        return Reports(self.project, self.people, self.found, self.names_shown, self.sees)

    def export(self, form: str, videos: Sequence[str] | None, coder: str | None, reader: str) -> dict[str, Any]:
        """Codes in a format: files as base64, and notes of what it cannot hold, and of what a blind reader must not see yet."""
        f = named(form)
        if not f.writes:
            raise ConfigError(f"{f.title} are read, not written. Choose another format.")
        timelines, hidden = self._shown(self.project.timelines(videos, coder), reader)
        if not timelines:
            nothing = f"{left_out(hidden, reader)} Press Done there." if hidden else ""
            raise ConfigError(nothing or "Nothing is coded yet: code a moment, or say that a video is done.")
        files = [(f"codes{f.endings[0]}" if f is FORMATS["codes"] else f"{f.name}{f.endings[0]}", timelines)]
        if not f.several:
            files = [(f"{Path(t.video).stem}{f.endings[0]}", [t]) for t in timelines]
        notes = [note for t in timelines for note in t.oddities()]
        lost = f.lost(timelines)
        return {
            "files": [{"name": name, "base64": base64.b64encode(f.content(ts)).decode()} for name, ts in files],
            "notes": [*notes, *([lost] if lost else []), *([left_out(hidden, reader)] if hidden else [])],
        }

    def _shown(self, timelines: Sequence[Timeline], reader: str) -> tuple[list[Timeline], list[str]]:
        """What of some timelines a reader may see, and the videos in which that is not all."""
        unseen, known = self._unseen(reader), self.project.videos
        shown, hidden = [], []
        for t in timelines:
            own = [m for m in t.moments if m.coder in ("", reader)]
            if t.video not in unseen:
                shown.append(t)
            elif own:  # without, its row would say that it shows nothing
                shown.append(timeline_of(t.video, known[t.video], own))
            if t.video in unseen and len(own) < len(t.moments):
                hidden.append(t.video)
        return shown, hidden

    def take_in(self, file: str, content: bytes, coder: str, video: str | None) -> dict[str, Any]:
        """Add the moments of a file.

        Args: coder: whose those are that name none; video: which one a file is of that does not say.
        Raises: AnnotationError: it is no coding, or of a video or cut that the project does not have.
        """
        suffix = Path(one_line(file)).suffix[:12]
        fps = self.project.videos.get(video or "", {}).get("fps")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"coding{suffix}"
            path.write_bytes(content)
            try:
                timelines = read(path, fps)
            except AnnotationError as problem:
                raise AnnotationError(str(problem).replace(str(path), one_line(file))) from None
        things: dict[Key, Value] = {}
        notes: list[str] = []
        for t in timelines:
            name = self._video_of(t, one_line(file), video)
            there = list(self.project.moments(name).values())
            values = [as_value(name, _by(m, coder)) for m in t.moments]
            new = [value for value in values if value not in there]
            notes += [n.replace(str(path), one_line(file)) for n in (*t.notes, *t.oddities())]
            if len(new) < len(values):
                notes.append(f"{len(values) - len(new)} moments of {name} are there already")
            things |= {("moment", uuid4().hex[:12]): value for value in new}
            people = [*self.project.videos[name].get("people", [])]
            more = [p for p in t.people if p not in people]
            if more:
                things["video", name] = {"people": people + more}
        change = self.project.change(f"imported {one_line(file)}", coder, things)
        count = sum(kind == "moment" for kind, _ in things)
        return {**self.told(change), "notes": [f"{count} moments were imported", *notes]}

    def _video_of(self, t: Timeline, file: str, video: str | None) -> str:
        like = {stem(name): name for name in self.project.videos}
        name = like.get(t.stem) if t.video else video
        if t.video and name is None and video is not None and len(like) == 0:
            name = video
        if name is None:
            raise AnnotationError(
                f"{file}: is of {t.video or 'a video that it does not name'}, which the project does not have. Add that video first"
                f"{'' if t.video else ', or open the one that it is of'}."
            )
        seconds = self.project.videos[name].get("seconds")
        if t.seconds and seconds and abs(t.seconds - seconds) > max(0.05, 0.01 * seconds):
            raise AnnotationError(
                f"{file}: was coded on {t.seconds:.3f} s of {name}, and here it has {seconds:.3f} s: another cut. Nothing was imported."
            )
        return name

    def agreement(self, one: str, other: str, reader: str) -> dict[str, Any]:
        """Two coders of the project compared, of whom one may be the program, in the videos in which a reader may see both."""
        sides, unseen = [self._coded_by(coder) for coder in (one, other)], self._unseen(reader)
        hidden = list(dict.fromkeys(t.video for side in sides for t in side if t.video in unseen))
        sides = [[t for t in side if t.video not in unseen] for side in sides]
        if hidden and not all(sides):
            raise AnnotationError(f"{left_out(hidden, reader)} Press Done there.")
        with tempfile.TemporaryDirectory() as folder:
            files = []
            for place, side in enumerate(sides):
                file = Path(folder) / str(place) / "codes.csv"
                Codes().write(file, side)
                files.append(file)
            try:
                found = agree(files[0], files[1])
            except TsfmicroError as problem:
                raise AnnotationError(_without(str(problem), files, (one, other))) from None
        return {
            "about": [
                *(_without(line, files, (one, other)) for line in found.about()),
                *([left_out(hidden, reader)] if hidden else []),
            ],
            "occurrence": found.occurrence_table(),
            "timing": found.timing_table(),
            "intensity": found.intensity_line(),
            "disagreements": found.to_dict()["disagreements"],
        }

    def _coded_by(self, coder: str) -> list[Timeline]:
        if coder != PROGRAM:
            told = self.project.timelines(coder=coder)
            marked = {t.video for t in told if t.moments}
            return [t for t in told if t.video in marked or coder in self.project.videos[t.video].get("done", {})]
        timelines = []
        for name, value in self.project.videos.items():
            found = kept(self.project.found_in(name))
            if found is not None:
                moments = tuple(moment_of(taken(m, PROGRAM)) for m in self.of_program(name, found))
                timelines.append(Timeline(name, moments, value.get("fps"), value.get("seconds")))
        return timelines


def _by(m: Moment, coder: str) -> Moment:
    return m if m.coder else dataclasses.replace(m, coder=coder)


def _without(text: str, files: Sequence[Path], coders: Sequence[str]) -> str:
    """A message without the names of passing files."""
    for file, coder in zip(files, coders, strict=True):
        text = text.replace(f"{file} ({coder})", coder).replace(str(file), coder)
    return text
