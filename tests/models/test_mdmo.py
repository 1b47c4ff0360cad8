"""MDMO: its regions, its example, and the head's movement that is taken out."""

import numpy as np
import pytest
import torch
from pytest import approx

from tsfmicro.errors import ConfigError, UnknownNameError
from tsfmicro.models.mdmo import RIGID, without_head
from tsfmicro.models.regions36 import QUADRILATERALS, corners, masks
from tsfmicro.models.registry import create_model
from tsfmicro.models.woof import main_directions, mdmo

FACE = torch.rand(1, 68, 2, generator=torch.Generator().manual_seed(0)) * 128


def regions_of(*regions):
    """A strip of vectors as a flow (1, 1, 2, 1, n), and which region each belongs to, (1, R, 1, n)."""
    vectors = torch.tensor([vector for region in regions for vector in region])
    of = torch.tensor([n for n, region in enumerate(regions) for _ in region])
    return vectors.T.view(1, 1, 2, 1, -1), (of == torch.arange(len(regions))[:, None]).view(1, len(regions), 1, -1)


def test_the_features_of_two_regions_and_two_frames_are_what_one_works_out_by_hand():
    first = main_directions(
        *regions_of(
            [(1.0, 0), (0.9, 0.1), (1.1, -0.2), (0, 1), (-1, 0), (0.7, 0.8)],
            [(0, 0.5), (0.1, 0.6), (-0.1, 0.4), (0.5, 0)],
        )
    )
    second = main_directions(*regions_of([(2, 0.1), (1.8, -0.1), (0, -1)], [(0, 1), (0, 0.8), (1, 1)]))
    assert first[0, 0].numpy() == approx(np.array([[1, -0.0333], [0, 0.5]]), abs=1e-4)
    assert second[0, 0].numpy() == approx(np.array([[1.9, 0], [0, 0.9]]), abs=1e-6)
    described = mdmo(torch.cat([first, second], 1).mean(1), 0.8)
    sizes, angles = [1, 0.48273], [-0.011494, 1.570796]
    assert described[0].numpy() == approx([*(0.8 * s for s in sizes), *(0.2 * a for a in angles)], abs=1e-5)


def test_of_two_directions_as_full_the_first_is_the_main_one():
    assert main_directions(*regions_of([(0, 1.0), (1, 0)])).flatten().tolist() == [1, 0]
    assert not main_directions(torch.ones(1, 1, 2, 1, 3), torch.zeros(1, 1, 1, 3, dtype=torch.bool)).any()


def test_a_region_is_the_pixels_whose_centres_are_within_its_corners():
    arrow = torch.tensor([[1.5, 0.5], [4.5, 0.5], [3.1, 2.5], [4.5, 4.5], [1.5, 4.5]])
    drawn = masks(arrow.view(1, 1, 5, 2), 6)[0, 0].int().tolist()
    assert drawn == [[0] * 6, [0, 0, 1, 1, 1, 0], [0, 0, 1, 1, 0, 0], [0, 0, 1, 1, 0, 0], [0, 0, 1, 1, 1, 0], [0] * 6]


def test_there_are_36_regions_between_landmarks_and_points_midway_and_above_the_brows():
    assert len(QUADRILATERALS) == 36
    points = FACE.clone()
    points[0, 36:42], points[0, 42:48] = torch.tensor([40.0, 50]), torch.tensor([90.0, 50])
    points[0, 17], points[0, 19] = torch.tensor([20.0, 30]), torch.tensor([40.0, 6])
    first = corners(points)[0, 0]
    assert first.tolist() == [[20, 30], [20, 20], [40, 0], [40, 6]], "a fifth of 50 pixels up, but not out of the image"
    cheek = corners(points)[0, 14]
    assert cheek[2].tolist() == approx(((points[0, 2] + points[0, 41]) / 2).tolist())
    assert cheek[3].tolist() == approx(((points[0, 3] + points[0, 29]) / 2).tolist())


def test_mirrored_landmarks_give_mirrored_regions():
    from tsfmicro.prepare.points68 import MIRROR

    def areas(points):
        return masks(corners(points), 128).sum((2, 3))[0].sort().values

    mirrored = FACE[:, list(MIRROR)] * torch.tensor([-1.0, 1]) + torch.tensor([127.0, 0])
    assert areas(mirrored).tolist() == areas(FACE).tolist()


def test_a_head_that_shifts_turns_and_grows_is_taken_out_and_the_mouth_stays():
    rows, columns = torch.meshgrid(torch.arange(128.0), torch.arange(128.0), indexing="ij")
    head = torch.stack([1 + 0.02 * columns - 0.01 * rows, -2 + 0.01 * columns + 0.03 * rows])
    mouth = torch.zeros(2, 128, 128)
    mouth[1, 90:100, 50:80] = 3
    points = 30 + FACE / 2
    points[0, 48:] = 95
    rigid = points[:, list(RIGID)]
    rigid[..., 1].clamp_(max=80)
    left = without_head((head + mouth)[None, None], rigid)
    torch.testing.assert_close(left[0, 0], mouth, atol=1e-3, rtol=0)


def test_frames_that_pad_a_batch_count_for_nothing():
    torch.manual_seed(0)
    model = create_model("mdmo", 3, 32)
    batch = model.example(2)
    batch["flows_length"] = torch.tensor([5, 2])
    alone = {name: values[1:] for name, values in batch.items()} | {"flows": batch["flows"][1:, :2]}
    torch.testing.assert_close(model.describe(**batch)[1:], model.describe(**alone))


def test_frames_are_so_many_or_all_and_beta_weighs_sizes_against_angles():
    torch.manual_seed(0)
    model = create_model("mdmo", 3, 32, frames=4, beta=1.0)
    assert model.inputs["flows"].shape == (4, 2, 32, 32) and create_model("mdmo", 3).inputs["flows"].differs_in_length
    sizes, angles = model.describe(**model.example(2)).split(36, 1)
    assert sizes.max() == 1 and not angles.any()


@pytest.mark.parametrize(
    ("options", "error", "what"),
    [
        ({"frames": -1}, ConfigError, "frames is -1"),
        ({"beta": 1.1}, ConfigError, "beta is 1.1"),
        ({"lift": -0.1}, ConfigError, "lift is -0.1"),
        ({"align": "no"}, ConfigError, "align is 'no'"),
        ({"kernel": "cubic"}, UnknownNameError, "kernel"),
    ],
)
def test_what_cannot_work_is_told(options, error, what):
    with pytest.raises(error, match=what):
        create_model("mdmo", 3, **options)
