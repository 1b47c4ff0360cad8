"""From a drawn person's video to answers; the model has drawn weights, so what it says is noise, but how is not."""

import json
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch

from tsfmicro.app import cli
from tsfmicro.card import DEMONSTRATION, Card
from tsfmicro.config import PrepareConfig
from tsfmicro.errors import ConfigError, FaceError, UnknownNameError, VideoError, WeightsError
from tsfmicro.models.pretrained import from_pretrained, save_pretrained
from tsfmicro.models.registry import create_model
from tsfmicro.run.here import Here
from tsfmicro.run.watch import Watch
from tsfmicro.synthetic.film import draw_film, shoot, write_films
from tsfmicro.use.batch import Batch, read_videos
from tsfmicro.use.export import trained_model
from tsfmicro.use.pages import moments_table, pictures_of, write_reading
from tsfmicro.use.recognise import Recognizer

CLASSES = ("negative", "positive", "surprise")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    torch.manual_seed(1)
    model = create_model("tsfmicro-small", 3, 64)
    model.classes = CLASSES
    model.card = Card("drawn", "casme2-3", ("casme2",), 8, 96, PrepareConfig(size=64), "UF1 0.1", 0.5, True)
    folder = tmp_path_factory.mktemp("model")
    save_pretrained(model, folder)
    return folder


@pytest.fixture(scope="module")
def video(made_once):
    return made_once("video", lambda root: write_films(root, 1, 5, seed=3, fps=50, width=320, workers=1)) / "sub01.avi"


@pytest.fixture(scope="module")
def reading(model, video):
    return Recognizer.load(model).video(video)


def frames(video, *numbers):
    capture, found = cv2.VideoCapture(str(video)), {}
    for number in range(max(numbers) + 1):
        image = capture.read()[1]
        if number in numbers:
            found[number] = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
    return [found[number] for number in numbers]


def test_each_moment_of_a_video_gets_probabilities_and_pictures(reading):
    assert reading.moments
    for moment in reading.moments:
        assert sum(moment.answer.probabilities.values()) == pytest.approx(1)
        assert list(moment.answer.probabilities) == list(CLASSES)
        assert moment.answer.faces.shape == (2, 64, 64, 3) and moment.answer.flow.shape == (2, 64, 64)
    assert "not for use on people" in reading.model.lower()


def test_of_a_long_video_the_surest_moments_alone_keep_their_pictures(model, video, monkeypatch):
    monkeypatch.setattr("tsfmicro.use.recognise.PICTURED", 1)
    moments = Recognizer.load(model).video(video, level=0.0).moments
    assert len(moments) > 1 and [m.answer.faces.size > 0 for m in moments].count(True) == 1
    surest = max(moments, key=lambda m: m.expression.confidence)
    assert surest.answer.faces.size and pictures_of(surest)
    assert {str(sorted(pictures_of(m))) for m in moments if m is not surest} == {"[]"}


def test_a_moment_is_answered_as_its_onset_and_apex_are(reading, model, video):
    moment = reading.moments[0]
    onset, apex = frames(video, moment.expression.onset, moment.expression.apex)
    alone = Recognizer.load(model).pair(onset, apex)
    # The same two frames, cut out around the face here and whole there: the landmarks differ by less than a pixel.
    np.testing.assert_allclose(
        list(alone.probabilities.values()), list(moment.answer.probabilities.values()), atol=0.05
    )


def test_it_abstains_below_the_threshold(reading, model, video):
    moment = reading.moments[0]
    onset, apex = frames(video, moment.expression.onset, moment.expression.apex)
    unsure, sure = (Recognizer.load(model, threshold=t).pair(onset, apex) for t in (1.0, 0.0))
    assert unsure.emotion is None and str(unsure).startswith("not sure")
    assert sure.emotion == sure.likeliest == unsure.likeliest


def test_a_low_temperature_makes_it_surer(reading, model):
    faces = reading.moments[0].answer.faces
    recognizer = Recognizer.load(model)
    likeliest = recognizer.faces(faces).likeliest
    warmer = Recognizer(recognizer.members, Card("x", "casme2-3", (), 0, 0, PrepareConfig(size=64), temperature=5.0))
    assert warmer.faces(faces).probabilities[likeliest] < recognizer.faces(faces).probabilities[likeliest]


