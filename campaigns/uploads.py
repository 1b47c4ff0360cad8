"""Fifty visitors of the page at once, with hostile names, sizes and kinds of files: each is answered, and nothing else happens.

    python -m campaigns.uploads --visitors 50 --seed 0

`tsfmicro web` is started as a user starts it, on this machine alone. Every visitor uploads a file (some of them names a file of the
machine instead, as no browser would) and asks for it to be read, as the page does. Each must get a result, or one sentence of what
is wrong; the page must answer afterwards; no file of the machine may be shown, changed or deleted; nothing of an upload may be left,
or lie anywhere but in the page's own folder; and the program must not have written a traceback, but for gradio's when it
refuses a path.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

MEGABYTES = 2  # that the page takes at most
SECONDS = 600  # until a visitor is answered, however many wait; longer is a hang
PATIENCE = 60  # seconds until nothing is left of visitors who have gone
FULL, MACHINE = "Queue is full", "a file of the machine"
SECRET = "the secret of this machine"
REFUSED = (
    r"^gradio\.exceptions\.InvalidPathError: "  # gradio's own word to who names a file that is no upload of theirs
)

NAMES = (
    "film.mp4",
    "../../film.mp4",
    "..\\..\\film.mp4",
    "/etc/cron.d/film.mp4",
    "a" * 240 + ".mp4",
    "a" * 3000 + ".mp4",
    "film\u202e4pm.exe",
    "<script>alert(1)</script>.mp4",
    "\"><img src=x onerror='alert(1)'>.mp4",
    "film;rm -rf ~;.mp4",
    "$(touch hacked).mp4",
    "%2e%2e%2ffilm.mp4",
    "film.mp4\r\nX-Odd: 1",
    "film\u0000.mp4",
    ".htaccess",
    "-rf.mp4",
    "CON.mp4",
    "κίνηση 微表情.mp4",
    "",
    " ",
    "film.html",
    "film",
)


def _bodies(video: bytes, dice: random.Random) -> dict[str, bytes]:
    cut = dice.randrange(1, len(video))
    return {
        "a video": video,
        "a cut video": video[:cut],
        "a video with noise": video[:cut] + dice.randbytes(200) + video[cut + 200 :],
        "nothing": b"",
        "one byte": b"\x00",
        "noise": dice.randbytes(dice.randrange(10, 20_000)),
        "a page": b"<html><script>alert(1)</script></html>",
        "a drawing with a script": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
        "a playlist": b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
        "a list of files": b"ffconcat version 1.0\nfile '/etc/passwd'\n",
        "a header that promises 60000 × 60000": b"BM" + bytes(16) + (60000).to_bytes(4, "little") * 2 + bytes(60),
        "an archive": b"PK\x03\x04" + dice.randbytes(400),
        "a program": b"\x7fELF" + dice.randbytes(400),
        "more than is taken": dice.randbytes(MEGABYTES * 1_000_000 + 200_000),
    }


@dataclass(frozen=True)
class Answer:
    """What a visitor got.

    Attributes:
        visitor: number. what: the file, in words.
        how: 'a result', 'a sentence', or what the server refused with.
        fault: what is wrong with it, if anything.
    """

    visitor: int
    what: str
    how: str
    fault: str | None = None


@dataclass(frozen=True)
class Page:
    """The page being served. port: on this machine. room: the only folder that uploads may lie in. secret: a file that nobody
    may see. video: a short one. told: what the program wrote to its standard error."""

    port: int
    room: Path
    secret: Path
    video: Path
    told: Path


@dataclass(frozen=True)
class Function:
    """One of the page's. number: by which it is called. others: what stands on the page for all that it takes but the video."""

    number: int
    others: tuple[Any, ...]

    def data(self, video: dict[str, Any]) -> list[Any]:
        return [video, *self.others]


