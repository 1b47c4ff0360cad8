"""The whole story of a run: folder → clips → faces → labels → folds → trainings → scores."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from tsfmicro.config import RunConfig
from tsfmicro.data.entries import TEXT
from tsfmicro.data.exclusions import leave_out, read_exclusions
from tsfmicro.data.registry import dataset, read
from tsfmicro.errors import AnnotationError, ConfigError, LabelError, UnknownNameError, WeightsError
from tsfmicro.files import counted
from tsfmicro.generated import is_generated
from tsfmicro.labels import is_of_units, scheme
from tsfmicro.models.linear import floor_of
from tsfmicro.needs import Need, need
from tsfmicro.prepare.prepare import pictures, prepare
from tsfmicro.prepare.products.base import product_of
from tsfmicro.prepared import PreparedSet
from tsfmicro.protocols.registry import protocol
from tsfmicro.run.apexes import with_spotted_apexes
from tsfmicro.run.environment import choose_precision, environment, is_elsewhere, settled_precision
from tsfmicro.run.final import make_final
from tsfmicro.run.folder import FOLD_NAME, Plan, RunFolder, check_place, held
from tsfmicro.run.here import Here, Machines
from tsfmicro.run.linear_floors import store_linear_floors
from tsfmicro.run.rehearsal import rehearsed_precision
from tsfmicro.run.start import Start, casts_of, check_unseen, find_start
from tsfmicro.run.summary import Summary, evaluate_run
from tsfmicro.run.task import Job, plan_of_model
from tsfmicro.run.units import UnitSummary
from tsfmicro.run.watch import Watch
from tsfmicro.train.loader import check_augmentation
from tsfmicro.types import Clip, Fold, LabelScheme, dataset_of, person_of


def run(
    config: RunConfig,
    roots: Mapping[str, Path],
    out: Path,
    cache: Path,
    device: str = "auto",
    workers: int | None = None,
    watch: Watch | None = None,
    shuffled: bool = False,
    machines: Machines | None = None,
    final: bool = False,
    precision: str = "auto",
    start: Start | None = None,
) -> Summary | UnitSummary:
    """Train and score a model as the config says; go on where an earlier call was stopped.

    Args:
        config: what to do.
        roots: folder of each dataset.
        out: the run folder.
        cache: where prepared faces are kept.
        device: 'auto', 'cpu', 'cuda', 'mps'.
        workers: trainings at once; by default as many as cores and memory allow, a few on a GPU.
        watch: is told how it goes.
        shuffled: train every fold once more on shuffled labels, as a floor that must sit at chance.
        machines: where the trainings run; on this machine by default.
        final: also train one model on everybody, here, for use on other people's videos.
        precision: what train.precision=auto is to mean, where that is known: that of the run which is repeated.
        start: what trainings begin with; by default what `train.start` names.
    Raises:
        TsfmicroError: each kind of bad input, in one line.
    """
    watch = watch or Watch()
    machines = machines or Here(workers)
    device = machines.choose_device(device)
    asked = config.train.precision if precision == "auto" else precision
    precision = choose_precision(device, asked)
    epochs = check_names(config)
    check_place(out, config)
    if is_of_units(config.data.scheme) and (shuffled or final or config.train.keep == "final"):
        asked = "--shuffled" if shuffled else "--final or train.keep=final"
        raise ConfigError(f"{asked} is for classes, and {config.data.scheme} tells action units. Leave it out.")
    start = start or _start(config, out, watch)
    clips, excluded = read_clips(config, roots, watch)
    # What cannot be is told before an hour of preparation.
    make_folds(label_clips(with_an_apex(clips, config), config, Watch(), "clip")[1], config, Watch())
    prepared = prepare_clips(clips, config, cache, workers, watch)
    kept, labels, left_out = label_clips(prepared.clips, config, watch)
    folds, unused = make_folds(labels, config, watch)
    kept, labels = [c for c in kept if c.id not in unused], {c: n for c, n in labels.items() if c not in unused}
    classes = scheme(config.data.scheme).classes
    casts = casts_of(roots)
    if start:
        check_unseen(start, folds, casts)
    plan = Plan(config, classes, labels, folds, prepared.key, epochs, start)
    threads = machines.threads(len(plan.tasks))
    if asked == "auto" and device == "cpu" and not (out / "run.json").exists():
        precision = rehearsed_precision(config, len(classes), threads)
    about = environment(device, threads, precision) | {
        "generated": any(map(is_generated, roots.values())),
        "casts": casts,
        "units": {need.product: prepared.of(need).unit for need in needs_of(config)},
    }
    with held(out):
        skipped = [*excluded.items(), *prepared.skipped, *left_out, *unused.items()]
        folder = RunFolder.start(out, plan, kept, skipped, about)
        kinds = (False, True) if shuffled else (False,)
        total = sum(len(plan.tasks_of(kind)) for kind in kinds)
        missing = [task for kind in kinds for task in folder.missing(kind)]
        watch.training(total, total - len(missing))
        machines.train(_job(folder, cache / prepared.key, device), missing, watch)
        folder.clear_halves()
        folder.note_devices()
        store_linear_floors(folder, prepared, watch)
        summary = evaluate_run(folder)
        from tsfmicro.report import figures  # a run that stops before draws nothing

        if isinstance(summary, UnitSummary):
            figures.draw_units(summary.model, out / "confusion.png")
        else:
            figures.draw_confusion(summary.model, out / "confusion.png")
        first = {clip: shown[0] for clip, label in labels.items() if (shown := plan.scheme.classes_in(label))}
        figures.draw_pairs(prepared, first, classes, out / "clips.png")
        if isinstance(summary, Summary) and (final or config.train.keep == "final"):
            make_final(folder, prepared, summary, "cpu" if is_elsewhere(device) else device, watch)
    return summary


def _job(folder: RunFolder, prepared: Path, device: str) -> Job:
    """The number of threads and the precision decide the last bits, so a run goes on with those that it began with."""
    begun = folder.environment
    return Job(folder.path, prepared, device, int(begun.get("threads", 1)), settled_precision(begun, device))


def _start(config: RunConfig, out: Path, watch: Watch) -> Start | None:
    """What trainings begin with; the run's own copy where what it came from is gone. Raises as `find_start`."""
    try:
        return find_start(config, len(scheme(config.data.scheme).classes))
    except (WeightsError, UnknownNameError) as gone:
        kept = RunFolder.open(out).plan.start if (out / "run.json").exists() else None
        if kept is None or kept.name != config.train.start:
            raise
        watch.note(f"{gone} The run goes on with its own copy.")
        return kept


