"""The classical systems: features as the definitions' golden numbers and examples have them, and the machine behind them."""

import numpy as np
import pytest
import torch
from pytest import approx

from tests.models.golden import assert_near, golden
from tsfmicro.errors import ConfigError, UnknownNameError
from tsfmicro.models.machine import best_cost
from tsfmicro.models.patterns import Grid, Radii, grey, lbp_sip, lbp_top
from tsfmicro.models.registry import create_model
from tsfmicro.models.woof import bi_woof, direction, direction_about
from tsfmicro.needs import TrainingFacts

Y, X, T = np.mgrid[:5, :5, :3]
SMALL = torch.tensor((7 * Y + 3 * X + 5 * T + 2 * X * Y + X * T) % 13).permute(2, 0, 1)[None].float()
ONE = Grid(1, 1)


def counts(histogram):
    """Bin → how often, of nine centres."""
    return {n: round(9 * float(share)) for n, share in enumerate(histogram) if share > 0}


@pytest.mark.parametrize(
    ("sampling", "xy", "xt", "yt"),
    [
        (
            "nearest",
            {0: 3, 1: 2, 28: 1, 29: 1, 42: 1, 51: 1},
            {0: 6, 1: 1, 29: 1, 58: 1},
            {0: 2, 1: 1, 5: 1, 30: 1, 58: 4},
        ),
        (
            "bilinear",
            {0: 2, 1: 2, 5: 1, 28: 1, 51: 1, 58: 2},
            {0: 2, 1: 3, 58: 4},
            {0: 1, 1: 2, 5: 1, 36: 1, 58: 4},
        ),
    ],
)
def test_lbp_top_of_nine_centres_is_what_one_works_out_by_hand(sampling, xy, xt, yt):
    planes = lbp_top(SMALL, Radii(), ONE, sampling).view(3, 59)
    assert [counts(plane) for plane in planes] == [xy, xt, yt]


def test_lbp_sip_of_nine_centres_is_what_one_works_out_by_hand():
    space, time = lbp_sip(SMALL, Radii(), ONE)[0].split([16, 4])
    assert counts(space) == {0: 2, 2: 1, 6: 1, 7: 1, 14: 1, 15: 3}
    assert counts(time) == {0: 4, 3: 5}


def test_patterns_are_the_golden_ones():
    _, arrays = golden("classical")
    volume = torch.tensor(arrays["volume"].transpose(2, 0, 1)[None].astype(np.float32))
    blocks = Grid(2, 3)
    assert_near(lbp_top(volume, Radii(1, 1, 2), blocks)[0], arrays["lbp_top_nearest"], 1e-6)
    assert_near(lbp_top(volume, Radii(), blocks, "bilinear")[0], arrays["lbp_top_bilinear"], 1e-6)
    assert_near(lbp_sip(volume, Radii(1, 1, 2), blocks)[0], arrays["lbp_sip"], 1e-6)


def test_bilinear_codes_are_scikit_image_s():
    skimage = pytest.importorskip("skimage.feature")
    image = np.random.default_rng(3).integers(0, 40, (30, 30)).astype(np.uint8)
    codes = skimage.local_binary_pattern(image, 8, 2, "default")[2:-2, 2:-2].astype(int)
    changes = [bin(c ^ (c >> 1 | (c & 1) << 7)).count("1") for c in range(256)]
    bins = dict.fromkeys(range(256), 0) | {c: n for n, c in enumerate((c for c in range(256) if changes[c] <= 2), 1)}
    wanted = np.bincount([bins[c] for c in codes.ravel()], minlength=59) / codes.size
    volume = torch.from_numpy(np.repeat(image[None, None], 3, 1)).float()
    assert lbp_top(volume, Radii(2, 2, 1), ONE, "bilinear")[0, :59].numpy() == approx(wanted, abs=1e-6)


def test_a_clip_cut_first_loses_the_border_of_each_block():
    volume = torch.from_numpy(np.random.default_rng(0).integers(0, 255, (1, 5, 12, 14))).float()
    cut = lbp_top(volume, Radii(), Grid(2, 2, cut="clip")).view(4, -1)
    alone = [lbp_top(volume[..., y : y + 6, x : x + 7], Radii(), ONE) for y in (0, 6) for x in (0, 7)]
    torch.testing.assert_close(cut, torch.cat(alone))


def test_grey_is_in_whole_numbers():
    assert grey(torch.tensor([10.0, 20, 30]).view(1, 1, 3, 1, 1)).item() == 18  # 2.99 + 11.74 + 3.42


def test_bi_woof_of_a_small_flow_is_what_one_works_out_by_hand():
    flow = torch.stack([(3 * torch.arange(4) + torch.arange(4)[:, None]) % 5 - 1.75,
                        (torch.arange(4) + 2 * torch.arange(4)[:, None]) % 3 - 0.9])[None]  # fmt: skip
    assert direction(flow[:, 0], flow[:, 1])[0].tolist() == [[0, 4, 6, 3], [6, 3, 4, 7], [4, 7, 3, 7], [3, 7, 4, 2]]
    by_hand = {0: 2.9277, 3: 3.6053, 4: 1.8656, 6: 1.9807, 11: 4.5665, 12: 0.5074, 14: 2.5088, 15: 3.8951, 19: 2.8841,
               20: 0.5042, 23: 5.2871, 26: 1.2822, 27: 2.1144, 28: 3.4379, 31: 1.0386}  # fmt: skip
    described = bi_woof(flow, 2, 2, "sum")[0] * 11.27336
    assert {n: value for n, value in enumerate(described.tolist()) if value} == approx(by_hand, abs=1e-4)


