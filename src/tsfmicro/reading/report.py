"""Everything a paper shows of runs: tables, figures and a page of any runs, with a line for each thing that could not be made."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tsfmicro.errors import RunError, TsfmicroError
from tsfmicro.evaluate.compare import differences
from tsfmicro.files import in_the_way, write_whole
from tsfmicro.models.unreproducible import UNREPRODUCIBLE
from tsfmicro.prepared import PreparedSet
from tsfmicro.reading.gather import counted, gather
from tsfmicro.reading.inside import prepared_faces
from tsfmicro.report import formats, tables
from tsfmicro.report.material import VARIANTS, Gain, Material
from tsfmicro.run.environment import choose_device
from tsfmicro.run.folder import RunFolder
from tsfmicro.run.watch import Watch

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from tsfmicro.report.page import Drawing

PAGE = "index.html"
MADE_BY = "<footer><p>Made by tsfmicro."  # as the page says it
FIGURES_ONLY = {one.name: one.why for one in UNREPRODUCIBLE.values()}
_COMPARED_WITH = {6: ("spatial", ("temporal", "late")), 7: ("early", tuple(VARIANTS)[3:])}


@dataclass(frozen=True)
class Report:
    """What was written, and a line for each thing that could not be made, with the reason."""

    files: tuple[Path, ...]
    notes: tuple[str, ...]
    seconds: float


@dataclass(frozen=True)
class Study:
    """Runs, gathered for a report.

    Attributes:
        runs: in the order they were given.
        folders, faces: run name → its folder; its prepared faces, or None where they are not there.
        gains: what Tables 6 and 7 compare.
        notes: what is lacking, and why.
    """

    runs: tuple[Material, ...]
    folders: dict[str, RunFolder]
    faces: dict[str, PreparedSet | None]
    gains: tables.Gains
    notes: tuple[str, ...]

    def groups(self) -> dict[str, list[Material]]:
        """Runs of one dataset and number of classes together, by 'casme2-5'; variants in the paper's order."""
        found: dict[str, list[Material]] = {}
        order = list(VARIANTS)
        for run in sorted(self.runs, key=lambda run: order.index(run.variant) if run.variant in order else len(order)):
            found.setdefault(run.group, []).append(run)
        return found


def report(
    paths: Sequence[Path],
    out: Path,
    cache: Path,
    maps: bool = True,
    device: str = "auto",
    watch: Watch | None = None,
    show_faces: bool = True,
) -> Report:
    """Write index.html, and all tables and figures of these runs, under `out`; what cannot be made is told, and the rest is made.

    Args:
        paths: run folders, of any datasets and models, or a study's folder for all its runs.
        cache: where prepared faces are kept; a folder `cache` beside the run is looked into as well.
        maps: also work out heat maps, where they are not stored.
        show_faces: put faces into figures and the page; a report without them can be passed on.
    Raises: RunError: none of them is a finished run, or `out` holds something else than an earlier report.
    """
    began = time.monotonic()
    _check_place(out)
    watch = watch or Watch()
    study = gather_study(paths, cache, maps, device, watch, show_faces)
    files, notes = write_tables(study, out / "tables")
    drawn, drawings, missing = write_figures(study, out / "figures", watch)
    told = (*study.notes, *notes, *missing)
    page = write_page(study, drawings, told, out / PAGE)
    write_whole(out / "notes.txt", "".join(f"{line}\n" for line in told) or "nothing is lacking\n")
    return Report((page, *files, *drawn, out / "notes.txt"), told, time.monotonic() - began)


def _check_place(out: Path) -> None:
    """Raises RunError: no place for a report, or a folder of something else, whose files would be written over."""
    if (there := in_the_way(out)) is not None:
        raise RunError(
            f"{out}: {'is a file' if out.is_file() else f'{there} is no folder that may be written into'}. Choose a folder for --out."
        )
    held = {file.name for file in out.iterdir() if not file.name.startswith(".")} if out.exists() else set()
    if PAGE in held and MADE_BY in (out / PAGE).read_text(encoding="utf-8", errors="replace"):
        return
    strange = sorted(held - {"tables", "figures"})  # where an earlier call was stopped these alone are there
    if strange:
        raise RunError(f"{out}: is no report's folder, but holds {strange[0]}. Choose an empty or new folder.")


