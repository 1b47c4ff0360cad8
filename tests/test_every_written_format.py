"""What is written comes back as it was, whatever it holds; and what was damaged on the way is never taken for whole.

Here are the formats of a run, of prepared faces, of models, projects and spotted moments. Sheets are in tests/data, codings in
tests/coding, the challenges' files in tests/use/test_spot_score.py.
"""

import json
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.run.conftest import made_clips, plan_of, prepare_made, tiny_config
from tsfmicro.card import Card
from tsfmicro.coding.registry import read
from tsfmicro.config import PrepareConfig, check_config, parse_yaml, yaml_text
from tsfmicro.desk.history import History
from tsfmicro.errors import CacheError, RunError
from tsfmicro.files import csv_text
from tsfmicro.prepare.arrays import Spec
from tsfmicro.prepare.parts import Part, read_index
from tsfmicro.run.folder import RunFolder
from tsfmicro.spot.types import Expression, Spotting, Video

few = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
words = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0\r"), max_size=12)
names = st.from_regex(r"[A-Za-z0-9_.-]{1,12}", fullmatch=True)
counts = st.integers(1, 9)
numbers = st.floats(1e-9, 1e6)


@example(name="a", epochs=1, lr=1.0, seeds=[0], flip=0.0, size=32, options={"a": "\x85b\u2028\u2029"})
@example(name="1e3", epochs=1, lr=1.0, seeds=[0], flip=0.0, size=32, options={"0E0": "2e-5"})
@few
@given(
    name=names,
    epochs=counts,
    lr=numbers,
    seeds=st.lists(st.integers(0, 99), min_size=1, max_size=4, unique=True),
    flip=st.floats(0, 1),
    size=st.sampled_from([32, 64, 224]),
    options=st.dictionaries(names, st.one_of(st.booleans(), counts, numbers, words, st.lists(counts))),
)
def test_settings(name, epochs, lr, seeds, flip, size, options):
    train = {"epochs": epochs, "lr": lr, "seeds": seeds, "augment": {"flip": flip}}
    config = check_config(
        {
            "name": name,
            "data": {"datasets": ["casme2"], "scheme": "casme2-5"},
            "prepare": {"size": size},
            "model": {"name": "linear", "options": options},
            "train": train,
        },
        "here",
    )
    written = yaml_text(config)
    assert check_config(parse_yaml(written), "there") == config


@few
@given(
    name=words,
    people=counts,
    temperature=numbers,
    scores=words,
    seen=st.lists(words),
    units=st.dictionaries(words, words),
    right=st.none() | st.floats(0, 1),
)
def test_the_card_of_a_model(name, people, temperature, scores, seen, units, right):
    card = Card(
        name,
        "casme2-5",
        ("casme2",),
        people,
        9,
        PrepareConfig(size=64),
        scores,
        temperature,
        True,
        units,
        tuple(seen),
        right,
        0.5,
    )
    assert Card.from_dict(json.loads(json.dumps(card.to_dict())), "there") == card


@few
@given(
    skipped=st.lists(st.tuples(words.filter(bool), words), max_size=4),
    labels=st.lists(st.integers(0, 2), min_size=12, max_size=12),
)
def test_the_plan_of_a_run(skipped, labels, tmp_path_factory):
    at = tmp_path_factory.mktemp("run")
    plan = plan_of(tiny_config(), prepare_made(at / "key", made_clips()))
    plan = type(plan)(plan.config, plan.classes, dict(zip(plan.labels, labels, strict=True)), plan.folds, plan.prepared)
    RunFolder.start(at / "run", plan, made_clips(), skipped, {"cores": 1})
    there = RunFolder.open(at / "run")
    assert there.skipped == tuple(skipped)
    assert (there.plan.labels, there.plan.folds, there.plan.digest) == (plan.labels, plan.folds, plan.digest)


@few
@given(seed=st.integers(0, 999), large=st.sampled_from([1e-30, 1.0, 1e30]), cut=st.floats(0, 0.999))
def test_what_a_training_said(seed, large, cut, tmp_path_factory):
    at = tmp_path_factory.mktemp("run")
    plan = plan_of(tiny_config(), prepare_made(at / "key", made_clips()))
    folder, task = RunFolder.start(at / "run", plan, made_clips(), [], {}), plan.tasks[0]
    said = (large * np.random.default_rng(seed).standard_normal((3, 4, 3))).astype(np.float32)
    folder.save(task, plan.fold(task.fold), {}, said, np.zeros(3), None)
    assert np.array_equal(RunFolder.open(at / "run").outcome(task).test.values, said)
    file = folder.place(task) / "logits.npz"
    file.write_bytes(file.read_bytes()[: int(cut * file.stat().st_size)])
    try:
        folder.outcome(task)
    except RunError as damage:
        assert str(folder.place(task)) in str(damage)
    else:
        raise AssertionError("logits that were cut short were read")