def read_clips(config: RunConfig, roots: Mapping[str, Path], watch: Watch) -> tuple[list[Clip], dict[str, str]]:
    """The clips of all datasets, and why which rows make none, and which clips were excluded by the user's file.

    Raises: ConfigError: a dataset without a folder; AnnotationError: two clips with one id, or a sheet's own mistakes.
    """
    for name in {*config.data.datasets, *roots}:
        dataset(name)  # a misspelt name is told before a missing folder
    absent = [name for name in config.data.datasets if name not in roots]
    if absent:
        raise ConfigError(f"no folder was given for {', '.join(absent)}. Add --data {absent[0]}=FOLDER.")
    clips: list[Clip] = []
    dropped: dict[str, str] = {}
    for name in config.data.datasets:
        data = dataset(name)
        reading = read(data, roots[name], partial(watch.progress, f"reading {data.title}"))
        flagged = (
            f"; {counted(len(reading.flags), 'odd thing')}, see `tsfmicro data check {name}`" if reading.flags else ""
        )
        there = {clip.id for clip in (*reading.clips, *reading.macro)}
        gone = {
            f.clip if f.clip.startswith(f"{name}/") else f"{name}, {f.clip}": f"{f.reason}: {f.detail}"
            for f in reversed(reading.flags)
            if f.row and f.clip not in there and f.reason != TEXT
        }
        flagged += (
            f"; {counted(len(gone), 'row')} of them make{'s' * (len(gone) == 1)} no clip, see skipped.csv"
            if gone
            else ""
        )
        dropped |= gone
        sheet = "sheet " if data.has_sheet else ""
        watch.note(f"{data.title}: {counted(len(reading.clips), 'clip')}, {sheet}{reading.version}{flagged}")
        for remark in data.remarks(reading):
            watch.note(f"  {remark}")
        clips.extend(reading.clips)
    twice = [clip_id for clip_id, count in Counter(c.id for c in clips).items() if count > 1]
    if twice:
        raise AnnotationError(
            f"clip id {twice[0]} is there twice. Name each dataset once in data.datasets, and each clip once in its sheet."
        )
    excluded = read_exclusions(config.data.exclude) if config.data.exclude else {}
    return list(leave_out(clips, excluded)), dropped | excluded