def gather_study(
    paths: Sequence[Path], cache: Path, maps: bool, device: str, watch: Watch, show_faces: bool = True
) -> Study:
    """Read the runs, and work out once what needs their networks. Raises RunError: none of them is a finished run."""
    device = choose_device(device)
    folders, notes = _open(paths)
    labels = _labels(folders)
    runs: list[Material] = []
    faces: dict[str, PreparedSet | None] = {}
    lacking: dict[str, list[str]] = {}
    for done, (name, folder) in enumerate(folders.items()):
        watch.progress("reading runs", done, len(folders), name)
        caches = [cache, folder.path.parent / "cache"]
        try:
            run = gather(folder, name, labels[name], caches, device, watch, maps)
        except TsfmicroError as why:
            notes.append(f"{name}: left out: {why}")
            continue
        runs.append(run)
        for line in run.lacking:
            lacking.setdefault(line, []).append(name)
        faces[name] = None
        if not show_faces:
            notes.append(f"{name}: no faces in figures: they were not asked for")
            continue
        try:
            prepared = prepared_faces(folder, caches)
            prepared.faces("annotated")  # ready-made flow maps have none
            faces[name] = prepared
        except TsfmicroError as why:
            lacking.setdefault(f"no faces in figures: {why}", []).append(name)
    if folders:
        watch.progress("reading runs", len(folders), len(folders))
    notes += [f"{_some(names)}: {line}" for line, names in lacking.items()]
    if not runs:
        raise RunError(f"nothing to report. {' '.join(notes)}")
    gains, uncompared = _gains(runs, folders)
    return Study(tuple(runs), folders, faces, gains, (*notes, *uncompared))


def write_tables(study: Study, out: Path) -> tuple[list[Path], list[str]]:
    """table<n>.csv, .tex and .html for each table of the paper that these runs can fill, and why others are not there."""
    out.mkdir(parents=True, exist_ok=True)
    made, notes = tables.make_tables(study.runs, study.gains, FIGURES_ONLY)
    written = []
    for number in sorted({table.number for table in made}):
        panels = [table for table in made if table.number == number]
        for suffix, form in (("csv", formats.as_csv), ("tex", formats.as_latex), ("html", formats.as_html)):
            path = out / f"table{number}.{suffix}"
            write_whole(path, form(panels))
            written.append(path)
    return written, notes


def write_page(study: Study, drawings: Mapping[str, Drawing], notes: Sequence[str], path: Path) -> Path:
    """One page with everything; drawings: the figures by their names."""
    from tsfmicro.report.page import page

    made, _ = tables.make_tables(study.runs, study.gains, FIGURES_ONLY)
    write_whole(path, page(study.runs, made, drawings, study.faces, notes))
    return path


def write_figures(study: Study, out: Path, watch: Watch) -> tuple[list[Path], dict[str, Drawing], list[str]]:
    """Every figure as PDF and PNG; each by its name, for the page; and why others are not there."""
    from tsfmicro.report import style
    from tsfmicro.report.page import drawn

    out.mkdir(parents=True, exist_ok=True)
    wanted, notes = plan_figures(study)
    written: list[Path] = []
    drawings = {}
    for done, (name, draw) in enumerate(wanted.items(), start=1):
        figure = draw()
        written += style.save(figure, out, name)
        drawings[name] = drawn(figure)
        watch.progress("figures", done, len(wanted), name)
    return written, drawings, notes


def plan_figures(study: Study) -> tuple[dict[str, Callable[[], Figure]], list[str]]:
    """Name → what draws it, for every figure that can be drawn; and a line for each that cannot."""
    from tsfmicro.report import faces, figures, scatter

    wanted: dict[str, Callable[[], Figure]] = {}
    notes: list[str] = []
    whole = [run for run in study.runs if run.variant in (None, "late")]
    if len({run.group for run in whole}) > 1:
        wanted["curves-of-datasets"] = partial(figures.curves, whole, [run.name for run in whole])
    for group, runs in study.groups().items():
        wanted[f"curves-{group}"] = partial(figures.curves, runs)
        wanted[f"confusion-{group}"] = partial(figures.confusions, runs)
        wanted[f"people-{group}"] = partial(figures.people, runs)
        wanted[f"leak-{group}"] = partial(figures.leak, runs)
        seen = [run for run in runs if run.features is not None]
        if seen:
            wanted[f"features-{group}-by-class"] = partial(scatter.classes, seen)
            wanted[f"features-{group}-by-person"] = partial(scatter.people, seen)
        mapped = [run for run in runs if run.maps is not None]
        if mapped:
            clips = faces.telling_clips(mapped)
            if clips:
                wanted[f"heat-maps-{group}"] = _heat_maps(study, mapped, faces.heats_of_runs(mapped), clips)
            else:
                names = _some([run.name for run in mapped])
                notes.append(f"{names}: no heat maps side by side: they tested no clip in common")
        for run in mapped:
            heats = faces.heats_of_streams(run)
            if len(heats) > 1:
                clips = faces.telling_clips([run])
                wanted[f"streams-{run.name}"] = _heat_maps(study, [run], heats, clips)
        for run in runs:
            prepared = study.faces[run.name]
            if not faces.mistakes_of(run):
                notes.append(f"{run.name}: no picture of confused clips: every clip is right")
            elif prepared is not None:
                wanted[f"confused-{run.name}"] = partial(faces.mistakes, run, prepared)
    return wanted, notes


