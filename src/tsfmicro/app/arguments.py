"""Arguments and options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tsfmicro.errors import ConfigError
from tsfmicro.places import VARIABLE, cache_folder

Config = Annotated[str, typer.Argument(help="A YAML file, or the name of a shipped config (see `tsfmicro configs`).")]
Data = Annotated[
    list[str], typer.Option("--data", metavar="NAME=FOLDER", help="Where a dataset is, e.g. casme2=/data/CASME2.")
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change a setting, as the config has it, e.g. name=mine."),
]
Cache = Annotated[
    Path,
    typer.Option(
        envvar=VARIABLE,
        help="Where prepared faces are kept.",
        show_default="where `tsfmicro doctor` says",  # a long path would be cut
        callback=cache_folder,
    ),
]
Workers = Annotated[
    int | None, typer.Option(min=1, help="Processes at once. Default: as many as cores and memory allow.")
]
Level = Annotated[
    float, typer.Option(min=0, max=1, help="Least confidence of a moment: 0 shows all that moved, 0.9 only sure ones.")
]
Spotter = Annotated[
    str,
    typer.Option(
        help="Who says how sure a moment is: 'peaks', by how far it is above its threshold, or 'learned', networks."
    ),
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
Final = Annotated[
    bool,
    typer.Option(
        "--final", help="Also train one model on everybody, for other people's videos. A finished run can get it later."
    ),
]
Shuffled = Annotated[
    bool,
    typer.Option(
        "--shuffled",
        help="Also train every fold once on shuffled labels: a floor that must sit at chance. A finished run can get it later.",
    ),
]
Machines = Annotated[str, typer.Option(help="Where trainings run: here, ray or slurm.")]
Address = Annotated[
    str | None,
    typer.Option(
        metavar="HOST:PORT",
        help="Ray: the head node; auto: the cluster this machine is in; without it, Ray is started here.",
    ),
]
GpusPerTraining = Annotated[
    float | None,
    typer.Option(
        min=0.01, metavar="SHARE", help="Ray: part of a GPU for one training; 0.25, the default, lets four share one."
    ),
]
Slurm = Annotated[
    list[str] | None,
    typer.Option(metavar="KEY=VALUE", help="SLURM: an option of sbatch, e.g. partition=gpu or time=240 (minutes)."),
]
Pdf = Annotated[
    bool,
    typer.Option("--pdf", help="With --out: print the report to report.pdf, by a Chromium that is installed here."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


def roots(pairs: list[str]) -> dict[str, Path]:
    """The folder of each dataset. Raises ConfigError: not NAME=FOLDER, or a name twice."""
    folders: dict[str, Path] = {}
    for pair in pairs:
        name, sign, folder = pair.partition("=")
        if not sign or not folder:
            raise ConfigError(f"--data {pair}: write it as NAME=FOLDER, e.g. casme2=CASME2.")
        if name in folders:
            raise ConfigError(
                f"--data {name} is given twice ({folders[name]} and {folder}). Give each dataset one folder."
            )
        folders[name] = Path(folder).expanduser()
    return folders
