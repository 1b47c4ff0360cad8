"""How far the product landmarks68 is off on generated faces, which know where their features are; all in parts of the distance
between the eyes (in percent).

The outline between ear and chin, the bridge of the nose and the lips' inner edge have no one place on these faces and are left
out. No real face is among them, so this says that the points are the right ones and how they follow, not how well they do on
people.

    python -m benchmarks.landmarks        24 people, a minute and a half
    python -m benchmarks.landmarks 6      so many
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tsfmicro.prepare.face import finder
from tsfmicro.prepare.points68 import MIRROR, face_mesh
from tsfmicro.synthetic.actor import Actor, Take
from tsfmicro.synthetic.cast import cast, scenes
from tsfmicro.synthetic.eyes import EyeState
from tsfmicro.synthetic.hair import brow_points
from tsfmicro.synthetic.head import lip_edges
from tsfmicro.synthetic.person import Person
from tsfmicro.synthetic.truth import follow

SEED = 5
PARTS = {
    "eyes": range(36, 48),
    "mouth": (48, 50, 51, 52, 54, 57),
    "nose": (30, 33),
    "brows": range(17, 27),
    "chin": (8,),
}
TRUE = sorted(n for part in PARTS.values() for n in part)
"""Those of the 68 points whose true place is known."""


@dataclass(frozen=True)
class Measured:
    """What came out for one person. P is the number of points in TRUE; everything in distances between the eyes.

    Attributes:
        off: (P, 2) found − true on the onset.
        moved, found: (P, 2) the true movement from onset to apex, and the one that the points show.
        jitter: (68,) standard deviation of a point over frames that differ in the sensor's noise alone.
        mirrored: (68, 2) points of the mirrored image, renamed and mirrored back, against those of the image.
    """

    off: np.ndarray
    moved: np.ndarray
    found: np.ndarray
    jitter: np.ndarray
    mirrored: np.ndarray


def true_points(actor: Actor, take: Take, t: float) -> np.ndarray:
    """(P, 2) px: the points in TRUE, t seconds after the onset."""
    person, pose = actor.person, take.staging.pose
    skin = _on_skin(person)
    projected = pose.project(np.array(list(skin.values())), actor.portrait)
    places = dict(zip(skin, follow(take.backward(t), projected[:, None])[:, 0], strict=True))
    for side, state in zip((-1, 1), take._eye_states(t), strict=True):
        lids = _lids(person, side, state)
        seen = pose.project(np.array(list(lids.values())) + state.shift, actor.portrait)
        places |= dict(zip(lids, seen, strict=True))
    return np.array([places[n] for n in TRUE])


def _on_skin(p: Person) -> dict[int, tuple[float, float]]:
    """Places of points that the skin carries along, mm."""
    upper, lower = lip_edges(p)
    points = dict(zip((48, 50, 51, 52, 54, 57), (upper[0], *upper[2:5], upper[6], lower[3]), strict=True))
    points |= {30: (0.0, p.nose_y - 8), 33: (0.0, p.nose_y), 8: (p.lean, p.chin_y)}
    for side, numbers in ((-1, (21, 20, 19, 18, 17)), (1, (22, 23, 24, 25, 26))):
        middle = brow_points(p, side)
        along = np.cumsum(np.hypot(*np.diff(middle, axis=0, prepend=middle[:1]).T))
        for n, t in zip(numbers, np.linspace(0, 1, 5), strict=True):
            x, y = (float(np.interp(t, along / along[-1], middle[:, k])) for k in (0, 1))
            points[n] = (x, y - (p.brow_width / 2 if 0 < t < 1 else 0))
    return points


def _lids(p: Person, side: int, state: EyeState) -> dict[int, tuple[float, float]]:
    """Corners and lids of one eye as `synthetic.eyes` draws them, mm."""
    numbers = (36, 37, 38, 39, 40, 41) if side < 0 else (45, 44, 43, 42, 47, 46)
    u = np.array([1, 1 / 3, -1 / 3, -1, -1 / 3, 1 / 3])  # 1 is the outer corner
    skew = 0.10 * (1 - u**2)
    arc, bowl = (1 - np.abs(u + skew) ** 2.3) ** 0.8, (1 - np.abs(u - skew) ** 2.2) ** 0.9
    raised, lower = -(p.lid_up + state.upper) * arc, (p.lid_low - state.lower) * bowl
    upper = raised + state.closure * (lower * 0.75 + 0.5 - raised)
    lower = lower + 0.25 * state.closure * (lower * -0.25 + 0.5)
    x, y = side * p.eye_width * u, np.array([0, upper[1], upper[2], 0, lower[4], lower[5]])
    tilt = -side * p.eye_tilt
    xy = np.stack([side * p.eye_x + x * np.cos(tilt) - y * np.sin(tilt), x * np.sin(tilt) + y * np.cos(tilt)], axis=1)
    return {n: (float(a), float(b)) for n, (a, b) in zip(numbers, xy, strict=True)}


def measure(people: int, still: int = 8, detector: str = "mtcnn") -> Iterator[Measured]:
    """One clip of each person. Args: still: frames with noise and without movement."""
    mesh = face_mesh()
    for number in range(people):
        scene = next(scenes(SEED, number, 1))
        actor = Actor(cast(SEED, number))
        take = actor.take(scene.staging, scene.movement)
        left, right = take.landmarks()[:2]
        eyes = float(np.hypot(*(right - left)))
        onset, apex = _picture(take, 0.0), _picture(take, scene.seconds(scene.apex))
        face = finder(detector)(onset)
        assert face is not None
        square = mesh.square(onset, face.landmarks, "onset")
        found, later = mesh.points(onset, square, "onset"), mesh.points(apex, square, "apex")
        true, true_later = true_points(actor, take, 0.0), true_points(actor, take, scene.seconds(scene.apex))
        noisy = [mesh.points(_picture(take, 0.0, scene.noise(n)), square, "still") for n in range(still)]
        flipped = np.ascontiguousarray(onset[:, ::-1])
        width = onset.shape[1] - 1
        swapped = (face.landmarks * (-1, 1) + (width, 0))[[1, 0, 2, 4, 3]]
        mirrored = mesh.points(flipped, mesh.square(flipped, swapped, "mirror"), "mirror") * (-1, 1) + (width, 0)
        yield Measured(
            (found[TRUE] - true) / eyes,
            (true_later - true) / eyes,
            (later - found)[TRUE] / eyes,
            np.linalg.norm(np.std(noisy, axis=0), axis=-1) / eyes,
            (mirrored[list(MIRROR)] - found) / eyes,
        )


def _picture(take: Take, t: float, noise: np.random.Generator | None = None) -> np.ndarray:
    return np.ascontiguousarray(take.frame(t, noise)[..., ::-1])


def of_part(values: np.ndarray, part: Sequence[int]) -> np.ndarray:
    """The points of a part. Args: values: (…, P, 2)."""
    return values[..., [TRUE.index(n) for n in part], :]


def main(people: int) -> None:
    every = list(measure(people))
    off, moved, found = (np.stack([getattr(m, name) for m in every]) for name in ("off", "moved", "found"))
    print(f"{people} generated people, percent of the distance between the eyes\n")
    print("part     mean error   worst tenth   of it the same in all   true movement   error of movement")
    for name, part in {"all": TRUE, **PARTS}.items():
        far = 100 * np.linalg.norm(of_part(off, part), axis=-1)
        same = 100 * np.linalg.norm(of_part(off, part).mean(0), axis=-1).mean()
        way = 100 * np.linalg.norm(of_part(moved, part), axis=-1).mean()
        missed = 100 * np.linalg.norm(of_part(found - moved, part), axis=-1).mean()
        tenth = np.quantile(far, 0.9)
        print(f"{name:8} {far.mean():10.1f} {tenth:13.1f} {same:23.1f} {way:15.2f} {missed:19.2f}")
    jitter = 100 * np.stack([m.jitter for m in every])
    mirrored = 100 * np.linalg.norm(np.stack([m.mirrored for m in every]), axis=-1)
    print(f"\nstill face with sensor noise: a point jitters by {jitter.mean():.3f} (standard deviation)")
    print(f"mirrored image: points differ by {mirrored.mean():.4f}, at most {mirrored.max():.4f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 24)
