"""From clips to products: the whole story of preparation.

What is there already is never made again: a product that is added to prepared clips finds no face a second time, since the
alignment is kept by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from tsfmicro.config import PrepareConfig, Section
from tsfmicro.errors import AnnotationError, ConfigError, FaceError, FrameError, UnreadableError
from tsfmicro.files import locked
from tsfmicro.needs import Need, need
from tsfmicro.prepare.aligned import PAIRS, AlignedClip, align, aligned_before
from tsfmicro.prepare.arrays import writing
from tsfmicro.prepare.cache import (
    alignment_key,
    alignment_part,
    open_prepared,
    product_key,
    product_part,
    reason_of,
    set_key,
    unique,
    write_set,
)
from tsfmicro.prepare.face import finder
from tsfmicro.prepare.parts import Part, Record
from tsfmicro.prepare.products import Product
from tsfmicro.prepare.products.base import product_of
from tsfmicro.prepared import PreparedSet
from tsfmicro.types import Clip
from tsfmicro.workers import cores, spread

Progress = Callable[[int, int, str], None]
NO_APEX = "no apex that can be used. Where none is annotated, prepare.apex=missing has it looked for."
LEGIBLE, PICTURE = 48, 112  # pixels of a face that still shows something, and of one that is made to be looked at
CLIPS_WORTH_A_PROCESS = 8  # starting a process takes as long as preparing about so many clips


def prepare(
    clips: Sequence[Clip],
    needs: Iterable[Need],
    config: PrepareConfig,
    cache: Path,
    workers: int | None = None,
    progress: Progress | None = None,
) -> PreparedSet:
    """What is needed of all clips, from the cache where it is in it.

    A run that was killed goes on where it was. Two processes may ask for the same clips: one prepares, the other waits.

    Args:
        clips: any order, no id twice; those without apex come out among the skipped. Either pictures, or all of them
            ready-made files of one product.
        needs: which products, how large, with which options.
        config: detector, pairs, options of products.
        cache: folder of prepared sets; this one is <cache>/<key>.
        workers: processes; by default one per core, fewer for few clips.
        progress: called here with clips done, clips in all, and what was done last.
    Returns:
        The set, in the order of the clips; skipped: a clip without apex, without a face, or with a missing, damaged or
        differently sized frame.
    Raises:
        AnnotationError: a clip is there twice, or none has an apex.
        ConfigError: a product that these clips cannot give.
        UnreadableError: the disk or the network failed while a file was read; all others are prepared.
        CacheError: the cache is damaged, or the disk is full.
    """
    clips = unique(clips)
    if all(clip.apex is None for clip in clips):
        raise AnnotationError(
            f"nothing to prepare: none of the {len(clips)} clips has an apex. Spot it: prepare.apex=missing."
        )
    tell = progress or (lambda done, total, note: None)
    order = Order.of(clips, needs, config, cache)
    if not order.is_finished:
        with writing(order.base):
            order.base.mkdir(parents=True, exist_ok=True)
            (order.base / "lock").touch()
        waiting = "waiting: another process prepares these clips"
        with locked(order.base / "lock", lambda: tell(0, len(clips), waiting)):
            if not order.is_finished:  # the other process may have done it
                _prepare_rest(order, workers, tell)
    prepared = open_prepared(order.folder, clips)
    tell(len(clips), len(clips), f"prepared set {order.folder.name}")
    return prepared


@dataclass(frozen=True)
class Making:
    """A product to be made: where it goes, and how."""

    part: Part
    product: Product[Any]
    size: int | None
    options: Section


@dataclass(frozen=True)
class Order:
    """What is to be there in the end.

    Attributes: alignment: None where all files are ready-made; asked: need → what is made for it.
    """

    clips: tuple[Clip, ...]
    config: PrepareConfig
    alignment: Part | None
    asked: Mapping[Need, Making]
    folder: Path

    @classmethod
    def of(cls, clips: tuple[Clip, ...], needs: Iterable[Need], config: PrepareConfig, cache: Path) -> Order:
        wanted = sorted({one.stored for one in needs}, key=str)
        ready = _ready(clips, wanted)
        key = "" if ready else alignment_key(clips, config)
        asked = {}
        for one in wanted:
            product, options = product_of(one, config.products)
            its = product_key(key, clips, product, one.size, options)
            asked[one] = Making(product_part(cache, its, clips, product, one.size, options), product, one.size, options)
            if product.depth:
                _check_depth(clips, one)
        alignment = None if ready else alignment_part(cache, key, clips, config)
        name = set_key(key, {one: making.part for one, making in asked.items()})
        return cls(clips, config, alignment, asked, cache / name)

    @property
    def is_finished(self) -> bool:
        return (self.folder / "index.json").exists()

    @property
    def base(self) -> Path:
        """The folder whose lock keeps others away: of the alignment, on which all products of these clips hang."""
        return self.alignment.folder if self.alignment else next(iter(self.asked.values())).part.folder

    @cached_property
    def makings(self) -> tuple[Making, ...]:
        """Each product once, though two needs may come to the same."""
        return tuple({making.part.folder: making for making in self.asked.values()}.values())


def _ready(clips: Sequence[Clip], needs: Sequence[Need]) -> bool:
    """Whether the clips are files of a ready-made product. Raises ConfigError: some are, or another product is needed."""
    kinds = {clip.ready for clip in clips}
    if kinds == {""}:
        return False
    if len(kinds) > 1:
        datasets = sorted({clip.dataset for clip in clips if not clip.ready})
        raise ConfigError(
            f"data.datasets: ready-made {max(kinds)} maps have no faces, so no other dataset can stand beside them "
            f"({', '.join(datasets)}). Train on one or the other."
        )
    (kind,) = kinds
    for one in needs:
        if one.product != kind:
            raise ConfigError(
                f"these clips are ready-made {kind} maps without faces, but the model needs {one}. "
                f"Choose a model that looks at {kind}, or a dataset with images."
            )
    return True


def _check_depth(clips: Sequence[Clip], one: Need) -> None:
    """Raises ConfigError: a dataset none of whose clips has depth. A clip that alone lacks it is skipped."""
    having = {clip.dataset for clip in clips if clip.frames.depth}
    for clip in clips:
        if clip.dataset not in having:
            raise ConfigError(
                f"data.datasets: {clip.dataset} has no depth pictures, e.g. none beside the frames of {clip.id}, but the model "
                f"needs {one}. Copy the release's depth folders beside its frames, or choose a model that needs none."
            )


def _prepare_rest(order: Order, workers: int | None, tell: Progress) -> None:
    total, ready = len(order.clips), order.alignment is None
    found = {} if order.alignment is None else order.alignment.resume()
    made = {making.part.folder: making.part.resume() for making in order.makings}
    skipped = {clip.id: NO_APEX for clip in order.clips if clip.apex is None}
    skipped |= {clip: record["skipped"] for clip, record in found.items() if "skipped" in record}
    known = _known(order.alignment, found)
    jobs = []
    for clip in order.clips:
        missing = tuple(m for m in order.makings if clip.id not in made[m.part.folder])
        if clip.id not in skipped and (missing or not (ready or clip.id in found)):
            jobs.append(ClipJob(clip, missing, known.get(clip.id)))
    done = total - len(jobs)
    tell(done, total, f"{len(jobs)} clips to prepare")
    if workers is None:
        workers = 1 if ready else min(cores(), len(jobs) // CLIPS_WORTH_A_PROCESS)
    unreadable: list[str] = []
    work = partial(_fill, order.alignment, order.config)
    with closing(spread(work, jobs, min(workers, len(jobs)))) as results:
        for result in results:
            done += 1
            if result.unreadable:
                unreadable.append(result.unreadable)
            if result.alignment is not None and order.alignment is not None and result.clip not in found:
                order.alignment.note(result.alignment)
                found[result.clip] = result.alignment
            for making in order.makings:
                record = result.products.get(making.part.folder)
                if record is not None:
                    making.part.note(record)
                    made[making.part.folder][result.clip] = record
            tell(done, total, result.told)
    if unreadable:
        raise UnreadableError(
            f"{len(unreadable)} of {total} clips could not be read just now, e.g. {unreadable[0]}. "
            "Everything else is prepared and kept: run the same command again when the disk or network is well."
        )
    if order.alignment is not None and not order.alignment.is_finished:
        order.alignment.finish(found)
    for making in order.makings:
        if not making.part.is_finished:
            making.part.finish(made[making.part.folder])
    for records in (found, *made.values()):
        skipped |= {clip: record["skipped"] for clip, record in records.items() if "skipped" in record}
    write_set(order.folder, order.clips, {n: making.part for n, making in order.asked.items()}, skipped, order.config)


def _known(alignment: Part | None, found: Mapping[str, Record]) -> dict[str, tuple[np.ndarray, np.ndarray, str]]:
    """Landmarks, pairs and detector of each clip whose face was found before."""
    if alignment is None or not found:
        return {}
    arrays = alignment.arrays.open()
    return {
        clip: (np.array(arrays["landmarks"][row]), np.array(arrays["pairs"][row]), record["detector"])
        for clip, record in found.items()
        if "skipped" not in record
        for row in (alignment.rows[clip],)
    }


@dataclass(frozen=True)
class ClipJob:
    """A clip to prepare: which products are missing, and its alignment where that is known."""

    clip: Clip
    missing: tuple[Making, ...]
    known: tuple[np.ndarray, np.ndarray, str] | None

    def __str__(self) -> str:
        return self.clip.id


@dataclass(frozen=True)
class _Filled:
    """What became of a clip; `products` by the folder of each."""

    clip: str
    told: str
    alignment: Record | None
    products: Mapping[Path, Record]
    unreadable: str = ""


def _fill(alignment: Part | None, config: PrepareConfig, job: ClipJob) -> _Filled:
    clip = job.clip
    if alignment is None:
        return _fill_ready(job)
    record: Record = {"clip": clip.id, "row": alignment.rows[clip.id]}
    try:
        if job.known is None:
            aligned = align(clip, finder(config.detector), config.neighbourhood)
            pairs = np.array([aligned.pairs[pair] for pair in PAIRS], np.int64)
            sums = alignment.write(record["row"], {"landmarks": aligned.landmarks, "pairs": pairs})
            widest = list(aligned.pairs["widest"])
            record |= {"detector": aligned.detector, "widest": widest, "sums": sums}
        else:
            aligned = aligned_before(clip, *job.known)
            record |= {"detector": aligned.detector}
    except UnreadableError as reason:
        return _Filled(clip.id, f"{clip.id}: {reason}", None, {}, str(reason))
    except (FrameError, FaceError) as reason:
        return _Filled(
            clip.id, f"{clip.id}: skipped, {reason_of(clip.id, reason)}", record | {"skipped": str(reason)}, {}
        )
    products, told, unreadable = {}, f"face found by {aligned.detector}", ""
    for making in job.missing:
        its: Record = {"clip": clip.id, "row": making.part.rows[clip.id]}
        try:
            products[making.part.folder] = its | {"sums": making.part.write(its["row"], _make(making, aligned))}
        except UnreadableError as reason:
            told = unreadable = str(reason)
        except FrameError as reason:
            products[making.part.folder] = its | {"skipped": str(reason)}
            told = f"skipped, {reason_of(clip.id, reason)}"
    return _Filled(clip.id, f"{clip.id}: {told}", record if job.known is None else None, products, unreadable)


def _make(making: Making, aligned: AlignedClip) -> dict[str, np.ndarray]:
    """The arrays of a product for one clip; a pair that is the annotated one is not made twice."""
    if "clip" in making.part.specs:
        return {"clip": making.product.make(aligned, "annotated", making.size, making.options)}
    annotated = making.product.make(aligned, "annotated", making.size, making.options)
    if aligned.pairs["widest"] == aligned.pairs["annotated"]:
        return {"annotated": annotated, "widest": annotated}
    return {"annotated": annotated, "widest": making.product.make(aligned, "widest", making.size, making.options)}


def _fill_ready(job: ClipJob) -> _Filled:
    products, told = {}, f"{job.clip.ready} map read"
    for making in job.missing:
        record: Record = {"clip": job.clip.id, "row": making.part.rows[job.clip.id]}
        try:
            values = {"clip": making.product.read_ready(job.clip, making.size)}
            products[making.part.folder] = record | {"sums": making.part.write(record["row"], values)}
        except UnreadableError as reason:
            return _Filled(job.clip.id, f"{job.clip.id}: {reason}", None, products, str(reason))
        except FrameError as reason:
            products[making.part.folder] = record | {"skipped": str(reason)}
            told = f"skipped, {reason_of(job.clip.id, reason)}"
    return _Filled(job.clip.id, f"{job.clip.id}: {told}", None, products)


def pictures(config: PrepareConfig) -> Need:
    """Faces for people to look at, in figures and reports: the model's own where they are large enough to see something."""
    return need("faces", config.size if config.size >= LEGIBLE else PICTURE)
