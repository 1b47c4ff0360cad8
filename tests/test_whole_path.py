"""The whole path as a user types it: draw, check, prepare, run, stop, go on, evaluate."""

import json
import shutil
import subprocess
import sys

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from tsfmicro.models.registry import create_model

PEOPLE, CLIPS = 3, 4


def tsfmicro(*words, check=True):
    done = subprocess.run(
        [sys.executable, "-m", "tsfmicro.app.cli", *map(str, words)], capture_output=True, text=True, check=False
    )
    assert not check or done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return done


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    root = tmp_path_factory.mktemp("whole") / "faces"
    tsfmicro("data", "synth", root, "--people", PEOPLE, "--clips", CLIPS, "--fps", 25, "--seed", 1)
    return root


SHORT = ("--set", "train.epochs=2", "--set", "prepare.size=64", "--workers", "1")


@pytest.fixture(scope="module")
def finished(faces):
    out = faces.parent / "run"
    done = tsfmicro("run", "demo", "--data", f"casme2={faces}", "--cache", faces.parent / "cache", "--out", out, *SHORT)
    return out, done


def test_generated_faces_are_read_as_casme2(faces):
    found = json.loads(tsfmicro("data", "check", "casme2", faces, "--json").stdout)
    assert found["trainable"] == PEOPLE * CLIPS
    assert found["people"] == PEOPLE


def test_a_run_ends_with_a_score_its_people_clips_rule_and_floors(finished):
    _, done = finished
    last = done.stdout.strip().splitlines()[-1]
    assert last.startswith("UF1 0.")
    for part in (f"{PEOPLE} people", f"{PEOPLE * CLIPS} clips", "rule last", "majority floor", "linear floor"):
        assert part in last


def test_the_run_folder_is_whole_and_its_pictures_can_be_looked_at(finished):
    out, _ = finished
    for name in ("confusion.png", "clips.png"):
        picture = cv2.imread(str(out / name))
        assert picture.shape[0] > 200 and picture.std() > 10
    assert {"config.yaml", "run.json", "clips.csv", "skipped.csv", "folds.json", "scores.json"} <= {
        f.name for f in out.iterdir()
    }
    with np.load(out / "folds" / "casme2-sub01" / "seed-0" / "logits.npz") as logits:
        assert logits["test"].shape == (2, CLIPS, 5)


def test_the_same_command_again_trains_nothing_and_says_the_same(finished, faces):
    out, done = finished
    again = tsfmicro(
        "run", "demo", "--data", f"casme2={faces}", "--cache", faces.parent / "cache", "--out", out, *SHORT
    )
    assert again.stdout == done.stdout
    assert f"{PEOPLE} of {PEOPLE} trainings were finished before" in again.stderr


def test_a_run_can_be_scored_where_there_are_no_images(finished, tmp_path):
    out, _ = finished
    shutil.copytree(out, tmp_path / "elsewhere")
    scores = json.loads(tsfmicro("evaluate", tmp_path / "elsewhere", "--json").stdout)
    assert scores["uf1"] == json.loads((out / "scores.json").read_text())["uf1"]


def test_a_finished_run_shows_all_rules_stands_beside_its_floor_and_passes_the_audit(finished, tmp_path):
    shutil.copytree(finished[0], tmp_path / "run")
    shown = tsfmicro("evaluate", tmp_path / "run", "--rule", "all").stdout
    for part in (
        "rule last",
        "rule oracle (test-selected, optimistic)",
        "leak: oracle − last",
        "shuffled linear floor",
    ):
        assert part in shown
    assert "B = the linear floor" in tsfmicro("compare", tmp_path / "run", "linear").stdout
    assert "all checks passed" in tsfmicro("audit", tmp_path / "run").stdout


def test_a_truncated_image_and_one_without_a_face_are_skipped_and_listed(faces, tmp_path):
    broken = tmp_path / "faces"
    shutil.copytree(faces, broken)
    clips = sorted((broken / "CASME2_RAW_selected" / "sub01").iterdir())
    for image in clips[0].glob("*.jpg"):
        image.write_bytes(image.read_bytes()[: image.stat().st_size // 2])
    for image in clips[1].glob("*.jpg"):
        cv2.imwrite(str(image), np.full((480, 640, 3), 90, np.uint8))
    done = tsfmicro(
        "prepare", "demo", "--data", f"casme2={broken}", "--cache", tmp_path / "cache", "--set", "prepare.size=64"
    )
    assert f"prepared {PEOPLE * CLIPS - 2} of {PEOPLE * CLIPS} clips; 2 skipped" in done.stderr
    for clip, why in zip(clips[:2], ("cut short", "no face"), strict=True):
        line = next(line for line in done.stderr.splitlines() if f"skipped casme2/sub01/{clip.name}" in line)
        assert why in line


def test_other_settings_in_the_same_folder_are_refused_in_one_line(finished, faces):
    out, _ = finished
    done = tsfmicro(
        "run", "demo", "--data", f"casme2={faces}", "--cache", faces.parent / "cache", "--out", out, *SHORT,
        "--set", "train.lr=0.5", check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "train.lr" in done.stderr.strip().splitlines()[-1]


def test_a_class_without_clips_is_told_before_anything_is_trained(faces, tmp_path):
    done = tsfmicro(
        "run", "demo", "--data", f"casme2={faces}", "--cache", faces.parent / "cache", "--out", tmp_path / "run", *SHORT,
        "--set", "data.scheme=samm-3", check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "samm-3" in done.stderr.strip().splitlines()[-1]
    assert not (tmp_path / "run").exists()


def test_a_checkpoint_of_another_program_becomes_a_start_and_the_run_gathers_what_no_file_holds(faces, tmp_path):
    model = create_model("upper-face-3d", 2)
    torch.save({n: t for n, t in model.state_dict().items() if not n.startswith("scale")}, tmp_path / "w.pth")
    told = tsfmicro(
        "convert", "upper-face-3d", tmp_path / "w.pth", "--out", tmp_path / "start", "--size", 64, "--classes", "a,b", "--start",
        "--seen", "casme3,imagenet",
    ).stdout  # fmt: skip
    assert "6 of 20 begin new: scale_eyes.mean, scale_eyes.largest, scale_eyes.seen, and 3 more" in told
    assert "imagenet is no dataset here" in told
    asked = tsfmicro("predict", tmp_path / "start", *sorted(faces.rglob("*.jpg"))[:2], check=False)
    assert "A start answers nothing" in asked.stderr
    tsfmicro(
        "run", "demo", "--data", f"casme2={faces}", "--cache", faces.parent / "cache", "--out", tmp_path / "run", "--workers", "1",
        *(word for setting in (
            "prepare.size=64", "model.name=upper-face-3d", "train.epochs=1", "train.augment.flip=0", "train.augment.rotate=0",
            "train.augment.pad=0", "train.lr=1e-12", f"train.start={tmp_path / 'start'}",
        ) for word in ("--set", setting)),
    )  # fmt: skip
    learned = load_file(tmp_path / "run" / "folds" / "casme2-sub01" / "seed-0" / "model.safetensors")
    torch.testing.assert_close(learned["eyes.conv1.weight"], model.eyes.conv1.weight.detach())  # at such a rate
    assert learned["scale_eyes.seen"] == (PEOPLE - 1) * CLIPS and learned["scale_eyes.mean"] > 0
