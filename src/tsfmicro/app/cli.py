"""The command line. Heavy libraries are imported inside the commands, so that --help is fast."""

from __future__ import annotations

import atexit
import errno
import gc
import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from tsfmicro import __version__
from tsfmicro.app.agree import agree
from tsfmicro.app.arguments import (
    Address,
    AsJson,
    Cache,
    Config,
    Data,
    Device,
    Final,
    GpusPerTraining,
    Machines,
    Set,
    Shuffled,
    Slurm,
    Workers,
    roots,
)
from tsfmicro.app.audit import audit
from tsfmicro.app.bench import bench
from tsfmicro.app.code import code
from tsfmicro.app.compare import compare
from tsfmicro.app.convert import convert
from tsfmicro.app.doctor import doctor
from tsfmicro.app.export import export
from tsfmicro.app.matrix import matrix
from tsfmicro.app.predict import predict
from tsfmicro.app.pretrain import pretrain
from tsfmicro.app.report import report
from tsfmicro.app.reproduce import reproduce
from tsfmicro.app.spot import spot, synth_video
from tsfmicro.app.spot_score import spot_dataset, spot_score
from tsfmicro.app.study import study
from tsfmicro.app.synth_flow import synth_flow
from tsfmicro.app.web import web
from tsfmicro.errors import ConfigError, TsfmicroError
from tsfmicro.files import counted
from tsfmicro.places import CACHE

