"""Waiting for what must happen, on a machine however busy: the limit only ends a test in which it never does."""

import time

import psutil

PATIENCE = 1200  # seconds


def wait_until(holds):
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.05)


def alive(process):
    """Whether a process still runs; one that nobody has asked for its end does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
