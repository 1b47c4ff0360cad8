"""`tsfmicro web`: drop a video on a page, see when the face moved and what it may mean; or code videos at a desk. On this
machine only."""

from __future__ import annotations

import os
import socket
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tsfmicro.errors import ConfigError

if TYPE_CHECKING:
    from tsfmicro.app.desk.server import Desk


def web(
    project: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Code the videos of this project; it is made where there is none."),
    ] = None,
    model: Annotated[
        str,
        typer.Option(help="A run's folder, a saved model, an .onnx file, or 'demonstration' (not for use on people)."),
    ] = "demonstration",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Where the page is: http://localhost:PORT")] = 7860,
    host: Annotated[
        str, typer.Option(help="Address to listen on. 0.0.0.0 lets others in, and is for a container alone.")
    ] = "127.0.0.1",
    threshold: Annotated[
        float, typer.Option(min=0, max=1, help="Abstain where no emotion is as likely as this.")
    ] = 0.5,
    max_seconds: Annotated[float, typer.Option(min=1, help="Longest video that is taken.")] = 180,
    max_megabytes: Annotated[int, typer.Option(min=1, help="Largest file that is taken.")] = 500,
) -> None:
    """Open a page on this machine: drop a video, choose a moment, see what it may mean; or, with --project, code your videos.
    Nothing leaves the machine."""
    _settle(needed="gradio" if project is None else "uvicorn")
    from tsfmicro.app.desk.server import HERE, Desk

    desk = Desk(project, model, threshold, host in HERE)
    try:
        if project is not None:
            _serve(desk, host, port)
            return
        from tsfmicro.app.page import build, launch
        from tsfmicro.use.recognise import Recognizer
        from tsfmicro.use.visit import Limits

        limits = Limits(max_megabytes, max_seconds)
        blocks = build(Recognizer.load(model, threshold=threshold), limits, desk=True)
        launch(blocks, limits, port, True, host, desk.app())
    except OSError:
        raise ConfigError(f"port {port} is taken. Choose another one with --port.") from None
    finally:
        desk.close()


def _serve(desk: Desk, host: str, port: int) -> None:
    """Serve the desk alone, until Ctrl-C. Raises OSError: the port is taken."""
    import uvicorn

    with socket.create_server((host, port)) as place:
        print(f"open http://localhost:{port}/desk/ (Ctrl-C ends it; everything is saved)", flush=True)
        uvicorn.Server(
            uvicorn.Config(desk.alone(), log_level="error", access_log=False, timeout_graceful_shutdown=1)
        ).run(sockets=[place])


def _settle(needed: str) -> None:
    """No outside request. Raises ConfigError: what serves the page is not installed."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_OFFLINE"] = "1"
    try:
        import_module(needed)
    except ImportError:
        raise ConfigError(f"{needed} is not installed. Run: pip install 'tsfmicro[web]'.") from None