def with_an_apex(clips: Sequence[Clip], config: RunConfig) -> list[Clip]:
    """The clips that have an apex, or will have one where the run looks for those that are missing.

    Raises: ConfigError: no clip has one.
    """
    usable = [clip for clip in clips if config.prepare.apex != "annotated" or clip.apex is not None]
    if clips and not usable:
        raise ConfigError(f"no clip of {', '.join(config.data.datasets)} has an apex. Spot it: prepare.apex=missing.")
    return usable


def prepare_clips(
    clips: Sequence[Clip], config: RunConfig, cache: Path, workers: int | None, watch: Watch
) -> PreparedSet:
    """All that the run needs of all clips, whatever their label: another label scheme needs no new preparation.

    Raises: ConfigError: these clips cannot give what the model needs, or must not be moved by augmentation.
    """
    ready = any(clip.ready for clip in clips)
    if config.prepare.apex != "annotated" and not ready:
        clips = with_spotted_apexes(clips, config.prepare, cache, workers, watch)
    needs = needs_of(config) + (() if ready else (pictures(config.prepare),))
    prepared = prepare(
        clips,
        needs,
        config.prepare,
        cache,
        workers,
        lambda done, total, note: watch.progress("preparing clips", done, total, note),
    )
    check_augmentation(prepared, needs, config.train.augment)
    watch.note(f"prepared {len(prepared.clips)} of {len(clips)} clips; {len(prepared.skipped)} skipped")
    for clip_id, reason in prepared.skipped:
        watch.note(f"  skipped {clip_id}: {reason}")
    return prepared


def needs_of(config: RunConfig) -> tuple[Need, ...]:
    """What the run's model and its linear floor need of each clip."""
    n_classes = len(scheme(config.data.scheme).classes)
    needs, _ = plan_of_model(config, n_classes)
    return tuple(dict.fromkeys((*needs, *floor_of(needs, n_classes, config.prepare.size).needs)))


def label_clips(
    clips: Sequence[Clip], config: RunConfig, watch: Watch, which: str = "clip that can be prepared"
) -> tuple[list[Clip], dict[str, int], list[tuple[str, str]]]:
    """The clips that the label scheme uses, their class numbers, and the clips it leaves out with the reason.

    Args: which: what the clips are called where there is none of a class.
    Raises: LabelError: an unknown emotion, or a class without clips.
    """
    used = scheme(config.data.scheme)
    reasons, strange = dict[str, str | None](), list[tuple[str, LabelError]]()
    for clip in clips:
        try:
            reasons[clip.id] = used.why_left_out(clip)
        except LabelError as unknown:
            strange.append((clip.id, unknown))
    if strange:
        more = f" and {counted(len(strange) - 1, 'more clip')}" if len(strange) > 1 else ""
        raise LabelError(f"{strange[0][0]}{more}: {strange[0][1]} Or leave these clips out with data.exclude.")
    left_out = [(clip_id, why) for clip_id, why in reasons.items() if why is not None]
    kept = [clip for clip in clips if reasons[clip.id] is None]
    labels = {c.id: n for c in kept if (n := used.label_of(c)) is not None}
    _check_classes(labels, used, which)
    counts = Counter(n for label in labels.values() for n in used.classes_in(label))
    shown = ", ".join(f"{name} {counts[n]}" for n, name in enumerate(used.classes))
    watch.note(f"{used.name}: {len(labels)} clips ({shown}); {len(left_out)} left out by the scheme")
    return kept, labels, left_out


