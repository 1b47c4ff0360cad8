"""The page of `tsfmicro web`, made with gradio; who imports this has made sure that it is installed."""

from __future__ import annotations

import shutil
import tempfile
from base64 import b64encode
from collections.abc import Generator, Iterator
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
from starlette.routing import Mount
from starlette.types import ASGIApp

from tsfmicro.use.played import unplayed
from tsfmicro.use.recognise import Recognizer, example_video
from tsfmicro.use.spot import LEVEL, SPOTTER, SPOTTERS
from tsfmicro.use.visit import Limits, Result, Visit

TITLE = "tsfmicro: when did the face move?"
_LOOK = 0.3  # seconds between looks at how far the work is
_WAITING = 20  # uploads that may wait for their turn


def launch(
    blocks: gr.Blocks, limits: Limits, port: int, wait: bool, host: str = "127.0.0.1", desk: ASGIApp | None = None
) -> None:
    """Serve the page, for this machine alone unless another host is given.

    Args: desk: the desk, which gets /desk.
    Raises: OSError: the port is taken.
    """
    blocks.queue(max_size=_WAITING, default_concurrency_limit=1)
    if wait:
        print(f"open http://localhost:{port} (Ctrl-C ends it)")
    blocks.launch(
        server_name=host,
        server_port=port,
        share=False,
        quiet=True,
        prevent_thread_lock=True,
        max_file_size=f"{limits.megabytes}mb",
        enable_monitoring=False,
        footer_links=[],
        theme=_theme(),
        css=_CSS,
    )
    if desk is not None:
        blocks.app.router.routes.insert(0, Mount("/desk", desk))
    if wait:
        blocks.block_thread()


def _theme() -> Any:
    # Fonts of the visitor's own machine: the themes' own ones would be fetched from elsewhere.
    base = gr.themes.Base(font=["system-ui", "sans-serif"], font_mono=["monospace"])
    return base.set(body_text_color_subdued="*neutral_600")  # its own grey is too faint to read on white


def build(recognizer: Recognizer, limits: Limits, desk: bool = False) -> gr.Blocks:
    """The page. Args: desk: whether to say where the desk is."""
    visits: dict[str, Visit] = {}
    held: dict[str, str | None] = {}  # what each visitor has uploaded, under a name of its own
    wanted: dict[str, bool] = {}  # whether a visitor still wants what was asked for last
    was_read: dict[str, str] = {}  # what each visitor saw the answer of, and is deleted

    def keep(video: str | None, request: gr.Request) -> None:
        held[str(request.session_hash)] = hold(video, held.pop(str(request.session_hash), None))

    def read(video: str | None, level: float, spotter: str, request: gr.Request) -> Iterator[tuple[Any, ...]]:
        if not video:
            yield _said("Choose a video first, or try the example."), gr.skip()
            return
        was = _identity(video)
        if was is None and was_read.get(str(request.session_hash)) == video:
            yield gr.skip(), gr.skip()  # asked for twice: its answer is on the page
            return
        begun = yield from follow(Path(held.get(str(request.session_hash)) or video), True, level, spotter, request)
        if was == _identity(video):  # else another visitor has uploaded the same since, and is still to be read
            Path(video).unlink(missing_ok=True)
        if begun:
            was_read[str(request.session_hash)] = video

    def try_example(level: float, spotter: str, request: gr.Request) -> Iterator[tuple[Any, ...]]:
        yield from follow(example_video(), False, level, spotter, request)

    def follow(
        video: Path, delete: bool, level: float, spotter: str, request: gr.Request
    ) -> Generator[tuple[Any, ...], None, bool]:
        if not wanted.get(str(request.session_hash), True):
            yield _said("Cancelled."), None if delete else gr.skip()
            return False
        visit = visits[str(request.session_hash)] = Visit(recognizer, video, limits, delete, level, spotter)
        try:
            while not visit.done.wait(_LOOK):
                yield _bar(visit.doing, visit.share), gr.skip()
            shown = _result(visit.result, video.stem) if visit.result else _said(visit.trouble)
            yield shown, None if delete else gr.skip()
        finally:
            visit.stop()  # the visitor may have left
            visits.pop(str(request.session_hash), None)
        return True

    def want(request: gr.Request) -> None:
        wanted[str(request.session_hash)] = True

    def cancel(request: gr.Request) -> None:
        wanted[str(request.session_hash)] = False
        if visit := visits.get(str(request.session_hash)):
            visit.stop()

    def leave(request: gr.Request) -> None:
        cancel(request)
        wanted.pop(str(request.session_hash), None)  # the queue itself forgets who has left
        was_read.pop(str(request.session_hash), None)
        _let_go(held.pop(str(request.session_hash), None))

    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=(600, 1800)) as blocks:
        gr.HTML(_intro(recognizer, limits) + (_DESK if desk else ""))
        with gr.Row(elem_classes="choose"):
            with gr.Column(scale=3):
                video = gr.Video(
                    label="Your video", sources=["upload", "webcam"], height=280, elem_id="video",
                    webcam_options=gr.WebcamOptions(mirror=False),
                )  # fmt: skip
            with gr.Column(scale=1, min_width=180):
                go = gr.Button("Read the video", variant="primary", elem_id="read")
                example = gr.Button("Try an example", elem_id="example")
                stop = gr.Button("Cancel", variant="stop", elem_id="cancel")
                level = gr.Slider(
                    0, 0.95, LEVEL, step=0.05, label="How sure", info="0: show all that moved; 0.9: only sure ones",
                    elem_id="level",
                )  # fmt: skip
                spotter = gr.Radio(
                    list(SPOTTERS), value=SPOTTER, label="Who says how sure", elem_id="spotter",
                    info="learned: networks, more careful; peaks: how far the movement is above its threshold",
                )  # fmt: skip
        unseen = gr.HTML(elem_id="unseen")
        video.change(about, video, unseen, queue=False, show_progress="hidden", api_visibility="private")
        result = gr.HTML(elem_id="result")
        video.change(keep, video, queue=False, show_progress="hidden", api_visibility="private")
        for button, work, given in ((go, read, [video, level, spotter]), (example, try_example, [level, spotter])):
            button.click(want, queue=False, show_progress="hidden", api_visibility="private").then(
                work, given, [result, video], show_progress="hidden", concurrency_id="reading", api_visibility="private"
            )
        stop.click(cancel, queue=False, show_progress="hidden", api_visibility="private")
        blocks.unload(leave)
    return blocks


