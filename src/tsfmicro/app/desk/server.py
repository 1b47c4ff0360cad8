"""The desk's addresses. Nothing of another machine or another page may ask here, and the page may ask nothing elsewhere."""

from __future__ import annotations

import json
import logging
import tempfile
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tsfmicro.app.desk.look import look
from tsfmicro.card import Card
from tsfmicro.desk.project import Stale
from tsfmicro.desk.table import DEMONSTRATION, Table
from tsfmicro.errors import AnnotationError, ConfigError, TsfmicroError, VideoError
from tsfmicro.use.model_card import model_card
from tsfmicro.use.paper import to_pdf
from tsfmicro.use.spot import find_landmarks

PAGE = Path(__file__).parent / "page"
HERE = ("localhost", "127.0.0.1", "::1")
_KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
_LARGEST = 64 << 20  # bytes of anything but a video
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
_ON_PAPER = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}

Answer = Mapping[str, Any] | Response


class Desk:
    """One server's desk. A project may be opened from the page where the server serves this machine alone.

    Args: project: the folder to open; None: the page asks. local: whether other machines cannot reach it.
    """

    def __init__(
        self,
        project: Path | None = None,
        model: str = DEMONSTRATION,
        threshold: float = 0.5,
        local: bool = True,
        max_megabytes: int = 20_000,
    ) -> None:
        self._model, self._threshold, self._local, self._largest = model, threshold, local, max_megabytes * 1_000_000
        self._guard = threading.Lock()
        self._card: Card | None = None
        self._table: Table | None = None
        if project is not None:
            self._table = self._opened(project)

    def _opened(self, folder: Path) -> Table:
        return Table(folder, look, find_landmarks, self._model, self._threshold)

    @property
    def table(self) -> Table:
        """What lies on it. Raises ConfigError: nothing."""
        if self._table is None:
            raise ConfigError("No project is open. Open or make one first.")
        return self._table

    def _of_model(self) -> Answer:
        """What a reader without figures must know of the model, and the figures."""
        if self._card is None:
            self._card = model_card(self._model)
        return {"words": self._card.words, "figures": self._card.line}

    def close(self) -> None:
        """Close the project."""
        if self._table is not None:
            self._table.close()

    def app(self) -> ASGIApp:
        """All that it answers, to be mounted at /desk."""
        routes = [Route("/", self._page), Route("/page/{file}", self._page), *self._asked("/api")]
        return _Guard(Starlette(routes=routes), HERE if self._local else None)

    def alone(self) -> Starlette:
        """A server with nothing but the desk, which closes the project when it ends, by whatever signal."""

        @asynccontextmanager
        async def open_until_the_end(app: Starlette) -> AsyncIterator[None]:
            yield
            self.close()

        routes = [Route("/", lambda request: RedirectResponse("desk/")), Mount("/desk", self.app())]
        return Starlette(routes=routes, lifespan=open_until_the_end)

    def _page(self, request: Request) -> Response:
        file = PAGE / request.path_params.get("file", "index.html")
        if file.parent != PAGE or file.suffix not in _KINDS or not file.is_file():
            return JSONResponse({"error": "There is no such page."}, 404)
        return FileResponse(file, media_type=_KINDS[file.suffix])

    def _asked(self, at: str) -> list[Route]:
        get: dict[str, Callable[[Request], Answer]] = {
            "/project": lambda r: self._overview(),
            "/videos/{name}": lambda r: self.table.video(r.path_params["name"], _coder(r)),
            "/videos/{name}/frames/{number:int}": self._frame,
            "/videos/{name}/curves": self._curves,
            "/videos/{name}/replay": self._replay,
            "/videos/{name}/faces/{number:int}": self._face,
            "/videos/{name}/file": self._file,
            "/export": self._export,
            "/report": self._report,
            "/model": lambda r: self._of_model(),
            "/agree": lambda r: self.table.agreement(_told(r, "one"), _told(r, "other"), _coder(r)),
        }
        post: dict[str, Callable[[Mapping[str, Any]], Answer]] = {
            "/open": self._open,
            "/change": lambda body: self.table.change(body),
            "/undo": lambda body: self.table.told(self.table.project.undo()),
            "/redo": lambda body: self.table.told(self.table.project.redo()),
            "/add": self._add,
            "/remove": self._remove,
            "/find": self._find,
            "/look": self._look,
            "/cancel": self._cancel,
        }
        return [
            *(Route(at + path, _getting(work)) for path, work in get.items()),
            *(Route(at + path, _posting(work), methods=["POST"]) for path, work in post.items()),
            Route(f"{at}/upload", self._upload, methods=["POST"]),
            Route(f"{at}/import", self._import, methods=["POST"]),
        ]

    def _overview(self) -> Answer:
        if self._table is None:
            return {"open": False, "local": self._local}
        return {"open": True, "local": self._local, **self._table.overview()}

    def _open(self, body: Mapping[str, Any]) -> Answer:
        self._check_local("open a project")
        folder = _path(body, "folder")
        with self._guard:
            if self._table is None or self._table.project.folder.resolve() != folder.resolve():
                table = self._opened(folder)
                if self._table is not None:
                    self._table.close()
                self._table = table
        return self._overview()

    def _add(self, body: Mapping[str, Any]) -> Answer:
        self._check_local("add a video by its path")
        path, fps = _path(body, "path"), body.get("fps")
        if fps is not None and not (isinstance(fps, int | float) and 1 <= fps <= 100_000):
            raise ConfigError("Frames per second must be a number from 20 to 1000.")
        return self.table.add(path, bool(body.get("link")), fps, str(body.get("coder", "")))

    def _remove(self, body: Mapping[str, Any]) -> Answer:
        self.table.jobs.cancel(_text(body, "video"))
        self.table.project.remove(_text(body, "video"), str(body.get("coder", "")))
        return self.table.place()

    def _find(self, body: Mapping[str, Any]) -> Answer:
        self._check_local("say where a video is")
        self.table.project.place(_text(body, "video"))
        self.table.project.find(_text(body, "video"), _path(body, "path"), bool(body.get("other")))
        return self.table.place()

    def _look(self, body: Mapping[str, Any]) -> Answer:
        videos = body.get("videos")
        if not isinstance(videos, list) or not all(isinstance(v, str) for v in videos):
            raise AnnotationError("The page did not say which videos. Reload it.")
        self.table.look(videos)
        return {}

    def _cancel(self, body: Mapping[str, Any]) -> Answer:
        self.table.jobs.cancel(_text(body, "video"))
        return {}

    def _check_local(self, what: str) -> None:
        if not self._local:
            raise ConfigError(
                f"From another machine nobody can {what}. Start the program with --project, and upload videos."
            )

    def _frame(self, request: Request) -> Answer:
        picture = self.table.film(request.path_params["name"]).picture(request.path_params["number"])
        # Its address has what the file is known by, so a picture under it never changes.
        return Response(picture, media_type="image/jpeg", headers={"cache-control": "private, max-age=3600, immutable"})

    def _face(self, request: Request) -> Answer:
        picture = self.table.face(request.path_params["name"], request.path_params["number"])
        return Response(picture, media_type="image/jpeg")

    def _file(self, request: Request) -> Answer:
        """The video itself, for the browser's own player."""
        name = request.path_params["name"]
        place = self.table.project.place(name)
        if not place.is_file():
            raise VideoError(f"{name}: is no file, or is not there any more; a folder of images has no sound.")
        return FileResponse(place)

    def _curves(self, request: Request) -> Answer:
        begin, end, points = (_number(request, name) for name in ("from", "to", "points"))
        return {"faces": self.table.curves(request.path_params["name"], _coder(request), begin, end, int(points))}

    def _replay(self, request: Request) -> Answer:
        onset, offset = _number(request, "onset"), _number(request, "offset")
        face = int(_number(request, "face")) if "face" in request.query_params else None
        person = request.query_params.get("person", "")
        content = self.table.replay(request.path_params["name"], onset, offset, person, face)
        return Response(content, media_type="image/webp")

    def _export(self, request: Request) -> Answer:
        video, coder = request.query_params.get("video"), request.query_params.get("by")
        if video is not None:
            self.table.project.place(video)
        return self.table.export(_told(request, "as"), None if video is None else [video], coder, _coder(request))

    def _report(self, request: Request) -> Answer:
        """A report to read, or as a PDF."""
        video, person = request.query_params.get("video"), request.query_params.get("person", "")
        reports, reader = self.table.reports, _coder(request)
        page = reports.of_person(person, reader) if video is None else reports.of_video(video, reader)
        if request.query_params.get("as") != "pdf":
            return HTMLResponse(page, headers={"content-security-policy": _ON_PAPER})
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "report.html"
            file.write_text(page, encoding="utf-8")
            return Response(to_pdf(file, file.with_suffix(".pdf")).read_bytes(), media_type="application/pdf")

    async def _upload(self, request: Request) -> Response:
        async def work() -> Answer:
            project = self.table.project
            if project.readonly:
                raise ConfigError(project.readonly)
            folder = project.own / f"incoming-{uuid4().hex[:8]}"
            file = folder / (Path(_told(request, "name").replace("\\", "/")).name[:180] or "video")
            folder.mkdir()
            try:
                size = 0
                with file.open("wb") as stream:
                    async for part in request.stream():
                        size += len(part)
                        if size > self._largest:
                            raise ConfigError(
                                f"{file.name}: has more than {self._largest // 1_000_000} MB. Link it by its path."
                            )
                        await run_in_threadpool(stream.write, part)
                name = await run_in_threadpool(project.add, file, False, None, _coder(request), False)
                return {"names": [name], "notes": []}
            except TsfmicroError as problem:
                raise type(problem)(str(problem).replace(str(file), file.name)) from None
            finally:
                file.unlink(missing_ok=True)
                folder.rmdir()

        return await _answered(work)

    async def _import(self, request: Request) -> Response:
        async def work() -> Answer:
            content = await _body(request)
            name, video = _told(request, "name"), request.query_params.get("video")
            return await run_in_threadpool(self.table.take_in, name, content, _coder(request), video or None)

        return await _answered(work)


