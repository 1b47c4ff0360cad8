"""A person's neutral portrait on the face grid: height, albedo, normals, all that does not change between clips."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import cv2
import numpy as np

from tsfmicro.synthetic.draw import Field, Grid, mix, scaled, smoothstep
from tsfmicro.synthetic.hair import brow_hair, hair_behind, scalp_hair, stubble
from tsfmicro.synthetic.person import Colour, Person

GRID = Grid()


@dataclass(frozen=True)
class Portrait:
    """What light needs to know about a person.

    Attributes:
        height: (H, W) mm towards the camera.
        albedo: (H, W, 3) linear, blue first as OpenCV orders colours.
        normal: (H, W, 3) unit vectors: right, down, towards the camera.
        open: (H, W) 0–1, how much of the surroundings' light reaches the point.
        gloss: (H, W) 0–1.
        skin: (H, W) 0–1, where light spreads under the surface.
        figure: (H, W) 0–1, one where the person is, zero where the backdrop shows.
        face: (H, W) 0–1, the head without hair, shoulders and ears: what action units may move.
        grid: where its points lie.
    """

    height: Field = field(repr=False)
    albedo: Field = field(repr=False)
    normal: Field = field(repr=False)
    open: Field = field(repr=False)
    gloss: Field = field(repr=False)
    skin: Field = field(repr=False)
    figure: Field = field(repr=False)
    face: Field = field(repr=False)
    grid: Grid = GRID

    @cached_property
    def relaxed(self) -> Field:
        """(H, W) the height without cliffs, so that a turned head does not tear at its edge."""
        return self.grid.blurred(self.height, 3.0)


def linear(colour: Colour) -> Field:
    """An sRGB colour (red first, 0–255) as linear light, blue first."""
    return (np.array(colour[::-1], np.float32) / 255) ** 2.2


def portrait(person: Person, g: Grid = GRID) -> Portrait:
    """Draw a person's neutral face; about half a second on the usual grid."""
    rng = np.random.default_rng(person.skin_seed)
    outline = _outline(g, person)
    head = smoothstep(1.012, 0.985, outline)
    relief = _loft(g, person, outline) + _features(g, person)
    skin_tone, redness = _complexion(g, person, rng)
    albedo = _lips_and_nostrils(g, person, skin_tone)
    brows = brow_hair(g, person, rng)
    albedo = mix(albedo, linear(person.brow), brows)
    beard = stubble(g, person, rng) * head
    albedo = mix(albedo, linear(person.brow) * 0.5 + 0.004, beard)

    under, body_skin, body_albedo, body_mask = _body(g, person, skin_tone, rng)
    normal = mix(_normals(g, under), _normals(g, relief + _pores(g, rng) * head), head)
    height, gloss = mix(under, np.maximum(relief, 0), head), (0.2 + 0.3 * redness) * head * (1 - brows) * (1 - beard)
    albedo, skin = mix(body_albedo, albedo, head), np.maximum(head * (1 - brows), body_skin)

    # Hair lies over all of it, a little proud of the skull.
    proud = 1.5 if person.hair_style == "cropped" else 7.0
    skull = replace(person, face_width=person.face_width + 0.8 * proud, crown=person.crown - 1.3 * proud)
    hair = scalp_hair(g, person, _outline(g, skull), rng)
    figure = np.maximum(head, body_mask)
    tint = linear(person.hair) * 0.9 + 0.004
    tint = scaled(tint, 0.25 + 1.75 * hair.strands**1.5)
    volume = height + 5 * g.blurred(hair.cover, 3.0)
    normal = mix(normal, _normals(g, g.blurred(volume, 2.5) + 1.2 * hair.strands), 0.9 * hair.cover)
    return Portrait(
        height=volume,
        # Where hair ends against the backdrop its colour goes on, or soft edges would show skin.
        albedo=mix(albedo, tint, np.where(figure < 0.5, np.minimum(1, 30 * hair.cover), hair.cover)),
        normal=normal,
        open=_openness(g, volume),
        gloss=(gloss * (1 - hair.cover) + 0.5 * hair.cover * hair.strands).astype(np.float32),
        skin=skin * (1 - hair.cover),
        figure=np.maximum(figure, hair.cover),
        face=g.blurred(head * (1 - 0.8 * hair.cover), 2.0),
        grid=g,
    )