app = typer.Typer(
    name="tsfmicro",
    help="Recognise facial micro-expressions: from a dataset's folder to a leave-one-subject-out score that can be trusted.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
data = typer.Typer(help="Datasets: which are known, what is on disk, and generated faces.", no_args_is_help=True)
app.add_typer(data, name="data")
app.add_typer(code, name="code")


def _tell_version(asked: bool) -> None:
    if asked:
        print(f"tsfmicro {__version__}")
        raise typer.Exit


@app.callback()
def _any_command(
    version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None: ...


@app.command()
def run(
    config: Config,
    data: Data,
    out: Annotated[Path, typer.Option(help="The run folder; the same command goes on where it was stopped.")],
    set: Set = None,
    cache: Cache = CACHE,
    device: Device = "auto",
    workers: Workers = None,
    shuffled: Shuffled = False,
    machines: Machines = "here",
    address: Address = None,
    gpus_per_training: GpusPerTraining = None,
    slurm: Slurm = None,
    final: Final = False,
    ablate: Annotated[
        str | None,
        typer.Option(metavar="start", help="Also train the same folds without train.start, and say how much it gave."),
    ] = None,
) -> None:
    """Prepare faces, train every fold, and print the score with its interval and floors."""
    from tsfmicro.app.screens import Screen, show_summary, show_table
    from tsfmicro.machines.named import machines as machines_named
    from tsfmicro.reading.ablate import ablate_start, check_ablation
    from tsfmicro.run import experiment
    from tsfmicro.study import shipped

    settings = shipped.config(config, set or [])
    check_ablation(ablate, settings)
    where = machines_named(machines, workers, address, gpus_per_training, slurm or ())
    with Screen() as screen:
        summary = experiment.run(settings, roots(data), out, cache, device, workers, screen, shuffled, where, final)
        gain = ablate_start(out, settings, roots(data), cache, device, workers, screen, where) if ablate else None
    show_summary(summary, out)
    if gain:
        print(f"A = with the start {settings.train.start}, B = the same folds from scratch")
        show_table(*gain.table())
        print(gain.headline())


app.command()(study)
app.command()(matrix)
app.command()(pretrain)


@app.command()
def prepare(config: Config, data: Data, set: Set = None, cache: Cache = CACHE, workers: Workers = None) -> None:
    """Find, align and store the faces only, as `run` would first do."""
    from tsfmicro.app.screens import Screen
    from tsfmicro.run import experiment
    from tsfmicro.study import shipped

    settings = shipped.config(config, set or [])
    with Screen() as screen:
        clips, _ = experiment.read_clips(settings, roots(data), screen)
        prepared = experiment.prepare_clips(clips, settings, cache, workers, screen)
    print(cache / prepared.key)


@app.command()
def evaluate(
    folders: Annotated[list[Path], typer.Argument(metavar="RUN …", help="A run folder; with --members more of them.")],
    rule: Annotated[
        str,
        typer.Option(
            help="Which epoch counts. last: the last one, chosen by nobody; inner: the best on validation people; oracle, "
            "released: chosen on the test person, as published tables often are, and too good; all: side by side."
        ),
    ] = "last",
    together: Annotated[
        bool,
        typer.Option(
            "--members",
            help="Average what all seeds of the run, and of the other runs given, say of each clip (rule last).",
        ),
    ] = False,
    mirror: Annotated[
        bool,
        typer.Option(
            help="Ask every training of each clip seen in a mirror too, and take the mean of both (rule last); needs the prepared faces."
        ),
    ] = False,
    cache: Cache = CACHE,
    as_json: AsJson = False,
) -> None:
    """Score a finished run again, from what it stored; images are not needed but with --mirror."""
    from tsfmicro.app.screens import Screen, show_summary, show_table
    from tsfmicro.run.folder import RunFolder
    from tsfmicro.run.summary import evaluate_run

    if len(folders) > 1 and not together:
        raise ConfigError("evaluate scores one run. Give --members to average several, or use `tsfmicro compare`.")
    if together or mirror:
        from tsfmicro.reading.members import members

        if rule != "last":
            raise ConfigError("--members and --mirror average what the last epochs say. Leave --rule out.")
        with Screen() as screen:
            found = members(folders, cache if mirror else None, watch=screen)
        if as_json:
            print(json.dumps(found.to_dict(), indent=1))
            return
        show_table(*found.table())
        print("\n".join(found.lines()))
        return
    folder = folders[0]
    summary = evaluate_run(RunFolder.open(folder), rule)
    if as_json:
        print(json.dumps(summary.to_dict(), indent=1))
    else:
        show_summary(summary, folder)


app.command()(compare)
app.command()(audit)
app.command()(reproduce)
app.command()(predict)
app.command()(web)
app.command()(report)
app.command()(export)
app.command()(convert)
app.command()(bench)
app.command()(doctor)
app.command()(spot)
app.command()(spot_score)
app.command()(spot_dataset)
app.command()(agree)


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Where faces, run and pictures go.")] = Path("demo"),
    people: Annotated[int, typer.Option(min=3, help="Generated people.")] = 8,
    clips: Annotated[int, typer.Option(min=5, help="Clips of each person.")] = 12,
    fps: Annotated[
        int, typer.Option(min=25, max=500, help="Frames per second; CASME II has 200, fewer are drawn faster.")
    ] = 60,
    seed: Annotated[int, typer.Option(help="Another seed draws other people.")] = 0,
    workers: Workers = None,
) -> None:
    """The whole job on generated faces: draw, prepare, train, score. Nothing needs to be downloaded."""
    from tsfmicro.app.screens import Screen, show_summary
    from tsfmicro.study.demo import MEANS
    from tsfmicro.study.demo import demo as do

    with Screen() as screen:
        summary = do(out, people, clips, fps, seed, workers, screen)
    print(f"note: {MEANS}")
    show_summary(summary, out / "run")


@app.command()
def models(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="All about one model.")] = None,
    as_json: AsJson = False,
    page: Annotated[Path | None, typer.Option(metavar="FILE.md", help="Write all of it as a Markdown page.")] = None,
    study: Annotated[Path | None, typer.Option(help="Put the table of this study's folder on the page.")] = None,
) -> None:
    """The models: what each looks at and costs, how far it is the published one, and how to run it."""
    from tsfmicro.about.zoo import resident, residents, zoo_page, zoo_table
    from tsfmicro.app.screens import show_table

    if name and page is None:
        one = resident(name)
        print(json.dumps([one.to_dict()], indent=1) if as_json else "\n".join(one.lines()))
        return
    found = residents()
    if as_json:
        print(json.dumps([one.to_dict() for one in found], indent=1))
    elif page is not None:
        page.write_text(zoo_page(found, study), encoding="utf-8")
        print(page)
    else:
        show_table(*zoo_table(found))
        print("GFLOP: of one clip. `tsfmicro models NAME` tells all about one, with its paper,")
        print("its options, and how its published score was chosen.")


@app.command()
def configs() -> None:
    """The shipped configs, one for each published experiment, and the studies that are made of them."""
    from tsfmicro.app.screens import show_table
    from tsfmicro.pretrain.settings import pretrainings_table
    from tsfmicro.study.grid import studies_table
    from tsfmicro.study.shipped import configs_table

    show_table(*configs_table())
    print()
    show_table(*studies_table())
    print()
    show_table(*pretrainings_table())