class _Guard:
    """Lets through what this page asks, and tells the browser what it may do."""

    def __init__(self, app: ASGIApp, hosts: tuple[str, ...] | None) -> None:
        self._app, self._hosts = app, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        why_not = self._refuses(Request(scope))
        if why_not:
            await JSONResponse({"error": why_not}, 403)(scope, receive, guarded)
        else:
            await self._app(scope, receive, guarded)

    def _refuses(self, request: Request) -> str:
        host = request.headers.get("host", "")
        if self._hosts is not None and urlsplit(f"//{host}").hostname not in self._hosts:
            return "This page is for the machine that it runs on. Open http://localhost and the port."
        origin = request.headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != host:
            return "Another page asked. Nothing was done."
        if request.method not in ("GET", "HEAD") and request.headers.get("x-desk") != "1":
            return "Nothing but the desk's own page may change a project."
        return ""


def _getting(work: Callable[[Request], Answer]) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        async def answer() -> Answer:
            return await run_in_threadpool(work, request)

        return await _answered(answer)

    return endpoint


def _posting(work: Callable[[Mapping[str, Any]], Answer]) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        async def answer() -> Answer:
            try:
                body = json.loads(await _body(request))
            except (ValueError, RecursionError):
                body = None
            if not isinstance(body, dict):
                raise AnnotationError("The page sent something that is no JSON. Reload it.")
            return await run_in_threadpool(work, body)

        return await _answered(answer)

    return endpoint