def test_all_folds_of_a_run_are_averaged_and_one_can_be_named(start):
    folder, job = start()
    Here(1).train(job, folder.missing(), Watch())
    together, alone = Recognizer.load(folder.path), Recognizer.load(folder.path, fold=folder.plan.folds[0].name)
    assert len(together.members) == 6 and len(alone.members) == 2, "three folds, two seeds"
    assert "3 folds together" in together.card.line and together.card.temperature != 1.0
    assert "Never scored" not in together.card.line + alone.card.line
    fold = folder.plan.folds[0]
    assert (alone.card.clips, together.card.clips) == (len(fold.train), len(folder.plan.labels))
    with pytest.raises(UnknownNameError, match="unknown fold 'nowhere'"):
        Recognizer.load(folder.path, fold="nowhere")
    exported = trained_model(folder.path, fold.name)
    assert exported.card.temperature == alone.card.temperature and exported.card.clips == len(fold.train)
    faces = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)
    singly = [Recognizer([m], together.card).faces(faces).probabilities for m in together.members]
    mean = {name: np.mean([one[name] for one in singly]) for name in CLASSES}
    assert together.faces(faces).probabilities == pytest.approx(mean)


def test_an_image_without_a_face_is_told(model):
    with pytest.raises(FaceError, match="no face found"):
        Recognizer.load(model).pair(*np.full((2, 240, 320, 3), 90, np.uint8))


def test_a_model_that_does_not_name_its_classes_is_refused(tmp_path):
    save_pretrained(create_model("tsfmicro-small", 3, 64), tmp_path)
    with pytest.raises(WeightsError, match="does not say what its classes are called"):
        Recognizer.load(tmp_path)


def test_a_fold_of_what_is_no_run_is_refused(model):
    with pytest.raises(ConfigError, match="--fold is for a run's folder"):
        Recognizer.load(model, fold="sub01")


def test_the_page_shows_every_moment_and_loads_nothing_from_elsewhere(reading, tmp_path):
    files = write_reading(reading, tmp_path)
    text = (tmp_path / "reading.html").read_text(encoding="utf-8")
    assert text.count("<section id=") == len(reading.moments)
    assert "http" not in text and 'src="data:' in text
    assert "Not for use on people" in text and "no lie detector" in text
    assert all(file.exists() for file in files)
    rows = (tmp_path / "moments.csv").read_text().splitlines()
    assert len(rows) == 1 + len(reading.moments) and "p_surprise" in rows[0]
    assert all("Not for use on people" in row for row in rows[1:]), "every row names the model"
    told = [line.partition(",")[0] for line in (tmp_path / "moments_codebook.csv").read_text().splitlines()]
    assert told[1:] == rows[0].split(",")


def test_a_folder_of_videos_goes_on_where_it_was_and_lists_what_cannot_be_read(model, video, tmp_path):
    folder, out = tmp_path / "videos", tmp_path / "out"
    (folder / "a").mkdir(parents=True)
    (folder / "a" / "one.avi").write_bytes(video.read_bytes())
    (folder / "empty.mp4").write_bytes(b"")
    (folder / "notes.txt").write_text("not a video")
    for place in ("a", "clip", ".thumbs"):
        (folder / place).mkdir(exist_ok=True)
        for k in range(2):
            cv2.imwrite(str(folder / place / f"{k}.png"), np.zeros((8, 8, 3), np.uint8))
    recognizer = Recognizer.load(model)
    first = read_videos(recognizer, folder, out, Watch())
    assert (first.read, first.before) == (1, 0)
    assert [name for name, _ in first.failed] == ["empty.mp4"]
    assert first.passed == ("clip",) and "not looked at: clip: a folder of images" in first.lines(out)[-1]
    table = (out / "moments.csv").read_bytes()
    again = read_videos(recognizer, folder, out, Watch())
    assert (again.read, again.before) == (1, 2), "both were looked at before"
    assert (out / "moments.csv").read_bytes() == table
    stricter = read_videos(Recognizer.load(model, threshold=0.99), folder, out, Watch())
    assert stricter.before == 0, "other settings are another reading"


def test_a_model_that_was_trained_again_reads_every_video_again_though_its_card_is_the_same(model, video, tmp_path):
    folder, out, again = tmp_path / "videos", tmp_path / "out", tmp_path / "again"
    folder.mkdir()
    (folder / "one.avi").write_bytes(video.read_bytes())
    first = Recognizer.load(model)
    read_videos(first, folder, out, Watch())
    retrained = from_pretrained(model)
    with torch.no_grad():
        retrained.head.classify.bias[2] += 3
    save_pretrained(retrained, again)
    second = Recognizer.load(again)
    assert second.card == first.card and second.classes == first.classes
    assert read_videos(second, folder, out, Watch()).before == 0
    assert read_videos(Recognizer.load(again), folder, out, Watch()).before == 1


