"""The commands as functions: plain paths and names go in, what the command prints comes out as an object.

Each is named by a verb and what it is done to. The verb alone is the package that does it (`tsfmicro.run`, `tsfmicro.prepare`), and a
name that is a function today and a module after the next import would be neither.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tsfmicro.config import RunConfig, check_config, put, read_settings
from tsfmicro.places import usual_cache

if TYPE_CHECKING:
    from tsfmicro.api.tables import Tables
    from tsfmicro.data.base import Reading
    from tsfmicro.prepared import PreparedSet
    from tsfmicro.reading.audit import Audit
    from tsfmicro.reading.compare import Comparison
    from tsfmicro.reading.report import Report
    from tsfmicro.reading.reproduce import Reproduction
    from tsfmicro.run.summary import Summary
    from tsfmicro.run.units import UnitSummary
    from tsfmicro.run.watch import Watch
    from tsfmicro.spot.types import Spotting

Place = str | Path
Folders = Mapping[str, Place]
"""Dataset → its folder."""


def list_datasets() -> list[str]:
    """Names of the datasets that can be read."""
    from tsfmicro.data.registry import DATASETS

    return list(DATASETS)


def list_models() -> list[str]:
    """Names of the models that `create_model` builds."""
    from tsfmicro.models.registry import MODELS

    return sorted(MODELS)


def list_protocols() -> list[str]:
    """Names of the protocols."""
    from tsfmicro.protocols.registry import PROTOCOLS

    return list(PROTOCOLS)


def list_configs() -> list[str]:
    """Names of the configs that come with the package."""
    from tsfmicro.study import shipped

    return shipped.names()


def load_config(config: str | Path, settings: Mapping[str, Any] | None = None) -> RunConfig:
    """The settings of a run.

    Args:
        config: a YAML file, or the name of a shipped config.
        settings: changes, e.g. {"train.epochs": 50}.
    Raises: ConfigError: a setting that is unknown or cannot work; UnknownNameError: no such config.
    """
    from tsfmicro.study import shipped

    path = shipped.config_path(str(config))
    values = read_settings(path)
    for key, value in (settings or {}).items():
        put(values, key, value)
    return check_config(values, str(path))


def read_dataset(name: str, folder: Place) -> Reading:
    """What a dataset's folder holds: clips, and everything odd about them.

    Raises: UnknownNameError; AnnotationError, LabelError, FrameError: the folder or its sheet cannot be read, and why.
    """
    from tsfmicro.data.registry import dataset, read

    return read(dataset(name), Path(folder))


def draw_faces(
    out: Place,
    *,
    people: int = 8,
    clips: int = 12,
    fps: int = 200,
    seed: int = 0,
    workers: int | None = None,
    watch: Watch | None = None,
) -> Path:
    """Draw people who never lived, whose faces move as action units do, in the layout of CASME II.

    Args: out: a new folder, or one that an earlier call began. people, clips: how many, and clips of each. fps: frames per second.
    Returns: the folder, to be read as `casme2`. Raises: ConfigError: numbers that cannot work, or a folder of something else.
    """
    from tsfmicro.run.watch import Watch
    from tsfmicro.study import demo

    return demo.draw_faces(Path(out), people, clips, seed, fps, workers, watch or Watch())


def draw_videos(
    out: Place,
    *,
    people: int = 2,
    seconds: float = 20,
    fps: int = 100,
    width: int = 640,
    seed: int = 0,
    hard: bool = False,
    workers: int | None = None,
    watch: Watch | None = None,
) -> Path:
    """Draw videos of people who never lived, sub01.avi and on, and the truth of each expression and blink in truth.csv.

    Args: seconds: of each video. width: of a frame, pixels. hard: with hands, turns, speech and flicker. The others as of `draw_faces`.
    Returns: the folder. Raises: ConfigError.
    """
    from tsfmicro.run.watch import Watch
    from tsfmicro.study import demo

    return demo.draw_films(Path(out), people, seconds, seed, fps, width, workers, watch or Watch(), hard)


def draw_flow_maps(out: Place, *, people: int | None = None, seed: int = 0, watch: Watch | None = None) -> Path:
    """Draw the flow maps of people who never lived, in the folders of STSTNet's authors: to be read as `flow-maps`.

    Args: out: a new folder. people: of each of the three datasets; by default as many as MEGC2019 has.
    Returns: the folder. Raises: ConfigError: the folder holds something.
    """
    from tsfmicro.run.watch import Watch
    from tsfmicro.study import demo

    demo.draw_flow_maps(Path(out), people, seed, watch or Watch())
    return Path(out)


def prepare_clips(
    config: str | Path | RunConfig,
    data: Folders,
    *,
    settings: Mapping[str, Any] | None = None,
    cache: Place | None = None,
    workers: int | None = None,
    watch: Watch | None = None,
) -> PreparedSet:
    """Find, align and store the faces, and all else that a run of this config would first prepare.

    Args: as of `run_experiment`.
    Returns: what was prepared, memory-mapped, and what was skipped.
    Raises: TsfmicroError: each kind of bad input, in one line.
    """
    from tsfmicro.run import experiment
    from tsfmicro.run.watch import Watch

    asked, watch = _config(config, settings), watch or Watch()
    experiment.check_names(asked)
    clips, _ = experiment.read_clips(asked, _folders(data), watch)
    return experiment.prepare_clips(clips, asked, _cache(cache), workers, watch)


def run_experiment(
    config: str | Path | RunConfig,
    data: Folders,
    out: Place,
    *,
    settings: Mapping[str, Any] | None = None,
    cache: Place | None = None,
    device: str = "auto",
    workers: int | None = None,
    shuffled: bool = False,
    final: bool = False,
    watch: Watch | None = None,
) -> Summary | UnitSummary:
    """Prepare, train every fold, score; go on where an earlier call was stopped.

    With several workers the script is read once more by each process it starts: call it under `if __name__ == "__main__":`.

    Args:
        config: a YAML file, the name of a shipped config, or what `load_config` returned.
        data: folder of each dataset.
        out: the run folder.
        settings: changes, e.g. {"train.epochs": 50}.
        cache: where prepared faces are kept; by default where the commands keep them.
        device: 'auto', 'cpu', 'cuda', 'mps'.
        workers: trainings at once; by default as many as cores and memory allow.
        shuffled: also train every fold on shuffled labels, a floor. final: also train one model on everybody.
        watch: is told how it goes.
    Returns: scores with intervals, beside their floors; of action units a UnitSummary.
    Raises: TsfmicroError: each kind of bad input, in one line.
    """
    from tsfmicro.run import experiment

    return experiment.run(
        _config(config, settings),
        _folders(data),
        Path(out),
        _cache(cache),
        device,
        workers,
        watch,
        shuffled,
        final=final,
    )


def evaluate_run(run: Place, rule: str = "last") -> Summary | UnitSummary:
    """Score a finished run again, from what it stored, and write its scores.json.

    Args: run: its folder. rule: which epoch counts: 'last', 'inner', 'oracle', 'released', or 'all' of them.
    Raises: UnknownNameError; RunError: trainings are missing or damaged.
    """
    from tsfmicro.run.folder import RunFolder
    from tsfmicro.run.summary import evaluate_run as evaluate

    return evaluate(RunFolder.open(Path(run)), rule)


def compare_runs(run: Place, other: Place, rule: str = "last") -> Comparison:
    """Whether a run is better than another one: a paired test over people, on the clips that both tested.

    Args: run: a run folder. other: another, or a floor of the first: 'linear', 'majority', 'shuffled-linear', 'shuffled'.
    Raises: RunError: one of them is not finished, or they share no clips.
    """
    from tsfmicro.reading.compare import compare

    return compare(Path(run), str(other), rule)


def audit_run(run: Place) -> Audit:
    """Check a finished run: who was on which side, what was learned from, whether the scores are what the logits give.

    Raises: RunError: no run folder, or its lists cannot be read at all.
    """
    from tsfmicro.reading.audit import audit

    return audit(Path(run))


def reproduce_run(
    run: Place,
    data: Folders,
    out: Place,
    *,
    cache: Place | None = None,
    device: str | None = None,
    workers: int | None = None,
    watch: Watch | None = None,
) -> Reproduction:
    """Do a finished run again, from its settings and the dataset, and say whether it is the same to the last bit, or where not.

    Args: run: its folder, which is only read. out: the folder of the repetition. device: by default the kind the run was on.
        The others as of `run_experiment`.
    Raises: RunError: the run is not finished, or is damaged; and all that `run_experiment` raises.
    """
    from tsfmicro.reading.reproduce import reproduce

    return reproduce(Path(run), _folders(data), Path(out), _cache(cache), device, workers, watch)


def report_runs(
    runs: Place | Sequence[Place],
    out: Place,
    *,
    cache: Place | None = None,
    maps: bool = True,
    faces: bool = True,
    device: str = "auto",
    watch: Watch | None = None,
) -> Report:
    """Write the paper's tables and figures for these runs, and one page to read it all (index.html), under `out`.

    Args:
        runs: run folders, or a study's folder.
        cache: where prepared faces are kept; a folder `cache` beside a run is found anyhow.
        maps: also work out heat maps, which needs captum. faces: put faces into figures and the page.
    Returns: the files, and a line for each thing that could not be made.
    Raises: RunError: none of them is a finished run.
    """
    from tsfmicro.reading.report import report

    paths = [runs] if isinstance(runs, str | Path) else runs
    return report([Path(path) for path in paths], Path(out), _cache(cache), maps, device, watch, faces)


def spot_video(video: Place, *, fps: float | None = None, level: float = 0.5, watch: Watch | None = None) -> Spotting:
    """Find micro- and macro-expressions in a video: onset, apex, offset.

    Args:
        video: a file, or a folder of numbered images with their fps.
        level: least confidence of what is told, from 0 (all that moved) to 1.
    Raises: VideoError, FrameError: it cannot be read; FaceError: no face in it.
    """
    from tsfmicro.use.spot import spot

    return spot(Path(video), watch, fps, level=level)


def read(place: Place, *, model: Place | None = None, fps: float | None = None, watch: Watch | None = None) -> Tables:
    """What was found, coded or scored, as pandas tables with units; a video is first spotted.

    Args:
        place: a video; a folder that `tsfmicro spot --out` or `predict --out` left; a coder's file, a folder of them, or a
            coded project; or a run folder.
        model: for a video: what `Recognizer.load` takes, whose answers stand in the table. By default only movement is measured.
        fps: of a folder of images, or of a coding that counts frames and does not say.
        watch: is told how it goes.
    Returns: tables `moments`, `curves` and `clips` (empty where there is none), `codebook`, `model`, and `plot()`.
    Raises: ConfigError: pandas is not installed (extra `tables`); and each kind of bad input, in one line.
    """
    from tsfmicro.api.tables import read as do

    return do(Path(place), None if model is None else str(model), fps, watch)


def _config(config: str | Path | RunConfig, settings: Mapping[str, Any] | None) -> RunConfig:
    if not isinstance(config, RunConfig):
        return load_config(config, settings)
    values = config.model_dump(mode="json")
    for key, value in (settings or {}).items():
        put(values, key, value)
    return check_config(values, config.name)


def _folders(data: Folders) -> dict[str, Path]:
    return {name: Path(folder).expanduser() for name, folder in data.items()}


def _cache(given: Place | None) -> Path:
    return usual_cache() if given is None else Path(given).expanduser()
