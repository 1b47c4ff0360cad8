"""ELAN's .eaf (Max Planck Institute for Psycholinguistics), which counts milliseconds.

Each person has a tier `kind@name` with a mark for each moment, below it tiers for units, emotion, certainty, note and coder, and
a tier `apex@name` whose marks begin at the apex.
"""

from __future__ import annotations

import mimetypes
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from tsfmicro.coding.base import Format
from tsfmicro.coding.layers import SAID, Layer, Mark, Tiers, apex_of, layers, pympi, said, span
from tsfmicro.errors import AnnotationError
from tsfmicro.timeline import Timeline

_APEX_SHOWN = 40  # milliseconds: a mark of no length could not be seen or dragged
_FPS, _SECONDS = "tsfmicro:fps", "tsfmicro:seconds"


class Elan(Format):
    name, title, endings = "elan", "ELAN", (".eaf",)

    def read(self, path: Path, fps: float | None = None) -> list[Timeline]:
        eaf = _parsed(path)
        tiers = Tiers(str(path))
        media: dict[str, str] = next(iter(eaf.media_descriptors), {})
        origin = round(
            _number(media.get("TIME_ORIGIN")) or 0
        )  # where in the video the file's time begins, milliseconds
        if origin:
            tiers.notes.append(
                f"{path}: its time begins {origin / 1000:g} s after the video's (media offset); that is added"
            )
        spans: dict[str, tuple[int, int]] = {}
        for aligned, _, _, _ in eaf.tiers.values():
            for name, (begin, end, _, _) in aligned.items():
                times = eaf.timeslots.get(begin), eaf.timeslots.get(end)
                if None not in times:
                    spans[name] = times[0] + origin, times[1] + origin
        for name, (aligned, references, about, _) in eaf.tiers.items():
            said_of = {a: mark[0] for a, mark in references.items()}
            marks = [Mark(*spans[a], mark[2]) for a, mark in aligned.items() if a in spans]
            marks += [Mark(*spans[of], references[a][1]) for a, of in said_of.items() if of in spans]
            tiers.add(name, marks, about.get("PARTICIPANT"))
            without = len(aligned) + len(references) - len(marks)
            if without:
                tiers.notes.append(f"{path}: {without} marks of tier {name!r} have no time; they were left out")
        url = media.get("RELATIVE_MEDIA_URL") or media.get("MEDIA_URL") or ""
        own = dict(eaf.properties)
        moments = tiers.moments()
        return [
            Timeline(
                video=unquote(url.rpartition("/")[2]),
                moments=moments,
                fps=_number(own.get(_FPS)) or fps,
                seconds=_number(own.get(_SECONDS)),
                people=tuple(tiers.people),
                notes=tuple(tiers.notes),
            )
        ]

    def content(self, timelines: Sequence[Timeline]) -> bytes:
        elan = pympi("Elan")
        (timeline,) = timelines
        eaf = elan.Eaf(author="tsfmicro")
        eaf.remove_tier("default")
        eaf.add_linguistic_type("moments")
        eaf.add_linguistic_type("codes", "Symbolic_Association", timealignable=False)
        if timeline.video:
            kind = mimetypes.guess_type(timeline.video)[0] or "video/mp4"
            name = quote(timeline.video)
            eaf.add_linked_file(f"file:///{name}", f"./{name}", kind)
        for key, value in ((_FPS, timeline.fps), (_SECONDS, timeline.seconds)):
            if value is not None:
                eaf.add_property(key, f"{value:.6f}")
        for layer in layers(timeline):
            _add(eaf, layer)
        return elan.to_string(eaf, encoding="UTF-8")


def _add(eaf: Any, layer: Layer) -> None:
    kinds, apexes = layer.tier("kind"), layer.tier("apex")
    eaf.add_tier(kinds, "moments", part=layer.person)
    for m in layer.moments:
        eaf.add_annotation(kinds, *span(m), m.kind)
    marks = [*eaf.tiers[kinds][0]]
    for what in SAID:
        texts = [said(m, what) for m in layer.moments]
        if any(texts):
            eaf.add_tier(layer.tier(what), "codes", kinds, part=layer.person)
            below = eaf.tiers[layer.tier(what)][1]
            for mark, text in zip(marks, texts, strict=True):
                if text:  # set here: add_ref_annotation would look for each mark among all
                    below[eaf.generate_annotation_id()] = (mark, text, None, None)
    starts = [apex for m in layer.moments if (apex := apex_of(m)) is not None]
    if starts:
        eaf.add_tier(apexes, "moments", part=layer.person)
        for start, after in zip(starts, [*starts[1:], starts[-1] + 2 * _APEX_SHOWN], strict=True):
            eaf.add_annotation(apexes, start, min(start + _APEX_SHOWN, after), "apex")


def _parsed(path: Path) -> Any:
    elan = pympi("Elan")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return elan.Eaf(str(path))
    except OSError as error:
        raise AnnotationError(f"{path}: cannot be read ({error.strerror}). Give an ELAN file.") from None
    except Exception:  # pympi raises what it stumbles over, of any kind
        raise AnnotationError(f"{path}: is no ELAN file, or damaged. Open it in ELAN, and save it again.") from None


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None
