"""One clip with its face found: what every product is made from. The face is found once, on the onset."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from tsfmicro.errors import FaceError, FrameError
from tsfmicro.prepare.align import crop, to_template
from tsfmicro.prepare.face import Face, Finder
from tsfmicro.prepare.images import read_depth, read_frames
from tsfmicro.prepare.pairs import candidates, widest
from tsfmicro.types import Clip, Pair

PAIRS: tuple[Pair, Pair] = ("annotated", "widest")
# Edge of the faces on which the widest pair is chosen, pixels: the same pair whatever size a model wants.
SEARCHED = 224

Read = Callable[[Iterable[int]], dict[int, np.ndarray]]


@dataclass
class AlignedClip:
    """A clip, where its face is, and which frames are compared.

    Attributes:
        landmarks: (5, 2) float32, pixels of the onset frame: eyes, nose, mouth corners, those on the image's left first.
        pairs: onset and apex of the annotated and of the widest pair.
        detector: which one found the face.
        read: gives frames by number, each (H, W, 3) uint8 RGB.
    """

    clip: Clip
    landmarks: np.ndarray
    pairs: dict[Pair, tuple[int, int]]
    detector: str
    read: Read = field(repr=False)
    _frames: dict[int, np.ndarray] = field(default_factory=dict, repr=False)
    _faces: dict[tuple[int, int], np.ndarray] = field(default_factory=dict, repr=False)

    def frame(self, number: int, keep: bool = True) -> np.ndarray:
        """A frame, (H, W, 3) uint8 RGB. Raises FrameError: missing, damaged, or of another size than the onset."""
        if number in self._frames:
            return self._frames[number]
        image = self.read([number])[number]
        if number != self.clip.onset:
            _same_size(image, self.frame(self.clip.onset), self.where(number))
        if keep:
            self._frames[number] = image
        return image

    def face(self, number: int, size: int, keep: bool = True) -> np.ndarray:
        """The face in a frame, cropped with the clip's one transform: (size, size, 3) uint8 RGB.

        Args: keep: False for frames that are looked at once, as in a sequence.
        """
        if (number, size) not in self._faces:
            face = crop(self.frame(number, keep), self.matrix(size), size)
            if not keep:
                return face
            self._faces[number, size] = face
        return self._faces[number, size]

    def faces(self, pair: Pair, size: int) -> np.ndarray:
        """(2, size, size, 3) uint8 RGB, onset and apex of a pair."""
        return np.stack([self.face(number, size) for number in self.pairs[pair]])

    def depth(self, number: int) -> np.ndarray:
        """The depth picture of a frame, (H, W) uint16, 0 where nothing was measured. Raises FrameError: there is none, it is
        damaged, or of another size than the onset."""
        clip = self.clip
        if clip.frames.depth is None or number not in clip.frames.depth.numbers:
            raise FrameError(
                f"{clip.id}: frame {number} has no depth picture. Copy the release's depth folder beside its frames, "
                "or exclude the clip."
            )
        path = clip.frames.depth.path(number)
        picture = read_depth(path)
        _same_size(picture, self.frame(clip.onset), str(path))
        return picture

    def matrix(self, size: int) -> np.ndarray:
        """(2, 3) from pixels of a frame to pixels of a crop."""
        return to_template(self.landmarks, size)

    def where(self, number: int) -> str:
        """A frame in words, for messages."""
        return self.clip.frames.where(number)


def align(clip: Clip, find: Finder, neighbourhood: float) -> AlignedClip:
    """Find the face on the onset, and the widest pair near the annotated one.

    Raises:
        FrameError: a frame is missing, damaged or of another size than the onset.
        FaceError: no face on the onset frame.
    """
    assert clip.apex is not None, f"{clip.id} has no apex"
    onsets, apexes = candidates(clip, neighbourhood)
    read = _reader(clip)
    onset = read([clip.onset])[clip.onset]
    face = find_on(onset, find, clip.frames.where(clip.onset))
    aligned = AlignedClip(clip, face.landmarks, {}, face.detector, read, {clip.onset: onset})
    i = j = 0
    if len(onsets) > 1 or len(apexes) > 1:
        aligned._frames |= read([n for n in (*onsets, *apexes) if n != clip.onset])
        for number in (*onsets, *apexes):
            _same_size(aligned._frames[number], onset, clip.frames.where(number))
        i, j = widest(*(np.stack([aligned.face(n, SEARCHED) for n in side]) for side in (onsets, apexes)))
    aligned.pairs = {"annotated": (clip.onset, clip.apex), "widest": (onsets[i], apexes[j])}
    return aligned


def aligned_before(clip: Clip, landmarks: np.ndarray, pairs: np.ndarray, detector: str) -> AlignedClip:
    """A clip whose alignment is known. pairs: (2, 2) frame numbers of the annotated and the widest pair."""
    known = {name: (int(a), int(b)) for name, (a, b) in zip(PAIRS, pairs, strict=True)}
    return AlignedClip(clip, np.asarray(landmarks), known, detector, _reader(clip))


def find_on(onset: np.ndarray, find: Finder, where: str) -> Face:
    """The face on an image. Raises FaceError: there is none."""
    face = find(onset)
    if face is None:
        raise FaceError(
            f"{where}: no face found. Look at the image; if there is a face, crop around it, else exclude it."
        )
    return face


def _reader(clip: Clip) -> Read:
    return lambda numbers: read_frames(clip.frames, numbers)


def _same_size(image: np.ndarray, onset: np.ndarray, where: str) -> Literal[True]:
    if image.shape[:2] != onset.shape[:2]:
        (h, w), (onset_h, onset_w) = image.shape[:2], onset.shape[:2]
        raise FrameError(
            f"{where}: is {w}×{h}, but its onset is {onset_w}×{onset_h}; one transform cannot serve both. "
            "Restore the frame, or exclude the clip."
        )
    return True