def _pores(g: Grid, rng: np.random.Generator) -> Field:
    return 0.04 * g.noise(0.6, rng) + 0.025 * g.noise(1.4, rng)


def _outline(g: Grid, p: Person) -> Field:
    """(H, W): 0 on the midline, 1 on the head's edge, more outside."""
    y = g.y[:, 0]
    knots = np.array(
        [
            (p.crown, p.face_width * 0.99),
            (p.crown * 0.6, p.face_width * 1.0),
            (-34, p.face_width * 0.965),
            (-14, p.face_width * 0.965),
            (14, p.face_width),
            (p.nose_y - 4, p.face_width * 0.965),
            (p.mouth_y - 2, p.jaw_width * 1.06),
            (p.mouth_y + 12, p.jaw_width * 0.95),
            (p.chin_y - 16, 0.5 * p.chin_width + 0.55 * p.jaw_width),
            (p.chin_y - 4, p.chin_width + 0.14 * p.jaw_width),
            (p.chin_y + 20, p.chin_width * 0.9),
        ]
    )
    width = _smooth(np.interp(y, knots[:, 0], knots[:, 1]), 7 * g.density)
    over = np.clip((p.crown * 0.30 - y) / (-p.crown * 0.70), 0, None)  # 1 at the crown
    under = np.clip((y - p.chin_y + 22) / 22, 0, None)  # 1 at the chin
    lean = p.lean * np.clip(y / p.chin_y, 0, 1)
    across = np.abs(g.x - lean[:, None]) / width[:, None]
    ends = (over**2.6 + under**2.5)[:, None]
    return (across**2 + ends).astype(np.float32) ** 0.5


def _smooth(values: np.ndarray, sigma: float) -> np.ndarray:
    reach = int(3 * sigma)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    return np.convolve(np.pad(values, reach, mode="edge"), kernel / kernel.sum(), mode="valid")


def _loft(g: Grid, p: Person, outline: Field) -> Field:
    """The head without features: a midline profile, bent back towards the edge."""
    profile = np.array(
        [
            (p.crown - 10, 50), (p.crown, 58), (p.crown + 20, 74), (p.hairline + 8, 84), (p.brow_y - 12, 89),
            (p.brow_y, 90), (8, 87), (p.nose_y, 90), (p.mouth_y, 92), (p.mouth_y + 14, 88), (p.chin_y - 14, 88),
            (p.chin_y - 4, 83), (p.chin_y + 6, 72),
        ]
    )  # fmt: skip
    middle = _smooth(np.interp(g.y[:, 0], profile[:, 0], profile[:, 1]), 3.5 * g.density)
    edge = np.minimum(outline, 1.0)
    return (middle[:, None] * (1 - 0.985 * edge**2.5) ** 0.42).astype(np.float32)


def _features(g: Grid, p: Person) -> Field:
    """Everything that stands out of the loft or is sunk into it, mm."""
    z = g.zeros()
    for side in (-1, 1):
        eye = side * p.eye_x
        g.bump(z, (side * p.eye_x * 0.92, 1.0), (14.5, 9.5), -9.5)  # socket
        g.bump(z, (side * 13.5, -1.5), (5.0, 8), -6.0)  # beside the bridge
        g.bump(z, (eye, 0.6), (10.0, 6.6), 7.0)  # the eyeball under the lids
        g.bump(z, (eye + side * 3, p.brow_y + 2.5), (17, 6), 4.2, side * 0.12)  # brow ridge
        g.bump(z, (side * (p.eye_x + 15), 25), (17, 12), p.cheek, side * -0.5)  # cheekbone
        g.bump(z, (side * 29, p.nose_y + 4), (13, 14), 3.0)  # the cheek beside the nose
        g.bump(z, (side * (p.face_width * 0.86), -30), (10, 20), -3.0)  # temple
        g.bump(z, (side * p.mouth_width * 1.55, p.mouth_y + 4), (11, 16), -2.6)  # hollow beside the mouth
        g.bump(z, (side * (p.mouth_width + 1), p.mouth_y - p.mouth_bow), (4.5, 4.5), -2.4)  # corner
        g.bump(z, (side * p.nose_width * 0.80, p.nose_y - 7), (4.4, 5.2), 9.5)  # wing
        g.bump(z, (side * (p.nose_width + 2.2), p.nose_y - 6), (2.2, 6.0), -3.2)  # groove behind the wing
        g.bump(z, (side * p.nose_width * 0.42, p.nose_y - 1.0), (3.2, 1.7), -5.5, side * -0.35)  # nostril
        g.bump(z, (side * 3.6, p.nose_y + 7), (1.9, 5.5), 1.0)  # philtrum's ridges
        z -= (0.35 + 1.4 * p.age) * _fold(g, p, side)
        z -= (0.5 + 0.5 * p.age) * g.line(_crease(p, side), 0.9, 0.7)
        z -= 0.7 * p.age * g.line(_bag(p, side), 1.6, 1.6)
    z += _nose(g, p)
    g.bump(z, (0, p.nose_y + 8), (2.0, 5.5), -1.4)  # philtrum
    g.bump(z, (0, p.mouth_y), (p.mouth_width * 0.8, 13), 3.2)  # teeth behind the lips
    _lip_relief(g, p, z)
    g.bump(z, (0, p.mouth_y + p.lip_low + 6.5), (14, 4.5), -4.2)  # below the lower lip
    g.bump(z, (0, p.chin_y - 14), (13, 10), 6.0)  # chin
    for k, y in enumerate((-14, -24, -33)):
        furrow = [
            (-34, p.brow_y + y + 2),
            (-14, p.brow_y + y + k % 2),
            (12, p.brow_y + y - k % 2),
            (34, p.brow_y + y + 2),
        ]
        z -= 0.55 * max(0.0, p.age - 0.25) * g.line(furrow, 1.0, 1.2)
    return z


