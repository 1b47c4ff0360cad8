"""`tsfmicro web`: drop a video on a page, see when the face moved and what it may mean. On this machine only."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from tsfmicro.errors import ConfigError


def web(
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
    """Open a page on this machine: drop a video, choose a moment, see what it may mean. Nothing leaves the machine."""
    from tsfmicro.use.recognise import Recognizer
    from tsfmicro.use.visit import Limits

    _settle_gradio()
    from tsfmicro.app.page import build, launch

    limits = Limits(max_megabytes, max_seconds)
    blocks = build(Recognizer.load(model, threshold=threshold), limits)
    try:
        launch(blocks, limits, port, True, host)
    except OSError:
        raise ConfigError(f"port {port} is taken. Choose another one with --port.") from None


def _settle_gradio() -> None:
    """No outside request. Raises ConfigError: gradio is not installed."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_OFFLINE"] = "1"
    try:
        import gradio  # noqa: F401
    except ImportError:
        raise ConfigError("gradio is not installed. Run: pip install 'tsfmicro[web]'.") from None