@contextmanager
def served(at: Path) -> Iterator[Page]:
    """Start the page as a user does; ends it. Raises RuntimeError: it does not start."""
    from tsfmicro.synthetic.film import write_films

    room, secret, told = at / "room", at / "secret.txt", at / "told.txt"
    room.mkdir(parents=True)
    secret.write_text(SECRET, encoding="utf-8")
    film = next(f for f in write_films(at / "films", 1, 1, fps=25).iterdir() if f.suffix == ".avi")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = [sys.executable, "-m", "tsfmicro.app.cli", "web", "--port", f"{port}", "--max-megabytes", f"{MEGABYTES}"]
    here = {"TMPDIR": f"{room}", "TEMP": f"{room}", "TMP": f"{room}", "GRADIO_TEMP_DIR": f"{room / 'gradio'}"}
    with told.open("w") as errors:
        process = subprocess.Popen(
            [*words, "--max-seconds", "20"], cwd=at, env=os.environ | here, stdout=errors, stderr=errors
        )
    try:
        for _ in range(SECONDS):
            if process.poll() is not None:
                raise RuntimeError(f"the page does not start: {told.read_text()[-1500:]}")
            try:
                if _asked(port, "GET", "/config")[0] == 200:
                    break
            except OSError:
                time.sleep(1)
        yield Page(port, room, secret, film, told)
    finally:
        process.terminate()
        process.wait(60)


def visited(page: Page, visitors: int, seed: int) -> Iterator[Answer]:
    """All visitors at once. Yields each one's answer, then what is wrong with the page afterwards, as of visitor -1."""
    config = json.loads(_asked(page.port, "GET", "/config")[1])
    keep, read = (_function(config, name) for name in ("keep", "read"))
    outside = _listed(page)
    with ThreadPoolExecutor(visitors) as pool:
        yield from pool.map(lambda n: _visit(page, keep, read, n, random.Random(seed * 1000 + n)), range(visitors))
    yield from (Answer(-1, "afterwards", "", fault) for fault in _afterwards(page, outside))


def _visit(page: Page, keep: Function, read: Function, number: int, dice: random.Random) -> Answer:
    bodies, name = _bodies(page.video.read_bytes(), dice), dice.choice(NAMES)
    kind = "a video" if dice.random() < 0.3 else dice.choice(list(bodies))
    what, session, body = f"{kind} called {name[:40]!r}", f"visitor{number:04}", bodies[kind]
    here = HTTPConnection("127.0.0.1", page.port, timeout=SECONDS)  # open as long as the visitor's page is
    here.request("GET", f"/gradio_api/heartbeat/{session}")
    try:
        if dice.random() < 0.15:  # a path on the machine, where the page would send the place of its upload
            what, place = MACHINE, dice.choice([f"{page.secret}", "/etc/passwd", "../secret.txt"])
        else:
            status, told = _asked(page.port, "POST", "/gradio_api/upload", *_form(name, body))
            if status >= 400:
                return Answer(
                    number, what, f"refused with {status}", "a fault of the server" if status >= 500 else None
                )
            place = json.loads(told)[0]
            if not Path(place).resolve().is_relative_to(page.room.resolve()):
                return Answer(number, what, "taken", f"it was put to {place}")
        given = {"path": place, "orig_name": name, "meta": {"_type": "gradio.FileData"}}
        call = {"data": keep.data(given), "fn_index": keep.number, "session_hash": session}
        status, told = _asked(page.port, "POST", "/gradio_api/run/predict", json.dumps(call).encode())
        if (
            status != 200 and name == NAMES[0] and what != MACHINE
        ):  # gradio refuses hidden files and some odd names itself
            raise ValueError(f"the upload was not kept: {status} {told[:200]}")
        said = _called(page.port, read.number, read.data(given), session)
    except (OSError, ValueError) as problem:
        return Answer(number, what, "no answer", f"{type(problem).__name__}: {problem}")
    finally:
        here.close()
    return Answer(number, what, *_judged(said))


def _judged(said: str) -> tuple[str, str | None]:
    fault = None
    if SECRET in said or "root:x:0" in said:
        fault = "a file of the machine is shown"
    elif "<script>alert" in said or "<img src=x" in said:
        fault = "a name became part of the page"
    elif "Something went wrong in the program" in said or "Traceback" in said:
        fault = said[-300:]
    how = "a result" if "<iframe" in said else FULL if FULL in said else "a sentence"
    return how, fault