@few
@given(data=st.data(), clips=st.lists(names, min_size=1, max_size=4, unique=True), seed=st.integers(0, 999))
def test_prepared_arrays_and_their_index(data, clips, seed, tmp_path_factory):
    folder = tmp_path_factory.mktemp("cache") / "key"
    part = Part(folder, tuple(sorted(clips)), {"faces": Spec((len(clips), 5, 2), "float32")}, {"about": "a test"})
    values, records = np.random.default_rng(seed).random((len(clips), 5, 2), np.float32), part.resume()
    for clip, row in part.rows.items():
        records[clip] = {"clip": clip, "row": row, "sums": part.write(row, {"faces": values[row]})}
        part.note(records[clip])
    assert part.resume() == records, "as after a kill"
    part.finish(records)
    assert part.resume() == records
    assert np.array_equal(part.arrays.open()["faces"], values)

    sums = {record["row"]: record["sums"] for record in records.values()}
    assert part.arrays.damaged(sums) == {}
    _flip(data, part.arrays.path("faces"), after=len(part.specs["faces"].header))
    assert part.arrays.damaged(sums)
    index = folder / "index.json"
    whole = json.loads(index.read_text())
    whole["about"] += "!"
    index.write_text(json.dumps(whole))
    try:
        read_index(folder)
    except CacheError as damage:
        assert "damaged" in str(damage)
    else:
        raise AssertionError("an index that was changed was read")


def _flip(data, file, after):
    content = bytearray(file.read_bytes())
    content[data.draw(st.integers(after, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    file.write_bytes(content)


things = st.tuples(st.sampled_from(["moment", "video", "setting"]), st.sampled_from("abc"))
values = st.none() | st.dictionaries(words, st.one_of(counts, words, st.booleans(), st.none()), max_size=3)
steps = st.lists(
    st.one_of(st.sampled_from(["undo", "redo"]), st.dictionaries(things, values, min_size=1, max_size=2)), max_size=8
)


@few
@given(steps=steps, cut=st.floats(0, 1))
def test_the_history_of_a_project(steps, cut, tmp_path_factory):
    file = tmp_path_factory.mktemp("project") / "history.jsonl"
    history, states = History(file), [{}]
    for step in steps:
        made = {"undo": history.undoing, "redo": history.redoing}[step]() if isinstance(step, str) else None
        change = history.planned("coded", "anna", step) if isinstance(step, dict) else made
        if change is not None:
            history.do(change, "codes", step if isinstance(step, str) else "")
            states.append(dict(history.state))
    again = History.open(file)
    assert (again.state, again.undoes, again.redoes, again.notes) == (history.state, history.undoes, history.redoes, [])
    if file.exists():
        content = file.read_bytes()
        file.write_bytes(content[: int(cut * len(content))])
        assert History.open(file).state in states, "a kill leaves what was there after some change"


@few
@given(
    moments=st.lists(
        st.tuples(st.integers(0, 50), st.integers(0, 20), st.integers(0, 20), st.floats(0, 1)), max_size=4
    ),
    fps=st.sampled_from([25.0, 29.97, 200.0]),
    name=names,
)
def test_spotted_moments(moments, fps, name, tmp_path_factory):
    video = Video(Path(f"{name}.avi"), 64, 48, fps, np.arange(100) / fps)
    found = tuple(
        Expression(
            track=1, kind="micro", onset=onset, apex=onset + rise, offset=onset + rise + fall,
            onset_s=onset / fps, apex_s=(onset + rise) / fps, offset_s=(onset + rise + fall) / fps,
            region="chin", motion=1.0, confidence=sure,
        )
        for onset, rise, fall, sure in moments
    )  # fmt: skip
    file = tmp_path_factory.mktemp("spotted") / "spotting.json"
    file.write_text(json.dumps(Spotting(video, (), found, (), (), (), ()).to_dict()), encoding="utf-8")
    (timeline,) = read(file)
    times = sorted((round(m.onset, 3), round(m.apex, 3), round(m.offset, 3)) for m in timeline.moments)
    assert np.allclose(times, sorted((e.onset_s, e.apex_s, e.offset_s) for e in found), atol=1e-3)


@few
@given(rows=st.lists(st.lists(words, min_size=3, max_size=3), max_size=4))
def test_tables_of_words(rows):
    import csv
    import io

    assert list(csv.reader(io.StringIO(csv_text(["a", "b", "c"], rows)))) == [["a", "b", "c"], *rows]