def about(video: str | None) -> str:
    """What to say of an upload that a browser may not play."""
    said = unplayed(Path(video)) if video else ""
    return f"<p role='status' class='note'>{escape(said)}</p>" if said else ""


def hold(video: str | None, before: str | None) -> str | None:
    """An upload under a name of its own. The same video of two visitors is one file to gradio, and whoever is read first would
    delete it for the other, who waits."""
    _let_go(before)
    if not video:
        return None
    place = Path(tempfile.mkdtemp(prefix="tsfmicro-")) / Path(video).name
    try:
        try:
            place.hardlink_to(video)
        except OSError:  # another disk
            shutil.copyfile(video, place)
    except OSError:  # gone, or the disk is full: reading it says so
        _let_go(str(place))
        return None
    return str(place)


def _identity(video: str) -> tuple[int, int] | None:
    """Of a file as it is now: an upload that takes its place has another."""
    try:
        now = Path(video).stat()
    except OSError:
        return None
    return now.st_ino, now.st_mtime_ns


def _let_go(held: str | None) -> None:
    if held:
        shutil.rmtree(Path(held).parent, ignore_errors=True)


def _intro(recognizer: Recognizer, limits: Limits) -> str:
    warning = " class='warning'" if recognizer.card.demonstration else ""
    return (
        f"<h1>When did the face move?</h1><p{warning}>{escape(recognizer.card.words)}</p>"
        f"<details><summary>The model in figures</summary><p>{escape(recognizer.card.line)}</p></details>"
        "<p>Drop a video of a face seen from the front, from 25, better 100 or more frames per second, at most "
        f"{limits.seconds:g} s and {limits.megabytes} MB. It is read on this machine, nothing leaves it, and the file is deleted "
        "afterwards. A movement is not a feeling: read the answers as hints where to look, never as proof of what somebody "
        "felt or meant.</p>"
    )


_DESK = "<p>To code videos yourself, moment by moment, open <a href='/desk/'>the desk</a>.</p>"


def _bar(doing: str, share: float) -> str:
    return f"<p role='status'>{escape(doing)} … <progress max='1' value='{share:.3f}'></progress> {share:.0%}</p>"


def _said(text: str) -> str:
    return f"<p role='alert' class='said'>{escape(text)}</p>"


def _result(result: Result, name: str) -> str:
    """The report in a frame of its own, and links that hold what can be downloaded: no file is kept for them."""
    kinds = (
        ("page", "text/html", "html"), ("report to print", "text/html", "report.html"), ("table", "text/csv", "csv"),
        ("JSON", "application/json", "json"),
    )  # fmt: skip
    texts = (result.page, result.report, result.csv, result.json)
    links = " · ".join(
        f"<a download='{escape(name)}.{suffix}' href='data:{kind};base64,{b64encode(text.encode()).decode()}'>{label}</a>"
        for (label, kind, suffix), text in zip(kinds, texts, strict=True)
    )
    return (
        f"<p class='downloads'>Download: {links}. Page and report print as PDFs.</p>"
        f"<iframe title='what was found' sandbox='allow-scripts' srcdoc=\"{escape(result.page)}\"></iframe>"
    )


_CSS = """
#result iframe { width: 100%; height: 88vh; border: 1px solid #8884; border-radius: 8px; background: Canvas }
#result progress { width: 40% } .said, .warning { border-left: 4px solid #d1495b; padding-left: .7rem }
.warning { font-weight: 600 } h1 { font-size: 1.5rem }
"""
