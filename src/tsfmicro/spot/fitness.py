"""Is this recording fit? What the frames and the faces in them say of it, before anything is spotted, and what to do.

Every look at a face (once in two seconds) says how large it is, how it is held and lit, and how much of it compression has
frozen. What is true of a good part of the looks is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from tsfmicro.spot.types import Finding, Fitness

FindTurn = Callable[[np.ndarray], int | None]
"""Quarter turns to the right by which an image (H, W, 3) uint8 RGB must be turned so that its face is upright; None: no face."""

LEANS, ASIDE = 30.0, 0.2  # degrees; how far the nose is from between the eyes, at about 30 degrees to the side
_SOME, _OFTEN = 0.1, 0.3  # of the looks, for what spoils a stretch and for what spoils a recording
_FILM = 25.0 - 1.1  # frames per second; 24 and 23.976 are film
_GOOD = 100.0
_SHORT = 0.1  # seconds, a short micro-expression
_UNEVEN = 0.02  # of the frames: steps that are too long
_COPIED, _ALL = 0.1, 0.95  # of the frames: those that repeat the one before
_SMALL = 40.0  # pixels between the eyes; 1 % of it is then less than half a pixel
_DARK, _BRIGHT = 45.0, 215.0  # mean grey level of a face
_CLIPPED = 0.1  # of a face that is black or white throughout
_REACH = 1.1  # from the middle of a face to the brows and the chin, in distances between the eyes
_BLOCKY = 2.0  # steps at the borders of 8 × 8 blocks, for those beside them
FROZEN = 0.5  # of the blocks: those that did not change at all
_FEW_BITS = 0.01  # of a pixel of a frame; H.264 at crf 18 has ten times as many


@dataclass(frozen=True)
class Look:
    """What one look at a face says.

    Attributes:
        roll: degrees by which it leans, to the picture's right shoulder positive.
        aside: how far the nose is from the middle between the eyes, in distances between them.
        cut: whether it reaches over the picture's edge.
        light: mean grey level; clipped: share of it that is black or white.
        blocky: steps between pixels at the borders of 8 × 8 blocks, for those elsewhere.
        frozen: share of its 8 × 8 blocks that are as in the frame before; None where there is none.
    """

    roll: float
    aside: float
    cut: bool
    light: float
    clipped: float
    blocky: float
    frozen: float | None


def blocks_of(landmarks: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns of a face from the brows to the chin, from a border of 8 × 8 blocks on. Args: landmarks: (5, 2) pixels."""
    reach = _REACH * float(np.linalg.norm(landmarks[1] - landmarks[0]))
    (left, top), (right, bottom) = ((landmarks.mean(0) + sign * reach).astype(int) for sign in (-1, 1))
    return slice(max(0, top // 8 * 8), max(8, bottom)), slice(max(0, left // 8 * 8), max(8, right))


def look_at(landmarks: np.ndarray, grey: np.ndarray, before: np.ndarray | None) -> Look:
    """Args: landmarks: (5, 2) pixels; grey: (H, W) uint8, the frame; before: that before it."""
    across = landmarks[1] - landmarks[0]
    between = float(np.linalg.norm(across))
    middle, reach = landmarks.mean(0), _REACH * between
    rows, columns = blocks_of(landmarks)
    face = grey[rows, columns]
    (x, y), (right, bottom) = np.maximum(landmarks.min(0), 0).astype(int), landmarks.max(0).astype(int) + 1
    skin = grey[y:bottom, x:right]  # from the eyes to the mouth: hair is black, and no shadow
    return Look(
        roll=float(np.degrees(np.arctan2(across[1], across[0]))),
        aside=float((landmarks[2] - landmarks[:2].mean(0)) @ across) / between**2,
        cut=bool((middle < reach).any() or (middle > np.array(grey.shape[::-1]) - reach).any()),
        light=float(skin.mean()),
        clipped=float(((skin <= 8) | (skin >= 250)).mean()),
        blocky=_blockiness(face),
        frozen=None if before is None else frozen(face, before[rows, columns]),
    )


def _blockiness(face: np.ndarray) -> float:
    """Args: face: grey, cut out at a border of blocks."""
    across, down = (np.abs(np.diff(face.astype(np.int16), axis=axis)) for axis in (1, 0))
    at = across[:, 7::8].mean() + down[7::8].mean()
    beside = np.mean([across[:, k::8].mean() + down[k::8].mean() for k in (1, 2, 4, 5)])
    return float(at / max(beside, 0.5))


def frozen(face: np.ndarray, before: np.ndarray) -> float:
    """Share of the 8 × 8 blocks that are as before, to the last grey level. Args: face, before: (h, w) uint8, see `blocks_of`."""
    height, width = (edge // 8 for edge in face.shape)
    if not height * width:
        return 0.0
    # Eight pixels of a row at a time, as one number.
    one, other = (np.ascontiguousarray(part[: 8 * height, : 8 * width]).view(np.uint64) for part in (face, before))
    return float((one == other).reshape(height, 8, width).all(1).mean())


def judge(
    times: np.ndarray,
    looks: Sequence[Look],
    eyes: float,
    flickering: float,
    copied: float = 0.0,
    turns: Iterable[int] = (),
    small: bool = False,
    bits: float = np.inf,
) -> Fitness:
    """What there is to say of a recording.

    Args:
        times: (T,) seconds of the frames. looks: at all faces.
        eyes: pixels of the video between the eyes of the smallest face that was measured.
        flickering: share of the time in which the light flickers; copied: share of frames that repeat the one before.
        turns: quarter turns that would make the face upright, at each look for that.
        small: whether a face was too small to be measured.
        bits: of the file, for each pixel of each frame; no limit where it is not one file.
    """
    found = [*_of_time(times, copied), *_of_size(eyes, small), *_of_pose(looks, list(turns))]
    return Fitness((*found, *_of_light(looks, flickering), *_of_coding(looks, bits)))


def _of_time(times: np.ndarray, copied: float) -> Iterable[Finding]:
    steps = np.diff(times)
    fps, uneven = 1 / float(np.median(steps)), float((steps > 1.5 * np.median(steps)).mean())
    if copied > _ALL:
        yield Finding("repeated frames", copied, "all frames are one picture: nothing can move in it")
    elif copied > _COPIED:
        yield Finding(
            "repeated frames", copied,
            f"{copied:.0%} of the frames repeat the one before: the camera took {(1 - copied) * fps:.3g} a second. Use the "
            "camera's own file, at the rate at which it recorded",
        )  # fmt: skip
    if fps < _GOOD * 0.95:
        few = "are few" if fps < _FILM else "show the longer micro-expressions only"
        yield Finding(
            "frame rate", fps,
            f"{fps:.3g} frames per second {few}: one of {_SHORT:g} s has {max(1, round(_SHORT * fps))} frames. Record at 100 or "
            "more",
        )  # fmt: skip
    if uneven > _UNEVEN:
        yield Finding(
            "missing frames", uneven,
            f"frames are missing: {uneven:.0%} of the steps between frames are half as long again or more. Record to a faster "
            "disk, or with a fixed frame rate",
        )  # fmt: skip


def _of_size(eyes: float, small: bool) -> Iterable[Finding]:
    if small:
        yield Finding(
            "size",
            0.0,
            "a face was too small to be measured (less than 20 pixels between the eyes). Film it from nearer",
        )
    if eyes < _SMALL:
        yield Finding(
            "size", eyes, f"a face has {eyes:.0f} pixels between the eyes: film it from nearer, with 60 or more"
        )


def _of_pose(looks: Sequence[Look], turns: Sequence[int]) -> Iterable[Finding]:
    turned = max(set(turns), key=turns.count, default=0)
    if turned and turns.count(turned) > len(turns) / 2:
        how = "stands on its head" if turned == 2 else "lies on its side"
        yield Finding("lying", 90.0 * turned, f"the picture {how}: {turn_advice(turned)}")
    for what, share, least, text in (
        ("leaning", _share(looks, lambda o: abs(o.roll) > LEANS), _SOME,
         "a face leans by more than 30 degrees. Turn the camera or the video upright"),
        ("to the side", _share(looks, lambda o: abs(o.aside) > ASIDE), _SOME,
         "a face looks to the side by 30 degrees or more: what is measured there is not to be trusted. Film it from the front"),
        ("cut", _share(looks, lambda o: o.cut), _SOME,
         "a face is cut by the picture's edge: what lies beyond is not measured. Leave room around it"),
    ):  # fmt: skip
        if share > least:
            yield Finding(what, share, f"{text} ({_when(share)})")


def _of_light(looks: Sequence[Look], flickering: float) -> Iterable[Finding]:
    for what, share, text in (
        ("dark", _share(looks, lambda o: o.light < _DARK), "a face is too dark. Use more light, from the front"),
        ("bright", _share(looks, lambda o: o.light > _BRIGHT), "a face is overexposed. Use less light or exposure"),
        ("clipped", _share(looks, lambda o: o.clipped > _CLIPPED and _DARK <= o.light <= _BRIGHT),
         "a part of a face is black or white throughout, and nothing is seen there. Use softer light"),
    ):  # fmt: skip
        if share > _OFTEN:
            yield Finding(what, share, f"{text} ({_when(share)})")
    if flickering > _SOME:
        yield Finding(
            "flicker", flickering,
            f"the light flickers ({_when(flickering)}). Use daylight or lamps with direct current, or a shutter of 1/50 or "
            "1/100 s (1/60 or 1/120 s in America)",
        )  # fmt: skip


def _of_coding(looks: Sequence[Look], bits: float) -> Iterable[Finding]:
    blocky = float(np.median([one.blocky for one in looks])) if looks else 1.0
    known = [one.frozen for one in looks if one.frozen is not None and one.frozen < 1]
    standing = float(np.median(known)) if known else 0.0
    for value, is_so, what in (
        (standing, standing > FROZEN, f"{standing:.0%} of a face's blocks do not change from one frame to the next"),
        (bits, bits < _FEW_BITS, f"the file has {bits:.2g} bits for a pixel of a frame"),
        (blocky, blocky > _BLOCKY,
         f"a face falls into blocks, whose borders are {blocky:.1f} times as sharp as what lies between"),
    ):  # fmt: skip
        if is_so:
            yield Finding(
                "compression", value,
                f"compressed too strongly: {what}. Of a micro-expression half or more may be lost, and movements are made up: that "
                "none is found does not mean that there was none. Use the camera's own file, or code it better (H.264 at crf 18)",
            )  # fmt: skip
            break


def _share(looks: Sequence[Look], is_so: Callable[[Look], bool]) -> float:
    return sum(map(is_so, looks)) / max(1, len(looks))


def _when(share: float) -> str:
    return "all the time" if share > 0.95 else f"{share:.0%} of the time"


def turn_advice(quarters: int) -> str:
    """What to type. Args: quarters: turns to the right that it needs."""
    how = {1: "transpose=1", 2: "hflip,vflip", 3: "transpose=2"}[quarters]
    to = {1: "by 90 degrees to the right", 2: "by 180 degrees", 3: "by 90 degrees to the left"}[quarters]
    return f"turn it {to}, e.g. ffmpeg -i IN -vf {how} -crf 12 OUT.mp4"


def same_frame(grey: np.ndarray, before: np.ndarray | None) -> bool:
    """Whether a frame repeats the one before, to the last grey level. Few pixels will do: noise spares none."""
    return before is not None and np.array_equal(grey[::8, ::8], before[::8, ::8])
