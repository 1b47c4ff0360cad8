"""Models that want what the shipped ones do not: each stands for rivals to come, in at most 30 lines."""

import torch
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss

from tsfmicro.models.base import ClosedForm, Model
from tsfmicro.models.inputs import depth, flow, frames, landmarks, motion, onset
from tsfmicro.needs import Input, Stage, need


class Sequence(Model):
    """A recurrent network on all frames of a clip, however many there are."""

    stages = (Stage(optimiser="rmsprop", lr=1e-3, schedule="constant", sampling="balanced"),)

    def __init__(self, num_classes, size):
        super().__init__({"frames": frames(size)}, size)
        self.look = nn.Sequential(nn.AvgPool2d(size // 8), nn.Flatten(), nn.Linear(3 * 64, 8))
        self.remember = nn.GRU(8, 8, batch_first=True)
        self.classify = nn.Linear(8, num_classes)

    def logits(self, frames, frames_length):
        seen = self.look(frames.flatten(0, 1)).unflatten(0, frames.shape[:2])  # (N, T, 8)
        states = self.remember(seen)[0]
        last = (frames_length - 1).view(-1, 1, 1).expand(-1, 1, states.shape[-1])
        return self.classify(states.gather(1, last).squeeze(1))


class TwoSizes(Model):
    """A map on coarse flow, and a glance at fine flow's horizontal part; it trains in two stages."""

    stages = (
        Stage("coarse", steps=3, optimiser="sgd", lr=1e-2, momentum=0.9, only=("coarse", "head")),
        Stage("both", optimiser="adam", weight_decay=0.0, schedule="cosine"),
    )

    def __init__(self, num_classes, size):
        fine = Input(need("flow", 2 * size), (1, 2 * size, 2 * size), lambda flow: flow[:, :1])
        super().__init__({"coarse": flow(size), "fine": fine}, size)
        self.coarse = nn.Conv2d(3, 6, 4, stride=4)
        self.fine = nn.Conv2d(1, 6, 8, stride=8)
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(6 * (size // 4) ** 2, num_classes))

    def features(self, coarse, fine):
        return (self.coarse(coarse) + self.fine(fine)).relu().permute(0, 2, 3, 1)


class Patches(Model):
    """Movement around each landmark."""

    def __init__(self, num_classes, size):
        super().__init__({"motion": motion(size), "points": landmarks(size)}, size)
        self.classify = nn.Linear(3 * 5, num_classes)

    def logits(self, motion, points):
        places = (points * 2 + 1) / self.size - 1
        picked = torch.nn.functional.grid_sample(motion, places[:, :, None], align_corners=False)  # (N, 3, 5, 1)
        return self.classify(picked.flatten(1))


class Near(Model):
    """How far the face is from the camera, and how that changes."""

    def __init__(self, num_classes, size):
        super().__init__({"depth": depth(size)}, size)
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(2 * (size // 4) ** 2, num_classes))

    def features(self, depth):
        onset, apex = depth.unbind(1)
        both = torch.stack([onset / 1000, (apex - onset).clamp(-8, 8)], 1)
        return nn.functional.avg_pool2d(both, 4).permute(0, 2, 3, 1)


class Units(Model):
    """Movement, weighed by which action units the people of the training side showed."""

    NUMBERS = (1, 2, 4, 6, 7, 12, 15)

    def __init__(self, num_classes, size):
        super().__init__({"motion": motion(size)}, size)
        self.describe_motion = nn.Sequential(nn.AvgPool2d(size // 2), nn.Flatten(), nn.Linear(12, len(self.NUMBERS)))
        self.classify = nn.Linear(len(self.NUMBERS), num_classes)
        self.register_buffer("together", torch.eye(len(self.NUMBERS)))

    def begin(self, known):
        self.seen = sorted(known.action_units)
        shown = torch.tensor([[n in u.numbers for n in self.NUMBERS] for u in known.action_units.values()]).float()
        self.together.copy_((shown.T @ shown + torch.eye(len(self.NUMBERS))).clamp(max=1))

    def logits(self, motion):
        return self.classify(self.describe_motion(motion) @ self.together)


class Rebuilds(Model):
    """It must also rebuild the onset from its map."""

    def __init__(self, num_classes, size):
        super().__init__({"motion": motion(size), "onset": onset(size)}, size)
        self.encode = nn.Conv2d(6, 8, 8, stride=8)
        self.rebuild = nn.ConvTranspose2d(8, 3, 8, stride=8)
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(8 * (size // 8) ** 2, num_classes))

    def features(self, motion, onset):
        return self.encode(torch.cat([motion, onset], 1)).permute(0, 2, 3, 1)

    def loss(self, batch, target):
        seen = self.features(**batch)
        rebuilt = self.rebuild(seen.permute(0, 3, 1, 2))
        return cross_entropy(self.head(seen), target) + 0.1 * mse_loss(rebuilt, batch["onset"])


class Foretells(Model):
    """A network that also learns to tell the flow between three frames, of which it is shown the first and the apex alone."""

    def __init__(self, num_classes, size):
        flows = Input(need("between", size, count=3), (2, 2, size, size))
        super().__init__({"motion": motion(size)}, size, targets={"flows": flows})
        self.look = nn.Conv2d(3, 4, 8, stride=8)
        self.foretell = nn.ConvTranspose2d(4, 4, 8, stride=8)
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(4 * (size // 8) ** 2, num_classes))

    def features(self, motion, **targets):
        return self.look(motion).relu().permute(0, 2, 3, 1)

    def loss(self, batch, target):
        seen = self.features(batch["motion"])
        flows = self.foretell(seen.permute(0, 3, 1, 2)).unflatten(1, (2, 2))
        return cross_entropy(self.head(seen), target) + 0.1 * mse_loss(flows, batch["flows"])


class NearestMean(ClosedForm):
    """No network: the class whose mean movement is nearest."""

    def __init__(self, num_classes, size):
        super().__init__({"motion": motion(size, scale="grey")}, size)
        self.register_buffer("means", torch.zeros(num_classes, 192))

    def describe(self, motion):
        return nn.functional.adaptive_avg_pool2d(motion, 8).flatten(1)

    def solve(self, described, target):
        far = torch.full_like(self.means, 1e4)
        known = {int(n): described[target == n].mean(0) for n in target.unique()}
        self.learn("means", torch.stack([known.get(n, far[n]) for n in range(len(far))]))

    def answer(self, described):
        return -(described[:, None] - self.means).square().sum(-1)


DOUBLES = {
    "sequence": Sequence,
    "two-sizes": TwoSizes,
    "patches": Patches,
    "near": Near,
    "units": Units,
    "rebuilds": Rebuilds,
    "foretells": Foretells,
    "nearest-mean": NearestMean,
}


def register_doubles(register):
    """Make the doubles known under their names, for images of 32 pixels."""

    for name, kind in DOUBLES.items():
        register(name, size=32)(builder(kind))


def builder(kind):
    def build(num_classes, size):
        return kind(num_classes, size)

    build.__doc__ = kind.__doc__
    return build
