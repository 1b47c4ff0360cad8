"""One HTML page of a run or a whole study: what was run, tables, figures, and every clip to look at.

The page stands alone: one file, which is not even allowed to load anything. Its parts are in templates/.
"""

from __future__ import annotations

import io
import json
from base64 import b64encode
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2
import matplotlib
import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from matplotlib.figure import Figure

from tsfmicro.config import yaml_text
from tsfmicro.prepared import PreparedSet
from tsfmicro.report import formats
from tsfmicro.report.figures import SCORES, difference
from tsfmicro.report.material import Material
from tsfmicro.report.style import HEAT, data_uri, rendered
from tsfmicro.report.tables import Number, Table, name_of, signed
from tsfmicro.types import Interval, Scores, person_of

EDGE = 80  # of a picture in the clip browser, pixels
_QUALITY = 75
_LARGEST_SVG = 120_000  # bytes; a drawing of more is smaller as a picture
_DPI = 130  # of such a picture
_ZOOM = 105  # pixels of the page for an inch of a figure

_KINDS = {
    "curves": ("Training curves", "Scores of the people left out, after each epoch; the band spans the seeds. The "
               "highest point of a curve is no result: the test people chose it."),
    "confusion": ("Confusion matrices", "Counts, summed over seeds, and percentages of the row."),
    "people": ("People", "Share of right answers for each person, the most difficult on top; lines: ACC over all clips."),
    "leak": ("The leak", "What choosing the epoch on the test person adds to UF1."),
    "features-by-class": ("Features by class", "t-SNE; each clip through the network that has not seen its person."),
    "features-by-person": ("Features by person", "t-SNE; all clips through one network. Points of one person that lie "
                           "together show that the features hold who somebody is. Ringed: the person it has not seen."),
    "heat-maps": ("Heat maps", "Grad-CAM for the answer below each map, ticked where it is the truth. Brightness cannot "
                  "be compared between maps."),
    "streams": ("Heat maps of the streams", "Grad-CAM for the answer below each map. Brightness cannot be compared "
                "between maps."),
    "confused": ("Confused clips", "Of each frequent confusion the clips the run was surest of: truth → answer."),
}  # fmt: skip


@dataclass(frozen=True)
class Drawing:
    """A figure that can stand in the page: a data URI, and its size in the page, pixels."""

    uri: str = field(repr=False)
    width: int
    height: int


