"""Motion magnification: what is known of each method, and the learned network against the released program's numbers."""

import numpy as np
import pytest
import torch
from pytest import approx

from tests.models.golden import assert_near, golden, weights
from tsfmicro.config import PrepareConfig
from tsfmicro.errors import ConfigError, FrameError, WeightsError
from tsfmicro.needs import need
from tsfmicro.prepare.magnifier import Magnifier
from tsfmicro.prepare.magnify import Phase, _steerable, acceleration, acceleration_kernel, linear
from tsfmicro.prepare.prepare import prepare

Y, X = np.mgrid[:128, :128] - 64.0
WINDOW = np.exp(-(X**2 + Y**2) / (2 * 18**2))


def grating(shift):
    """Waves of 8 pixels in a window that stays."""
    return WINDOW * np.cos(2 * np.pi * (X - shift) / 8)


def blob(shift):
    return np.exp(-((X - shift) ** 2 + Y**2) / (2 * 6**2))


def off(made, wanted, still):
    """Distance as a part of the change that is wanted."""
    return np.linalg.norm(made - wanted) / np.linalg.norm(wanted - still)


def mirrored(masks):
    return np.roll(masks[..., ::-1, ::-1], 1, (-2, -1))


def test_the_masks_of_the_pyramid_tile_the_plane():
    masks, high, low = _steerable(128, "float64")
    assert high**2 + low**2 + ((masks**2 + mirrored(masks) ** 2).sum(0)) / 4 == approx(np.ones((128, 128)), abs=1e-13)


def test_factor_one_leaves_the_frame_as_it_is():
    a, b = np.random.default_rng(0).random((2, 128, 128))
    assert np.array_equal(Phase(a)(b, [1])[0], b)
    assert Phase(a)(b, [1 + 1e-9])[0] == approx(b, abs=1e-8)
    assert linear(a, b, 1) == approx(b, abs=1e-6)


@pytest.mark.parametrize("factor", [5, 10])
def test_waves_that_move_by_a_fifth_of_a_pixel_move_by_so_much_more(factor):
    made = Phase(grating(0))(grating(0.2), [factor])[0]
    assert off(made, grating(0.2 * factor), grating(0)) < 1e-4
    assert off(linear(grating(0), grating(0.2), factor), grating(0.2 * factor), grating(0)) > 0.3


@pytest.mark.parametrize("factor", [5, 10])
def test_broad_shapes_are_the_case_of_the_linear_form(factor):
    by_phase = off(Phase(blob(0))(blob(0.2), [factor])[0], blob(0.2 * factor), blob(0))
    by_value = off(linear(blob(0), blob(0.2), factor), blob(0.2 * factor), blob(0))
    assert by_value < 0.2 and by_phase < 0.2


def test_phases_can_be_averaged_over_places():
    made = Phase(grating(0), smooth=3)(grating(0.2), [5])[0]
    assert off(made, grating(1.0), grating(0)) < 1e-2


def test_a_kernel_of_acceleration_sees_neither_rest_nor_steady_motion():
    kernel = acceleration_kernel(200, 4)
    places = np.arange(len(kernel)) - len(kernel) // 2
    assert len(kernel) == 2 * 18 + 1  # σ is 8.8 frames
    assert [kernel.sum(), kernel @ places] == approx([0, 0], abs=1e-6)
    assert np.abs(kernel).sum() == approx(1) and kernel @ -(places**2) > 0


def test_a_vibration_grows_and_a_steady_shift_does_not():
    frames = np.stack([blob(0.05 * t) for t in range(60)])
    steady = acceleration(frames, 10, 200, 8)
    assert np.abs(steady - frames)[10:-10].max() < 0.05 * np.abs(frames[-1] - frames[0]).max()
    shaking = np.stack([blob(0.2 * np.cos(2 * np.pi * t / 25)) for t in range(60)])
    grown = acceleration(shaking, 10, 200, 8)
    assert np.abs(grown[25] - blob(0)).max() > 2 * np.abs(shaking[25] - blob(0)).max()


def test_a_clip_too_short_for_acceleration_is_told():
    with pytest.raises(FrameError, match="3 frames are too few"):
        acceleration(np.zeros((3, 16, 16)), 5, 200, 4)


def test_a_clip_of_4_sigma_frames_is_long_enough_for_acceleration():
    assert len(acceleration(np.zeros((11, 16, 16)), 5, 60, 4)) == 11  # 4σ is 10.6 frames, the filter 13 long
    with pytest.raises(FrameError, match="takes 11"):
        acceleration(np.zeros((10, 16, 16)), 5, 60, 4)


