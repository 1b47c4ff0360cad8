"""A study: many runs from one file, told all mistakes at once, trained one after another, shown in one table.

<out>/<run>/       the run folder of each run
      study.yaml   the study as it was asked for last
      table.csv, table.json, table.md    the scores of every run that is finished; written again after each

Faces are shared: runs with the same clips and preparation find the same prepared set. Each run trains its folds side by side.
"""

from __future__ import annotations

import csv
import io
import json
import traceback
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tsfmicro.config import RunConfig, read_settings
from tsfmicro.data.registry import DATASETS, dataset
from tsfmicro.errors import ConfigError, RunError, TsfmicroError
from tsfmicro.evaluate.compare import Difference, differences, plain_differences
from tsfmicro.evaluate.score import tally
from tsfmicro.evaluate.select import rule_named
from tsfmicro.files import in_the_way, write_whole
from tsfmicro.labels import is_of_units, scheme
from tsfmicro.run.experiment import check_names, label_clips, make_folds, read_clips, run, with_an_apex
from tsfmicro.run.folder import RunFolder, check_place
from tsfmicro.run.here import Here, Machines
from tsfmicro.run.start import Start, casts_of, check_unseen, find_start
from tsfmicro.run.summary import ALL, Summary, answers, stored_of, summarise
from tsfmicro.run.watch import Task, Watch
from tsfmicro.study import shipped
from tsfmicro.study.beside import Facts, Line, page
from tsfmicro.study.grid import Member, Mistakes, Overrides, read_study
from tsfmicro.types import Clip, Interval, Scores

FILE = "study.yaml"
SCORES = ("uf1", "uar", "acc")
GAIN = {"": "value", " low": "low", " high": "high"}


@dataclass(frozen=True)
class Row:
    """A run of the study: its scores, or why it has none.

    Attributes:
        facts: what it cost, and what choosing on the test person would add.
        versus: its first score minus that of the run it is compared with, paired over people, once both are there.
    """

    member: Member
    summary: Summary | None
    problem: str = ""
    facts: Facts | None = None
    versus: Mapping[str, Difference] | None = None

    def line(self) -> str:
        return self.summary.line() if self.summary else f"failed: {self.problem}" if self.problem else "not run"


