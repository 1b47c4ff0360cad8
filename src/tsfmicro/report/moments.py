"""A page about one video: when the face moved, what a model says of each moment, and what it looked at."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import cv2
import numpy as np

_GAIN = 4  # of the difference, so that a movement of a pixel can be seen
_FLOW_FULL = 2.0  # pixels of movement that are drawn in full colour, on a face 64 pixels wide; more on a wider one


def pictures(faces: np.ndarray, flow: np.ndarray, heat: np.ndarray | None) -> dict[str, np.ndarray]:
    """What there is to look at, each (S, S, 3) uint8 RGB: onset, apex, difference, flow, and heat where it is known.

    Args: faces: (2, S, S, 3) uint8, onset and apex; flow: (2, S, S) pixels; heat: (S, S) from 0 to 1.
    """
    onset, apex = faces
    shown = {"onset": onset, "apex": apex, "difference": _difference(onset, apex), "flow": _flow_colours(flow)}
    return shown if heat is None else shown | {"heat": _overlay(onset, heat)}


def _difference(onset: np.ndarray, apex: np.ndarray) -> np.ndarray:
    change = apex.astype(np.int16) - onset
    return np.clip(128 + _GAIN * change, 0, 255).astype(np.uint8)


def _flow_colours(flow: np.ndarray) -> np.ndarray:
    """Direction as hue, distance as strength; white where nothing moves."""
    right, down = flow.astype(np.float32)
    full = _FLOW_FULL * flow.shape[-1] / 64
    hue = np.degrees(np.arctan2(down, right)) % 360
    strength = np.clip(np.hypot(right, down) / full, 0, 1)
    hsv = np.stack([hue, strength, np.ones_like(hue)], -1).astype(np.float32)
    return np.round(255 * cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)).astype(np.uint8)


def _overlay(face: np.ndarray, heat: np.ndarray) -> np.ndarray:
    hot = cv2.applyColorMap(np.round(255 * heat).astype(np.uint8), cv2.COLORMAP_INFERNO)
    return cv2.addWeighted(face, 0.55, cv2.cvtColor(hot, cv2.COLOR_BGR2RGB), 0.45, 0)


def data_uri(image: np.ndarray, edge: int = 160) -> str:
    """A picture as text, to stand in a page. Args: image: (H, W, 3) uint8 RGB."""
    scale = edge / image.shape[1]
    sized = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    _, code = cv2.imencode(".jpg", cv2.cvtColor(sized, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 88])
    return "data:image/jpeg;base64," + b64encode(code.tobytes()).decode()


def page(known: Mapping[str, Any], shown: Sequence[Mapping[str, np.ndarray]], curve: bytes) -> str:
    """One HTML file, nothing loaded from elsewhere.

    Args:
        known: the video, the model and the moments as plain values.
        shown: for each moment its pictures, none where its faces could not be prepared.
        curve: the picture of the motion over time, PNG.
    """
    name = escape(str(known["video"]).replace("\\", "/").rpartition("/")[2])
    found = known["expressions"]
    moments = "\n".join(_moment(n, one, images) for n, (one, images) in enumerate(zip(found, shown, strict=True), 1))
    notes = "".join(f"<p class='note'>{escape(note)}</p>" for note in known["notes"])
    return _PAGE.format(
        name=name,
        about=f"{known['seconds']:.1f} s, {known['fps']:.4g} frames per second, {known['width']}×{known['height']} pixels; "
        f"{len(found)} moments, {len(known['blinks'])} blinks",
        model=escape(known["model"]),
        notes=notes,
        curve="data:image/png;base64," + b64encode(curve).decode(),
        moments=moments or "<p>No movement was found that is long and strong enough.</p>",
    )


def _moment(number: int, one: Mapping[str, Any], images: Mapping[str, np.ndarray]) -> str:
    times = f"{one['onset_s']:.2f} s → {one['apex_s']:.2f} s → {one['offset_s']:.2f} s"
    figures = "".join(
        f'<figure><img alt="{name} of moment {number}" src="{data_uri(image)}"><figcaption>{name}</figcaption></figure>'
        for name, image in images.items()
    )
    said = _probabilities(one) if "probabilities" in one else f"<p class='note'>{escape(one['why_not'])}</p>"
    return (
        f"<section><h2>{number}. {escape(one['kind'])}-expression, face {one['face']}</h2>"
        f"<p>onset → apex → offset: {times}; most moved: {escape(one['region'])}, "
        f"{one['motion']:.1f} % of the eyes' distance</p><div class='row'>{figures}</div>{said}</section>"
    )


def _probabilities(one: Mapping[str, Any]) -> str:
    ranked = sorted(one["probabilities"].items(), key=lambda item: -item[1])
    rows = "".join(
        f"<tr><th scope='row'>{escape(name)}</th><td><meter min='0' max='1' value='{p}'></meter></td><td>{p:.0%}</td></tr>"
        for name, p in ranked
    )
    verdict = (
        f"Most likely: <strong>{escape(one['emotion'])}</strong>"
        if one["emotion"]
        else f"The model is <strong>not sure</strong> (no emotion reaches {one['threshold']:.0%})"
    )
    return f"<p>{verdict}</p><table>{rows}</table>"


_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{name}</title>
<style>
:root {{ color-scheme: light dark; font-family: system-ui, sans-serif; line-height: 1.45 }}
body {{ max-width: 62rem; margin: 0 auto; padding: 1rem }}
section {{ border-top: 1px solid #8886; padding: .5rem 0 1rem }}
h2 {{ font-size: 1.05rem }}
.row {{ display: flex; flex-wrap: wrap; gap: .6rem }}
figure {{ margin: 0; font-size: .85rem }} figure img {{ display: block; border-radius: 4px }}
img.curve {{ width: 100%; background: #fff; border-radius: 6px }}
.note {{ border-left: 4px solid #d1495b; padding-left: .7rem }}
th {{ text-align: left; font-weight: normal; padding-right: 1rem }} meter {{ width: 12rem }}
@media print {{ section {{ break-inside: avoid }} }}
</style>
<h1>{name}</h1>
<p>{about}</p>
<p class="note">{model}</p>
<p>A movement is not a feeling: this names what a model finds most likely, and is often wrong. It is no lie detector.</p>
{notes}
<img class="curve" alt="movement over time" src="{curve}">
{moments}
</html>
"""
