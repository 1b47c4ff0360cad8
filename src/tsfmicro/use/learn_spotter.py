"""How the spotter that comes with the package is made: `make spotter`, or `python -m tsfmicro.use.learn_spotter OUT`.

1. Films are drawn and measured (`spot_films`); what was finished before is kept.
2. Every movement of every film is described and named: is it a true expression, whose bounds overlap by half?
3. Networks learn on most people and judge the others, each person once. What they say there is calibrated, and gives the false
   alarms a minute at every level.
4. Networks that learned on all people are written, with a card.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from tsfmicro.files import write_whole
from tsfmicro.run.watch import Watch
from tsfmicro.spot.found import LONGEST_MICRO, Found, Thresholds
from tsfmicro.spot.intervals import find_intervals
from tsfmicro.spot.learned import CARD, FAR, PROPOSALS, WEIGHTS, Spotter, describe
from tsfmicro.spot.rest import until_rest
from tsfmicro.spot.score import SpotScores, score_intervals
from tsfmicro.spot.spot import around, covers_of
from tsfmicro.spot.types import Segment
from tsfmicro.use.spot_dataset import Trace
from tsfmicro.use.spot_films import KINDS, Lesson, lessons

SEED, FILMS = 1000, 35
VERSION = 2  # of weights and card: raise it when either is made otherwise
_FOLDS, _NETWORKS, _HIDDEN, _EPOCHS = 5, 5, (24, 12), 200
_LEVELS = tuple(round(0.05 * n, 2) for n in range(21))
_COPIES = 8  # of each film in training, changed a little


@dataclass(frozen=True)
class Bounds:
    """An interval on a grid of milliseconds, for the measure."""

    onset: int
    offset: int
    kind: str

    @classmethod
    def of(cls, onset: float, offset: float, kind: str) -> Bounds:
        return cls(round(1000 * onset), round(1000 * offset), kind)


@dataclass(frozen=True, eq=False)
class Candidates:
    """The movements of one film.

    Attributes:
        lesson: the film. found: what moved. numbers: (N, F), see `learned.describe`.
        overlap: (N,) with the true expression that is nearest, intersection over union.
    """

    lesson: Lesson
    found: tuple[Found, ...]
    numbers: np.ndarray = field(repr=False)
    overlap: np.ndarray = field(repr=False)

    @property
    def truth(self) -> list[Bounds]:
        return [Bounds.of(a, b, kind) for kind, a, b in self.lesson.truth if kind in KINDS]

    def score(self, confidence: np.ndarray, level: float) -> dict[str, SpotScores]:
        """The challenge's measure of those that are told at a level. Args: confidence: (N,)."""
        told = [
            Bounds.of(one.onset, one.offset, one.kind)
            for one, sure in zip(self.found, confidence, strict=True)
            if sure >= level
        ]
        return score_intervals(self.truth, told)

    @property
    def hits(self) -> np.ndarray:
        """(N,) bool: whether each is a true expression, as the challenge counts, taken for itself."""
        return (self.overlap >= 0.5) & np.array([self._kind_is_right(one) for one in self.found], bool)

    def _kind_is_right(self, one: Found) -> bool:
        return any(kind == one.kind and _overlap(one, a, b) >= 0.5 for kind, a, b in self.lesson.truth)


def candidates(lesson: Lesson, thresholds: Thresholds = PROPOSALS) -> Candidates:
    """All that moved in a film."""
    found: list[Found] = []
    numbers = []
    covers = covers_of(lesson.trace.faces, lesson.trace.times)
    for face in lesson.trace.faces:
        blinks, view = around(face, covers[face.track], lesson.trace.times)
        times = lesson.trace.times[face.frames]
        moved = find_intervals(times, face.motion, blinks, thresholds, view, level=0.0)
        here = until_rest(moved, times, face.motion)
        numbers.append(describe(here, times, face, blinks, view))
        found += here
    true = [(a, b) for kind, a, b in lesson.truth if kind in KINDS]
    overlap = np.array([max((_overlap(one, a, b) for a, b in true), default=0.0) for one in found])
    return Candidates(lesson, tuple(found), np.concatenate(numbers), overlap)


def _overlap(one: Found, begin: float, end: float) -> float:
    shared = min(one.offset, end) - max(one.onset, begin)
    return max(0.0, shared) / (max(one.offset, end) - min(one.onset, begin))