def test_a_folder_without_videos_is_told(model, tmp_path):
    with pytest.raises(VideoError, match="holds no video"):
        read_videos(Recognizer.load(model), tmp_path, tmp_path / "out", Watch())


def test_the_command_prints_json_and_one_line_for_a_mistake(model, video, capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["tsfmicro", "predict", str(model), str(video), "--json"])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert not end.value.code
    known = json.loads(capsys.readouterr().out)
    assert known["classes"] == list(CLASSES) and known["expressions"][0]["probabilities"]
    monkeypatch.setattr("sys.argv", ["tsfmicro", "predict", str(model), str(video) + "x"])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 1
    error = capsys.readouterr().err.strip().splitlines()
    assert len(error) == 1 and "there is no such file" in error[0]


def test_what_the_demonstration_says_is_told_as_what_it_is():
    told = [moments_table(SimpleNamespace(model=model, moments=()))[0][-1] for model in ("mine", f"{DEMONSTRATION} x")]
    assert told == ["emotion", "emotion, of drawn faces alone"]


@pytest.fixture
def typed(monkeypatch, capsys):
    """Runs a command; returns exit status, standard output, standard error."""

    def run(*words):
        monkeypatch.setattr("sys.argv", ["tsfmicro", *map(str, words)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        out, err = capsys.readouterr()
        return end.value.code or 0, out, err

    return run


def test_the_same_photograph_twice_is_no_movement_however_it_is_coded(model, video, typed, tmp_path):
    (onset,) = frames(video, 0)
    recognizer = Recognizer.load(model, threshold=0.0)
    once = recognizer.pair(onset, onset)
    assert (once.emotion, str(once), once.moved) == (None, "no movement", 0.0)
    noise = np.random.default_rng(0).normal(0, 1.5, onset.shape)
    for name, image in (("a", onset), ("b", np.clip(onset + noise, 0, 255).astype(np.uint8))):
        cv2.imwrite(str(tmp_path / f"{name}.jpg"), cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    status, out, _ = typed("predict", model, tmp_path / "a.jpg", tmp_path / "b.jpg")
    assert status == 0 and out.splitlines()[-1].startswith("no movement: ") and "%" in out
    assert "positive" not in out.splitlines()[-1]
    status, out, _ = typed("predict", model, tmp_path / "a.jpg", tmp_path / "b.jpg", "--json")
    told = json.loads(out)
    assert (told["emotion"], told["no_movement"]) == (None, True)


def test_onset_and_apex_of_two_people_are_one_line(model, video, typed, tmp_path):
    (onset,) = frames(video, 0)
    somebody = draw_film(seed=5, person=1, seconds=1, fps=30)
    other = cv2.resize(next(shoot(somebody)), onset.shape[1::-1], interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(tmp_path / "a.png"), cv2.cvtColor(onset, cv2.COLOR_RGB2BGR))
    cv2.imwrite(str(tmp_path / "b.png"), other)
    status, _, err = typed("predict", model, tmp_path / "a.png", tmp_path / "b.png")
    assert status == 1 and err.count("\n") == 1
    assert "do not fit onto each other" in err and "Two people" in err


def test_a_video_in_which_nothing_moves_says_so_and_what_is_not_well_with_it(model, video, typed, tmp_path):
    (onset,) = frames(video, 0)
    writer = cv2.VideoWriter(str(tmp_path / "a.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 25, onset.shape[1::-1])
    for _ in range(50):
        writer.write(cv2.cvtColor(onset, cv2.COLOR_RGB2BGR))
    writer.release()
    status, out, _ = typed("predict", model, tmp_path / "a.avi", "--out", tmp_path / "out")
    assert status == 0 and "no movement" in out and "recording: all frames are one picture" in out
    page = (tmp_path / "out" / "reading.html").read_text(encoding="utf-8")
    assert "About this recording" in page and "all frames are one picture" in page
    assert {f["what"] for f in json.loads((tmp_path / "out" / "reading.json").read_text())["fitness"]} >= {"frame rate"}


def test_one_video_with_one_moment_is_told_in_the_singular(tmp_path):
    assert Batch(1, 0, (), 1).lines(tmp_path)[0].startswith("1 video read, 1 moment: ")