@dataclass(frozen=True)
class StudyTable:
    """What came of a study, run by run."""

    name: str
    rows: tuple[Row, ...]

    @property
    def failed(self) -> list[Row]:
        return [row for row in self.rows if row.problem]

    def to_dict(self) -> dict[str, Any]:
        """Everything, as plain values for JSON."""
        runs = [
            {
                "run": row.member.name,
                "problem": row.problem or None,
                "config": row.member.config.model_dump(mode="json"),
                "scores": row.summary.to_dict() if row.summary else None,
                **({"against": row.member.against} if row.member.against else {}),
                **({"difference": plain_differences(row.versus)} if row.versus else {}),
            }
            for row in self.rows
        ]
        return {"study": self.name, "runs": runs}

    def csv(self) -> str:
        """One line for each run and rule: settings, counts, scores with their intervals, floors, recall of each class."""
        lines = [line for row in self.rows for line in _lines(row)]
        text = io.StringIO()
        columns = list(dict.fromkeys(column for line in lines for column in line))
        writer = csv.DictWriter(text, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)
        return text.getvalue()

    def page(self) -> str:
        """The finished runs as Markdown, side by side."""
        rows = ((row.member, row.summary, row.facts, row.versus) for row in self.rows)
        return page(self.name, [Line(m, s, f, v["uf1"] if v else None) for m, s, f, v in rows if s and f])

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Headings and rows for people."""
        floors = list(dict.fromkeys(name for row in self.rows if row.summary for name in row.summary.floors))
        headings = [self.name, "UF1", "UAR", "ACC", "people", "clips", "seeds", "rule", *(f"{n} floor" for n in floors)]
        compared = any(row.member.against for row in self.rows)
        headings += ["UF1 compared"] if compared else []
        rows = []
        for row in self.rows:
            if row.summary is None:
                rows.append([row.member.name, "failed" if row.problem else "not run", *[""] * (len(headings) - 2)])
                continue
            beside = [f"{f.uf1.value:.2f}" if (f := row.summary.floors.get(name)) else "" for name in floors]
            versus = f"{row.versus['uf1']} ({row.member.against})" if row.versus else ""
            for place, (name, of) in enumerate(_scored(row.summary)):
                cells = [str(of.uf1), str(of.uar), str(of.acc), str(of.people), str(of.clips), str(len(of.seeds))]
                shown = f"{row.member.name}, {name} alone" if name else row.member.name
                ends = [
                    *([""] * len(beside) if name else beside),
                    *([versus if place == 0 else ""] if compared else []),
                ]
                rows.append([shown, *cells, str(of.rule), *ends])
        return [heading.replace("-", " ") if "floor" in heading else heading for heading in headings], rows


@dataclass(frozen=True)
class Made:
    """A study whose runs are known.

    Attributes: where: what mistakes are told of; everything: all runs; wanted: those that are to be trained; text: its file.
    """

    title: str
    where: str
    everything: tuple[Member, ...]
    wanted: tuple[Member, ...]
    text: str


def study(
    name: str,
    roots: Mapping[str, Path],
    out: Path,
    cache: Path,
    overrides: Overrides | None = None,
    only: Sequence[str] = (),
    rule: str = "last",
    device: str = "auto",
    workers: int | None = None,
    watch: Watch | None = None,
    shuffled: bool = False,
    machines: Machines | None = None,
) -> StudyTable:
    """Train and score every run of a study; go on where an earlier call was stopped.

    A run that fails is told, and the others go on.

    Args:
        name: a YAML file, or a shipped study's name.
        roots: folder of each dataset.
        out: folder of the study; each run gets a folder in it.
        cache: where prepared faces are kept.
        overrides: settings that every run gets, e.g. {'train.epochs': 20}.
        only: patterns such as 'casme2-*'; other runs are not trained, and stand in the table where they are finished.
        rule: which epoch counts, or 'all'.
        device, workers, shuffled, machines: as for one run.
        watch: is told how it goes, as if the trainings of all runs were those of one.
    Raises:
        ConfigError: every mistake in the study, before anything is trained.
        RunError: the folder holds another study, or something else.
        TsfmicroError: other bad input, in one line.
    """
    overrides = overrides or {}
    title, everything = read_study(name, overrides)
    _, wanted = read_study(name, overrides, only)
    text = shipped.study_path(name).read_text(encoding="utf-8")
    made = Made(title, name, tuple(everything), tuple(wanted), text)
    return conduct(made, roots, out, cache, rule, device, workers, watch, shuffled, machines)


def conduct(
    made: Made,
    roots: Mapping[str, Path],
    out: Path,
    cache: Path,
    rule: str = "last",
    device: str = "auto",
    workers: int | None = None,
    watch: Watch | None = None,
    shuffled: bool = False,
    machines: Machines | None = None,
) -> StudyTable:
    """Train and score the runs that are wanted, as `study` does."""
    watch = watch or Watch()
    if rule != ALL:
        rule_named(rule)
    (machines or Here(workers)).choose_device(device)
    wanted = list(made.wanted)
    _check_place(out, made.title)
    trainings = check(made.where, wanted, roots, watch, out, rule)
    out.mkdir(parents=True, exist_ok=True)
    write_whole(out / FILE, made.text)

    view = Together(watch, out, trainings)
    rows = {m.name: _row(out, m, rule) for m in made.everything if m not in wanted}
    for other, row in rows.items():
        if row.problem:  # nobody asked for it now
            watch.note(f"{other} is not in the table: {row.problem}")
            rows[other] = Row(row.member, None)
    wanted.sort(key=lambda member: not view.is_finished(member.name))  # so that the table never loses a finished run
    for number, member in enumerate(wanted, 1):
        view.begin(member.name, f"run {number} of {len(wanted)}: {member.name}")
        problem = ""
        try:
            run(member.config, roots, out / member.name, cache, device, workers, view, shuffled, machines)
        except TsfmicroError as mistake:
            problem = str(mistake)
        except Exception as fault:  # ours, or the disk's: the other runs are not to blame
            problem = f"{type(fault).__name__}: {fault}"
            write_whole(out / f"{member.name}-error.txt", traceback.format_exc())
        rows[member.name] = Row(member, None, problem) if problem else _row(out, member, rule)
        watch.note(f"{member.name}: {rows[member.name].line()}")
        table = StudyTable(made.title, tuple(compared(out, [rows.get(m.name, Row(m, None)) for m in made.everything])))
        write_whole(out / "table.csv", table.csv())
        write_whole(out / "table.md", table.page())
        write_whole(out / "table.json", json.dumps(table.to_dict(), indent=1))
    return table


def _check_place(out: Path, title: str) -> None:
    """Raises RunError: the folder is no place for this study, or holds something else than what was begun of it."""
    if (there := in_the_way(out)) is not None:
        raise RunError(
            f"{out}: cannot be a study's folder ({there} is no folder that may be written into). Choose another --out."
        )
    held = sorted(f.name for f in out.iterdir() if not f.name.startswith(".")) if out.exists() else []
    if held and FILE not in held:
        raise RunError(f"{out}: is not a study's folder, but holds {held[0]}. Choose an empty or new folder.")
    begun = read_settings(out / FILE).get("name") if held else title
    if begun != title:
        raise RunError(f"{out}: holds the study {begun}, not {title}. Choose another --out.")


def check(
    name: str,
    members: Sequence[Member],
    roots: Mapping[str, Path],
    watch: Watch,
    out: Path | None = None,
    rule: str = "last",
) -> dict[str, int]:
    """Look for everything that would make a run fail, as far as it can be known before faces are prepared.

    Args: out: the study's folder, where runs may lie that were begun otherwise; rule: which epoch is to count.
    Returns: trainings of each run, shuffled ones not counted.
    Raises: ConfigError: all mistakes at once.
    """
    mistakes, known = Mistakes(), _Clips(roots, watch)
    for given in roots:
        _try(mistakes, "", dataset, given)
    absent = sorted({d for m in members for d in m.config.data.datasets if d not in roots and d in DATASETS})
    if absent:
        mistakes.add(
            f"no folder was given for {', '.join(absent)}. Add --data {absent[0]}=FOLDER, or choose runs with --only"
        )
    trainings = {}
    for member in members:
        config = member.config
        _try(mistakes, member.name, _of_classes, config)
        if rule == "inner" and not config.train.val_people:
            mistakes.add(
                "rule inner needs validation people. Set train.val_people=3, say, or choose another --rule", member.name
            )
        if out is not None:
            _try(mistakes, member.name, _check_begun, out / member.name, config)
        named = [_try(mistakes, member.name, dataset, d) for d in config.data.datasets]
        if (
            not _try(mistakes, member.name, check_names, config)
            or not all(named)
            or {*config.data.datasets} & {*absent}
        ):
            continue
        clips = _try(mistakes, member.name, known.of, member)
        labelled = clips is not False and _try(mistakes, member.name, label_clips, clips, config, Watch())
        folded = labelled and _try(mistakes, member.name, make_folds, labelled[1], config, Watch())
        begins = _try(mistakes, member.name, find_start, config, len(scheme(config.data.scheme).classes))
        if folded and isinstance(begins, Start):
            _try(mistakes, member.name, check_unseen, begins, folded[0], casts_of(roots))
        if folded:
            trainings[member.name] = len(folded[0]) * len(config.train.seeds)
    mistakes.tell(name, len(members))
    return trainings


class _Clips:
    """Clips that can be prepared, read once for all runs that ask for the same."""

    def __init__(self, roots: Mapping[str, Path], watch: Watch) -> None:
        self._roots, self._watch = roots, _Bars(watch)
        self._read: dict[str, list[Clip]] = {}

    def of(self, member: Member) -> list[Clip]:
        config = member.config
        key = config.data.model_dump_json(exclude={"scheme"})
        if key not in self._read:
            self._read[key], _ = read_clips(config, self._roots, self._watch)
        return with_an_apex(self._read[key], config)


class _Bars(Watch):
    """Progress without the notes, which come when the runs do."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch

    def progress(self, what: str, done: int, total: int, detail: str = "") -> None:
        self._watch.progress(what, done, total, detail)