@data.command("list")
def data_list() -> None:
    """The datasets that can be read."""
    from tsfmicro.about.catalogue import datasets_table
    from tsfmicro.app.screens import show_table

    show_table(*datasets_table())


@data.command("check")
def data_check(
    name: Annotated[str, typer.Argument(help="A name from `tsfmicro data list`.")],
    root: Annotated[Path, typer.Argument(help="The dataset's folder.")],
    as_json: AsJson = False,
) -> None:
    """What is in a dataset's folder, beside what the paper counts; every odd row is named."""
    from tsfmicro.about.catalogue import check_dataset

    found = check_dataset(name, root)
    if as_json:
        print(json.dumps(found.to_dict(), indent=1))
    else:
        print("\n".join(found.lines()))


@data.command("synth")
def data_synth(
    out: Annotated[Path, typer.Argument(help="A new folder, in the layout of CASME II.")],
    people: Annotated[int, typer.Option(min=1)] = 8,
    clips: Annotated[int, typer.Option(min=1, help="Clips of each person.")] = 12,
    seed: Annotated[int, typer.Option(help="Another seed draws other people.")] = 0,
    fps: Annotated[int, typer.Option(min=25, max=500, help="Frames per second.")] = 200,
    workers: Workers = None,
) -> None:
    """Draw people who never lived, and let their faces move as action units do."""
    from tsfmicro.app.screens import Screen
    from tsfmicro.study.demo import draw_faces

    with Screen() as screen:
        draw_faces(out, people, clips, seed, fps, workers, screen)
    print(
        f"{counted(people * clips, 'clip')} of {people} {'people' if people > 1 else 'person'} in {out}. Read them as CASME II: --data casme2={out}"
    )


data.command("synth-video")(synth_video)
data.command("synth-flow")(synth_flow)


def main() -> None:
    """Run a command. A user's mistake is one line on standard error and exit status 1; Ctrl-C is 130."""
    # A program that loaded torch would end by looking for cycles in it, a quarter of a second.
    atexit.register(gc.freeze)
    try:
        app()
    except TsfmicroError as mistake:
        _end(str(mistake), 1)
    except SystemExit as end:
        if end.code != 130:  # what typer makes of Ctrl-C
            raise
        _end("stopped. What is finished is kept: the same command goes on from there.", 130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except OSError as problem:
        where = problem.filename2 or problem.filename  # the second is what the first was to become
        if where is None and problem.errno not in _DISK.keys() - _OF_OTHERS:  # of the network, or none of the system's
            raise
        told = _DISK.get(problem.errno or 0, f"{problem.strerror or problem}. Choose another place.")
        _end(f"{where or 'the disk'}: {told}{_KEPT if problem.errno in _MIDWAY else ''}", 1)


_OF_OTHERS = {errno.ENOENT, errno.EPERM, errno.EIO}  # said of sockets, processes and terminals, too
_MIDWAY = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}
_KEPT = " What is finished is kept: the same command goes on from there."
_DISK = {
    errno.ENOSPC: "no space is left. Make room, or choose another disk.",
    errno.EDQUOT: "your quota is used up. Make room, or choose another disk.",
    errno.EFBIG: "a file may not be as large on this disk, or for you. Choose another disk, or raise the limit (ulimit -f).",
    errno.EIO: "the disk failed. See whether it is well, or choose another one.",
    errno.ENOENT: "there is no such file or folder. Name another one.",
    errno.ENAMETOOLONG: "a name is too long for the disk. Choose a shorter one.",
    errno.EPERM: "not permitted. Choose a folder that you may write to.",
    errno.EACCES: "permission denied. Choose a folder that you may write to.",
    errno.EEXIST: "a file lies where a folder should be. Move it away, or name another one.",
    errno.EISDIR: "a folder lies where a file should be. Move it away, or name another one.",
    errno.ENOTDIR: "a part of this path is a file, not a folder. Name another one.",
    errno.ELOOP: "a link that leads to itself. Copy the file that it should lead to.",
    errno.EROFS: "the disk is read-only. Choose another one.",
}


def _end(message: str, status: int) -> None:
    print(f"error: {message}" if status == 1 else message, file=sys.stderr)
    sys.exit(status)


if __name__ == "__main__":  # spawned workers import this file again
    main()
