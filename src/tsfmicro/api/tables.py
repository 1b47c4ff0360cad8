"""`tsfmicro.read`: what was found, coded or scored, as pandas tables with units."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tsfmicro.columns import (
    CODEBOOK_HEADS,
    CODED,
    MODEL,
    SPOTTED,
    VIDEO,
    Column,
    codebook,
    curve_columns,
    heads,
    in_columns,
    named_emotions,
)
from tsfmicro.errors import ConfigError, RunError

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from tsfmicro.desk.gather import Coding
    from tsfmicro.run.watch import Watch
    from tsfmicro.spot.types import Spotting
    from tsfmicro.use.answers import Reading

_SPOTTED_FILES = ("reading.json", "spotting.json")  # the best first
MANY = "moments.csv"  # of a folder of videos
_FOUND = (VIDEO, *SPOTTED)

CLIPS = (
    Column("clip", "", "dataset/person/name"),
    Column("person", "", "who is seen; nobody is on both sides of a fold"),
    Column("truth", "", "the class that the annotators gave"),
    Column("answer", "", "the class that the model finds likeliest; it has not learned from this person"),
    Column("right", "", "whether the two are the same", "True, False"),
    Column("seed", "", "of the training", "0 and above"),
    MODEL,
)
"""Of a run's clips, before the probabilities."""


@dataclass(frozen=True, eq=False)
class Tables:
    """Pandas tables of one thing that was read; those that it does not have are empty.

    Attributes:
        place: what was read. model: who speaks, as each row repeats it.
        moments: a row for each moment of a video; see `codebook` for its columns, and docs/tables.md.
        curves: a row for each measured frame of each face: how far each region is from where it rests, %.
        clips: a row for each clip and seed of a run: truth, answer and probabilities, by a model that did not know the person.
        codebook: a row for each column: table, column, unit, meaning, values.
    """

    place: Path
    model: str
    moments: pd.DataFrame = field(repr=False)
    curves: pd.DataFrame = field(repr=False)
    clips: pd.DataFrame = field(repr=False)
    codebook: pd.DataFrame = field(repr=False)

    def __repr__(self) -> str:
        counts = (f"{len(getattr(self, name))} {name}" for name in ("moments", "curves", "clips"))
        return f"{self.place}: {', '.join(counts)}; {self.model}"

    def plot(self, path: str | Path | None = None) -> Figure:
        """Draw it: of a video its curve and moments, of codings the moments of each coder, of a run what was taken for what.

        Args: path: also write it there; the ending says as what, e.g. .png or .pdf.
        Returns: the matplotlib figure.
        """
        from tsfmicro.api.plots import plot

        figure = plot(self)
        if path is not None:
            figure.savefig(path, dpi=150)
        return figure


def read(place: Path, model: str | None = None, fps: float | None = None, watch: Watch | None = None) -> Tables:
    """As `tsfmicro.read`, which says the rest."""
    _need_pandas()
    if (place / "run.json").is_file():
        return _of_run(place)
    if place.is_dir() and any((place / name).is_file() for name in _SPOTTED_FILES):
        return _of_folder(place)
    if place.is_dir() and (place / MANY).is_file():
        return _of_many(place / MANY)
    if _is_video(place):
        return _of_video(place, model, fps, watch)
    return _of_codings(place, fps)


def _need_pandas() -> None:
    if find_spec("pandas") is None:
        raise ConfigError(
            "tsfmicro.read gives pandas tables, and pandas is not installed. Use pip install 'tsfmicro[tables]'."
        )


def _is_video(place: Path) -> bool:
    """A file that no coding program wrote, or a folder of numbered images."""
    from tsfmicro.coding.registry import ENDINGS
    from tsfmicro.data.frames import number_frames

    if place.is_dir():
        return bool(number_frames(file.name for file in place.iterdir())[0])
    return place.suffix.casefold() not in {ending.casefold() for ending in ENDINGS}


def _of_video(place: Path, model: str | None, fps: float | None, watch: Watch | None) -> Tables:
    if model is None:
        from tsfmicro.use.spot import spot

        return of_spotting(spot(place, watch, fps), place)
    from tsfmicro.use.recognise import Recognizer

    return of_reading(Recognizer.load(model).video(place, watch, fps), place)


def of_spotting(spotting: Spotting, place: Path) -> Tables:
    """The tables of what was spotted, with no model asked."""
    from tsfmicro.use.spot import NO_MODEL, curve_rows, expression_rows

    name = spotting.video.path.name
    moments = [[name, *row] for row in expression_rows(spotting)]
    return _tables(
        place,
        NO_MODEL,
        moments=((*_FOUND, MODEL), moments),
        curves=(curve_columns(spotting.regions), curve_rows(spotting)),
    )


def of_reading(reading: Reading, place: Path) -> Tables:
    """The tables of a video that a model was asked about."""
    from tsfmicro.use.batch import moment_columns, moment_row
    from tsfmicro.use.spot import curve_rows

    name = reading.spotting.video.path.name
    moments = [[name, *moment_row(m.to_dict(), reading.classes, reading.model)] for m in reading.moments]
    return _tables(
        place,
        reading.model,
        moments=((VIDEO, *moment_columns(reading.classes)), moments),
        curves=(curve_columns(reading.spotting.regions), curve_rows(reading.spotting)),
    )


