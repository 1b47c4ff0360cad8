"""What has to go warns for a version, and still works."""

import inspect

import pytest

from tsfmicro.deprecation import deprecated


@deprecated(since="1.1", use="tsfmicro.add")
def plus(a: int, b: int = 1) -> int:
    """The sum."""
    return a + b


def test_it_does_what_it_did_and_says_where_it_is_called_what_to_use_instead():
    with pytest.warns(
        DeprecationWarning, match=r"tsfmicro\.plus will go after version 1\.1\. Use tsfmicro\.add\."
    ) as told:
        assert plus(2, b=3) == 5
    assert told[0].filename == __file__


def test_help_and_completion_still_show_it():
    assert list(inspect.signature(plus).parameters) == ["a", "b"]
    assert inspect.getdoc(plus).startswith("The sum.") and "Deprecated since 1.1" in inspect.getdoc(plus)