def changed(
    lesson: Lesson, others: Sequence[Lesson], patterns: Sequence[np.ndarray], rng: np.random.Generator
) -> Lesson:
    """The film as if all had moved more or less, faster or slower, in a picture that is less steady; half the time as if what
    moves another face without an expression had happened to this one besides; and with more expressions than were drawn.

    Args: others: films without expressions. patterns: how regions move in expressions, see `patterns_of`.
    """
    slower, more = float(np.exp(rng.normal(0, 0.12))), float(np.exp(rng.normal(0, 0.3)))
    unrest, grain = 0.15 * rng.uniform() ** 3, 0.15 * rng.uniform() ** 3
    times = lesson.trace.times * slower
    other = others[int(rng.integers(len(others)))] if others and rng.random() < 0.5 else None
    faces = []
    for face in lesson.trace.faces:
        noise = grain * rng.normal(size=face.motion.shape)
        walk = unrest * np.cumsum(rng.normal(size=face.motion.shape), axis=0) / np.sqrt(10)
        motion = more * face.motion + noise + walk - _slow(walk)
        face = replace(face, motion=motion.astype(np.float32), turned=more * face.turned)
        faces.append(face if other is None else _with(face, times[face.frames], other.trace))
    truth = [(_kind(kind, (b - a) * slower), a * slower, b * slower) for kind, a, b in lesson.truth]
    trace = replace(lesson.trace, times=times, faces=tuple(faces))
    whole = _with_more(replace(lesson, trace=trace, truth=truth), patterns, rng)
    return _clip(whole, rng) if rng.random() < 0.4 else whole


def patterns_of(lessons_: Sequence[Lesson]) -> list[np.ndarray]:
    """(R, 2) of each true expression: how its regions had moved when they had moved most, the one that moved most by 1."""
    patterns = []
    for lesson in lessons_:
        for kind, a, b in lesson.truth:
            for face in lesson.trace.faces if kind in KINDS else ():
                times = lesson.trace.times[face.frames]
                first, last = np.searchsorted(times, (a, b))
                if last - first < 3 or last >= len(times) or not face.seen[first:last].all():
                    continue
                along = np.linspace(0, 1, last - first + 1)[:, None, None]
                trace = face.motion[first : last + 1].astype(np.float64)
                away = trace - (1 - along) * trace[0] - along * trace[-1]
                far = np.linalg.norm(away, axis=2).max(1)
                pattern = away[far > 0.8 * far.max()].mean(0)
                patterns.append(pattern / np.linalg.norm(pattern, axis=1).max())
    return patterns


def _with_more(lesson: Lesson, patterns: Sequence[np.ndarray], rng: np.random.Generator) -> Lesson:
    """With expressions that were never drawn: known patterns, with other courses, wherever the face is seen and shows none."""
    truth, faces, times = list(lesson.truth), list(lesson.trace.faces), lesson.trace.times
    for _ in range(int(rng.integers(1, 9)) if patterns else 0):
        quick = rng.random() < 0.55
        rise, fall = rng.uniform(0.06, 0.26, 2) if quick else rng.uniform(0.25, 1.0, 2)
        hold = 0.0 if quick else float(rng.choice([0.0, rng.uniform(0, 2.2)]))
        start, length = float(rng.uniform(times[0], times[-1])), float(rise + hold + fall)
        n = int(rng.integers(len(faces)))
        face = faces[n]
        at = times[face.frames]
        during = (at > start - 0.3) & (at < start + length + 0.3)
        busy = any(a < start + length + 0.35 and b > start - 0.35 for kind, a, b in truth if kind in KINDS)
        if busy or at[0] > start - 0.1 or at[-1] < start + length + 0.1 or not face.seen[during].mean() > 0.95:
            continue
        course = np.minimum(_rise((at - start) / rise), _rise((start + length - at) / fall))
        if hold > 0.4:  # who smiles or laughs does not keep still
            course = course * (1 - rng.uniform(0, 0.7) ** 2 * np.sin(np.pi * rng.uniform(0.5, 3) * (at - start)) ** 2)
        much = rng.uniform(0.7, 3.5) if quick else rng.uniform(1.2, 7)
        pattern = patterns[int(rng.integers(len(patterns)))]
        if rng.random() < 0.4:
            pattern = pattern + rng.uniform() * patterns[int(rng.integers(len(patterns)))]
        moved = much * course[:, None, None] * (pattern + 0.4 * rng.uniform() ** 2 * rng.normal(size=pattern.shape))
        # A head often goes along, and later.
        later = _rise((at - start) / (1.5 * length))
        goes = much * rng.uniform(0, 0.8) ** 2 * later * rng.normal(size=(2, 1))
        faces[n] = replace(
            face,
            motion=(face.motion + moved).astype(np.float32),
            turned=(face.turned + goes.T[:, None]).astype(np.float32),
            head=face.head if quick else _leaning(face, later, rng),
        )
        truth.append((_kind("micro", length), start, start + length))
    return replace(lesson, trace=replace(lesson.trace, faces=tuple(faces)), truth=truth)


