"""Random timelines of every shape, for the sweep over formats."""

from hypothesis import strategies as st

from tsfmicro.timeline import Moment, Timeline
from tsfmicro.types import ActionUnit

WORDS = st.text(max_size=6)
NAMES = st.sampled_from(["anna", "Ben B.", "c@d", 'e"f', "g|h", "李", "<i>", "1"])
UNITS = st.lists(
    st.builds(
        ActionUnit,
        number=st.integers(1, 99),
        side=st.sampled_from(["", "L", "R", "T", "B"]),
        intensity=st.sampled_from(["", *"ABCDE"]),
        certain=st.booleans(),
    ),
    max_size=2,
    unique_by=lambda unit: unit.number,
).map(tuple)


@st.composite
def moments(draw, seconds):
    times = sorted(draw(st.lists(st.floats(0, seconds), min_size=3, max_size=3)))
    return Moment(
        onset=times[0],
        apex=draw(st.sampled_from([None, *times])),
        offset=times[2],
        person=draw(NAMES),
        kind=draw(st.sampled_from(["micro", "macro", "other"])),
        units=draw(UNITS),
        emotion=draw(st.sampled_from(["", "happiness", "disgust", "a|b=c%7C"]) | WORDS),
        certainty=draw(st.none() | st.integers(0, 1000).map(lambda n: n / 1000)),
        note=draw(WORDS),
        coder=draw(st.sampled_from(["", "coder one", "x|y"]) | WORDS),
    )


@st.composite
def timelines(draw):
    """Moments that overlap, touch and have no length are among them."""
    seconds = draw(st.floats(1, 600))
    return Timeline(
        video=draw(st.sampled_from(["clip 1.mp4", "a&b.avi", "ü%20.mov", "no-ending"])),
        moments=tuple(draw(st.lists(moments(seconds), min_size=1, max_size=4))),
        fps=draw(st.sampled_from([25.0, 29.97, 30.0, 100.0, 200.0])),
        seconds=seconds,
        people=tuple(draw(st.lists(NAMES, max_size=2))),
    )


@st.composite
def apart(draw):
    """As `timelines`, of moments of at least a frame that lie two frames apart: what a table of frames can tell apart."""
    fps = draw(st.sampled_from([25.0, 29.97, 30.0, 100.0]))
    ends = sorted(draw(st.lists(st.integers(0, 60), min_size=2, max_size=8, unique=True)))
    shift = draw(st.floats(0, 0.99))
    spans = [((3 * a + shift) / fps, (3 * b + 1 + shift) / fps) for a, b in zip(ends[::2], ends[1::2], strict=False)]
    drawn = [draw(moments(1.0)) for _ in spans]
    return Timeline(
        moments=tuple(
            Moment(on, off, None, m.person, m.kind, m.units, m.emotion, m.certainty, m.note, m.coder)
            for (on, off), m in zip(spans, drawn, strict=True)
        ),
        fps=fps,
        seconds=(3 * ends[-1] + 40) / fps,
    )
