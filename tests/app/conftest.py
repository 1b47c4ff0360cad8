"""A command, as typed."""

import sys

import pytest

from tsfmicro.app import cli


@pytest.fixture
def tsfmicro(monkeypatch, capsys):
    """Runs a command as typed; returns exit status, standard output, standard error."""

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["tsfmicro", *map(str, words)])
        try:
            cli.main()
            status = 0
        except SystemExit as end:
            status = end.code or 0
        out, err = capsys.readouterr()
        return status, out, err

    return run