def _leaning(face: Segment, course: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(n, 2, 3) the head's movement, if it also comes nearer, rolls and shifts a little."""
    much = rng.uniform() ** 2
    grows, rolls = 1 + 0.05 * much * rng.normal() * course, 0.03 * much * rng.normal() * course
    shift = 0.08 * face.eye_distance * much * rng.normal(size=2) * course[:, None]
    turn = grows[:, None, None] * np.array([[np.cos(rolls), -np.sin(rolls)], [np.sin(rolls), np.cos(rolls)]]).transpose(
        2, 0, 1
    )
    middle = face.landmarks.mean(0)
    linear = turn @ face.head[:, :, :2]
    moved = np.einsum("nij,nj->ni", turn, face.head[:, :, 2] - middle) + middle + shift
    return np.concatenate([linear, moved[:, :, None]], axis=2).astype(np.float32)


def _rise(share: np.ndarray) -> np.ndarray:
    """From 0 at 0 to 1 at 1, smoothly."""
    x = np.clip(share, 0, 1)
    return np.asarray(x**3 * (10 - 15 * x + 6 * x**2))


def _clip(lesson: Lesson, rng: np.random.Generator) -> Lesson:
    """Cut out of it as clips are cut: an expression, or anything else, with little before and after."""
    _, a, b = lesson.truth[int(rng.integers(len(lesson.truth)))] if lesson.truth else ("", 1.0, 2.0)
    times = lesson.trace.times
    first, last = np.searchsorted(times, (a - rng.uniform(0.15, 1) ** 2, b + rng.uniform(0.15, 1) ** 2))
    faces = []
    for face in lesson.trace.faces:
        inside = (face.frames >= first) & (face.frames < last)
        if inside.sum() > 4:
            parts = {
                name: getattr(face, name)[inside]
                for name in ("head", "motion", "turned", "seen", "light", "eyes", "frozen")
            }
            faces.append(replace(face, frames=face.frames[inside] - first, **parts))
    trace = replace(lesson.trace, numbers=np.arange(last - first), times=times[first:last], faces=tuple(faces))
    return replace(lesson, trace=trace, truth=lesson.truth) if faces else lesson


def _kind(kind: str, length: float) -> str:
    if kind not in KINDS:
        return kind
    return "micro" if length <= LONGEST_MICRO else "macro"


def _with(face: Segment, times: np.ndarray, trace: Trace) -> Segment:
    """A face to which also happens what happens to another, at the same times; it ends where that ends."""
    other = max(trace.faces, key=lambda one: len(one.frames))
    theirs = trace.times[other.frames]
    at = np.searchsorted(theirs, times).clip(0, len(theirs) - 1)

    def between(values: np.ndarray) -> np.ndarray:
        flat = values.reshape(len(values), -1).T
        return np.stack([np.interp(times, theirs, one) for one in flat], axis=1).reshape(-1, *values.shape[1:])

    head = face.head.astype(np.float64)
    return replace(
        face,
        head=np.concatenate([between(other.head)[:, :, :2] @ head[:, :, :2], head[:, :, 2:]], axis=2).astype(
            np.float32
        ),
        motion=(face.motion + between(other.motion)).astype(np.float32),
        turned=(face.turned + between(other.turned)).astype(np.float32),
        seen=face.seen & other.seen[at],
        light=(face.light * between(other.light) / np.median(other.light)).astype(np.float32),
    )


def _slow(walk: np.ndarray) -> np.ndarray:
    from scipy.ndimage import uniform_filter1d

    return np.asarray(uniform_filter1d(walk, 25, axis=0, mode="nearest"))


@dataclass(frozen=True, eq=False)
class Learned:
    """Networks before calibration; see `Spotter`."""

    mean: np.ndarray
    spread: np.ndarray
    layers: tuple[tuple[np.ndarray, np.ndarray], ...]

    def spotter(self, slope: float = 1.0, offset: float = 0.0, card: dict[str, Any] | None = None) -> Spotter:
        return Spotter(self.mean, self.spread, self.layers, slope, offset, card or {})


def learn(films: Sequence[Candidates], seed: int, epochs: int = _EPOCHS, networks: int = _NETWORKS) -> Learned:
    """Networks that tell true expressions among the movements of some films."""
    import torch
    from torch import nn

    numbers, overlap = np.concatenate([one.numbers for one in films]), np.concatenate([one.overlap for one in films])
    mean, spread = numbers.mean(0), numbers.std(0) + 1e-3
    x = torch.from_numpy(np.clip((numbers - mean) / spread, -FAR, FAR).astype(np.float32))
    y = torch.from_numpy((overlap >= 0.5).astype(np.float32))
    # What overlaps a little is neither: bounds that are a little wrong.
    weight = torch.from_numpy(np.where((overlap > 0.1) & (overlap < 0.5), 0.3, 1.0).astype(np.float32))
    generator = torch.Generator().manual_seed(seed)
    sizes = (x.shape[1], *_HIDDEN, 1)
    layers = []
    for before, after in pairwise(sizes):
        matrix = torch.randn(networks, before, after, generator=generator) / before**0.5
        layers.append((nn.Parameter(matrix), nn.Parameter(torch.zeros(networks, after))))
    flat = [one for layer in layers for one in layer]
    optimiser = torch.optim.AdamW(flat, lr=5e-3, weight_decay=0.1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 1e-2, total_steps=epochs)
    # Each network sees other films more often: they differ, and their mean is calmer.
    owner = np.concatenate([np.full(len(one.found), n) for n, one in enumerate(films)])
    of_film = torch.from_numpy(np.random.default_rng(seed).exponential(size=(networks, len(films))).astype(np.float32))
    weights = weight * (0.3 + of_film)[:, torch.from_numpy(owner)]
    for _ in range(epochs):
        # Numbers are shaken and some withheld, so that no single one, odd in another make of video, decides alone.
        now = x + 0.2 * torch.randn(networks, *x.shape, generator=generator)
        now = now * (torch.rand(now.shape, generator=generator) > 0.25)
        for n, (matrix, bias) in enumerate(layers):
            now = now @ matrix + bias[:, None]
            if n + 1 < len(layers):
                now = nn.functional.silu(now)
                keep = torch.rand(now.shape, generator=generator) > 0.1
                now = now * keep / 0.9
        losses = nn.functional.binary_cross_entropy_with_logits(now[..., 0], y.expand(networks, -1), reduction="none")
        loss = (losses * weights).sum() / weights.sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    kept = tuple((matrix.detach().numpy(), bias.detach().numpy()) for matrix, bias in layers)
    return Learned(mean, spread, kept)


def cross_fit(
    films: Sequence[Candidates], copies: Sequence[Sequence[Candidates]], seed: int, watch: Watch, **how: int
) -> list[np.ndarray]:
    """What networks say of each film that they have not seen: logits of its movements.

    Args: copies: of each film, changed; these are learned from too. how: see `learn`.
    """
    said: list[np.ndarray] = [np.zeros(0)] * len(films)
    for fold in range(_FOLDS):
        out = [n for n in range(len(films)) if n % _FOLDS == fold]
        seen = [one for n in range(len(films)) if n % _FOLDS != fold for one in (films[n], *copies[n])]
        spotter = learn(seen, seed + fold, **how).spotter()
        for n in out:
            said[n] = spotter.logits(films[n].numbers)
        watch.progress("learning", fold + 1, _FOLDS + 1)
    return said


def calibrated(logits: np.ndarray, hits: np.ndarray) -> tuple[float, float]:
    """Slope and offset with which σ(slope · logit + offset) is how often a movement is a hit (Platt, 1999).

    Args: logits: (N,) of movements that were not learned from; hits: (N,) bool.
    """
    from scipy.optimize import minimize

    # Platt's targets keep probabilities away from 0 and 1 where there are few examples.
    yes, no = int(hits.sum()), int((~hits).sum())
    target = np.where(hits, (yes + 1) / (yes + 2), 1 / (no + 2))

    def loss(line: np.ndarray) -> float:
        said = np.exp(line[0]) * logits + line[1]  # the exponent keeps the slope above 0: levels must not turn about
        return float((np.logaddexp(0, said) - target * said).mean() + 1e-3 * line[0] ** 2)

    slope, offset = minimize(loss, np.zeros(2)).x
    return float(np.exp(slope)), float(offset)


def calibrated_powers(ratio: np.ndarray, hits: np.ndarray) -> tuple[float, float]:
    """Powers below and above 1 with which ratio ** power / (1 + ratio ** power) is how often a movement is a hit. At a ratio of 1,
    where the demands are just met, that is 1/2 whatever the powers: what is told at that level stays the demands' decision.

    Args: ratio: (N,) how many times the strictest demand was met; hits: (N,) bool.
    """
    from scipy.optimize import minimize_scalar

    def power(side: np.ndarray) -> float:
        odds, true = np.log(np.maximum(ratio[side], 1e-3)), hits[side]

        def loss(log_power: float) -> float:
            said = np.exp(log_power) * odds
            return float((np.logaddexp(0, said) - true * said).sum() + 0.5 * log_power**2)

        return float(np.exp(minimize_scalar(loss, bounds=(-3, 3), method="bounded").x))

    return power(ratio < 1), power(ratio >= 1)


@dataclass(frozen=True)
class Level:
    """What is told at a level: F1 overall, false alarms a minute and recall of each kind."""

    level: float
    f1: float
    false: dict[str, float]
    recall: dict[str, float]


def levels(films: Sequence[Candidates], confidence: Sequence[np.ndarray]) -> list[Level]:
    """What is told of some films at each level, all of them together."""
    minutes = sum(one.lesson.minutes for one in films)
    told = []
    for level in _LEVELS:
        total = {kind: SpotScores() for kind in (*KINDS, "overall")}
        for one, sure in zip(films, confidence, strict=True):
            for kind, score in one.score(sure, level).items():
                total[kind] += score
        false = {kind: (total[kind].spotted - total[kind].hits) / minutes for kind in KINDS}
        told.append(Level(level, total["overall"].f1, false, {kind: total[kind].recall for kind in KINDS}))
    return told


def reliability(confidence: np.ndarray, hits: np.ndarray, bins: int = 10) -> list[dict[str, float]]:
    """How often movements of about one confidence are hits: mean confidence, share of hits and count of each tenth."""
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    return [
        {
            "confidence": float(confidence[place == k].mean()),
            "hits": float(hits[place == k].mean()),
            "count": int((place == k).sum()),
        }
        for k in range(bins)
        if (place == k).any()
    ]


def calibration_error(table: Sequence[dict[str, float]]) -> float:
    """Mean distance between confidence and share of hits, over movements (ECE)."""
    total = sum(row["count"] for row in table)
    return sum(row["count"] * abs(row["confidence"] - row["hits"]) for row in table) / max(total, 1)


def make_spotter(
    lessons_: Sequence[Lesson], seed: int, watch: Watch, copies_of_each: int = _COPIES, **how: int
) -> Spotter:
    """Learn, calibrate on people who were not learned from, and say in the card what that gave.

    Args: copies_of_each: film that are learned from besides, see `changed`. how: see `learn`.
    """
    rng = np.random.default_rng(seed)
    films, copies = [], []
    # A film is only mixed with those of its own part: else networks would have seen what they shall judge.
    calm = [
        [one for n, one in enumerate(lessons_) if n % _FOLDS == fold and not any(k in KINDS for k, _, _ in one.truth)]
        for fold in range(_FOLDS)
    ]
    shown = [patterns_of(lessons_[fold::_FOLDS]) for fold in range(_FOLDS)]
    for n, lesson in enumerate(lessons_):
        films.append(candidates(lesson))
        part = n % _FOLDS
        copies.append([candidates(changed(lesson, calm[part], shown[part], rng)) for _ in range(copies_of_each)])
        watch.progress("describing movements", n + 1, len(lessons_))
    said = cross_fit(films, copies, seed, watch, **how)
    logits, hits = np.concatenate(said), np.concatenate([one.hits for one in films])
    slope, offset = calibrated(logits, hits)
    sure = [1 / (1 + np.exp(-(slope * one + offset))) for one in said]
    table, peaks = reliability(np.concatenate(sure), hits), _peaks(lessons_)
    card = {
        "version": VERSION,
        "what": "tells expressions among movements that were found; learned on drawn faces alone",
        "seed": seed,
        "films": len(films),
        "minutes": round(sum(one.lesson.minutes for one in films), 1),
        "expressions": {kind: sum(b.kind == kind for one in films for b in one.truth) for kind in KINDS},
        "movements": len(hits),
        "how": f"each film was judged by networks that had not seen it, in {_FOLDS} parts",
        "held out": {"learned": table_of(levels(films, sure)), "peaks": peaks.pop("levels")},
        "reliability": _rounded(table),
        "calibration error": round(calibration_error(table), 4),
        "peaks": peaks,
    }
    everything = [one for n in range(len(films)) for one in (films[n], *copies[n])]
    learned = learn(everything, seed + _FOLDS, **how)
    watch.progress("learning", _FOLDS + 1, _FOLDS + 1)
    return learned.spotter(slope, offset, card)


def _peaks(lessons_: Sequence[Lesson]) -> dict[str, Any]:
    """The same films without what was learned: how sure the peaks' own demands are, calibrated on other films."""
    films = [candidates(lesson, Thresholds()) for lesson in lessons_]
    ratios = [np.array([one.ratio for one in film.found], float) for film in films]
    hits = [film.hits.astype(bool) for film in films]
    fit = lambda some: calibrated_powers(*(np.concatenate([those[n] for n in some]) for those in (ratios, hits)))  # noqa: E731
    every, sure = range(len(films)), list(ratios)
    for fold in range(min(_FOLDS, len(films))):
        below, above = fit([n for n in every if n % _FOLDS != fold] or every)
        for n in every[fold::_FOLDS]:
            raised = ratios[n] ** np.where(ratios[n] < 1, below, above)
            sure[n] = raised / (1 + raised)
    table = reliability(np.concatenate(sure), np.concatenate(hits))
    return {
        "levels": table_of(levels(films, sure)),
        "powers": [round(power, 4) for power in fit(every)],
        "movements": sum(map(len, ratios)),
        "how": f"each film was judged by powers that were fitted on the others, in {_FOLDS} parts",
        "reliability": _rounded(table),
        "calibration error": round(calibration_error(table), 4),
    }


def _rounded(table: Sequence[dict[str, float]]) -> list[dict[str, float]]:
    return [{name: round(value, 4) for name, value in row.items()} for row in table]


def table_of(at: Sequence[Level]) -> dict[str, list[float]]:
    """Levels as columns."""
    return {
        "level": [one.level for one in at],
        "f1": [round(one.f1, 4) for one in at],
        **{kind: [round(one.false[kind], 4) for one in at] for kind in KINDS},
        **{f"{kind} recall": [round(one.recall[kind], 4) for one in at] for kind in KINDS},
    }


def write_spotter(spotter: Spotter, folder: Path) -> None:
    """Write the weights and the card."""
    from safetensors.numpy import save

    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / WEIGHTS, save(spotter.arrays()))
    write_whole(folder / CARD, json.dumps(dict(spotter.card), indent=1) + "\n")


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tsfmicro.use.learn_spotter", description="Make the spotter.")
    parser.add_argument("films", type=Path, help="a folder that keeps what was measured")
    parser.add_argument("--out", type=Path, default=Path(str(files("tsfmicro.spot"))), help="gets weights and card")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--count", type=int, default=FILMS, help="films to learn from")
    parser.add_argument("--workers", type=int, default=None)
    given = parser.parse_args()
    watch = _Lines()
    spotter = make_spotter(lessons(given.films, given.seed, given.count, given.workers, watch), given.seed, watch)
    write_spotter(spotter, given.out)


class _Lines(Watch):
    """One line that is written over: a house knows no screen."""

    def progress(self, what: str, done: int, total: int, detail: str = "") -> None:
        print(f"\r{what}: {done} of {total}", end="\n" if done == total else "", flush=True)


if __name__ == "__main__":
    main()
