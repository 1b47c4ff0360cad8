"""The long videos of a dataset, and what is annotated in them: the truth that spotting is scored against."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tsfmicro.data.annotated import AnnotatedDataset
from tsfmicro.data.base import Reading
from tsfmicro.data.frames import FrameTree
from tsfmicro.data.registry import dataset, read
from tsfmicro.errors import FrameError, UnknownNameError
from tsfmicro.labels import scheme
from tsfmicro.people import person
from tsfmicro.spot.listing import Listed, Listing, Marked
from tsfmicro.spot.types import Kind
from tsfmicro.types import Clip, Frames, VideoFrames

_COLOUR = "color"  # CAS(ME)³ has the colour frames of a video in a folder of their own
_SHOWN = 3  # names in a message

# What a video is called in files, from its folder below that of all frames: in CAS(ME)³ every person has a video a.
_NAMES: Mapping[str, Callable[[Sequence[str]], str]] = {
    "casme-squared": lambda parts: parts[-1],
    "samm-lv": lambda parts: parts[-1],
    "casme3": "_".join,
}
# Emotion → one of the challenge's, where the dataset's own are finer.
_SCHEMES = {"casme-squared": "casme-squared-4", "samm-lv": "samm-3", "casme3": "casme3-4"}


@dataclass(frozen=True)
class LongVideo:
    """A whole recording on disk.

    Attributes:
        listed: its name, person, frame rate, first and last frame number, and the expressions that are annotated.
        frames: its frames, under the dataset's numbers.
    """

    listed: Listed
    frames: Frames | VideoFrames

    @property
    def path(self) -> Path:
        """The video file, or the folder of its frames."""
        return self.frames.video if isinstance(self.frames, VideoFrames) else self.frames.folder


@dataclass(frozen=True)
class LongVideos:
    """The long videos of a dataset that are on disk.

    Attributes: name: the dataset's. notes: what is not as it should be, one line each.
    """

    name: str
    title: str
    videos: tuple[LongVideo, ...]
    notes: tuple[str, ...] = ()

    @property
    def truth(self) -> Listing:
        """All that is annotated in them."""
        return Listing(self.title, tuple(video.listed for video in self.videos), complete=True, notes=self.notes)


def long_videos(name: str, root: Path) -> LongVideos:
    """Find the long videos of a dataset, also those in which nothing is annotated. Clips cut out of them may lie beside.

    An expression without an offset ends at its apex; one without either is left out, and told.

    Args: name: casme-squared, samm-lv or casme3.
    Raises:
        UnknownNameError: another name. AnnotationError, LabelError: the sheet cannot be read.
        FrameError: no frames, or only those of clips that were cut out.
    """
    if name not in _NAMES:
        raise UnknownNameError("dataset of long videos", name, _NAMES)
    source = dataset(name)
    assert isinstance(source, AnnotatedDataset)
    reading = _read(source, root)
    clips = [(clip, kind) for kind, of in _kinds(reading.clips, reading.macro) for clip in of]
    there = [(clip, kind) for clip, kind in clips if clip.frames.numbers]
    cut = [clip for clip, _ in there if _is_cut(clip)]
    if 2 * len(cut) > len(there):
        raise FrameError(
            f"{reading.frames}: holds clips that were cut out, e.g. {_place(cut[0].frames).name}, and no long videos. "
            f"Give the folder of {source.title}'s long videos."
        )
    marked: dict[Path, list[Marked]] = defaultdict(list)
    people: dict[str, str] = {}
    frames: dict[Path, Frames | VideoFrames] = {}
    endless = []
    for clip, kind in there:
        place = _place(clip.frames)
        frames[place] = clip.frames
        people[_owner(place.relative_to(reading.frames))] = clip.person
        one = _marked(clip, kind, name)
        marked[place] += [one] if one else []
        endless += [] if one else [clip.id]
    frames |= _calm(source, reading.frames, frames)
    videos = []
    for place in sorted(frames):
        below = place.relative_to(reading.frames)
        seen = people.get(_owner(below), person(name, _owner(below)))
        numbers = frames[place].numbers
        listed = Listed(
            _NAMES[name]([*below.parts[:-1], _called(place)]),
            tuple(sorted(marked[place], key=lambda m: (m.onset, m.offset))),
            seen,
            source.fps,
            min(numbers),
            max(numbers),
        )
        videos.append(LongVideo(listed, frames[place]))
    gone = [clip.id for clip, _ in clips if not clip.frames.numbers]
    return LongVideos(name, source.title, tuple(videos), tuple(_notes(gone, endless, [k for _, k in clips])))


def _read(source: AnnotatedDataset, root: Path) -> Reading:
    """What is read with the frames of whole recordings, where a folder of them lies beside one of cut-out clips."""
    reading = read(source, root)
    if not reading.other_frames or _is_whole(reading):
        return reading
    others = (source.read(root, frames=base) for base in reading.other_frames)
    return next(filter(_is_whole, others), reading)


def _is_whole(reading: Reading) -> bool:
    """Whether most of its recordings show more than the expressions that are annotated in them."""
    inside: dict[Path, list[Clip]] = defaultdict(list)
    for clip in (*reading.clips, *reading.macro):
        if clip.frames.numbers:
            inside[_place(clip.frames)].append(clip)
    whole = [not any(map(_is_cut, clips)) and _shows_more(clips) for clips in inside.values()]
    return 2 * sum(whole) > len(whole)


def _shows_more(clips: Sequence[Clip]) -> bool:
    """Whether the recording of these clips has a frame in none of them."""
    ends = [(clip.onset, clip.offset or clip.apex or clip.onset) for clip in clips]
    return any(all(not onset <= n <= offset for onset, offset in ends) for n in clips[0].frames.numbers)


def _is_cut(clip: Clip) -> bool:
    """Whether its folder or file is named like it alone, not like the recording."""
    return _called(_place(clip.frames)) in (clip.name, f"{clip.subject}_{clip.name}")


def _kinds(micro: Sequence[Clip], macro: Sequence[Clip]) -> tuple[tuple[Kind, Sequence[Clip]], ...]:
    return ("micro", micro), ("macro", macro)


def _place(frames: Frames | VideoFrames) -> Path:
    """The video file, or the folder of the video, of which its frames may fill one of two."""
    if isinstance(frames, VideoFrames):
        return frames.video
    return frames.folder.parent if frames.folder.name.casefold() == _COLOUR else frames.folder


def _called(place: Path) -> str:
    """A folder's name, or a file's without its ending."""
    return place.stem if place.is_file() else place.name


def _owner(below: Path) -> str:
    """The subject, from where a video lies below the folder of all: s15/15_0101…, spNO.1/a; 006 of 006_1."""
    return below.parts[0] if len(below.parts) > 1 else below.parts[0].partition("_")[0]


def _marked(clip: Clip, kind: Kind, name: str) -> Marked | None:
    offset = clip.apex if clip.offset is None else clip.offset
    if offset is None:
        return None
    emotion = ""
    if kind == "micro" and clip.emotion:  # the challenge recognises no others
        classes = scheme(_SCHEMES[name])
        label = classes.label(clip.emotion, clip.dataset)
        emotion = "others" if label is None else classes.classes[label]
    return Marked(clip.onset, offset, kind, clip.apex, emotion)


def _calm(
    source: AnnotatedDataset, base: Path, known: Mapping[Path, Frames | VideoFrames]
) -> dict[Path, Frames | VideoFrames]:
    """The recordings beside those that have annotations, which have none."""
    tree = FrameTree(base, source.first_frame)
    depth = Counter(len(place.relative_to(base).parts) for place in known).most_common(1)[0][0]
    found: dict[Path, Frames | VideoFrames] = {}
    for place in sorted(base.glob("/".join("*" * depth))):
        top = place.relative_to(base).parts[0]
        if place in known or place.name.startswith(".") or not source.person_folder.fullmatch(top):
            continue
        inside = place / _COLOUR
        frames = tree.recording(inside if inside.is_dir() else place).frames
        if frames.numbers:
            found[place] = frames
    return found


def _notes(gone: Sequence[str], endless: Sequence[str], kinds: Sequence[Kind]) -> list[str]:
    notes = []
    for clips, why in (
        (gone, "have no frames on disk and are not scored"),
        (endless, "have neither offset nor apex and are left out of the truth"),
    ):
        if clips:
            names = ", ".join(clips[:_SHOWN]) + (", …" if len(clips) > _SHOWN else "")
            notes.append(f"{len(clips)} expressions {why}: {names}")
    if "macro" not in kinds:
        notes.append(
            "no macro-expression is annotated: every macro-expression that is found counts as a false alarm. Put the sheet that "
            "has them beside the other"
        )
    return notes
