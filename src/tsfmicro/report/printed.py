"""The report of one video, to be printed or filed: what was measured, by what, how, and what it must not be used for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from tsfmicro import __version__
from tsfmicro.card import DEMONSTRATION
from tsfmicro.report.style import data_uri

LISTED = 500  # moments that are told one by one; an hour may have thousands
_LINE, _LINES = 300.0, 36  # seconds of a line of a timeline, and lines of a video at most
OF_MODEL = ("A model was asked, which answers with one of the emotions that it was trained to tell apart, and with how probable it holds each. "
    "It has learned from clips of laboratories what annotators called them; it does not know what anybody felt.")  # fmt: skip
OF_NONE = "No model was asked and no emotion is named: this report tells movement alone, which was measured from picture to picture."
OF_DEMONSTRATION = ("The demonstration model that comes with the program was asked. It has only ever seen drawn faces, and what it says of people "
    "means nothing. So no emotion is named here")  # fmt: skip


def is_named(model: str) -> bool:
    """Whether a report tells a model's emotions. Args: model: its card in a line, empty where none was asked."""
    return bool(model) and DEMONSTRATION not in model


def of_model(model: str, elsewhere: str = "") -> str:
    """What a reader must know of it. Args: elsewhere: where answers stand that the report leaves out."""
    if is_named(model):
        return OF_MODEL
    return f"{OF_DEMONSTRATION}{elsewhere}." if model else OF_NONE


def made() -> str:
    """By what and when, for the foot of a report."""
    return f"Made by tsfmicro {__version__} on {datetime.now():%Y-%m-%d}."


def printed(known: Mapping[str, Any], picture: bytes, made: str) -> str:
    """One HTML file, made for paper and read on a screen too.

    Args:
        known: the video and its moments as plain values, `Spotting.to_dict` or `Reading.to_dict`.
        picture: the drawing of the curves and faces, PNG.
        made: when and by which version, in words.
    """
    model = str(known.get("model") or "")
    return on_paper(
        "printed.html",
        name=str(known["video"]).replace("\\", "/").rpartition("/")[2],
        known=known,
        listed=LISTED,
        faces=sorted({face["face"] for face in known["faces"]}),
        kinds={kind: sum(one["kind"] == kind for one in known["expressions"]) for kind in ("micro", "macro")},
        findings=[one["text"] for one in known.get("fitness", ())],
        doubts=any(one.get("doubt") for one in known["expressions"]),
        marks=known.get("marks", ()),
        picture=data_uri("image/png", picture),
        model=model,
        named=is_named(model),
        about=of_model(model, "; its answers stand in the table of moments beside this report"),
        made=made,
    )


def in_lines(seconds: float) -> list[tuple[float, float]]:
    """From when to when each line of a video's timeline goes, seconds: five minutes at most, unless there would be too many."""
    lines = min(_LINES, max(1, -int(-seconds // _LINE)))
    return [(n * seconds / lines, (n + 1) * seconds / lines) for n in range(lines)]


def on_paper(template: str, **told: Any) -> str:
    """A template filled, with the look of what is printed."""
    environment = Environment(
        loader=PackageLoader("tsfmicro.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    assert environment.loader is not None
    style = Markup(environment.loader.get_source(environment, "printed.css")[0])
    return environment.get_template(template).render(style=style, **told)