def _of_folder(place: Path) -> Tables:
    """What `tsfmicro spot` or `predict` left in a folder."""
    import pandas as pd

    from tsfmicro.use.batch import moment_row
    from tsfmicro.use.spot import NO_MODEL

    file = next(place / name for name in _SPOTTED_FILES if (place / name).is_file())
    try:
        known = json.loads(file.read_text(encoding="utf-8"))
        model, classes = known.get("model") or NO_MODEL, tuple(known.get("classes", ()))
        name = Path(str(known["video"]).replace("\\", "/")).name
        if classes:
            rows = [[name, *moment_row(moment, classes, model)] for moment in known["expressions"]]
        else:
            rows = [[name, *in_columns(one).values(), model] for one in known["expressions"]]
        curve = pd.read_csv(place / "curve.csv") if (place / "curve.csv").is_file() else None
        regions = [
            h.removesuffix("_percent").replace("_", " ")
            for h in (() if curve is None else curve)
            if h.endswith("_percent")
        ]
        curves = curve_columns(regions)
        if curve is not None and list(curve) != heads(curves):
            raise ValueError("other columns")
    except OSError as error:
        raise RunError(
            f"{error.filename or file}: cannot be read ({error.strerror}). Give what spot or predict left."
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise RunError(f"{file}: is damaged, or not what spot or predict leave. Spot the video again.") from None
    columns = (*_FOUND, *(named_emotions(classes) if classes else ()), MODEL)
    return _tables(place, model, moments=(columns, rows), curves=(curves, () if curve is None else curve))


def _of_many(file: Path) -> Tables:
    """The moments of a folder of videos that `tsfmicro predict` read."""
    import pandas as pd

    try:
        frame = pd.read_csv(file, keep_default_na=False)
        classes = [head.removeprefix("p_") for head in frame if head.startswith("p_")]
        columns = (*_FOUND, *named_emotions(classes), MODEL)
        rows = frame[heads(columns)].to_numpy().tolist()
    except OSError as error:
        raise RunError(f"{file}: cannot be read ({error.strerror}). Give what predict left.") from None
    except (ValueError, KeyError):
        raise RunError(f"{file}: is not the table that predict leaves. Give the videos to predict again.") from None
    spoke = ", ".join(dict.fromkeys(row[-1] for row in rows)) or "no moment was found"
    return _tables(file.parent, spoke, moments=(columns, rows))


def _of_codings(place: Path, fps: float | None) -> Tables:
    """A coder's file, a folder of them, or a coded project."""
    from tsfmicro.desk.gather import gather

    codings, _ = gather(place, fps)
    rows = [row for coding in codings for row in _coded_rows(coding)]
    coders = dict.fromkeys(row[heads(CODED).index("coder")] for row in rows)
    spoke = ", ".join(name for name in coders if name) or "a coder who gave no name"
    return _tables(place, f"coded by {spoke}", moments=(CODED, rows))


def _coded_rows(coding: Coding) -> list[list[Any]]:
    from tsfmicro.timeline import units_text

    t = coding.timeline
    return [
        [t.video, m.person, m.onset, m.apex, m.offset, m.kind, units_text(m.units), m.emotion, m.certainty, m.note, m.coder,
         t.fps, t.seconds]
        for m in t.moments
    ]  # fmt: skip


def _of_run(place: Path) -> Tables:
    """What a run's models said of each clip, none of which they had learned from, in the last epoch."""
    import numpy as np

    from tsfmicro.evaluate.calibrate import softmax
    from tsfmicro.run.folder import RunFolder
    from tsfmicro.types import person_of

    folder = RunFolder.open(place)
    plan = folder.plan
    plan.classes_only("a table of clips")
    model = f"{plan.config.name}: {plan.config.model.name} of {place}, each clip by the model that left its person out"
    rows = []
    for seed in plan.config.train.seeds:
        logits = folder.logits(seed)
        said = softmax(logits.values[-1].astype(np.float64), 1.0)
        for clip, p in zip(logits.clips, said, strict=True):
            truth, answer = plan.classes[plan.labels[clip]], plan.classes[int(p.argmax())]
            rows.append(
                [clip, person_of(clip), truth, answer, truth == answer, seed, model, *(round(float(x), 4) for x in p)]
            )
    likely = [
        Column(f"p_{name}", "", f"probability of {name}, as the last epoch has it", "0 to 1") for name in plan.classes
    ]
    return _tables(place, model, clips=((*CLIPS, *likely), rows))


def _tables(place: Path, model: str, **tables: tuple[Sequence[Column], Iterable[Any]]) -> Tables:
    import pandas as pd

    made = {name: _frame(columns, rows) for name, (columns, rows) in tables.items()}
    book = [[name, *row] for name, (columns, _) in tables.items() for row in codebook(columns)]
    empty: Mapping[str, Sequence[Column]] = {"moments": (*_FOUND, MODEL), "curves": curve_columns(()), "clips": CLIPS}
    made |= {name: _frame(columns, ()) for name, columns in empty.items() if name not in made}
    return Tables(place, model, **made, codebook=pd.DataFrame(book, columns=["table", *CODEBOOK_HEADS]))


def _frame(columns: Sequence[Column], rows: Iterable[Any]) -> pd.DataFrame:
    """A table whose columns with units are numbers, and whose empty texts are empty."""
    import pandas as pd

    frame = rows if isinstance(rows, pd.DataFrame) else pd.DataFrame(list(rows), columns=heads(columns))
    numbers = [c.name for c in columns if c.unit or c.values.startswith(("0 ", "1 "))]
    return frame.assign(**{name: pd.to_numeric(frame[name]) for name in numbers})