def test_bi_woof_is_the_golden_one():
    _, arrays = golden("classical")
    assert_near(bi_woof(torch.tensor(arrays["flow"])[None], 5, 5)[0], arrays["bi_woof"], 1e-5)


def test_directions_on_an_edge_are_told_alike():
    u, v = torch.tensor([1, 1, 0, -1, -1, -1, 0, 1.0]), torch.tensor([0, 1, 1, 1, 0, -1, -1, -1.0])
    assert direction(u, v).tolist() == [4, 5, 6, 7, 0, 1, 2, 3]
    assert direction_about(u, v).tolist() == [0, 1, 2, 3, 4, 5, 6, 7]
    assert direction(-u, -v).tolist() == [0, 1, 2, 3, 4, 5, 6, 7]


def test_a_face_that_does_not_move_is_described_by_zeros():
    assert not bi_woof(torch.zeros(1, 2, 20, 20), 5, 5).any()


def clouds(classes, each=12, width=4, seed=0):
    drawn = torch.Generator().manual_seed(seed)
    target = torch.arange(classes).repeat_interleave(each)
    return torch.randn(len(target), width, generator=drawn) + 1.5 * torch.eye(classes, width)[target], target


class Bare:
    """A machine on plain numbers."""

    def __new__(cls, classes, width, **options):
        from tsfmicro.models.machine import Machine

        settings = {"kernel": "linear", "c": 1.0, "standardise": True} | options
        return Machine({}, 32, classes, width, **settings)


@pytest.mark.parametrize("kernel", ["linear", "poly", "rbf"])
@pytest.mark.parametrize("classes", [2, 3, 5])
def test_what_is_kept_of_a_machine_says_what_scikit_learn_s_says(kernel, classes):
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    features, target = clouds(classes)
    machine = Bare(classes, 4, kernel=kernel)
    machine.solve(features, target)
    theirs = make_pipeline(StandardScaler(), SVC(C=1, kernel=kernel)).fit(features, target)
    fresh = 3 * torch.randn(
        2000, 4, generator=torch.Generator().manual_seed(1)
    )  # many with as many votes for each of some
    said, known = machine.answer(fresh), theirs.predict(fresh)
    assert said.argmax(-1).tolist() == known.tolist()
    if classes > 2:
        sure = theirs.decision_function(fresh) - (classes - 1) / 2
        tied = sure.argmax(1) != known
        assert tied.any()
        sure[tied, known[tied]] = sure[tied].max(1)
        assert said.numpy() == approx(sure, abs=1e-4)


def test_a_class_that_nobody_on_the_training_side_showed_is_never_answered():
    features, target = clouds(2)
    machine = Bare(4, 4)
    machine.solve(features, 2 * target + 1)  # classes 1 and 3
    said = machine.answer(features)
    assert said[:, [0, 2]].isinf().all() and (said.argmax(-1) == 2 * target + 1).float().mean() > 0.8
    machine.solve(features, torch.full_like(target, 2))
    assert (machine.answer(features).argmax(-1) == 2).all()


def test_c_is_chosen_on_people_of_the_training_side_who_are_left_out_together():
    """Each person's clips look alike; nobody can be recognised by looking at another clip of the same person."""
    seen = []
    features, target = clouds(3)
    people = [f"casme2/sub{n % 6:02}" for n in range(len(target))]
    machine = Bare(3, 4, c="chosen")
    labels = {f"{person}/{n:03}": int(target[n]) for n, person in enumerate(people)}
    machine.begin(TrainingFacts(labels, {}))
    assert sorted(set(machine.people)) == sorted(set(people))
    import sklearn.model_selection as selection

    real = selection.StratifiedGroupKFold.split

    def split(self, features, target, groups):
        for train, test in real(self, features, target, groups):
            seen.append((set(groups[train]), set(groups[test])))
            yield train, test

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(selection.StratifiedGroupKFold, "split", split)
        machine.solve(features, target)
    assert seen and not any(train & test for train, test in seen)
    assert machine.cost in (0.01, 0.1, 1, 10, 100)


def test_with_one_person_the_usual_c_is_taken():
    features, target = clouds(3)
    assert best_cost(features.numpy(), target.numpy(), np.zeros(len(target)), "linear") == 1


@pytest.mark.parametrize(
    ("name", "options", "error", "what"),
    [
        ("lbp-top", {"frames": 8}, ConfigError, "frames is 8"),
        ("lbp-top", {"blocks": 0}, ConfigError, "blocks is 0"),
        ("lbp-top", {"blocks": 60, "cut": "clip"}, ConfigError, "size is 128"),
        ("lbp-top", {"sampling": "cubic"}, UnknownNameError, "sampling"),
        ("lbp-top", {"c": -1}, ConfigError, "above 0"),
        ("lbp-sip", {"levels": 0}, ConfigError, "levels is 0"),
        ("lbp-sip", {"levels": 8}, ConfigError, "size is"),
        ("bi-woof", {"blocks": 0}, ConfigError, "blocks is 0"),
        ("bi-woof", {"kernel": "cubic"}, UnknownNameError, "kernel"),
        ("bi-woof", {"weight": "median"}, UnknownNameError, "weight"),
    ],
)
def test_what_cannot_work_is_told(name, options, error, what):
    with pytest.raises(error, match=what):
        create_model(name, 3, **options)


def test_a_pyramid_adds_its_levels():
    torch.manual_seed(0)
    model = create_model("lbp-sip", 3, 64, levels=3)
    assert model.describe(**model.example(2)).shape == (2, 3 * 25 * 20)
