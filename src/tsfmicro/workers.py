"""The same work on many items, in several processes that end when this one does."""

from __future__ import annotations

import gc
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing import current_process, get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar, cast

from tsfmicro.errors import TsfmicroError

Item = TypeVar("Item")
Result = TypeVar("Result")

_NAME = "tsfmicro worker"
_SCRIPT_WAS_RUN_AGAIN = 79  # exit status of a worker
_WORD = 80  # characters of what is told of an item
_GUARD = 'the script is run once more by each process it starts, and would start them for ever. Put its work under `if __name__ == "__main__":`.'


def cores() -> int:
    """Processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _begins() -> bool:
    """Whether this process was started by multiprocessing and does not work yet."""
    return getattr(current_process(), "_inheriting", False)  # multiprocessing's own mark of that moment


if _begins() and current_process().name == _NAME:
    gc.disable()  # a worker first imports what its work needs: a quarter of that time goes into looking for cycles in it


def refuse_second_run() -> None:
    """A new process first runs the user's script again, to find what is defined there. Call this before what must not be done
    again then: to take a lock that the script holds, or to start processes.

    Raises: TsfmicroError: it is done again, since nothing in the script keeps it from that.
    """
    if not _begins():
        return
    if current_process().name == _NAME:
        raise SystemExit(_SCRIPT_WAS_RUN_AGAIN)  # the parent tells it, once for all its workers
    raise TsfmicroError(_GUARD)


def spread(
    work: Callable[..., Result], items: Sequence[Item], workers: int, tell: Callable[[Any], None] | None = None
) -> Generator[Result]:
    """Results of work(item) as they come, in no fixed order. With one worker, here; close it to stop early.

    With `tell`, work(item, tell) may report on the way; the reports reach `tell` in this process.

    A pipe per worker rather than a shared queue: when this process is killed the pipes close and the workers leave.

    Raises:
        TsfmicroError: a worker was killed, or runs a script that keeps none of this for its first run.
        Exception: whatever work raises.
    """
    if workers <= 1:
        yield from (work(item, tell) if tell else work(item) for item in items)
        return
    refuse_second_run()
    crew = _start(work, workers, tells=tell is not None)
    busy: dict[Connection, Item] = {}
    left = iter(items)

    def hand_out(pipe: Connection) -> None:
        for item in left:
            busy[pipe] = item
            try:
                pipe.send(item)
            except BrokenPipeError:
                raise _died(crew[pipe], item) from None
            break

    try:
        for pipe in crew:
            hand_out(pipe)
        while busy:
            for pipe in cast(list[Connection], wait(list(busy))):
                try:
                    kind, said = pipe.recv()
                except (EOFError, ConnectionResetError):
                    raise _died(crew[pipe], busy[pipe]) from None
                if kind == "report":
                    assert tell is not None
                    tell(said)
                elif kind == "error":
                    raise said
                else:
                    del busy[pipe]
                    hand_out(pipe)
                    yield said
    finally:
        _dismiss(crew)


def in_order(work: Callable[[Item], Result], items: Iterable[Item], workers: int) -> Generator[Result]:
    """Results of work(item) in the order of the items, of which there may be endlessly many; close it to stop early.

    No more than one result of each worker waits to be taken, however slowly that is done. Workers as those of `spread`.

    Raises: as `spread`.
    """
    if workers <= 1:
        yield from map(work, items)
        return
    refuse_second_run()
    crew = _start(work, workers, tells=False)
    left, asked = iter(items), deque[tuple[Connection, Item]]()

    def hand(pipe: Connection) -> None:
        for item in left:
            try:
                pipe.send(item)
            except BrokenPipeError:
                raise _died(crew[pipe], item) from None
            asked.append((pipe, item))
            break

    try:
        for pipe in crew:
            hand(pipe)
        while asked:
            pipe, item = asked.popleft()
            try:
                kind, said = pipe.recv()
            except (EOFError, ConnectionResetError):
                raise _died(crew[pipe], item) from None
            if kind == "error":
                raise said
            hand(pipe)
            yield said
    finally:
        _dismiss(crew)


def _dismiss(crew: Mapping[Connection, BaseProcess]) -> None:
    for pipe, process in crew.items():
        pipe.close()
        process.terminate()
    for process in crew.values():
        process.join()


class Job:
    """One piece of work in a process of its own, which can be stopped at any moment. It begins at once.

    work(item, tell) may report on the way.

    Attributes:
        told: what it reported last. done: set when it has ended.
        result: what it gave. trouble: what it raised, or that its process died; None where it did not, or was stopped.
    """

    def __init__(self, work: Callable[..., Any], item: object) -> None:
        refuse_second_run()
        ((self._pipe, self._process),) = _start(work, 1, tells=True).items()
        self.done = threading.Event()
        self.told: Any = None
        self.result: Any = None
        self.trouble: Exception | None = None
        self._stopped = False
        self._pipe.send(item)
        threading.Thread(target=self._listen, args=(item,), daemon=True).start()

    def stop(self) -> None:
        """End its process. What it had is dropped."""
        self._stopped = True
        self._process.terminate()

    def _listen(self, item: object) -> None:
        try:
            kind = ""
            while kind not in ("result", "error"):
                kind, said = self._pipe.recv()
                if kind == "report":
                    self.told = said
            self.result, self.trouble = (said, None) if kind == "result" else (None, said)
        except (EOFError, OSError):
            self.trouble = None if self._stopped else _died(self._process, item)
        finally:
            self._pipe.close()
            self._process.terminate()
            self._process.join()
            self.done.set()


def _died(process: BaseProcess, item: object) -> TsfmicroError:
    process.join(timeout=60)
    if process.exitcode == _SCRIPT_WAS_RUN_AGAIN:
        return TsfmicroError(_GUARD)
    return TsfmicroError(
        f"{_called(item)}: the process at work on it died (exit code {process.exitcode}), perhaps for want of memory. "
        "Run the same command again: it goes on where it was."
    )


def _called(item: object) -> str:
    """What an item is called in one line: its own word for itself, else its name, and not all that it holds."""
    name = getattr(item, "name", None)
    said = name if isinstance(name, str) and type(item).__str__ is object.__str__ else str(item)
    return said if len(said) <= _WORD else f"{said[:_WORD]} …"


def _start(work: Callable[..., Any], workers: int, tells: bool) -> dict[Connection, BaseProcess]:
    context = get_context("spawn")  # forking a process that holds threads may hang it
    crew: dict[Connection, BaseProcess] = {}
    with _environment_of_workers():
        for _ in range(workers):
            here, there = context.Pipe()
            process = context.Process(target=_serve, name=_NAME, args=(work, there, tells), daemon=True)
            process.start()
            there.close()
            crew[here] = process
    return crew


@contextmanager
def _environment_of_workers() -> Iterator[None]:
    """One thread each, since the processes fill the cores; and Ctrl-C is for the parent alone, from the first moment."""
    one_thread = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    one_thread["OMP_WAIT_POLICY"] = "passive"  # idle threads that spin take the core from a neighbour that works
    before = {name: os.environ.get(name) for name in one_thread}
    in_main_thread = threading.current_thread() is threading.main_thread()
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN) if in_main_thread else None
    os.environ.update(one_thread)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
        if in_main_thread:
            signal.signal(signal.SIGINT, handler or signal.SIG_DFL)


def _serve(work: Callable[..., Any], pipe: Connection, tells: bool) -> None:
    import cv2

    gc.freeze()
    gc.enable()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
    more = (lambda report: pipe.send(("report", report)),) if tells else ()
    while True:
        try:
            item = pipe.recv()
        except EOFError:  # the parent has left
            return
        answer: tuple[str, Any]
        try:
            answer = ("result", work(item, *more))
        except BrokenPipeError:  # the parent has left while something was reported
            return
        except Exception as raised:
            answer = ("error", raised)
        try:
            pipe.send(answer)
        except BrokenPipeError:
            return