def _nose(g: Grid, p: Person) -> Field:
    """Bridge, tip and the steep underside."""
    y = g.y
    along = np.clip((y + 9) / (p.nose_y - 8 + 9), 0, 1.25)
    rise = p.nose_depth * np.clip(0.22 + 0.78 * np.clip(along, 0, 1) ** 1.25, 0, 1)
    start = smoothstep(-22, -2, y)
    end = smoothstep(p.nose_y + 1.5, p.nose_y - 6.5, y)
    half = p.bridge * (0.80 + 0.45 * np.clip(along, 0, 1) ** 2)
    ridge = rise * start * end * np.exp(-0.5 * (g.x / half) ** 2)
    z = g.blurred(ridge.astype(np.float32), 1.6)
    g.bump(z, (0, p.nose_y - 8.5), (6.2, 5.6), 0.26 * p.nose_depth)
    g.bump(z, (0, p.nose_y - 1.5), (2.4, 3.2), 4.0)  # columella
    return z


def mouth_line(p: Person) -> list[tuple[float, float]]:
    w, y = p.mouth_width, p.mouth_y
    bow = [(-1.0, -p.mouth_bow), (-0.6, -0.2 * p.mouth_bow + 0.4), (-0.22, -0.4), (0, 0.5), (0.22, -0.4),
           (0.6, -0.2 * p.mouth_bow + 0.4), (1.0, -p.mouth_bow)]  # fmt: skip
    return [(u * w, y + v) for u, v in bow]


def lip_edges(p: Person) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    """Outlines of upper and lower lip, from left to right corner."""
    w, y, c = p.mouth_width, p.mouth_y, -p.mouth_bow
    upper = [(-1.0, c), (-0.62, -0.52 * p.lip_up), (-0.2, -p.lip_up), (0, -0.80 * p.lip_up), (0.2, -p.lip_up),
             (0.62, -0.52 * p.lip_up), (1.0, c)]  # fmt: skip
    lower = [(-1.0, c), (-0.6, 0.62 * p.lip_low), (-0.25, 0.98 * p.lip_low), (0, p.lip_low), (0.25, 0.98 * p.lip_low),
             (0.6, 0.62 * p.lip_low), (1.0, c)]  # fmt: skip
    return [(u * w, y + v) for u, v in upper], [(u * w, y + v) for u, v in lower]


def _lip_relief(g: Grid, p: Person, z: Field) -> None:
    upper, lower = lip_edges(p)
    line = mouth_line(p)
    z += 2.0 * g.region([*upper, *line[::-1]], 1.3)
    z += 2.8 * g.region([*line, *lower[::-1]], 1.6)
    for side in (-1, 1):
        g.bump(z, (side * 7, p.mouth_y + 0.52 * p.lip_low), (7, 3.2), 1.1)
    g.bump(z, (0, p.mouth_y - 0.4 * p.lip_up), (4.5, 2.6), 0.8)
    z -= 3.0 * g.line(line, 0.8, 0.8)


