"""Recognising clips: TSFmicro in torch, onnxruntime and OpenVINO, against the plain program of the same equations.

Fresh processes take turns. The model has new weights, since time does not hang on them; int8 is calibrated on noise for
the same reason, so what it does to scores is not measured here. A runtime that is not installed is left out.

    python -m benchmarks.runtimes                    # 224 × 224, 1 and 8 clips, 2 threads
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch

from benchmarks.reference import Reference
from benchmarks.shared import Row, alternate, best_of, compared, in_fresh_process, print_json
from tsfmicro.memory import keep_freed_memory
from tsfmicro.models.registry import create_model
from tsfmicro.models.runtimes import InTorch, load_predictor
from tsfmicro.use.export import export
from tsfmicro.use.int8 import quantise

SIZE, CLASSES, CALIBRATION = 224, 5, 4
BATCHES = (1, 8)
PROGRAMS = {  # name → runtime, file, precision
    "torch": (None, "", "float32"),
    "onnxruntime": ("onnxruntime", "float32.onnx", "float32"),
    "onnxruntime, int8": ("onnxruntime", "int8.onnx", "float32"),
    "OpenVINO": ("openvino", "float32.onnx", "float32"),
    "OpenVINO, bf16": ("openvino", "float32.onnx", "bfloat16"),
    "OpenVINO, int8": ("openvino", "int8.onnx", "float32"),
}
PLAIN = "plain"


def images(clips: int) -> dict[str, np.ndarray]:
    drawing = np.random.default_rng(0)
    return {name: drawing.standard_normal((clips, 3, SIZE, SIZE), dtype=np.float32) for name in ("motion", "onset")}


def write_files(folder: Path) -> None:
    torch.manual_seed(0)
    model = create_model("tsfmicro", CLASSES, SIZE)
    export(model, folder / "float32.onnx")
    quantise(model, folder / "float32.onnx", folder / "int8.onnx", [images(1)] * CALIBRATION)


def measure(program: str, clips: int, folder: Path, threads: int, seconds: float) -> float:
    """Milliseconds a clip, the shortest time of a batch."""
    torch.set_num_threads(threads)
    batch = images(clips)
    step: Callable[[], object]
    if program == PLAIN:
        plain = Reference(CLASSES, SIZE).eval()
        tensors = {"movement": torch.from_numpy(batch["motion"]), "frame": torch.from_numpy(batch["onset"])}
        step = torch.inference_mode()(partial(plain, **tensors))
    else:
        runtime, file, precision = PROGRAMS[program]
        if runtime is None:
            keep_freed_memory()
            step = partial(InTorch(create_model("tsfmicro", CLASSES, SIZE)), batch)
        else:
            step = partial(load_predictor(folder / file, runtime, threads, precision), batch)
    return 1e3 * best_of(step, seconds) / clips


def rows(arguments: argparse.Namespace) -> list[Row]:
    able = [name for name, (runtime, *_) in PROGRAMS.items() if runtime is None or find_spec(runtime)]
    with tempfile.TemporaryDirectory() as folder:
        if find_spec("onnxscript") and find_spec("onnxruntime"):
            write_files(Path(folder))
        else:
            able = ["torch"]
        cases = [(program, clips) for clips in BATCHES for program in (PLAIN, *able)]

        def ask(case: tuple[str, int]) -> float:
            settings = ("--threads", arguments.threads, "--seconds", arguments.seconds)
            return in_fresh_process("benchmarks.runtimes", "--child", *case, folder, *settings)

        times = alternate(cases, ask, arguments.rounds)
    return [
        compared(
            f"recognise {clips} clip{'s'[: clips - 1]}, {program}",
            "ms/clip",
            times[program, clips],
            times[PLAIN, clips],
        )
        for clips in BATCHES
        for program in able
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3, help="fresh processes per case")
    parser.add_argument("--seconds", type=float, default=4, help="measured in each process")
    parser.add_argument("--json", action="store_true", help="print the rows for `tsfmicro bench`")
    parser.add_argument("--child", nargs=3, metavar=("PROGRAM", "CLIPS", "FOLDER"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        program, clips, folder = arguments.child
        print(json.dumps(measure(program, int(clips), Path(folder), arguments.threads, arguments.seconds)))
        return
    found = rows(arguments)
    if arguments.json:
        print_json(found)
        return
    print(f"torch {torch.__version__}, {arguments.threads} threads, {SIZE}×{SIZE}, {arguments.rounds} rounds")
    for row in found:
        print(
            f"{row.what:36} {row.ours:7.1f} ms/clip  plain {row.reference:6.1f}  {row.ratio:5.2f}× ({row.low:.2f}–{row.high:.2f})"
        )


if __name__ == "__main__":
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    main()