def _check_begun(folder: Path, config: RunConfig) -> None:
    """As `check_place`, with the run's name left to who tells it, so that what many runs say is told once. Raises RunError."""
    try:
        check_place(folder, config)
    except RunError as mistake:
        told = f"{folder.parent / '*'}{str(mistake).removeprefix(str(folder))}"
        raise RunError(f"{told} Or leave the run out with --only.") from None


def _of_classes(config: RunConfig) -> None:
    """Raises ConfigError: a run of action units, whose scores are others than those of the table."""
    if is_of_units(config.data.scheme):
        raise ConfigError(f"{config.data.scheme} tells action units, and the table is of classes. Use `tsfmicro run`.")


def _try(mistakes: Mistakes, run: str, do: Any, *args: Any) -> Any:
    """What do(*args) returns, True for None; False where it raises, which is noted."""
    try:
        done = do(*args)
    except TsfmicroError as mistake:
        mistakes.add(mistake, run)
        return False
    return True if done is None else done


class Together(Watch):
    """Shows the trainings of all runs as if they were those of one, and says a thing once that many runs say."""

    def __init__(self, watch: Watch, out: Path, trainings: Mapping[str, int]) -> None:
        self._watch, self._run = watch, ""
        self._said: set[str] = set()
        self._total = dict(trainings)
        self._finished = {name: _finished(out / name) for name in trainings}

    def is_finished(self, run: str) -> bool:
        return self._finished[run] >= self._total[run]

    def begin(self, run: str, text: str) -> None:
        self._run = run
        self._watch.note(text)

    def note(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self._watch.note(text)

    def progress(self, what: str, done: int, total: int, detail: str = "") -> None:
        self._watch.progress(what, done, total, detail)

    def training(self, total: int, finished: int) -> None:
        self._total[self._run], self._finished[self._run] = total, finished
        self._watch.training(sum(self._total.values()), sum(self._finished.values()))

    def epoch(self, task: Task, epoch: int, epochs: int, loss: float) -> None:
        self._finished[self._run] += epoch == epochs
        self._watch.epoch(replace(task, fold=f"{self._run}, {task.fold}"), epoch, epochs, loss)


def _finished(folder: Path) -> int:
    """Trainings that an earlier call finished."""
    try:
        plan = RunFolder.open(folder)
    except RunError:
        return 0
    return len(plan.plan.tasks) - len(plan.missing())


def _row(out: Path, member: Member, rule: str) -> Row:
    """What is on disk of a run."""
    if not (out / member.name / "scores.json").exists():
        return Row(member, None)
    try:
        folder = RunFolder.open(out / member.name)
        if folder.plan.config != member.config:
            raise RunError(f"{folder.path}: was run with other settings. Choose another --out, or delete it.")
        stored = stored_of(folder)
        summary = summarise(folder, rule, stored)
        assert isinstance(summary, Summary)  # `check` has seen to it
        return Row(member, summary, facts=Facts.of(folder, stored))
    except TsfmicroError as mistake:
        return Row(member, None, str(mistake))


def compared(out: Path, rows: Sequence[Row]) -> list[Row]:
    """The rows, with what each run gains over the run it is compared with, on the clips that both tested."""
    finished = {row.member.name: row for row in rows if row.summary}
    return [
        replace(row, versus=_versus(out, row, finished[row.member.against]))
        if row.summary and row.member.against in finished
        else row
        for row in rows
    ]


def _versus(out: Path, one: Row, other: Row) -> Mapping[str, Difference] | None:
    """None where the two have other classes or labels, or tested no clip in common."""
    assert one.summary is not None
    folders = [RunFolder.open(out / row.member.name) for row in (one, other)]
    plan, there = (folder.plan for folder in folders)
    shared = {clip: label for clip, label in plan.tested.items() if there.tested.get(clip) == label}
    if plan.classes != there.classes or set(shared) != plan.tested.keys() & there.tested.keys() or not shared:
        return None
    rule = one.summary.model.rule
    try:
        a, b = (tally([s.only(shared) for s in answers(f, rule)], shared, plan.classes) for f in folders)
    except TsfmicroError:  # no validation people there, or a class that no shared clip has
        return None
    return differences(a, b)


def _lines(row: Row) -> Iterable[dict[str, Any]]:
    config = row.member.config
    settings = {
        "run": row.member.name,
        "problem": row.problem,
        "datasets": " ".join(config.data.datasets),
        "scheme": config.data.scheme,
        "model": " ".join([config.model.name, *(f"{k}={v}" for k, v in config.model.options.items())]),
        "protocol": " ".join([config.protocol.name, *(f"{k}={v}" for k, v in config.protocol.options.items())]),
    }
    if row.summary is None:
        yield settings
        return
    floors = {f"{name} floor {key}": value for name, of in row.summary.floors.items() for key, value in _cells(of)}
    versus, cost = _gain(row), row.facts.to_dict() if row.facts else {}
    for place, (name, scores) in enumerate(_scored(row.summary)):
        counts = {"rule": str(scores.rule), "people": scores.people, "clips": scores.clips, "seeds": len(scores.seeds)}
        recall = {f"recall {name}": round(value, 4) for name, value in scores.recall.items()}
        beside = ({} if name else floors | cost) | ({} if place else versus)
        yield settings | {"scored": name or "all"} | counts | dict(_cells(scores)) | beside | recall


def _gain(row: Row) -> dict[str, Any]:
    """UF1 over the run that it is compared with."""
    if row.versus is None:
        return {}
    uf1 = row.versus["uf1"]
    ends = {f"uf1 gain{end}": round(getattr(uf1.interval, of), 4) for end, of in GAIN.items()}
    return {"compared with": row.member.against} | ends | {"uf1 gain p": round(uf1.p, 4)}


def _scored(summary: Summary) -> Iterable[tuple[str, Scores]]:
    """The scores under each rule, and those of each of several datasets alone, by its name."""
    yield from (("", scores) for scores in summary.scores)
    yield from summary.by_dataset.items()


def _cells(scores: Scores) -> Iterable[tuple[str, float]]:
    for name in SCORES:
        of: Interval = getattr(scores, name)
        yield from ((name, round(of.value, 4)), (f"{name} low", round(of.low, 4)), (f"{name} high", round(of.high, 4)))
