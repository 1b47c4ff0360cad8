"""Who has a project open. The holder's heart beats in a file; a holder whose heart stopped is taken over from.

A system's own lock would let go by itself, but network disks, where laboratories keep their videos, often have none.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import threading
import time
from pathlib import Path

from tsfmicro.files import write_whole

BEAT, DEAD = 4.0, 20.0  # seconds between two beats; without one, after which a holder is taken for dead


class Lock:
    """A project's lock.

    Attributes:
        held: whether it is ours. Ask `still_held` before writing: a machine that slept may have lost it.
        holder: who has it where it is not ours, in words.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._token = path, secrets.token_hex(8)
        self._ended = threading.Event()
        self.holder = ""
        self.held = self._taken()
        if self.held:
            threading.Thread(target=self._beat, daemon=True).start()

    def still_held(self) -> bool:
        """Whether the file still says that it is ours."""
        self.held = self.held and self._read().get("token") == self._token
        return self.held

    def release(self) -> None:
        """Let go, if it is ours."""
        self._ended.set()
        if self.still_held():
            self.held = False
            self._path.unlink(missing_ok=True)

    def _taken(self) -> bool:
        try:
            with self._path.open("x", encoding="utf-8") as file:
                file.write(self._content())
            return True
        except FileExistsError:
            pass
        known = self._read()
        if not self._is_dead(known):
            self.holder = f"process {known.get('pid', '?')} of {known.get('host', 'another machine')}"
            return False
        write_whole(self._path, self._content())
        time.sleep(0.05)  # another one may have taken it over in the same moment: the last one has it
        return self._read().get("token") == self._token

    def _is_dead(self, known: dict[str, object]) -> bool:
        import psutil

        try:
            silent = time.time() - self._path.stat().st_mtime
        except FileNotFoundError:
            return True
        pid = known.get("pid")
        gone = known.get("host") == socket.gethostname() and isinstance(pid, int) and not psutil.pid_exists(pid)
        return gone or silent > DEAD

    def _content(self) -> str:
        return json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "token": self._token})

    def _read(self) -> dict[str, object]:
        try:
            known = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return known if isinstance(known, dict) else {}

    def _beat(self) -> None:
        while not self._ended.wait(BEAT):
            if not self.still_held():
                return
            os.utime(self._path)