def _fold(g: Grid, p: Person, side: int) -> Field:
    """Nasolabial fold."""
    x, y = p.nose_width + 2, p.nose_y - 9
    points = [(side * x, y), (side * (x + 6), y + 9), (side * (p.mouth_width + 6), p.mouth_y - 6),
              (side * (p.mouth_width + 8), p.mouth_y + 4)]  # fmt: skip
    return g.line(points, 1.2, 1.5) * smoothstep(p.mouth_y + 6, p.mouth_y - 12, g.y)


def _crease(p: Person, side: int) -> list[tuple[float, float]]:
    """The fold of the upper lid."""
    w, h = p.eye_width, p.lid_up
    local = [(-0.95, 0.2), (-0.5, -1.15 * h - 1.2), (0.05, -1.35 * h - 1.6), (0.6, -1.1 * h - 1.5), (1.12, -0.3 * h)]
    return [(side * (p.eye_x + u * w), v) for u, v in local]


def _bag(p: Person, side: int) -> list[tuple[float, float]]:
    w, h = p.eye_width, p.lid_low
    local = [(-0.85, h + 2.0), (-0.3, h + 5.2), (0.35, h + 5.8), (0.95, h + 3.4)]
    return [(side * (p.eye_x + u * w), v) for u, v in local]


def _complexion(g: Grid, p: Person, rng: np.random.Generator) -> tuple[Field, Field]:
    """Skin albedo (H, W, 3) and where it is red and glossy (H, W)."""
    red = g.zeros()
    for side in (-1, 1):
        g.bump(red, (side * 40, 30), (17, 13), 0.75)
        g.bump(red, (side * p.nose_width * 0.8, p.nose_y - 6), (6, 7), 0.45)
        g.bump(red, (side * (p.face_width + 5), 8), (7, 20), 0.7)  # ears
    g.bump(red, (0, p.nose_y - 10), (9, 9), 0.7)
    g.bump(red, (0, p.chin_y - 12), (12, 9), 0.35)
    red += 0.13 * g.noise(9, rng) + 0.10 * g.noise(3.5, rng)
    shade = 1 + 0.035 * g.noise(26, rng) + 0.025 * g.noise(7, rng) + 0.03 * g.noise(1.1, rng)
    freckles = smoothstep(2.0, 2.6, g.noise(1.5, rng)) * (0.3 if rng.random() < 0.5 else 0.05)
    shade -= 0.5 * freckles
    dark = g.zeros()
    for side in (-1, 1):
        g.bump(dark, (side * (p.eye_x - 2), 4), (14, 9), 0.10 + 0.10 * p.age)
        g.bump(dark, (side * p.eye_x, -8), (13, 6), 0.08)
    tint = np.array([-0.16, -0.17, 0.03], np.float32) * p.ruddy
    warm = 1 + scaled(tint, red)
    return scaled(linear(p.skin), shade - dark) * warm, np.clip(red, 0, 1)


def _lips_and_nostrils(g: Grid, p: Person, skin: Field) -> Field:
    upper, lower = lip_edges(p)
    line = mouth_line(p)
    lips = np.maximum(g.region([*upper, *line[::-1]], 0.8), g.region([*line, *lower[::-1]], 1.0))
    wrinkles = 1 + 0.10 * np.sin(g.x * 3.1 + 1.5 * np.sin(g.x * 0.9)) * np.ones_like(g.y)
    tone = scaled(linear(p.lips), wrinkles)
    tone = tone * (1 - 0.22 * smoothstep(p.mouth_y + 1, p.mouth_y - 4, g.y))[..., None]
    skin = mix(skin, tone.astype(np.float32), 0.85 * lips)
    skin = scaled(skin, 1 - 0.80 * g.line(line, 0.5, 0.45))
    for side in (-1, 1):
        window, hole = g.bell((side * p.nose_width * 0.43, p.nose_y - 0.8), (3.5, 1.6), side * -0.38)
        skin[window] = mix(skin[window], linear((46, 20, 16)), np.clip(1.35 * hole, 0, 0.93))
        skin = scaled(skin, 1 - 0.35 * g.line(_crease(p, side), 0.5, 0.5))
    return skin