def _heat_maps(study: Study, runs: Sequence[Material], heats: Sequence, clips: Sequence[str]) -> Callable[[], Figure]:
    from tsfmicro.report import faces

    first = runs[0]
    truth = {clip: first.classes[first.target[first.clips.index(clip)]] for clip in clips}
    prepared = next((study.faces[run.name] for run in runs if study.faces[run.name] is not None), None)
    return partial(faces.heat_maps, heats, truth, prepared, runs)


def _open(paths: Sequence[Path]) -> tuple[dict[str, RunFolder], list[str]]:
    """Finished run folders by a name that each has alone, and why others are left out."""
    folders, notes = [], []
    for path in dict.fromkeys(run.resolve() for given in paths for run in _runs_in(given)):
        try:
            folder = RunFolder.open(path)
            missing = len(folder.missing())
            if missing:
                raise RunError(
                    f"{path}: {missing} of {len(folder.plan.tasks)} trainings are not finished. "
                    "Run the same command again to finish them."
                )
            folders.append(folder)
        except TsfmicroError as why:
            notes.append(f"left out: {why}")
    names = Counter(folder.plan.config.name for folder in folders)
    named = {}
    for folder in folders:
        name = folder.plan.config.name
        if names[name] > 1:
            name = f"{name}-{folder.path.name}"
        while name in named:
            name += "-again"
        named[name] = folder
    return named, notes


def _some(names: Sequence[str]) -> str:
    """'a, b', or 'a, b and 4 more'."""
    return ", ".join(names) if len(names) < 4 else f"{', '.join(names[:2])} and {len(names) - 2} more"


def _runs_in(path: Path) -> list[Path]:
    """The path itself, or, where it is a study's or a demo's folder, the runs in it."""
    inside = [] if (path / "run.json").exists() else sorted(file.parent for file in path.glob("*/run.json"))
    return inside or [path]


def _labels(folders: dict[str, RunFolder]) -> dict[str, str]:
    """The paper's word for the variant, where it tells the runs of a dataset and number of classes apart; else their names."""
    groups: dict[tuple[tuple[str, ...], int], list[str]] = {}
    for name, folder in folders.items():
        key = (folder.plan.config.data.datasets, len(folder.plan.classes))
        groups.setdefault(key, []).append(name)
    labels: dict[str, str] = {}
    for names in groups.values():
        models = [folders[name].plan.config.model for name in names]
        titles = [VARIANTS.get(str(m.options.get("variant", "late"))) for m in models]
        apart = len(set(titles)) == len(names) and len({m.name for m in models}) == 1
        alike = apart and len(names) > 1 and models[0].name.startswith("tsfmicro")
        labels |= {name: str(title) if alike else name for name, title in zip(names, titles, strict=True)}
    return labels


def _gains(runs: Sequence[Material], folders: dict[str, RunFolder]) -> tuple[tables.Gains, list[str]]:
    """Paired differences over people between the variants that Tables 6 and 7 compare, under every rule that both have."""
    gains: dict[tuple[str, str, str], dict[str, Gain]] = {}
    notes = []
    for base in runs:
        for number, (variant, others) in _COMPARED_WITH.items():
            if base.variant != variant:
                continue
            for run in runs:
                if run.group != base.group or run.variant not in others:
                    continue
                if run.clips != base.clips:
                    notes.append(
                        f"Table {number}: no difference between {run.name} and {base.name}: they test other clips"
                    )
                    continue
                for rule in run.scores.keys() & base.scores.keys():
                    found = differences(counted(folders[run.name], rule), counted(folders[base.name], rule))
                    gains[run.name, base.name, rule] = {m: Gain(base.label, d.interval, d.p) for m, d in found.items()}
    return gains, notes