def make_folds(labels: Mapping[str, int], config: RunConfig, watch: Watch) -> tuple[tuple[Fold, ...], dict[str, str]]:
    """Who learns from whom, and the clips that the protocol uses on no side, with the reason.

    A training side on which nobody shows a class is told, and trained: the model cannot know that class there, and the score
    shows it. One with a single class is refused, since there is nothing to tell apart.

    Raises: ConfigError: too few people, folds that cannot be kept apart, or a training side with one class; LabelError: a
        class that no tested clip shows.
    """
    chosen = config.protocol
    generator = np.random.default_rng(min(config.train.seeds))
    try:
        folds = protocol(chosen.name, chosen.options).folds(labels, config.train.val_people, generator)
    except ConfigError as lack:
        there = set(map(dataset_of, labels))
        gone = ", ".join(name for name in config.data.datasets if there.isdisjoint(dataset(name).shows))
        if not gone:
            raise
        spot = ": where they have no apex, set prepare.apex=missing." if config.prepare.apex == "annotated" else "."
        raise ConfigError(f"{lack} No clip of {gone} can be used{spot}") from None
    used = scheme(config.data.scheme)
    classes = used.classes
    _check_folds(folds, chosen.name)
    for fold in folds:
        shown = {n for clip in fold.train for n in used.classes_in(labels[clip])}
        absent = ", ".join(name for n, name in enumerate(classes) if n not in shown)
        if len(shown) < 2:
            raise ConfigError(
                f"fold {fold.name}: the training side shows no {absent}, so there is nothing to tell apart. "
                "Add people, or choose another protocol or data.scheme."
            )
        if absent:
            watch.note(f"fold {fold.name}: nobody on its training side shows {absent}, so it cannot be learned there")
    tested = {n for fold in folds for clip in fold.test for n in used.classes_in(labels[clip])}
    unseen = ", ".join(name for n, name in enumerate(classes) if n not in tested)
    if unseen:
        raise LabelError(
            f"no tested clip shows {unseen}, so a mean over the classes would not exist. Test on other datasets, or choose another data.scheme."
        )
    left = _never_tested(labels, folds)
    if left:
        people = counted(len({person_of(clip) for clip in left}), "person", "people")
        watch.note(f"protocol {chosen.name}: {len(left)} of {len(labels)} clips, of {people}, are never tested")
    sides = {clip for fold in folds for clip in (*fold.train, *fold.val, *fold.test)}
    return folds, {clip: f"protocol {chosen.name} has it on no side" for clip in labels if clip not in sides}


def _check_folds(folds: Sequence[Fold], protocol: str) -> None:
    """Raises ConfigError: a fold whose name can be no folder's, two of one name, or a clip that is tested twice."""
    named, tested = set[str](), dict[str, str]()
    for fold in folds:
        if not re.fullmatch(FOLD_NAME, fold.name) or fold.name in (".", ".."):
            raise ConfigError(
                f"protocol {protocol}: a fold is called {fold.name!r}, which can be no folder's name. "
                "Name it with 1 to 200 characters and no slash."
            )
        if fold.name in named:
            raise ConfigError(f"protocol {protocol}: two folds are called {fold.name}. Give each a name of its own.")
        named.add(fold.name)
        for clip in fold.test:
            if clip in tested:
                raise ConfigError(
                    f"protocol {protocol}: {clip} is tested in fold {tested[clip]} and once more in fold {fold.name}. "
                    "Test each clip once."
                )
            tested[clip] = fold.name


def _never_tested(labels: Mapping[str, int], folds: Sequence[Fold]) -> list[str]:
    """Clips that no fold tests, but for those of datasets of which nothing is tested, as cross-dataset protocols have it."""
    tested = {clip for fold in folds for clip in fold.test}
    datasets = {dataset_of(clip) for clip in tested}
    return [clip for clip in labels if clip not in tested and dataset_of(clip) in datasets]


def _check_classes(labels: Mapping[str, int], used: LabelScheme, which: str) -> None:
    shown = {n for label in labels.values() for n in used.classes_in(label)}
    empty = [name for n, name in enumerate(used.classes) if n not in shown]
    if empty:
        there = [name for n, name in enumerate(used.classes) if n in shown]
        with_these = (
            f" To train on the {len(there)} that are there: data.scheme={used.name.partition(':')[0]}:{'+'.join(there)}"
        )
        raise LabelError(
            f"label scheme {used.name}: no {which} is {', '.join(empty)}. Choose another data.scheme, or add clips."
            + (with_these if len(there) > 1 and not used.units else "")
        )


def check_names(config: RunConfig) -> int:
    """What cannot be is told now, not after an hour of preparation. Returns: epochs that a training leaves logits of."""
    twice = [seed for seed, count in Counter(config.train.seeds).items() if count > 1]
    if twice:
        raise ConfigError(f"train.seeds: {twice[0]} is there twice, and would count twice. Give each seed once.")
    used = scheme(config.data.scheme)
    protocol(config.protocol.name, config.protocol.options)
    needs, epochs = plan_of_model(config, len(used.classes))
    for one in (*needs, *map(need, config.prepare.products)):
        product_of(one, config.prepare.products)
    return epochs
