"""A coder's project: a folder of videos with their codes, open for one at a time, saved after every change.

    codes.csv            the moments of all videos: what `tsfmicro data check coded FOLDER` reads
    videos/              the videos, or links to them
    desk/history.jsonl   every change, see `history`
    desk/…               what was counted and spotted, which can be made again

Of codes.csv and the history, the one that is readable brings back the other. Where somebody edited the table with another
program, that counts as a change.
"""

from __future__ import annotations

import hashlib
import shutil
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import zip_longest
from pathlib import Path
from typing import Any
from uuid import uuid4

from tsfmicro.coding.project import FILE
from tsfmicro.coding.project import Project as Table
from tsfmicro.desk.history import Change, History, Key, Value, is_name
from tsfmicro.desk.lock import Lock
from tsfmicro.desk.values import (
    NEW,
    as_value,
    checked_person,
    checked_video,
    moment_of,
    person_key,
    timeline_of,
    videos_of,
)
from tsfmicro.desk.videos import facts, is_gone, new_name, opened, print_of, put, take_out
from tsfmicro.errors import AnnotationError, ConfigError, VideoError
from tsfmicro.files import counted, write_whole
from tsfmicro.timeline import Moment, Timeline, one_line

SETTINGS: Mapping[str, Any] = {"blind": True, "names": None}
"""blind: the program's moments are hidden until a coder has said that the video is done. names: whether emotions of the model are
shown; None: where it is no demonstration."""


class Stale(Exception):
    """Something else was changed in between, e.g. in another window."""