async def _answered(work: Callable[[], Awaitable[Answer]]) -> Response:
    """An answer, or in one line why there is none."""
    try:
        answer = await work()
    except Stale:
        return JSONResponse({"error": "Something else was changed in between. It is loaded now: do it again."}, 409)
    except TsfmicroError as problem:
        return JSONResponse({"error": str(problem)}, 400)
    except Exception as fault:  # a page must answer whatever happens
        logging.getLogger(__name__).exception("the desk")
        said = (
            f"Something went wrong in the program ({type(fault).__name__}). Please report it; what was saved is kept."
        )
        return JSONResponse({"error": said}, 500)
    return answer if isinstance(answer, Response) else JSONResponse(answer)


async def _body(request: Request) -> bytes:
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > _LARGEST:
            raise ConfigError(f"That is more than {_LARGEST >> 20} MB. Nothing was done.")
        parts.append(part)
    return b"".join(parts)


def _coder(request: Request) -> str:
    return request.query_params.get("coder", "")


def _told(request: Request, name: str) -> str:
    value = request.query_params.get(name)
    if value is None:
        raise AnnotationError(f"The page did not say {name}. Reload it.")
    return value


def _number(request: Request, name: str) -> float:
    try:
        value = float(_told(request, name))
    except ValueError:
        value = float("nan")
    if not 0 <= value < 1e9:
        raise AnnotationError(f"{name} must be a number that is not below 0.")
    return value


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value.strip():
        raise AnnotationError(f"The page did not say {name}. Write one.")
    return value


def _path(body: Mapping[str, Any], name: str) -> Path:
    text = _text(body, name).strip().strip('"')
    if "\0" in text:
        raise ConfigError(f"{name}: no path of a file can be so.")
    path = Path(text).expanduser()
    if not path.is_absolute():
        raise ConfigError(f"{text}: give the whole path, from the root of the disk.")
    return path
