"""Models by name: what is asked for and does not exist is told with the nearest name."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from pytest import approx

import tsfmicro
from tsfmicro.errors import ConfigError, ShapeError, UnknownNameError
from tsfmicro.models import registry
from tsfmicro.models.base import Model
from tsfmicro.models.inputs import flow
from tsfmicro.models.registry import MODELS, create_model, describe


def test_the_package_itself_lends_create_model():
    assert tsfmicro.create_model is create_model


def test_the_model_in_the_guide_works_as_written(monkeypatch):
    monkeypatch.setattr(registry, "MODELS", dict(registry.MODELS))
    guide = (Path(__file__).resolve().parents[2] / "docs" / "adding-a-model.md").read_text(encoding="utf-8")
    exec(guide.split("```python")[1].split("```")[0], {})
    model = create_model("tinynet", 3, width=4)
    assert model(flow=torch.zeros(2, 3, 28, 28)).shape == (2, 3)
    for size, width in ((30, 4), (28, 0)):
        with pytest.raises(ConfigError, match=f"tinynet: size {size}, width {width}. Give a multiple of 4"):
            create_model("tinynet", 3, size, width=width)


class Bare(Model):
    def __init__(self):
        super().__init__({"flow": flow(28)}, 28)


class Headless(Bare):
    def features(self, flow):
        return flow.permute(0, 2, 3, 1)


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (Bare, "model own: Bare has no features. Give it features and a head, or logits instead."),
        (Headless, "model own: Headless has no head. Give it features and a head, or logits instead."),
        (lambda: None, "model own: its builder gives NoneType. Return a Model."),
    ],
)
def test_a_model_that_is_not_whole_is_told_in_one_line(monkeypatch, made, says):
    monkeypatch.setattr(registry, "MODELS", dict(registry.MODELS))
    registry.register("own", size=28)(lambda num_classes, size: made())
    with pytest.raises(ConfigError) as told:
        create_model("own", 3)
    assert str(told.value) == says


def test_tsfmicro_has_the_size_of_the_released_program_without_its_dead_weights():
    released = describe("tsfmicro", num_classes=5)
    assert released.parameters == 12_789_413
    assert released.gflop == approx(13.44, abs=0.005)
    assert describe("tsfmicro", num_classes=5, tokens="patches").parameters == 13_181_093


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        ("tsfmicr", {}, "unknown model 'tsfmicr'. Did you mean 'tsfmicro'?"),
        ("tsfmicro", {"varient": "late"}, "unknown option of model tsfmicro 'varient'. Did you mean 'variant'?"),
        ("tsfmicro", {"variant": "lat"}, "unknown variant 'lat'. Did you mean 'late'?"),
        ("tsfmicro", {"variant": ["late"]}, "unknown variant \"['late']\". Did you mean 'late'?"),
        ("tsfmicro", {"tokens": "patch"}, "unknown tokens 'patch'. Did you mean 'patches'?"),
        ("tsfmicro", {"retention": "causl"}, "unknown retention 'causl'. Did you mean 'causal'?"),
        ("tsfmicro", {"frame": "offset"}, "unknown frame 'offset'. Did you mean 'onset'?"),
        ("tsfmicro", {"join": "befor"}, "unknown join 'befor'. Did you mean 'before'?"),
        ("tsfmicro", {"motion": "optical flow"}, "unknown motion 'optical flow'. Did you mean 'flow'?"),
    ],
)
def test_an_unknown_name_is_told_with_the_nearest_right_one(name, options, says):
    with pytest.raises(UnknownNameError) as error:
        create_model(name, 5, **options)
    assert str(error.value) == says


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"size": 225}, "size 225: the retention grid is halved 4 times.*Use 224"),
        ({"size": 8}, "Use 32"),
        ({"num_classes": 0}, "num_classes is 0; give the number of emotions, 1 to 1000"),
        ({"num_classes": 10**9}, "num_classes is 1000000000; give the number of emotions"),
        ({"size": "224"}, "size must be a whole number from 1 on; it is '224'"),
        ({"widths": 64}, "widths must be 4 whole numbers from 1 on; it is 64"),
        ({"widths": (64, 128, 256)}, r"it is \(64, 128, 256\)"),
        ({"stem": (32, 32, 64, 0.5)}, "stem must be 4 whole numbers"),
        ({"stem": (32, 32, 64, 32)}, "must end at the first of widths"),
        ({"widths": (6, 128, 256, 512), "stem": (4, 4, 4, 6)}, "multiples of 4"),
        ({"spatial_width": 256}, "make the last width and spatial_width equal"),
        ({"drop_path": "much"}, "drop_path is 'much'; give a number"),
        ({"drop_path": 1.5}, "drop_path must be at least 0 and below 1"),
        ({"head_width": 10**20}, "head_width is 1000.*; give 65536 at most"),
        ({"widths": (64, 128, 256, 2**31)}, "widths is .*; give 65536 at most"),
    ],
)
def test_sizes_that_cannot_work_are_told_in_one_line(options, says):
    with pytest.raises(ConfigError, match=says) as error:
        create_model("tsfmicro", **{"num_classes": 5} | options)
    assert "\n" not in str(error.value)


def test_a_model_larger_than_the_memory_is_told_and_an_author_s_own_mistake_is_shown_as_it_is(monkeypatch):
    monkeypatch.setitem(MODELS, "sssnet", replace(MODELS["sssnet"], build=lambda classes, size: torch.empty(2**50)))
    with pytest.raises(ConfigError, match=r"model sssnet of .* does not fit into the memory"):
        create_model("sssnet", 5)
    monkeypatch.setitem(MODELS, "sssnet", replace(MODELS["sssnet"], build=lambda classes, size: torch.empty(-1)))
    with pytest.raises(RuntimeError, match="negative"):
        create_model("sssnet", 5)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"onset": None}, "this model looks at motion, onset, but was given motion"),
        ({"onset": torch.zeros(1, 1, 32, 32)}, r"onset is \(1, 1, 32, 32\).*needs \(N, 3, 32, 32\)"),
        ({"motion": torch.zeros(1, 3, 48, 32)}, r"motion is \(1, 3, 48, 32\)"),
        ({"motion": torch.zeros(3, 32, 32)}, r"motion is \(3, 32, 32\)"),
        ({"onset": torch.zeros(1, 3, 32, 32, dtype=torch.uint8)}, "onset is torch.uint8, but must be floating point"),
        ({"onset": torch.zeros(2, 3, 32, 32)}, "images of different clips, {'onset': 2, 'motion': 1}"),
    ],
)
def test_images_that_do_not_fit_are_told_in_one_line(change, says):
    model = create_model("tsfmicro-small", 5, size=32)
    images = {"onset": torch.zeros(1, 3, 32, 32), "motion": torch.zeros(1, 3, 32, 32)} | change
    with pytest.raises(ShapeError, match=says):
        model(**{name: image for name, image in images.items() if image is not None})


@pytest.mark.parametrize("first", ["htnet", "lbp_top", "base"])
def test_any_part_may_be_imported_first(first):
    subprocess.run([sys.executable, "-c", f"import tsfmicro.models.{first}"], check=True)


def test_a_name_that_another_module_has_taken_is_refused_and_the_same_one_may_come_again(monkeypatch):
    monkeypatch.setattr(registry, "MODELS", dict(registry.MODELS))

    def build(num_classes: int, size: int):
        """Another."""

    with pytest.raises(ConfigError, match="has a model of that name"):
        registry.register("ststnet", size=28)(build)
    registry.register("another", size=28)(build)
    registry.register("another", size=28)(build)


def test_the_kind_of_an_option_is_known_however_annotations_are_kept(monkeypatch):
    monkeypatch.setattr(registry, "MODELS", dict(registry.MODELS))

    def build(num_classes, size, *, width=16):
        """Another."""

    for kind in (int, "int"):
        build.__annotations__["width"] = kind
        registry.register("another", size=28)(build)
        with pytest.raises(ConfigError, match="width is 'wide'; give a whole number"):
            create_model("another", 3, width="wide")


def test_a_model_in_training_that_says_another_number_of_classes_is_told():
    model = create_model("ststnet", 3)
    model.head = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(400, 5))
    batch = model.example(2)
    assert model.eval()(**batch).shape == (2, 5)
    with pytest.raises(ShapeError, match=r"model ststnet: gives logits of shape \(2, 5\), and was built for 3 classes"):
        model.train()(**batch)
