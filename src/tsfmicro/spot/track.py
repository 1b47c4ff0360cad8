"""Faces followed through a video: found once, then carried along by the flow that measures their movements.

A face is cut out with the transform of its first frame, corrected by where the head has gone since. So the crop shows a head
that keeps still, and the flow from a key frame to it is small: it holds the expression and the last frame's bit of head
movement. A new key is taken every few seconds, for a head turns and a light changes.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from tsfmicro.spot.fitness import Look, blocks_of, frozen, look_at, same_frame
from tsfmicro.spot.motion import MOUTH, SIZE, FlowMeter, Layout, Movement, likeness, square
from tsfmicro.spot.pair import compare
from tsfmicro.spot.types import Segment
from tsfmicro.spot.video import Frame

FindFaces = Callable[[np.ndarray], Sequence[np.ndarray]]
"""Landmarks (5, 2) in pixels of every face in an image (H, W, 3) uint8 RGB."""

SEARCH_LOST = 0.25  # seconds between looks for a face while there is none
SEARCH_MORE = 2.0  # … and for further faces, and whether those followed are still faces
EYE_LOOK = (12, 8)  # pixels that are kept of an eye, across and down
_MOUTH_LOOK = 0.2  # seconds between two looks at how wide a mouth is
_KEY = 2.0  # seconds for which one key frame serves
_BARE = 4.0  # … and for which the one before it still does, if something hid a part of the face then
_LEAST_LIKE = 0.6  # correlation with the key below which it is another picture
_FURTHEST = 0.3  # a turn that moves skin by more, in distances between the eyes, is no turn but flow gone astray
_TURN_TIME = 0.1  # seconds in which a turn is taken up
_NEAR = 4.0  # distances between the eyes; one that comes back no further from where it was lost may have turned: it is the same
_LOOKS = 8  # faces with which one that comes is compared, those that were there longest
_SMALLEST = 20.0  # pixels between the eyes; 1 % of them is then a fifth of a pixel


@dataclass(frozen=True)
class Cutting:
    """How faces are cut out, as preparation does it.

    Attributes:
        to_crop: landmarks (5, 2) and an edge → (2, 3) matrix from image pixels to crop pixels.
        crop: image, matrix and edge → crop.
        mouth: crop → how wide the mouth is in it, per cent of the eyes' distance; None: it is not asked.
    """

    to_crop: Callable[[np.ndarray, int], np.ndarray]
    crop: Callable[[np.ndarray, np.ndarray, int], np.ndarray]
    mouth: Callable[[np.ndarray], float] | None = None


@dataclass(frozen=True, eq=False)
class _Bare:
    """A key that was left while something hid a part of what it shows, a hand say, which the next one then shows too.

    Attributes: time: at which it was left; moved, turn: as they were then, see `_Followed`; row: of the frame after.
    """

    key: np.ndarray
    time: float
    moved: np.ndarray
    turn: np.ndarray
    row: int


@dataclass
class _Followed:
    """One face while it is followed. All transforms are (3, 3)."""

    track: int
    landmarks: np.ndarray  # on its first frame
    to_crop: np.ndarray  # first frame → crop
    layout: Layout
    head: np.ndarray  # first frame → this frame
    key: np.ndarray  # crop of the key frame
    key_time: float
    time: float  # of the last frame
    moved: np.ndarray  # (2, R, 2) of the regions until the key frame: their own, and by the head's turn
    turn: np.ndarray | None = None  # of the head since the key frame, as far as is known
    bare: _Bare | None = None
    unseen: int = 0  # looks in a row that did not see it
    frames: array[int] = field(default_factory=lambda: array("q"))
    # Kept as bare numbers, a row a frame: an hour of small arrays would fill the memory.
    heads: array[float] = field(default_factory=lambda: array("f"))
    motion: array[float] = field(default_factory=lambda: array("f"))
    turned: array[float] = field(default_factory=lambda: array("f"))
    seen: array[int] = field(default_factory=lambda: array("B"))
    light: array[float] = field(default_factory=lambda: array("f"))
    eyes: array[int] = field(default_factory=lambda: array("B"))
    mouth: array[float] = field(default_factory=lambda: array("f"))
    frozen: array[float] = field(default_factory=lambda: array("f"))
    next_mouth: float = 0.0  # second from which the mouth is looked at again

    @property
    def landmarks_now(self) -> np.ndarray:
        return _through(self.head, self.landmarks)


class Tracker:
    """Follows all faces of a video. Give it every frame that shall be measured, then ask for the segments."""

    def __init__(self, find: FindFaces, cutting: Cutting) -> None:
        self._find, self._cutting = find, cutting
        self._meter = FlowMeter()
        self._followed: list[_Followed] = []
        self._ended: list[_Followed] = []
        self._lost: dict[int, _Followed] = {}  # the last stretch of each face
        self._next_look = 0.0
        self._faces = 0
        self.small = 0  # faces that were too small to be measured, in all looks
        self.looks: list[Look] = []  # at all others
        self.copies = self._seen = 0  # frames that repeat the one before, of so many
        self._before: np.ndarray | None = None  # the last frame

    @property
    def copied(self) -> float:
        """Share of frames that repeat the one before."""
        return self.copies / max(1, self._seen)

    def see(self, frame: Frame) -> None:
        """Measure one frame, of the same size as all others."""
        grey = cv2.cvtColor(frame.image, cv2.COLOR_RGB2GRAY)
        for one in list(self._followed):
            if not self._follow(one, frame, grey):
                self._lose(one, frame.time)
        if frame.time >= self._next_look:
            self._look(frame, grey)
            self._next_look = frame.time + (SEARCH_MORE if self._followed else SEARCH_LOST)
        self.copies += same_frame(grey, self._before)
        self._seen += 1
        self._before = grey

    def segments(self, scale: float = 1.0) -> list[Segment]:
        """All segments so far, by time. Args: scale: pixels of a frame seen here for one of the video."""
        faces = [f for f in (*self._ended, *self._followed) if f.frames]
        return [_segment(f, scale) for f in sorted(faces, key=lambda f: (f.frames[0], f.track))]

    def _look(self, frame: Frame, grey: np.ndarray) -> None:
        """Find faces: those followed are confirmed, new ones are followed from here."""
        found = list(self._find(frame.image))
        self.looks += [look_at(marks, grey, self._before) for marks in found if _eye_distance(marks) >= _SMALLEST]
        for one in list(self._followed):
            here = [marks for marks in found if _apart(marks, one.landmarks_now) < 1]
            found = [marks for marks in found if all(marks is not other for other in here)]
            one.unseen = 0 if here else one.unseen + 1
            if one.unseen >= 3:
                self._lose(one, frame.time)
        large = [marks for marks in found if _eye_distance(marks) >= _SMALLEST]
        self.small += len(found) - len(large)
        for marks in sorted(large, key=lambda marks: marks[:, 0].mean()):
            self._begin(marks, frame, grey)

    def _begin(self, landmarks: np.ndarray, frame: Frame, grey: np.ndarray) -> None:
        to_crop = square(self._cutting.to_crop(landmarks, SIZE))
        key = self._cutting.crop(grey, to_crop[:2], SIZE)
        one = _Followed(
            self._number(landmarks, grey), landmarks, to_crop, Layout(_through(to_crop, landmarks)),
            head=np.eye(3), key=key, key_time=frame.time, time=frame.time, moved=np.zeros((2, 1, 1)),
        )  # fmt: skip
        self._followed.append(one)
        self._follow(one, frame, grey)

    def _number(self, landmarks: np.ndarray, grey: np.ndarray) -> int:
        """A face that looks like one that was lost is taken for it, and so is one that comes back near its place.
        Nobody is recognised: looks are those of this video, and are forgotten with it."""
        there = {f.track for f in self._followed}
        lost = {track: last for track, last in self._lost.items() if track not in there}
        to_crop, like = self._cutting.to_crop(landmarks, SIZE), {}
        for track in sorted(lost, key=lambda track: -len(lost[track].frames))[:_LOOKS]:
            last = lost[track]
            found = compare(last.key, Layout(last.layout.landmarks), grey, to_crop, self._cutting.crop)
            if found.fits:
                like[track] = found.alike
        if like:
            return max(like, key=lambda track: like[track])
        near = min(lost, key=lambda track: _apart(landmarks, lost[track].landmarks_now), default=None)
        if near is not None and _apart(landmarks, lost[near].landmarks_now) < _NEAR:
            return near
        self._faces += 1
        return self._faces

    def _lose(self, one: _Followed, time: float) -> None:
        self._followed.remove(one)
        if one.frames:
            self._ended.append(one)
            # What is large goes: an hour may have a thousand stretches, of megabytes each.
            one.layout, one.bare = Layout(one.layout.landmarks), None
            if one.track in self._lost:
                self._lost[one.track].key = np.empty((0, 0), np.uint8)
            self._lost[one.track] = one
        self._next_look = time  # it may be there again already, after a cut

    def _follow(self, one: _Followed, frame: Frame, grey: np.ndarray) -> bool:
        """Measure a face on this frame. Returns: whether it is still there."""
        for _ in range(3):
            undo = one.to_crop @ np.linalg.inv(one.head)  # this frame → crop, as far as is known
            now = self._cutting.crop(grey, undo[:2], SIZE)
            movement = self._since_key(one, now, frame.time)
            one.head = np.linalg.inv(undo) @ square(movement.head) @ one.to_crop
            if _jump(movement.head) < 3:
                break
        if not self._is_there(one, now, grey.shape):
            return False
        one.turn = _turned(one, movement, frame.time)
        moved = one.moved + np.stack([movement.regions, movement.turned])
        one.frames.append(frame.number)
        one.heads.extend(one.head[:2].ravel())
        one.motion.extend(moved[0].ravel())
        one.turned.extend(moved[1].ravel())
        one.seen.extend((movement.seen & self._inside(one, grey.shape)).astype(np.uint8).tolist())
        rows, columns = blocks_of(one.landmarks_now)
        one.frozen.append(0.0 if self._before is None else frozen(grey[rows, columns], self._before[rows, columns]))
        self._look_at_eyes(one, now, movement.head)
        if self._cutting.mouth is not None and frame.time >= one.next_mouth:
            one.mouth.extend((frame.number, self._cutting.mouth(now)))
            one.next_mouth = frame.time + _MOUTH_LOOK - 1e-6
        if frame.time - one.key_time >= _KEY:
            if one.bare is None or frame.time - one.bare.time > _BARE:
                left = _Bare(one.key, frame.time, one.moved, one.turn, len(one.frames))
                one.bare = None if movement.seen.all() else left
            undo = one.to_crop @ np.linalg.inv(one.head)
            one.key, one.key_time, one.moved = self._cutting.crop(grey, undo[:2], SIZE), frame.time, moved
            one.turn = np.zeros_like(movement.turn)
        return True

    def _since_key(self, one: _Followed, now: np.ndarray, time: float) -> Movement:
        """How the face moved since its key; since the one before, if that is what is seen again: what came between is gone, and was there
        since."""
        movement, bare = self._meter(one.key, now, one.layout, one.turn), one.bare
        hidden = ~movement.seen
        if bare is None or hidden.sum() < 2 or time - bare.time > _BARE:
            return movement
        turn = bare.turn if one.turn is None else bare.turn + one.turn
        again = self._meter(bare.key, now, one.layout, turn)
        if not again.seen.all():
            return movement
        if hidden[~MOUTH].any():  # else a mouth opened
            np.frombuffer(one.seen, np.uint8).reshape(-1, len(hidden))[bare.row :, hidden] = 0
        one.key, one.key_time, one.moved, one.turn, one.bare = bare.key, time, bare.moved, turn, None
        return again

    @staticmethod
    def _look_at_eyes(one: _Followed, now: np.ndarray, head: np.ndarray) -> None:
        steady = cv2.warpAffine(now, head, (SIZE, SIZE), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
        one.light.append(float(steady[SIZE // 4 : -SIZE // 4, SIZE // 4 : -SIZE // 4].mean()))
        for eye in one.layout.eyes:
            one.eyes.frombytes(cv2.resize(steady[eye], EYE_LOOK, interpolation=cv2.INTER_AREA).tobytes())

    @staticmethod
    def _inside(one: _Followed, shape: tuple[int, ...]) -> np.ndarray:
        """(R,) which regions lie within the picture."""
        x, y = _through(one.head @ np.linalg.inv(one.to_crop), one.layout.centres).T
        margin = 0.1 * one.layout.unit * np.sqrt(abs(np.linalg.det((one.head @ np.linalg.inv(one.to_crop))[:2, :2])))
        return (x > margin) & (y > margin) & (x < shape[1] - margin) & (y < shape[0] - margin)

    @staticmethod
    def _is_there(one: _Followed, now: np.ndarray, shape: tuple[int, ...]) -> bool:
        x, y = one.landmarks_now.T
        inside = (x > 0) & (y > 0) & (x < shape[1]) & (y < shape[0])
        grown = np.sqrt(abs(np.linalg.det(one.head[:2, :2])))
        return bool(inside.all() and 0.4 < grown < 2.5 and likeness(one.key, now) > _LEAST_LIKE)


def _segment(one: _Followed, scale: float) -> Segment:
    heads = np.array(one.heads, np.float32).reshape(-1, 2, 3)
    heads[:, :, 2] /= scale
    return Segment(
        track=one.track,
        frames=np.array(one.frames),
        landmarks=one.landmarks / scale,
        head=heads,
        motion=np.array(one.motion, np.float32).reshape(len(heads), -1, 2),
        turned=np.array(one.turned, np.float32).reshape(len(heads), -1, 2),
        seen=np.array(one.seen, bool).reshape(len(heads), -1),
        light=np.array(one.light, np.float32),
        eyes=np.array(one.eyes, np.uint8).reshape(len(heads), 2, *EYE_LOOK[::-1]),
        mouth=np.array(one.mouth, np.float32).reshape(-1, 2),
        frozen=np.array(one.frozen, np.float32),
    )


def _turned(one: _Followed, movement: Movement, time: float) -> np.ndarray:
    """How far the head has turned since the key frame. It takes up what was measured by and by: a head turns slowly, and
    what comes and goes in a moment is the face's own. Where flow has gone astray, nothing is known of a turn."""
    known = np.zeros_like(movement.turn) if one.turn is None else one.turn
    turn = known + (1 - np.exp(-(time - one.time) / _TURN_TIME)) * movement.turn
    one.time = time
    believed = movement.seen.mean() > 0.6 and np.abs(turn).max() < _FURTHEST * one.layout.unit
    return turn if believed else np.zeros_like(turn)


def _through(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    return points @ matrix[:2, :2].T + matrix[:2, 2]


def _jump(head: np.ndarray) -> float:
    """How far a head's movement carries the crop's middle, pixels."""
    middle = np.full(2, SIZE / 2)
    return float(np.linalg.norm(_through(head, middle) - middle))


def _eye_distance(landmarks: np.ndarray) -> float:
    return float(np.linalg.norm(landmarks[1] - landmarks[0]))


def _apart(one: np.ndarray, other: np.ndarray) -> float:
    """Between two faces, in distances between the eyes of the larger."""
    return float(np.linalg.norm(one.mean(0) - other.mean(0))) / max(_eye_distance(one), _eye_distance(other))