def _afterwards(page: Page, outside: set[Path]) -> Iterator[str]:
    if _asked(page.port, "GET", "/")[0] != 200:
        yield "the page does not answer any more"
    if page.secret.read_text(encoding="utf-8") != SECRET:
        yield "a file of the machine was changed"
    if new := _listed(page) ^ outside:
        yield f"files elsewhere: {', '.join(sorted(map(str, new))[:3])}"
    ends = time.monotonic() + PATIENCE
    while (left := _uploads(page.room)) and time.monotonic() < ends:
        time.sleep(1)
    if left:
        yield f"{len(left)} uploads are left, as {left[0].name[:60]!r}"
    told = page.told.read_text(encoding="utf-8", errors="replace")
    for trace in told.split("Traceback (most recent call last)")[1:]:
        if not re.search(REFUSED, trace, re.MULTILINE):
            yield f"the program wrote a traceback: {trace.strip()[:2000]}"


def _listed(page: Page) -> set[Path]:
    """All files beside the page's own folder, and in the one above."""
    beside = [path for path in page.room.parent.iterdir() if path != page.room]
    return {f for path in beside for f in (path, *path.rglob("*")) if f.is_file()} - {page.told}


def _uploads(room: Path) -> list[Path]:
    """What is left of visitors; os.walk does not mind that a folder goes while it is looked at."""
    return [Path(at, name) for at, _, names in os.walk(room) if Path(at).match("tsfmicro-*") for name in names]


def _asked(port: int, how: str, where: str, body: bytes = b"", kind: str = "application/json") -> tuple[int, str]:
    talk = HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    try:
        talk.request(how, where, body or None, {"Content-Type": kind} if body else {})
        answer = talk.getresponse()
        return answer.status, answer.read().decode("utf-8", errors="replace")
    finally:
        talk.close()


def _form(name: str, body: bytes) -> tuple[bytes, str]:
    """An upload as a browser sends it, but that the name is not cleaned."""
    quoted = name.replace('"', "%22").encode("utf-8", errors="replace")
    head = b'--edge\r\nContent-Disposition: form-data; name="files"; filename="' + quoted + b'"\r\n'
    whole = head + b"Content-Type: video/mp4\r\n\r\n" + body + b"\r\n--edge--\r\n"
    return whole, "multipart/form-data; boundary=edge"


def _function(config: dict[str, Any], name: str) -> Function:
    """A function of the page, by its name in the program."""
    found = next(d for d in config["dependencies"] if d.get("api_name", "").partition("_")[0] == name)
    values = {one["id"]: one["props"].get("value") for one in config["components"]}
    return Function(found["id"], tuple(values[one] for one in found["inputs"][1:]))


def _called(port: int, function: int, data: list[Any], session: str) -> str:
    """A function of the page, called as the page does; all that it said. Raises ValueError: the call has no end."""
    call = {"data": data, "fn_index": function, "session_hash": session, "event_data": None, "trigger_id": None}
    status, told = _asked(port, "POST", "/gradio_api/queue/join", json.dumps(call).encode())
    if status == 503:  # as many wait as may
        return told
    if status != 200:
        raise ValueError(f"the call was refused with {status}: {told[:200]}")
    told = _asked(port, "GET", f"/gradio_api/queue/data?session_hash={session}")[1]
    if "process_completed" not in told:
        raise ValueError(f"the call has no end: {told[-300:]}")
    return "\n".join(_words(json.loads(line[6:])) for line in told.splitlines() if line.startswith("data: "))


def _words(message: dict[str, Any]) -> str:
    """The text that a message would put on the page."""
    output = message.get("output") or {}
    return " ".join(str(part) for part in (*(output.get("data") or ()), output.get("error") or ""))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--visitors", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    faults, ends, began = 0, Counter[str](), time.monotonic()
    at = Path(tempfile.mkdtemp())
    try:
        with served(at) as page:
            for answer in visited(page, arguments.visitors, arguments.seed):
                ends[answer.how] += answer.visitor >= 0
                if answer.fault:
                    faults += 1
                    print(
                        f"--seed {arguments.seed}, visitor {answer.visitor}: {answer.what}: {answer.fault}", flush=True
                    )
    finally:
        shutil.rmtree(at, ignore_errors=True)
    counts = ", ".join(f"{n} {how}" for how, n in ends.most_common() if n)
    print(f"{arguments.visitors} visitors in {time.monotonic() - began:.0f} s: {faults} faults; {counts}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
