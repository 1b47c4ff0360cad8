"""A few hostile uploads at once; and that the campaign finds what a page does wrong."""

import random
from importlib.util import find_spec

import pytest

if find_spec("gradio") is None:  # it is loaded in the page's process alone
    pytest.skip("gradio is not installed", allow_module_level=True)

from campaigns import uploads


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    with uploads.served(tmp_path_factory.mktemp("uploads")) as page:
        yield page


def test_every_visitor_with_a_hostile_upload_is_answered_and_nothing_is_left(page):
    found = list(uploads.visited(page, visitors=8, seed=0))
    assert [answer for answer in found if answer.fault] == []
    assert len(found) == 8


def test_the_video_of_a_visitor_is_read(page):
    dice = random.Random(0)
    dice.random = lambda: 0.2  # a video, uploaded
    assert uploads._visit(page, *_functions(page), 0, dice).how == "a result"


def test_a_file_of_the_machine_is_not_shown_whoever_names_it(page):
    dice = random.Random(0)
    dice.random = lambda: 0.1
    for _ in range(3):
        told = uploads._visit(page, *_functions(page), 0, dice)
        assert told.what == uploads.MACHINE and told.fault is None
    assert page.secret.read_text() == uploads.SECRET


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        (f"<iframe srcdoc='{uploads.SECRET}'>", "a file of the machine"),
        ("<p><script>alert(1)</script>.mp4 cannot be read</p>", "a name became part"),
        ("Something went wrong in the program (KeyError).", "KeyError"),
    ],
)
def test_what_a_page_may_not_say_is_a_fault(said, fault):
    assert fault in uploads._judged(said)[1]


def test_what_is_left_or_written_elsewhere_is_a_fault(page, monkeypatch):
    monkeypatch.setattr(uploads, "PATIENCE", 0)
    left = page.room / "tsfmicro-1" / "film.mp4"
    left.parent.mkdir()
    left.touch()
    elsewhere = page.room.parent / "hacked"
    before = uploads._listed(page)
    elsewhere.touch()
    try:
        told = " ".join(uploads._afterwards(page, before))
        assert "hacked" in told and "uploads are left" in told
    finally:
        left.unlink()
        elsewhere.unlink()


def _functions(page):
    config = uploads.json.loads(uploads._asked(page.port, "GET", "/config")[1])
    return [uploads._function(config, name) for name in ("keep", "read")]