def _body(g: Grid, p: Person, skin: Field, rng: np.random.Generator) -> tuple[Field, Field, Field, Field]:
    """Ears, neck and shoulders: height, skin mask, albedo, mask."""
    x, y = g.x, g.y
    neck_half = p.jaw_width * 0.76 + 6 * smoothstep(p.chin_y + 12, p.chin_y + 50, y)
    neck = smoothstep(1.02, 0.98, np.abs(x) / neck_half) * smoothstep(p.nose_y, p.nose_y + 10, y)
    neck_z = 34 * np.sqrt(np.clip(1 - (x / neck_half) ** 2, 0, 1))
    slope = p.chin_y + 15 + 0.30 * np.abs(x) + 0.0016 * x**2 - 9 * np.exp(-((x / 46) ** 2))
    shoulders = smoothstep(-0.6, 0.6, y - slope)
    depth = {"round": 24.0, "shirt": 17.0, "vee": 42.0}[p.collar]
    cut = (
        p.chin_y + 24 + depth * np.clip(1 - (np.abs(x) / (neck_half + 2)) ** (1.2 if p.collar == "vee" else 2.4), 0, 1)
    )
    cloth = shoulders * smoothstep(-0.5, 0.5, y - cut)
    body_z = np.maximum(neck_z, (26 * np.sqrt(np.clip(1 - (x / 190) ** 2, 0, 1)) + 0.05 * (y - slope)) * shoulders)
    body_z = g.blurred(body_z.astype(np.float32), 2.0) + cloth * (
        2.0 + 0.8 * g.noise(22, rng) + 0.05 * g.noise(0.8, rng)
    )
    body_z += 2.2 * g.blurred(cloth * smoothstep(5, 1, y - cut), 0.8)  # the seam
    ears, ear_z = _ears(g, p)
    height = np.where(ears > 0.5, np.maximum(ear_z, body_z), body_z).astype(np.float32)
    weave = scaled(linear(p.cloth), 1 + 0.10 * g.noise(0.8, rng) + 0.05 * g.noise(14, rng))
    behind = hair_behind(p, g) * (1 - np.maximum(np.maximum(neck, shoulders), ears))
    albedo = mix(skin * 0.95, weave.astype(np.float32), cloth)
    albedo = mix(albedo, linear(p.hair) * 0.22, behind)
    bare = np.maximum(neck, np.maximum(shoulders, ears)) * (1 - cloth)
    return height, bare * (1 - behind), albedo, np.maximum(np.maximum(np.maximum(neck, shoulders), ears), behind)


def _ears(g: Grid, p: Person) -> tuple[Field, Field]:
    mask, z = g.zeros(), g.zeros()
    for side in (-1, 1):
        x = p.face_width
        shape = [(x - 4, -12), (x + 4, -17), (x + 10.5, -11), (x + 10, 3), (x + 6, 17), (x + 2.5, 27), (x - 4, 27)]
        mask = np.maximum(mask, g.region([(side * u, v) for u, v in shape], 0.3))
        rim = [(x - 2, -12), (x + 4, -14.5), (x + 8.2, -10), (x + 7.8, 3), (x + 4, 15), (x + 1, 23)]
        inner = [(x - 1, -6), (x + 3.5, -5), (x + 4, 4), (x + 0.5, 12)]
        z += 2.2 * g.line([(side * u, v) for u, v in rim], 1.6, 1.0)
        z -= 2.4 * g.line([(side * u, v) for u, v in inner], 2.2, 1.3)
    return mask, z + 6


def _normals(g: Grid, height: Field) -> Field:
    """Unit normals of a height map; slopes are capped, a picture has no overhang."""
    step = 8 / g.density
    right = np.clip(cv2.Sobel(height, cv2.CV_32F, 1, 0, ksize=3) / step, -3, 3)
    down = np.clip(cv2.Sobel(height, cv2.CV_32F, 0, 1, ksize=3) / step, -3, 3)
    length = np.sqrt(right * right + down * down + 1)
    return cv2.merge([-right / length, -down / length, 1 / length])


def _openness(g: Grid, height: Field) -> Field:
    """Hollows see less of the room: compare a point with its surroundings at three sizes."""
    sunk = sum(np.clip((g.blurred(height, s) - height) / s, -0.3, 2) for s in (1.6, 4.0, 9.0))
    return np.clip(1 - 0.55 * sunk, 0.2, 1.15).astype(np.float32)
