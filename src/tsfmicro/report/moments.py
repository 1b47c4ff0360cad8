"""A page about one video: when the face moved, what a model says of each moment, and what it looked at.

The page stands alone: no network, no library. Without JavaScript, and on paper, all moments are shown one below the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import cv2
import numpy as np

from tsfmicro.card import DEMONSTRATION
from tsfmicro.files import counted
from tsfmicro.report.figures import difference
from tsfmicro.report.printed import in_lines
from tsfmicro.report.style import data_uri

_GAIN = 4  # of the difference, so that a movement of a pixel can be seen
_FLOW_LEAST = 0.002  # of the face's edge: less than that is noise, and stays pale


def pictures(faces: np.ndarray, flow: np.ndarray, heat: np.ndarray | None) -> dict[str, np.ndarray]:
    """What there is to look at, each (S, S, 3) uint8 RGB: onset, apex, difference, flow, and heat where it is known.

    Args: faces: (2, S, S, 3) uint8, onset and apex; flow: (2, S, S) pixels; heat: (S, S) from 0 to 1.
    """
    onset, apex = faces
    shown = {"onset": onset, "apex": apex, "difference": difference(onset, apex, _GAIN), "flow": _flow_colours(flow)}
    return shown if heat is None else shown | {"heat": _overlay(onset, heat)}


def _flow_colours(flow: np.ndarray) -> np.ndarray:
    """Direction as hue, distance as strength; white where nothing moves, full colour where most does."""
    right, down = flow.astype(np.float32)
    distance = np.hypot(right, down)
    full = max(float(np.percentile(distance, 99.5)), _FLOW_LEAST * flow.shape[-1])
    hue = np.degrees(np.arctan2(down, right)) % 360
    hsv = np.stack([hue, np.clip(distance / full, 0, 1), np.ones_like(hue)], -1).astype(np.float32)
    return np.round(255 * cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)).astype(np.uint8)


def _overlay(face: np.ndarray, heat: np.ndarray) -> np.ndarray:
    hot = cv2.applyColorMap(np.round(255 * heat).astype(np.uint8), cv2.COLORMAP_INFERNO)
    return cv2.addWeighted(face, 0.55, cv2.cvtColor(hot, cv2.COLOR_BGR2RGB), 0.45, 0)


@dataclass(frozen=True)
class Track:
    """How much one face moved. seconds: (T,) ascending, with gaps where it was not seen; motion: (T,) per cent."""

    face: int
    seconds: np.ndarray
    motion: np.ndarray


def picture_uri(image: np.ndarray, edge: int = 160) -> str:
    """A picture as text, to stand in a page. Args: image: (H, W, 3) uint8 RGB."""
    scale = edge / image.shape[1]
    sized = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    _, code = cv2.imencode(".jpg", cv2.cvtColor(sized, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 88])
    return data_uri("image/jpeg", code.tobytes())


def page(
    known: Mapping[str, Any],
    shown: Sequence[Mapping[str, np.ndarray]],
    tracks: Sequence[Track],
    replays: Sequence[bytes | None],
) -> str:
    """One HTML file.

    Args:
        known: the video, the model and the moments as plain values.
        shown: for each moment its pictures, none where its faces could not be prepared.
        tracks: how each face moved.
        replays: for each moment an animated WebP, or None.
    """
    found, knows_people = known["expressions"], DEMONSTRATION not in known["model"]
    moments = "\n".join(
        _moment(n, one, images, replay, knows_people)
        for n, (one, images, replay) in enumerate(zip(found, shown, replays, strict=True), 1)
    )
    return _PAGE.format(
        name=escape(str(known["video"]).replace("\\", "/").rpartition("/")[2]),
        about=f"{known['seconds']:.1f} s, {known['fps']:.4g} frames per second, {known['width']}×{known['height']} pixels; "
        f"{counted(len(found), 'moment')}, {counted(len(known['blinks']), 'blink')}",
        model=escape(known["model"]),
        names="This names what a model finds most likely, and it is often wrong."
        if knows_people
        else "No emotion is named here, since no model was asked that has seen people.",
        notes=_recording(known.get("fitness", ()))
        + "".join(f"<p class='note'>{escape(note)}</p>" for note in known["notes"]),
        timelines="\n".join(_timeline(track, known) for track in tracks),
        choice=_CHOICE if len(found) > 1 else "",
        moments=moments or "<p>No movement was found that is long and strong enough.</p>",
        style=_STYLE,
        script=_SCRIPT,
    )


def _recording(fitness: Sequence[Mapping[str, Any]]) -> str:
    """What is not well with the recording, before any result."""
    if not fitness:
        return ""
    items = "".join(f"<li>{escape(finding['text'])}</li>" for finding in fitness)
    return f"<div class='note'>About this recording:<ul>{items}</ul></div>"


_WIDE, _HIGH, _FOOT, _LANE = 1000, 150, 18, 13  # of a timeline and of a kind of mark, SVG units


def _timeline(track: Track, known: Mapping[str, Any]) -> str:
    """The movement of a face over time, with its moments as buttons; a long video in lines, one below the other."""
    seconds = max(known["seconds"], 1e-9)
    top = max(1.0, 1.15 * float(track.motion.max(initial=0)))
    drawn = "".join(_line(track, known, top, begin, end) for begin, end in in_lines(seconds))
    return (
        f'<figure class="timeline"><div class="lines">{drawn}</div><figcaption>face {track.face}: how far the most moved part of the face is from where '
        f"it rests, up to {top:.1f} % of the distance between the eyes. Red: micro-expressions; blue: longer ones. Choose "
        "one. Grey, below: what is no expression, or hides one.</figcaption></figure>"
    )


def _line(track: Track, known: Mapping[str, Any], top: float, begin: float, end: float) -> str:
    """What there is from a second to another one. Args: top: of the curve, per cent."""
    scale_x, scale_y = _WIDE / (end - begin), (_HIGH - _FOOT) / top

    def x(seconds: float) -> float:
        return (min(max(seconds, begin), end) - begin) * scale_x

    def here(one: Mapping[str, Any]) -> bool:
        return bool(one["face"] == track.face and one["onset_s"] < end and one["offset_s"] >= begin)

    found = [(n, one) for n, one in enumerate(known["expressions"], 1) if here(one)]
    numbered = _apart([(n, x(one["onset_s"]), 8 * len(str(n)) + 4) for n, one in found])
    bands = "".join(
        f'<a href="#moment-{n}" class="{one["kind"]}" data-moment="{n}" aria-label="moment {n}, {one["kind"]}-expression '
        f'at {one["apex_s"]:.2f} seconds"><rect x="{x(one["onset_s"]):.1f}" y="0" '
        f'width="{max(6.0, x(one["offset_s"]) - x(one["onset_s"])):.1f}" height="{_HIGH - _FOOT}"/>'
        + (f'<text x="{x(one["onset_s"]) + 2:.1f}" y="12">{n}</text></a>' if n in numbered else "</a>")
        for n, one in found
    )
    hiding = [m for m in known.get("marks", ()) if here(m)]
    kinds = list(dict.fromkeys(m["what"] for m in hiding))  # a lane for each, below the curve
    marks, high = "", _HIGH + _LANE * len(kinds)
    for n, what in enumerate(kinds):
        low = _HIGH - _FOOT + 2 + _LANE * n
        places = [(x(m["onset_s"]), x(m["offset_s"])) for m in hiding if m["what"] == what]
        bars = "".join(
            f'<rect x="{a:.1f}" y="{low}" width="{max(2.0, b - a):.1f}" height="{_LANE - 2}"/>' for a, b in places
        )
        at = min(places[0][0] + 2, _WIDE - 6 * len(what))
        marks += f'<g class="mark"><title>{escape(what)}</title>{bars}<text x="{at:.1f}" y="{low + _LANE - 4}">{escape(what)}</text></g>'
    ticks = "".join(f'<text class="tick" x="{x(t):.1f}" y="{high - 4}">{t:g} s</text>' for t in _ticks(begin, end))
    near = slice(*np.searchsorted(track.seconds, (begin, end)))
    curve = "".join(
        '<polyline points="'
        + " ".join(f"{x(t):.1f},{_HIGH - _FOOT - m * scale_y:.1f}" for t, m in zip(*stretch, strict=True))
        + '"/>'
        for stretch in _stretches(Track(track.face, track.seconds[near], track.motion[near]))
    )
    name = f"movement of face {track.face} from {begin:.0f} to {end:.0f} seconds"
    return f'<svg viewBox="0 0 {_WIDE} {high}" role="group" aria-label="{name}">{marks}{bands}{curve}{ticks}</svg>'


def _apart(places: Sequence[tuple[int, float, float]]) -> set[int]:
    """Of things by number, place and width those that do not lie on the one before."""
    shown, end = set(), -1.0
    for number, x, width in sorted(places, key=lambda place: place[1]):
        if x >= end:
            shown.add(number)
            end = x + width
    return shown


def _ticks(begin: float, end: float) -> list[float]:
    length = end - begin
    step = next(s for s in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60, 120, 300, 600, 1800, 3600, 36000) if length / s <= 12)
    return [round(n * step, 3) for n in range(-int(-begin // step), int(end / step) + 1) if begin <= n * step < end]


def _stretches(track: Track, points: int = 900) -> list[tuple[np.ndarray, np.ndarray]]:
    """Stretches without a gap, thinned to about so many points in all, of which the highest are kept."""
    if not len(track.seconds):
        return []
    gaps = np.flatnonzero(np.diff(track.seconds) > 0.25) + 1
    bunch = max(1, len(track.seconds) // points)
    stretches = []
    for seconds, motion in zip(np.split(track.seconds, gaps), np.split(track.motion, gaps), strict=True):
        starts = np.arange(0, len(seconds), bunch)
        stretches.append((seconds[starts], np.maximum.reduceat(motion, starts)))
    return stretches


def _moment(
    number: int, one: Mapping[str, Any], images: Mapping[str, np.ndarray], replay: bytes | None, knows_people: bool
) -> str:
    times = f"{one['onset_s']:.2f} s → {one['apex_s']:.2f} s → {one['offset_s']:.2f} s"
    figures = "".join(
        f'<figure><img alt="{name} of moment {number}" src="{picture_uri(image)}"><figcaption>{_CAPTIONS[name]}</figcaption></figure>'
        for name, image in images.items()
    )
    if replay is not None:
        figures += (
            f'<figure><img class="replay" alt="replay of moment {number}" src="{data_uri("image/webp", replay)}">'
            "<figcaption>slowly; to the right, movement made larger</figcaption></figure>"
        )
    said = _probabilities(one) if "probabilities" in one else f"<p class='note'>{escape(one['why_not'])}</p>"
    if not knows_people:  # a name in large letters would be believed, whatever stands beside it
        said = f"<details><summary>what the demonstration model would name, which never saw a person</summary>{said}</details>"
    return (
        f'<section id="moment-{number}" data-kind="{one["kind"]}" data-sure="{one["confidence"]}"><h2>{number}. {escape(one["kind"])}-expression, face {one["face"]}</h2>'
        f"<p>onset → apex → offset: {times}; most moved: {escape(one['region'])}{_candidates(one)}, "
        f"{one['motion']:.1f} % of the eyes' distance; confidence {one['confidence']:.2f}{_doubt(one)}</p>{said}<div class='row'>{figures}</div></section>"
    )


def _doubt(one: Mapping[str, Any]) -> str:
    return f"; against it speaks: {escape(one['doubt'])}" if one.get("doubt") else ""


def _candidates(one: Mapping[str, Any]) -> str:
    """(perhaps AU 1 or 4)"""
    units = " or ".join(map(str, one.get("unit_candidates", ())))
    return f" (perhaps AU {units})" if units else ""


def _probabilities(one: Mapping[str, Any]) -> str:
    ranked = sorted(one["probabilities"].items(), key=lambda item: -item[1])
    rows = "".join(
        f"<tr><th scope='row'>{escape(name)}</th><td><meter min='0' max='1' value='{p}'></meter></td><td>{p:.0%}</td></tr>"
        for name, p in ranked
    )
    verdict = (
        f"Most likely: <strong>{escape(one['emotion'])}</strong>"
        if one["emotion"]
        else f"The model is <strong>not sure</strong>: no emotion reaches {one['threshold']:.0%}"
    )
    return f"<p class='verdict'>{verdict}</p><table>{rows}</table>"


_CAPTIONS = {
    "onset": "onset",
    "apex": "apex",
    "difference": f"difference, ×{_GAIN}",
    "flow": "flow: colour is direction",
    "heat": "where the model looked",
}

_STYLE = """
:root { color-scheme: light dark; font-family: system-ui, sans-serif; line-height: 1.45 }
body { max-width: 64rem; margin: 0 auto; padding: 1rem }
h1 { font-size: 1.3rem; overflow-wrap: anywhere } h2 { font-size: 1.05rem; margin: .3rem 0 }
figure { margin: 0; font-size: .82rem } .row { display: flex; flex-wrap: wrap; gap: .6rem; margin-top: .6rem }
.row img { display: block; border-radius: 4px; max-width: 100% }
.timeline svg { box-sizing: border-box; width: 100%; min-width: 50rem; height: auto; border: 1px solid #8886; border-radius: 6px }
.lines { max-height: 60vh; overflow: auto; position: relative } .timeline polyline { fill: none; stroke: currentColor; stroke-width: 1.2; opacity: .75; pointer-events: none }
.timeline rect { fill-opacity: .25 } .timeline a { cursor: pointer } .timeline text { font-size: 12px; fill: currentColor }
.timeline .tick { opacity: .7 } .timeline .mark rect { fill: #888; fill-opacity: .4 } .timeline .mark text { font-size: 10px; fill: currentColor; opacity: .8 } .micro rect { fill: #d1495b } .macro rect { fill: #2e86ab }
.timeline a:hover rect, .timeline a:focus rect { fill-opacity: .45 }
.timeline a.chosen rect { fill-opacity: .6; stroke: currentColor; stroke-width: 2 }
.note { border-left: 4px solid #d1495b; padding-left: .7rem } .verdict { font-size: 1.1rem; margin: .4rem 0 }
section { border-top: 1px solid #8886; padding: .6rem 0 }
body.one section { display: none } body.one section.chosen { display: block }
details { margin: .4rem 0 } summary { cursor: pointer; opacity: .8 }
th { text-align: left; font-weight: normal; padding-right: 1rem } meter { width: min(14rem, 40vw) }
nav { display: none; gap: .5rem; align-items: center; margin-top: .6rem } body.one nav { display: flex; flex-wrap: wrap } .timeline a[hidden] { display: none }
button { font: inherit; padding: .2rem .8rem }
@media print { .timeline svg { min-width: 0 } .lines { max-height: none } body.one section { display: block } nav { display: none !important } section { break-inside: avoid } }
"""

_SCRIPT = """
const all = [...document.querySelectorAll('section')];
if (all.length) {
  document.body.classList.add('one');
  let moments = all, at = 0, shown = null;
  const bands = [...document.querySelectorAll('[data-moment]')];
  const number = m => m.id.slice(7), of = new Map(all.map(m => [number(m), []]));
  bands.forEach(a => of.get(a.dataset.moment).push(a));
  const show = is => [shown, ...of.get(number(shown))].forEach(e => e.classList.toggle('chosen', is));
  const choose = n => {
    at = (n + moments.length) % moments.length;
    if (shown) show(false);
    shown = moments[at];
    show(true);
    const band = of.get(number(shown))[0], line = band?.closest('svg');
    if (line) {
      const box = line.parentElement, [there, its, room] = [line, band, box].map(e => e.getBoundingClientRect());
      if (there.top < room.top || there.bottom > room.bottom) box.scrollTop += there.top - room.top;
      if (its.left < room.left || its.right > room.right) box.scrollLeft += its.left - room.left - room.width / 2;
    }
    document.querySelector('nav span').textContent =
      `moment ${at + 1} of ${moments.length}` + (moments.length < all.length ? `, of ${all.length} in all` : '');
  };
  bands.forEach(a => a.addEventListener('click', event => {
    event.preventDefault();
    const one = document.getElementById(`moment-${a.dataset.moment}`);
    choose(moments.indexOf(one));
  }));
  const [back, next] = document.querySelectorAll('nav button');
  back.addEventListener('click', () => choose(at - 1));
  next.addEventListener('click', () => choose(at + 1));
  const [kind, order] = document.querySelectorAll('nav select');
  const gather = () => {
    const some = all.filter(m => !kind.value || m.dataset.kind === kind.value);
    moments = some.length ? some : all;
    if (order.value) moments = moments.toSorted((a, b) => b.dataset.sure - a.dataset.sure);
    const there = new Set(moments.map(number));
    bands.forEach(a => a.toggleAttribute('hidden', !there.has(a.dataset.moment)));
    choose(0);
  };
  [kind, order].forEach(one => one?.addEventListener('change', gather));
  choose(0);
}
"""

_CHOICE = """<label>show <select><option value="">all</option><option value="micro">micro</option><option value="macro">macro</option></select></label>
<label>by <select><option value="">time</option><option value="1">confidence</option></select></label>"""

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{name}</title>
<style>{style}</style></head>
<body>
<h1>{name}</h1>
<p>{about}</p>
<p class="note">{model}</p>
<p>A movement is not a feeling. {names} It is no lie detector.</p>
{notes}
{timelines}
<nav><button type="button">← back</button><span></span><button type="button">next →</button>{choice}</nav>
{moments}
<script>{script}</script>
</body></html>
"""