class Project:
    """One project, open. All times are seconds.

    Attributes:
        folder: where it is. readonly: why nothing can be changed; empty where it can. notes: what was odd when it was opened.
    """

    def __init__(self, folder: Path) -> None:
        """Open a project, or make one of a folder that is empty or not there.

        Raises: ConfigError: it holds something else, or cannot be written.
        """
        self.folder = folder
        _check(folder)
        self._guard = threading.RLock()
        self._rows: dict[str, bytes] = {}
        self._changed_at = 0  # revision of the last change that a coder made since the project was opened
        try:
            self.own.mkdir(parents=True, exist_ok=True)
            self.videos_folder.mkdir(exist_ok=True)
            self._lock = Lock(self.own / "lock.json")
        except OSError as error:
            raise ConfigError(f"{folder}: cannot be written ({error.strerror}). Choose another folder.") from None
        self.readonly = (
            ""
            if self._lock.held
            else f"The project is open in {self._lock.holder}: here it can be looked at, and nothing is saved. Close it there."
        )
        self.history = History.open(self.own / "history.jsonl")
        self.notes = [f"{note}." for note in self.history.notes]
        self._reconcile()

    @property
    def own(self) -> Path:
        """The folder of what the desk alone needs."""
        return self.folder / "desk"

    def found_in(self, video: str) -> Path:
        """The file of what the program found in a video."""
        return self.own / "found" / f"{video}.npz"

    @property
    def videos_folder(self) -> Path:
        return self.folder / "videos"

    def close(self) -> None:
        """Let others in."""
        self._lock.release()

    @property
    def revision(self) -> int:
        """How many changes there were."""
        return self.history.number

    @property
    def videos(self) -> dict[str, Mapping[str, Any]]:
        """Name → what is known of it: what coders said, and what its file is like."""
        return videos_of(self.history.state)

    @property
    def settings(self) -> dict[str, Any]:
        known = {name: value.get("is") for (kind, name), value in self.history.state.items() if kind == "setting"}
        return {**SETTINGS, **known}

    def rest_of(self, person: str) -> Mapping[str, Any] | None:
        """Where a coder said that a person rests: video, from, to (seconds). None: nobody did."""
        value = self.history.state.get(("person", person_key(person)), {})
        rest: Mapping[str, Any] | None = value.get("rest")
        return rest if rest and rest["video"] in self.videos else None

    def moments(self, video: str) -> dict[str, Mapping[str, Any]]:
        """Moments of a video by their names."""
        return {n: v for (k, n), v in self.history.state.items() if k == "moment" and v["video"] == video}

    def counts(self) -> dict[str, dict[str, int]]:
        """Video → coder → how many moments."""
        found: dict[str, dict[str, int]] = {}
        for (kind, _), value in self.history.state.items():
            if kind == "moment":
                of = found.setdefault(value["video"], {})
                of[value["coder"]] = of.get(value["coder"], 0) + 1
        return found

    def timelines(self, videos: Iterable[str] | None = None, coder: str | None = None) -> list[Timeline]:
        """What was coded, video by video. Args: coder: this one's alone."""
        of: dict[str, list[Moment]] = {}
        for (kind, _), value in self.history.state.items():
            if kind == "moment" and coder in (None, value["coder"]):
                of.setdefault(value["video"], []).append(moment_of(value))
        chosen = self.videos if videos is None else {name: self.videos[name] for name in videos}
        return [
            timeline_of(name, value, of.get(name, ()))
            for name, value in chosen.items()
            if videos is not None or of.get(name) or value.get("done")
        ]

    def place(self, video: str) -> Path:
        """Where a video is. Raises VideoError: the project has none of this name."""
        if video not in self.videos:
            raise VideoError(f"{video}: the project has no such video.")
        return self.videos_folder / video

    def trouble(self, video: str) -> str:
        """What is wrong with a video's file, in words; empty where it is the one that was added."""
        place, known = self.place(video), self.videos[video]
        if is_gone(place):
            was = known.get("source")
            return f"{video} is not there any more{f' (it was {was})' if was else ''}. Find it, or bring its disk back."
        try:
            if _unchanged(place, known):
                return ""
            now = print_of(place)
        except (VideoError, OSError):
            return f"{video} cannot be read. Find it, or bring its disk back."
        return (
            ""
            if now.same(known)
            else f"{video} was changed since it was added: codes may not fit it. Find the old one."
        )

    # Changes ------------------------------------------------------------------------------------------------------------------

    def change(self, what: str, coder: str, things: Mapping[Key, Value], revision: int | None = None) -> Change:
        """Make a change, and save.

        Args: revision: what the coder saw; None: whatever is there.
        Raises: AnnotationError: a value cannot be. Stale: it is not the revision. ConfigError: nothing can be saved.
        """
        with self._guard:
            if revision is not None and revision < self._changed_at:
                raise Stale
            named = {(k, person_key(n) if k == "person" else n): value for (k, n), value in things.items()}
            now = {key: self._checked(key, value) for key, value in named.items()}
            now = {key: value for key, value in now.items() if value != self.history.state.get(key)}
            return self._do(self.history.planned(one_line(what)[:200], one_line(coder)[:80], now))

    def undo(self) -> Change | None:
        """Take back the last change; None where there is none."""
        with self._guard:
            change = self.history.undoing()
            return change and self._do(change, "undo")

    def redo(self) -> Change | None:
        """Make the change again that was taken back last; None where there is none."""
        with self._guard:
            change = self.history.redoing()
            return change and self._do(change, "redo")

    def learn(self, video: str, more: Mapping[str, Any]) -> None:
        """Keep what the program found out about a video, e.g. how many frames it has. It is no coder's change.

        Where nothing can be saved it is not kept: it can be found out again.
        """
        with self._guard:
            key = ("file", video)
            known = self.history.state.get(key, {})
            value = {**known, **more}
            if video in self.videos and value != known:
                with suppress(ConfigError):
                    self._do(self.history.planned("looked at the video", "", {key: value}, undoable=False))

    def _do(self, change: Change, how: str = "") -> Change:
        self._check_writable()
        if not change.now:
            return change
        before = dict(self._rows)
        touched = {
            v["video"] if k == "moment" else n
            for side in (change.now, change.before)
            for (k, n), v in side.items()
            if v
        }
        for name in touched:
            self._rows.pop(name, None)
        table = self._table(self.history.after(change))
        try:
            self.history.do(change, _known_by(table), how)
            write_whole(self.folder / FILE, table)
        except OSError as error:
            self._rows = before
            raise ConfigError(
                f"{self.folder}: cannot be saved ({error.strerror}). Make room, or mend the disk."
            ) from None
        if change.undoable:
            self._changed_at = change.number
        return change

    def _check_writable(self) -> None:
        if not self.readonly and not self._lock.still_held():
            self.readonly = "Another program has opened the project: here nothing is saved any more. Open it again."
        if self.readonly:
            raise ConfigError(self.readonly)

    def _table(self, state: Mapping[Key, Mapping[str, Any]]) -> bytes:
        """codes.csv of a state; rows of a video that was not touched are as they were."""
        heads, *_ = Table().content([]).splitlines(keepends=True)
        of: dict[str, list[Mapping[str, Any]]] = {}
        for (kind, _), value in state.items():
            if kind == "moment" and value["video"] not in self._rows:
                of.setdefault(value["video"], []).append(value)
        rows = []
        for name, value in videos_of(state).items():
            if name not in self._rows:
                moments = [moment_of(one) for one in of.get(name, ())]
                told = [timeline_of(name, value, moments)] if moments or value.get("done") else []
                self._rows[name] = Table().content(told)[len(heads) :]
            rows.append(self._rows[name])
        return heads + b"".join(rows)

    def _checked(self, key: Key, value: Value) -> Value:
        kind, name = key
        if kind == "moment":
            if not is_name(name):
                raise AnnotationError(f"{name!r}: no name of a moment.")
            return None if value is None else self._checked_moment({**self.history.state.get(key, {}), **value})
        if kind == "setting" and name in SETTINGS and value is not None and isinstance(value.get("is"), bool):
            return {"is": value["is"]}
        if kind == "video" and name in self.videos and value is not None:
            return {**self.history.state[key], **checked_video(name, value)}
        if kind == "person" and name:
            return None if value is None else checked_person(name, value, self.videos)
        raise AnnotationError(f"{kind} {name!r}: cannot be changed so.")

    def _checked_moment(self, value: Mapping[str, Any]) -> Mapping[str, Any]:
        video = value.get("video")
        if video not in self.videos:
            raise AnnotationError(f"{video!r}: the project has no such video.")
        return as_value(video, moment_of(value))

    # Videos -------------------------------------------------------------------------------------------------------------------

    def add(
        self,
        path: Path,
        link: bool,
        fps: float | None = None,
        coder: str = "",
        keep: bool = True,
        below: Path | None = None,
    ) -> str:
        """Add a video.

        Args:
            link: leave it where it is. fps: of a folder of images.
            keep: leave the original of a copy; without, the file is moved, as an upload is.
            below: see `new_name`.
        Returns: what it is called in the project.
        Raises: VideoError: it is none, or is there already.
        """
        self._check_writable()
        source = opened(path, fps)
        known = print_of(path)
        again = next((name for name, value in self.videos.items() if known.same(value)), None)
        if again is not None:
            raise VideoError(f"{one_line(path.name)}: is in the project already, as {again}.")
        with self._guard:
            there = {f.name for f in self.videos_folder.iterdir()} if self.videos_folder.is_dir() else set()
            name = path.name if path.parent == self.videos_folder else new_name(path, {*self.videos, *there}, below)
            if path.parent != self.videos_folder:
                if keep:
                    put(path, self.videos_folder / name, link)
                else:
                    path.replace(self.videos_folder / name)
            file = {
                "source": str(path.resolve()) if keep else "",
                "link": link,
                **print_of(self.videos_folder / name).to_dict(),
            }
            things: dict[Key, Value] = {("video", name): dict(NEW), ("file", name): {**file, **facts(source)}}
            self._do(self.history.planned(f"added {name}", coder, things, undoable=False))
        return name

    def remove(self, video: str, coder: str) -> None:
        """Take a video and its moments off the list. Undoing brings it back; its file stays."""
        with self._guard:
            self.place(video)
            things: dict[Key, Value] = {("moment", name): None for name in self.moments(video)}
            things |= {("video", video): None, ("file", video): None}
            self._do(self.history.planned(f"removed {video}", coder, things))

    def find(self, video: str, path: Path, take_other: bool = False) -> None:
        """Say where a video is now.

        Args: take_other: take another file for it, e.g. one that was converted.
        Raises: VideoError: it is another video.
        """
        self._check_writable()
        known = self.videos[video]
        place = self.place(video)
        now = print_of(path)
        if not take_other and not now.same(known):
            size = "images" if path.is_dir() else "bytes"
            raise VideoError(
                f"{one_line(path.name)}: is not the video that was coded ({now.size} {size}, it had {known.get('size')}). "
                "Find the old one, or take this one all the same."
            )
        source = opened(path, known.get("fps"))
        if path.resolve() != place.resolve():
            take_out(place)
            if place.exists():
                place.replace(place.with_name(f".{place.name}.old"))
            put(path, place, link=True)
        self.learn(
            video, {"source": str(path.resolve()), "link": True, "counted": False, **now.to_dict(), **facts(source)}
        )

    # Opening ------------------------------------------------------------------------------------------------------------------

    def _reconcile(self) -> None:
        """Bring codes.csv and the history together."""
        file = self.folder / FILE
        expected = self._table(self.history.state)
        if self.readonly:
            return
        there = file.read_bytes() if file.exists() else None
        if there == expected:
            return
        if there is not None and _known_by(there) not in self.history.tables:
            try:
                self._take_over(Table().read(file))
                return
            except AnnotationError as damage:
                kept = file.with_name(f"{FILE}.damaged-{datetime.now():%Y%m%d-%H%M%S}")
                shutil.copy2(file, kept)
                self.notes.append(f"{damage} It is kept as {kept.name}, and the codes are taken from the history.")
        if there is not None or self.history.state:
            write_whole(file, expected)

    def _take_over(self, timelines: Sequence[Timeline]) -> None:
        """Make what stands in codes.csv, which another program wrote, the project's."""
        things: dict[Key, Value] = {}
        for t in timelines:
            if t.video not in self.videos:
                things |= self._found_in_table(t)
            ours, new = self.moments(t.video), []
            for value in (as_value(t.video, m) for m in t.moments):
                same = next((name for name, known in ours.items() if known == value), None)
                if same is None:
                    new.append(value)
                else:
                    del ours[same]
            # What is left is no more as it was; it is taken for the same moment, edited, as far as there are new ones.
            for name, edited in zip_longest(ours, new):
                things["moment", name or uuid4().hex[:12]] = edited
        listed = {t.video for t in timelines}
        things |= {
            ("moment", name): None
            for (kind, name), value in self.history.state.items()
            if kind == "moment" and value["video"] not in listed
        }
        if things:
            count = sum(kind == "moment" for kind, _ in things)
            self._do(self.history.planned(f"took {counted(count, 'change')} over from {FILE}", "", things))
            self.notes.append(
                f"{FILE} was edited by another program. Taken over from it: {counted(count, 'change')} of moments."
            )
        else:
            write_whole(self.folder / FILE, self._table(self.history.state))

    def _found_in_table(self, t: Timeline) -> dict[Key, Value]:
        """A video of which the table alone tells."""
        fps, seconds = t.fps or 25.0, t.seconds or t.end
        file: dict[str, Any] = {
            "source": "",
            "link": False,
            "fps": fps,
            "seconds": seconds,
            "frames": round(seconds * fps),
        }
        place = self.videos_folder / t.video
        if not is_gone(place):
            try:
                file |= {**facts(opened(place, t.fps)), **print_of(place).to_dict()}
            except VideoError as problem:
                self.notes.append(str(problem))
        return {("video", t.video): {**NEW, "people": list(t.people)}, ("file", t.video): file}


def _check(folder: Path) -> None:
    """Raises ConfigError: the folder is a file, or holds something that is no project."""
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder}: is a file. Give a project's folder, or a new one.")
    if folder.is_dir():
        there = {f.name for f in folder.iterdir() if not f.name.startswith(".")}
        if there and not there & {FILE, "desk", "videos"}:
            raise ConfigError(
                f"{folder}: holds {sorted(there)[0]} and no project. Give a project's folder, or a new or empty one."
            )


def _unchanged(place: Path, known: Mapping[str, Any]) -> bool:
    told = place.stat()
    return told.st_mtime == known.get("date") and (place.is_dir() or told.st_size == known.get("size"))


def _known_by(table: bytes) -> str:
    return hashlib.sha256(table).hexdigest()[:16]
