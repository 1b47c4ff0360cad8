"""Facial micro-expressions: from a dataset's folder to a leave-one-subject-out score that can be trusted.

What docs/api.md promises, each as the command of the same verb:

    read_dataset, prepare_clips, run_experiment                        from a folder to a score
    evaluate_run, compare_runs, audit_run, report_runs, reproduce_run  a finished run
    Recognizer, spot_video                                             a video, or an onset–apex pair
    read                                                               any of what they leave, as pandas tables
    create_model, from_pretrained, save_pretrained                     a model alone
    draw_faces, draw_videos, draw_flow_maps                            people who never lived, to try it on
    list_datasets, list_models, list_protocols, list_configs, load_config
    TsfmicroError                                                      what all of them raise where an input is wrong

Everything else may move between versions. `import tsfmicro` loads nothing heavy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tsfmicro.api.calls import audit_run as audit_run
    from tsfmicro.api.calls import compare_runs as compare_runs
    from tsfmicro.api.calls import draw_faces as draw_faces
    from tsfmicro.api.calls import draw_flow_maps as draw_flow_maps
    from tsfmicro.api.calls import draw_videos as draw_videos
    from tsfmicro.api.calls import evaluate_run as evaluate_run
    from tsfmicro.api.calls import list_configs as list_configs
    from tsfmicro.api.calls import list_datasets as list_datasets
    from tsfmicro.api.calls import list_models as list_models
    from tsfmicro.api.calls import list_protocols as list_protocols
    from tsfmicro.api.calls import load_config as load_config
    from tsfmicro.api.calls import prepare_clips as prepare_clips
    from tsfmicro.api.calls import read as read
    from tsfmicro.api.calls import read_dataset as read_dataset
    from tsfmicro.api.calls import report_runs as report_runs
    from tsfmicro.api.calls import reproduce_run as reproduce_run
    from tsfmicro.api.calls import run_experiment as run_experiment
    from tsfmicro.api.calls import spot_video as spot_video
    from tsfmicro.errors import TsfmicroError as TsfmicroError
    from tsfmicro.models.pretrained import from_pretrained as from_pretrained
    from tsfmicro.models.pretrained import save_pretrained as save_pretrained
    from tsfmicro.models.registry import create_model as create_model
    from tsfmicro.use.recognise import Recognizer as Recognizer

__version__ = "1.0.0"

__all__ = [
    "Recognizer",
    "TsfmicroError",
    "audit_run",
    "compare_runs",
    "create_model",
    "draw_faces",
    "draw_flow_maps",
    "draw_videos",
    "evaluate_run",
    "from_pretrained",
    "list_configs",
    "list_datasets",
    "list_models",
    "list_protocols",
    "load_config",
    "prepare_clips",
    "read",
    "read_dataset",
    "report_runs",
    "reproduce_run",
    "run_experiment",
    "save_pretrained",
    "spot_video",
]

# Loaded on first use: torch takes seconds. What is not named here is in tsfmicro.api.calls.
_ELSEWHERE = {
    "Recognizer": "tsfmicro.use.recognise",
    "TsfmicroError": "tsfmicro.errors",
    "create_model": "tsfmicro.models.registry",
    "from_pretrained": "tsfmicro.models.pretrained",
    "save_pretrained": "tsfmicro.models.pretrained",
}


def __getattr__(name: str) -> Any:
    """A name of `__all__`, loaded when it is first asked for."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_ELSEWHERE.get(name, "tsfmicro.api.calls")), name)


def __dir__() -> list[str]:
    """What completion offers: the names that are promised."""
    return sorted([*__all__, *(name for name in globals() if name.startswith("__"))])