def test_the_learned_network_gives_the_released_program_s_numbers():
    facts, arrays = golden("magnet")
    network = Magnifier().eval()
    assert sum(p.numel() for p in network.parameters()) == facts["parameters"] == 928_144
    network.load_state_dict(weights(facts["weights"]))
    draw = np.random.default_rng(7)
    a, b = (torch.from_numpy(draw.uniform(-1, 1, (2, 3, 32, 32)).astype(np.float32)) for _ in range(2))
    with torch.inference_mode():
        texture, shape = network.encoder(b)
        moved = network.manipulator(network.encoder(a)[1], shape, torch.tensor([1.0, 6.5]).view(2, 1, 1, 1))
        drawn = network(a, b, torch.tensor([2.0, 7.5])).numpy()
    assert np.allclose(drawn, arrays["magnified"], rtol=1e-4, atol=1e-4)
    assert_near(texture, arrays["texture_b"], 1e-4)
    assert_near(shape[:, ::4], arrays["shape_b"], 1e-4)
    assert_near(moved[:, ::4], arrays["shape_magnified"], 1e-4)


@pytest.fixture
def clip(make_clip):
    return make_clip("EP01", frames=range(10, 31), offset=30)


@pytest.mark.parametrize("method", ["phase", "linear", "acceleration"])
def test_frames_of_a_clip_at_several_levels(clip, tmp_path, method):
    asked = need("magnified", 32, levels=3, frames=4, method=method, frequency=10)
    made = prepare([clip], [asked, need("frames", 32, count=4)], PrepareConfig(size=32), tmp_path / "cache")
    faces = made.of(asked).of("annotated")[0]
    plain = made.of(need("frames", 32, count=4)).of("annotated")[0].astype(int)
    assert faces.shape == (4, 3, 32, 32, 3)
    if method != "acceleration":
        assert np.abs(faces[0] - plain[0]).max() <= 1, "the onset has not moved"
    apart = [np.abs(faces[3, level] - plain[0]).mean() for level in range(3)]
    assert apart == sorted(apart), "the larger the factor, the further from the onset"


def test_with_one_frame_it_is_the_apex_and_factor_one_is_the_face_itself(clip, tmp_path):
    asked = need("magnified", 32, factor=1)
    made = prepare([clip], [asked, need("faces", 32)], PrepareConfig(size=32), tmp_path / "cache")
    assert made.of(asked).of("annotated").shape == (1, 1, 1, 32, 32, 3)
    assert np.array_equal(made.of(asked).of("annotated")[0, 0, 0], made.of(need("faces", 32)).of("annotated")[0, 1])


@pytest.mark.parametrize("suffix", [".pth.tar", ".safetensors"])
def test_the_learned_network_runs_with_the_user_s_weights(clip, tmp_path, suffix):
    from safetensors.torch import save_file

    torch.manual_seed(0)
    state, file = Magnifier().state_dict(), tmp_path / f"magnifier{suffix}"
    if suffix == ".safetensors":
        save_file(state, file)
    else:
        torch.save({"epoch": 3, "state_dict": {f"module.{n}": v for n, v in state.items()}}, file)
    asked = need("magnified", 32, method="learned", levels=2, weights=str(file))
    made = prepare([clip], [asked], PrepareConfig(size=32), tmp_path / "cache")
    assert made.of(asked).of("annotated").shape == (1, 1, 2, 32, 32, 3)
    moved = file.rename(tmp_path / f"elsewhere{suffix}")
    folders = {path.name for path in (tmp_path / "cache").glob("magnified-*")}
    prepare([clip], [need("magnified", 32, method="learned", levels=2, weights=str(moved))], PrepareConfig(size=32),
            tmp_path / "cache")  # fmt: skip
    assert {path.name for path in (tmp_path / "cache").glob("magnified-*")} == folders, (
        "the file is known by its content"
    )


@pytest.mark.parametrize(
    ("options", "size", "what"),
    [
        ({}, 32, "needs weights, which may not be passed on"),
        ({"weights": "nowhere.pth"}, 32, "nowhere.pth: no such file"),
        ({"weights": __file__}, 30, "multiples of 4, not 30"),
    ],
)
def test_a_learned_magnifier_that_cannot_work_is_told_before_anything_is_made(clip, tmp_path, options, size, what):
    with pytest.raises(ConfigError, match=what):
        prepare([clip], [need("magnified", size, method="learned", **options)], PrepareConfig(size=32), tmp_path / "c")


@pytest.mark.parametrize(
    ("content", "what"),
    [(b"no weights", "cannot be read"), ({"a": torch.zeros(2)}, "does not fit"), ({"epoch": 3}, "holds no tensors")],
)
def test_a_file_that_holds_other_things_is_told_in_one_line(clip, tmp_path, content, what):
    file = tmp_path / "weights.pth"
    file.write_bytes(content) if isinstance(content, bytes) else torch.save(content, file)
    with pytest.raises(WeightsError, match=what) as error:
        prepare(
            [clip], [need("magnified", 32, method="learned", weights=str(file))], PrepareConfig(size=32), tmp_path / "c"
        )
    assert "\n" not in str(error.value)