def page(
    runs: Sequence[Material],
    tables: Sequence[Table],
    figures: Mapping[str, Drawing],
    faces: Mapping[str, PreparedSet | None],
    notes: Sequence[str] = (),
) -> str:
    """The page as text.

    Args:
        runs: of any datasets and models, at least one.
        tables: of the paper, as far as these runs fill them.
        figures: name, as the report's files have it → what it looks like.
        faces: run name → its prepared set, or None where its faces are not to be had or not to be shown.
        notes: what could not be made, and why.
    """
    made = Environment(
        loader=PackageLoader("tsfmicro.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    shown = [run for run in runs if faces.get(run.name) is not None]
    return made.get_template("page.html").render(
        title=_title(runs),
        generated=[run.name for run in runs if run.generated],
        real_faces=any(not run.generated for run in shown),
        faceless=[run.name for run in runs if run not in shown],
        heatless=[run.name for run in runs if run.maps is None],
        notes=notes,
        floors=list(dict.fromkeys(name for run in runs for name in run.floors)),
        runs=[_run(run) for run in runs],
        tables=[Markup(formats.html_table(table)) for table in tables],
        table_style=Markup(formats.STYLE),
        figures=[_figure(name, drawing, runs) for name, drawing in figures.items()],
        data=_data_sets(runs),
        clips=_for_script(_browser(runs, faces)),
        edge=EDGE,
        source=_source(made),
    )


def drawn(figure: Figure) -> Drawing:
    """A figure for the page: sharp at any size where it is a light drawing, else a picture."""
    width, height = (round(_ZOOM * inches) for inches in figure.get_size_inches())
    svg = rendered(figure, "svg")
    if len(svg) <= _LARGEST_SVG:
        return Drawing(data_uri("image/svg+xml", svg), width, height)
    content = io.BytesIO()
    figure.savefig(content, format="webp", dpi=_DPI, pil_kwargs={"quality": 80})
    return Drawing(data_uri("image/webp", content.getvalue()), width, height)


def strip(pair: np.ndarray, edge: int = EDGE) -> str:
    """Onset, apex and their difference beside each other, small, as data URI. Args: pair: (2, H, W, 3) uint8 RGB."""
    images = np.concatenate([*pair, difference(*pair)], axis=1)
    shrinks = edge < pair.shape[1]
    small = cv2.resize(images, (3 * edge, edge), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
    _, code = cv2.imencode(".webp", small[..., ::-1], [cv2.IMWRITE_WEBP_QUALITY, _QUALITY])
    return data_uri("image/webp", code.tobytes())


def _source(made: Environment) -> dict[str, Markup]:
    """Style and script, which are ours and stand in the page as they are."""
    assert made.loader is not None
    return {name: Markup(made.loader.get_source(made, f"page.{name}")[0]) for name in ("css", "js")}


def _title(runs: Sequence[Material]) -> str:
    groups = list(dict.fromkeys(name_of(run.dataset, len(run.classes)) for run in runs))
    names = runs[0].name if len(runs) == 1 else f"{len(runs)} runs"
    return f"{names} · {'; '.join(groups)}"


def _run(run: Material) -> dict[str, Any]:
    """What the template says of a run."""
    options = ", ".join(f"{key} {value}" for key, value in run.config.model.options.items())
    return {
        "name": run.name,
        "label": run.label,
        "model": f"{run.config.model.name}{f' ({options})' if options else ''}",
        "data": f"{name_of(run.dataset, len(run.classes))}{', generated faces' if run.generated else ''}",
        "protocol": run.config.protocol.name,
        "last": _numbers(run, run.last),
        "counts": [run.last.people, run.last.clips, len(run.last.seeds)],
        "floors": {name: _numbers(run, floor, "floor")[0] for name, floor in run.floors.items()},
        "rules": [(str(scores.rule), scores.rule.test_selected, _numbers(run, scores)) for scores in run.scores.values()],
        "all_floors": [(f"{name.replace('-', ' ')} floor", _numbers(run, of, "floor")) for name, of in run.floors.items()],
        "leak": [_gain(run.leak[score]) for score in SCORES],
        "environment": _environment(run.environment),
        "config": yaml_text(run.config),
    }  # fmt: skip


def _numbers(run: Material, scores: Scores, source: str = "ours") -> list[Number]:
    """UF1, UAR and ACC, or what the rule has instead of UAR."""
    counts = (scores.people, scores.clips, len(scores.seeds))
    of = {"UF1": scores.uf1, scores.rule.uar_is: scores.uar, "ACC": scores.acc}
    return [
        Number(metric, Interval(100 * i.value, 100 * i.low, 100 * i.high), source, run.name, scores.rule, *counts)
        for metric, i in of.items()
    ]


def _gain(of: Interval) -> str:
    value, low, high = (signed(100 * v) for v in (of.value, of.low, of.high))
    return f"{value} [{low}, {high}]"


def _environment(known: Mapping[str, Any]) -> dict[str, str]:
    packages = known.get("packages", {})
    plain = {key: _told(value) for key, value in known.items() if key not in ("packages", "generated")}
    return plain | {name: str(version) for name, version in packages.items()}


def _told(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {of}" for key, of in value.items())
    return str(value)


def _figure(name: str, drawing: Drawing, runs: Sequence[Material]) -> dict[str, Any]:
    kind, of = _kind(name)
    title, how = _KINDS.get(kind, (name, ""))
    groups = {run.group: name_of(run.dataset, len(run.classes)) for run in runs}
    of = {"of-datasets": "all datasets"}.get(of, groups.get(of, of))
    return {"id": f"figure-{name}", "title": title, "of": of, "how": how, "drawing": drawing}


def _kind(name: str) -> tuple[str, str]:
    """'features-casme2-5-by-class' → 'features-by-class', 'casme2-5'"""
    for suffix in ("-by-class", "-by-person"):
        if name.startswith("features-") and name.endswith(suffix):
            return f"features{suffix}", name.removeprefix("features-").removesuffix(suffix)
    found = next((kind for kind in _KINDS if name.startswith(f"{kind}-")), name)
    return found, name.removeprefix(f"{found}-")


def _data_sets(runs: Sequence[Material]) -> list[dict[str, Any]]:
    """Clips per class and person, and what was left out: once for all runs that have the same."""
    found: dict[Any, list[Material]] = {}
    for run in runs:
        key = (run.dataset, run.generated, run.classes, run.clips, run.target.tobytes(), tuple(run.skipped))
        found.setdefault(key, []).append(run)
    return [_data_set(same[0], [run.name for run in same]) for same in found.values()]


def _data_set(run: Material, names: Sequence[str]) -> dict[str, Any]:
    counts: dict[str, Counter[int]] = {}
    for person, number in zip(run.people, run.target.tolist(), strict=True):
        counts.setdefault(person, Counter())[number] += 1
    columns = range(len(run.classes))
    reasons: dict[str, list[str]] = {}
    for clip, why in run.skipped:
        reasons.setdefault(why, []).append(clip)
    return {
        "title": name_of(run.dataset, len(run.classes)),
        "generated": run.generated,
        "runs": names,
        "classes": run.classes,
        "people": [(person, [of[n] for n in columns], of.total()) for person, of in sorted(counts.items())],
        "totals": [sum(of[n] for of in counts.values()) for n in columns],
        "clips": len(run.clips),
        "published": run.published_clips,
        "skipped": sorted(reasons.items(), key=lambda item: (-len(item[1]), item[0])),
        "left_out": len(run.skipped),
    }


def _browser(runs: Sequence[Material], faces: Mapping[str, PreparedSet | None]) -> dict[str, Any]:
    """What the clip browser is made of. Pictures stand there once for all runs with the same prepared faces."""
    clips = sorted({clip for run in runs for clip in run.clips})
    place = {clip: n for n, clip in enumerate(clips)}
    pictures: dict[str, dict[int, str]] = {}
    for run in runs:
        prepared = faces.get(run.name)
        if prepared is not None:
            known = pictures.setdefault(prepared.key, {})
            new = [clip for clip in run.clips if place[clip] not in known]
            pairs = prepared.faces("annotated")
            known |= {
                place[clip]: strip(pairs[row]) for clip, row in zip(new, prepared.rows_of(new), strict=True)
            }  # fmt: skip
    return {
        "clips": clips,
        "people": [person_of(clip) for clip in clips],
        "pictures": pictures,
        "colours": b64encode(_heat_colours().tobytes()).decode(),
        "runs": [_answers(run, place, faces.get(run.name)) for run in runs],
    }


def _answers(run: Material, place: Mapping[str, int], prepared: PreparedSet | None) -> dict[str, Any]:
    mean = run.probabilities.mean(0)  # (N, C)
    of = {
        "name": run.name,
        "label": run.label if run.label == run.name else f"{run.label} ({run.name})",
        "classes": run.classes,
        "clips": [place[clip] for clip in run.clips],
        "truth": run.target.tolist(),
        "answer": mean.argmax(-1).tolist(),
        "right": (run.answers == run.target).sum(0).tolist(),  # in so many seeds
        "seeds": len(run.probabilities),
        "thousandths": np.round(1000 * mean).astype(int).tolist(),
        "pictures": prepared.key if prepared is not None else None,
        "heat": None,
    }
    if run.maps is not None:
        joined = run.maps.parts["joined"]
        code = b64encode(np.ascontiguousarray(joined).tobytes()).decode()
        of["heat"] = {"size": joined.shape[1:], "code": code, "answer": run.maps.answer.tolist(), "seed": run.maps.seed}
    return of


def _heat_colours() -> np.ndarray:
    """(256, 3) uint8"""
    return np.round(255 * matplotlib.colormaps[HEAT](np.arange(256))[:, :3]).astype(np.uint8)


def _for_script(values: Mapping[str, Any]) -> Markup:
    """JSON that cannot end the script element it stands in."""
    text = json.dumps(values, separators=(",", ":"), ensure_ascii=False)
    return Markup(text.replace("<", "\\u003c"))
