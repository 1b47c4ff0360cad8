"""One sweep over every format: timelines go through it and come back, but for what it says it cannot hold."""

import os
from collections import Counter
from dataclasses import replace
from time import process_time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.coding.timelines import apart, timelines
from tsfmicro.coding.openface import OpenFace
from tsfmicro.coding.registry import FORMATS, format_of, read
from tsfmicro.errors import AnnotationError
from tsfmicro.timeline import Moment, Timeline
from tsfmicro.types import ActionUnit

WRITTEN = [name for name, f in FORMATS.items() if f.writes]
every_written = pytest.mark.parametrize("name", WRITTEN)
EXAMPLES = int(os.environ.get("TSFMICRO_TIMELINES", "100"))
MILLISECOND = 0.001 + 1e-9


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    folder = tmp_path_factory.mktemp("formats")
    return lambda name: folder / f"coding{FORMATS[name].endings[0]}"


def labels(m):
    return m.person, m.kind, m.units, m.emotion, m.certainty, m.note, m.coder


def times(moments):
    """Label and time of every onset, apex and offset, in order: rounding may swap moments of one label, not their times."""
    told = [(what, m) for m in moments for what in ("onset", "apex", "offset") if getattr(m, what) is not None]
    return sorted((str(labels(m)), what, getattr(m, what)) for what, m in told)


def assert_same(one, other, within):
    """The same labels with the same times, in any order of moments that begin together."""
    assert (one.video, one.fps, set(one.people)) == (other.video, other.fps, set(other.people))
    assert (one.seconds is None) == (other.seconds is None)
    assert one.seconds is None or abs(one.seconds - other.seconds) <= within
    assert Counter(map(labels, one.moments)) == Counter(map(labels, other.moments))
    for (label, what, a), (label_there, what_there, b) in zip(times(one.moments), times(other.moments), strict=True):
        assert (label, what) == (label_there, what_there)
        assert abs(a - b) <= within


def strategy(name):
    return apart() if isinstance(FORMATS[name], OpenFace) else timelines()


@every_written
@settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_random_timelines_come_back_within_a_millisecond_or_half_a_frame(name, data, file):
    form, timeline = FORMATS[name], data.draw(strategy(name))
    form.write(file(name), [timeline])
    back = form.read(file(name), timeline.fps)
    kept = form.kept(timeline)
    if not kept.moments and form.several:
        return  # a table of moments says nothing of a video without any
    if "fps" not in form.holds:
        kept = replace(kept, fps=timeline.fps)  # told from outside
    (one,) = back
    frames = name in ("megc", "openface")
    assert_same(kept, one, 0.5 / timeline.fps + 1e-6 if frames else MILLISECOND)
    assert one.notes == ()


@every_written
def test_a_written_file_is_known_again_by_what_it_holds(name, file):
    FORMATS[name].write(file(name), [Timeline("a.mp4", (Moment(1.0, 1.3, 1.1),), 200.0, 9.0)])
    assert format_of(file(name)).name == name


@every_written
def test_what_is_lost_is_told_in_one_line_and_nothing_is_told_where_all_is_kept(name):
    timeline = Timeline("a.mp4", (Moment(1.0, 1.3, 1.1, "anna", note="odd"),), 200.0, 9.0, ("anna",))
    lost = FORMATS[name].lost([timeline])
    assert "\n" not in lost
    assert ("notes (1)" in lost) == ("note" not in FORMATS[name].holds)
    assert bool(lost) == (FORMATS[name].kept(timeline) != timeline)


@every_written
def test_a_damaged_or_empty_file_is_told_in_one_line(name, file):
    for content in (b"", b"\xff\x00\x81broken", b"a,b,c\n1,2,3\n", b"<xml"):
        file(name).write_bytes(content)
        with pytest.raises(AnnotationError) as error:
            read(file(name), 25.0)
        assert str(file(name)) in str(error.value)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["elan", "praat"])
def test_sixteen_times_the_moments_of_a_tier_take_far_from_their_square(name, file):
    def seconds(count):
        units = (ActionUnit(12),)
        moments = tuple(Moment(n, n + 0.4, n + 0.2, "anna", units=units, note="odd") for n in range(count))
        start = process_time()
        FORMATS[name].write(file(name), [Timeline("a.mp4", moments, 200.0, count + 1.0)])
        assert len(read(file(name))[0].moments) == count
        return process_time() - start

    few = min(seconds(500) for _ in range(3))
    assert seconds(8000) < 64 * few  # 16 times, where none is looked for among all
