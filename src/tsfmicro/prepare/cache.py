"""Prepared sets on disk: the alignment, each product in a folder of its own, and a list of what belongs together.

<cache>/align-<key>/     landmarks.npy, pairs.npy            where each face is, and which frames are compared
        flow-<key>/      annotated.npy, widest.npy           a product: its key is the alignment's and its own settings'
        <key>/           index.json                          a prepared set: its clips, and the folders it is made of
"""

from __future__ import annotations

import hashlib
import json
import os
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from tsfmicro.config import PrepareConfig, Section
from tsfmicro.errors import AnnotationError, CacheError
from tsfmicro.needs import Need, Stored, need
from tsfmicro.prepare.aligned import PAIRS
from tsfmicro.prepare.arrays import Arrays, Spec, writing
from tsfmicro.prepare.cascade import VERSION as DETECTOR
from tsfmicro.prepare.pairs import candidates
from tsfmicro.prepare.parts import FORMAT, Part, Record, read_index, write_index
from tsfmicro.prepare.products.base import Product
from tsfmicro.prepared import PreparedSet
from tsfmicro.types import ActionUnit, ActionUnits, Clip, Frames, VideoFrames

ENDS = 4096  # bytes from each end of a file by which it is known


def alignment_key(clips: Sequence[Clip], config: PrepareConfig) -> str:
    """Hash of everything that decides the alignment: settings that are not the default, clips, the files that are read, and
    what reads them.

    Labels are no part of it: all clips of a dataset are prepared once, whatever the label scheme. Neither is the place of
    the folder or the time of a file, so a dataset may move and be copied. A setting that is added later changes no key.
    """
    return _hash(
        {
            "format": FORMAT,
            "settings": config.model_dump(mode="json", include={"detector", "neighbourhood"}, exclude_defaults=True),
            "libraries": [".".join(v.split(".")[:2]) for v in (cv2.__version__, DETECTOR)],
            "clips": sorted(
                [clip.id, clip.onset, clip.apex, fingerprints(clip.frames, _read(clip, config))] for clip in clips
            ),
        }
    )


def reason_of(clip: str, told: object) -> str:
    """Why a clip was skipped, without its name, which stands beside it."""
    return str(told).removeprefix(f"{clip}: ")


def product_key(
    alignment: str, clips: Sequence[Clip], product: Product[Any], size: int | None, options: Section
) -> str:
    """Hash of everything that decides a product, given the alignment (empty where it comes ready-made)."""
    usable = [clip for clip in clips if clip.apex is not None]
    reads = {clip.id: fingerprints(clip.frames, product.reads(clip, options)) for clip in usable}
    ready = {c.id: fingerprints(c.frames, [c.apex]) for c in usable if c.ready and c.apex is not None}
    depth = {c.id: fingerprints(c.frames.depth, _depths(c)) for c in usable if product.depth and c.frames.depth}
    facts: dict[str, Any] = {
        "format": FORMAT,
        "alignment": alignment,
        "product": [product.name, product.version, size],
        "options": options.model_dump(mode="json", exclude_defaults=True) | _files(options),
    }
    facts |= {"reads": sorted(reads.items())} if any(reads.values()) else {}
    facts |= {"ready": sorted(ready.items())} if ready else {}
    facts |= {"depth": sorted(depth.items())} if depth else {}
    return _hash(facts)


def _files(options: Section) -> dict[str, Any]:
    """Options that are files, such as weights: known by what is in them and not by where they lie."""
    given = {name: value for name, value in options if isinstance(value, Path)}
    return {name: _known_by(file) for name, file in (given | dict(options.shipped())).items()}


def _hash(facts: Any) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def _read(clip: Clip, config: PrepareConfig) -> list[int]:
    """The frames that alignment reads."""
    if clip.apex is None:
        return []
    return sorted({n for side in candidates(clip, config.neighbourhood) for n in side})


def _depths(clip: Clip) -> list[int]:
    """The depth pictures that any pair of frames may want."""
    assert clip.apex is not None and clip.frames.depth
    return [n for n in clip.frames.depth.numbers if clip.onset <= n <= clip.apex]


def fingerprints(frames: Frames | VideoFrames, numbers: Iterable[int]) -> list[Any]:
    """What each file that is read is known by: number, name, size, and a checksum of its ends; None for one that is not there.

    Not the time of its last change, which a copy does not keep.
    """
    if isinstance(frames, VideoFrames):
        return [[sorted(numbers), frames.video.name, *_known_by(frames.video)]] if numbers else []
    found: list[Any] = []
    for number in sorted(numbers):
        name = frames.files.get(number)
        found.append([number, name, *(_known_by(frames.folder / name) if name else ())])
    return found


def _known_by(path: Path) -> tuple[int, int] | tuple[()]:
    try:
        with path.open("rb") as file:
            start = file.read(ENDS)
            size = file.seek(0, os.SEEK_END)
            file.seek(max(ENDS, size - ENDS))
            return size, zlib.crc32(file.read(ENDS), zlib.crc32(start))
    except OSError:
        return ()


def alignment_part(cache: Path, key: str, clips: Sequence[Clip], config: PrepareConfig) -> Part:
    """The folder of the alignment."""
    ids = _with_rows(clips)
    specs = {"landmarks": Spec((len(ids), 5, 2), "float32"), "pairs": Spec((len(ids), 2, 2), "int64")}
    return Part(cache / f"align-{key}", ids, specs, {"settings": config.model_dump(mode="json")})


def product_part(
    cache: Path, key: str, clips: Sequence[Clip], product: Product[Any], size: int | None, options: Section
) -> Part:
    """The folder of a product. Raises ConfigError: a size that the product cannot have."""
    ids, ready = _with_rows(clips), any(clip.ready for clip in clips)
    shape = product.shape(size, options)
    by_id = {clip.id: clip for clip in clips}
    lengths = [product.length(by_id[clip], options) for clip in ids]
    starts = None
    if any(length is not None for length in lengths):
        starts = (0, *np.cumsum([length or 0 for length in lengths]).tolist())
    spec = Spec((len(ids) if starts is None else starts[-1], *shape), product.dtype)
    names = PAIRS if product.paired and not ready else ("clip",)
    about = {
        "product": product.name,
        "size": size,
        "options": options.model_dump(mode="json"),
        "unit": product.ready_unit if ready else product.unit,
        "moves": "none" if ready else product.moves,
        "swap": product.swap,
    }
    return Part(cache / f"{product.name}-{key}", ids, dict.fromkeys(names, spec), about, starts)


def _with_rows(clips: Iterable[Clip]) -> tuple[str, ...]:
    """Clips that have an apex; the others need no row."""
    return tuple(sorted(clip.id for clip in clips if clip.apex is not None))


def set_key(alignment: str, asked: Mapping[Need, Part]) -> str:
    """The key of a prepared set: of what was asked for, and the folders that it is made of."""
    return _hash([alignment, *sorted([str(one), part.folder.name] for one, part in asked.items())])


def write_set(
    folder: Path, clips: Sequence[Clip], asked: Mapping[Need, Part], skipped: Mapping[str, str], config: PrepareConfig
) -> None:
    """Write what a prepared set is made of. Its folders must be whole. Raises CacheError: the disk is full."""
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    index = {
        "format": FORMAT,
        "key": folder.name,
        "settings": config.model_dump(mode="json"),
        "products": [[_plain(n), part.folder.name] for n, part in asked.items()],
        "clips": [_description(clip, config) for clip in clips],
        "skipped": dict(skipped),
    }
    write_index(folder, index)


def open_prepared(folder: Path, clips: Sequence[Clip] | None = None, check: bool = True) -> PreparedSet:
    """A whole prepared set, memory-mapped, every row checked against its checksum.

    Args:
        folder: <cache>/<key>.
        clips: the clips as they are described now; without them, as they were when they were prepared, with only the
            frames that preparation read.
        check: whether to read every row; not needed again in the workers of a run that has just done it.
    Raises:
        CacheError: no prepared set is there, or it is unfinished, damaged, made by another version or of other clips.
    """
    index = read_index(folder)
    described = [_clip(values) for values in index["clips"]]
    if clips is not None and {c.id for c in clips} != {c.id for c in described}:
        raise CacheError(f"{folder}: holds other clips than those asked for. Delete it and prepare again.")
    clips = clips or described
    if index["format"] == 1:
        return _open_first_format(folder, index, clips, check)
    skipped: dict[str, str] = index["skipped"]
    usable = [clip for clip in clips if clip.id not in skipped]
    rows = {clip: row for row, clip in enumerate(_with_rows(described))}
    products = {}
    for values, name in index["products"]:
        place = folder.parent / name
        its = read_index(place)
        products[_need(values)] = _open_product(place, its, {c.id: rows[c.id] for c in usable}, check)
    return PreparedSet(
        key=index["key"],
        clips=tuple(usable),
        rows=np.array([rows[clip.id] for clip in usable], np.int64),
        products=products,
        skipped=tuple((c.id, reason_of(c.id, skipped[c.id])) for c in clips if c.id in skipped),
    )


def _open_product(folder: Path, index: Mapping[str, Any], rows: Mapping[str, int], check: bool) -> Stored:
    files = Arrays(folder, {name: Spec(tuple(shape), dtype) for name, (shape, dtype) in index["arrays"].items()})
    arrays = files.open()
    if check:
        sums = {rows[r["clip"]]: r["sums"] for r in index["records"] if r["clip"] in rows}
        _check_rows(folder, files, sums, {row: clip for clip, row in rows.items()}, index["starts"])
    starts = None if index["starts"] is None else np.array(index["starts"], np.int64)
    return Stored(arrays, index["unit"], index["moves"], tuple(index["swap"]), starts)


def _check_rows(
    folder: Path,
    files: Arrays,
    sums: Mapping[int, Mapping[str, int]],
    clips: Mapping[int, str],
    starts: Sequence[int] | None = None,
) -> None:
    for row, path in files.damaged(sums, starts).items():
        raise CacheError(f"{path}: {clips[row]} is damaged, its checksum differs. Delete {folder} and prepare again.")


def _open_first_format(folder: Path, index: Mapping[str, Any], clips: Sequence[Clip], check: bool) -> PreparedSet:
    """A set of the first format, in which everything lay in one folder."""
    records: dict[str, Record] = {record["clip"]: record for record in index["records"]}
    files = Arrays(folder, {name: Spec(tuple(shape), dtype) for name, (shape, dtype) in index["arrays"].items()})
    arrays = files.open()
    usable = {clip.id: clip for clip in clips if "skipped" not in records[clip.id]}
    rows = {clip: int(records[clip]["row"]) for clip in usable}
    if check:
        sums = {row: records[clip]["sums"] for clip, row in rows.items()}
        _check_rows(folder, files, sums, {row: clip for clip, row in rows.items()})
    size, products = int(index["settings"]["size"]), {}
    if "annotated" in arrays:
        products[need("faces", size)] = Stored({p: arrays[p] for p in PAIRS}, "RGB 0–255", "image")
    if "flow" in arrays:
        unit, moves = ("px", "flow") if products else ("grey", "none")
        of_pairs = {pair: arrays["flow"][:, n] for n, pair in enumerate(PAIRS)}
        products[need("flow", size)] = Stored(of_pairs, unit, moves)  # type: ignore[arg-type]
    return PreparedSet(
        key=index["key"],
        clips=tuple(usable.values()),
        rows=np.array(list(rows.values()), np.int64),
        products=products,
        skipped=tuple((c.id, reason_of(c.id, records[c.id]["skipped"])) for c in clips if "skipped" in records[c.id]),
    )


def _plain(one: Need) -> dict[str, Any]:
    return {"product": one.product, "size": one.size, "options": dict(one.options)}


def _need(values: Mapping[str, Any]) -> Need:
    return need(values["product"], values["size"], **values["options"])


def _description(clip: Clip, config: PrepareConfig) -> dict[str, Any]:
    values = {field.name: getattr(clip, field.name) for field in fields(clip)}
    frames = clip.frames
    if isinstance(frames, Frames):
        files = {n: frames.files[n] for n in _read(clip, config) if n in frames.files}
        described: dict[str, Any] = {"folder": str(frames.folder), "files": files}
        if frames.depth and clip.apex is not None:
            depths = {n: frames.depth.files[n] for n in _depths(clip)}
            described["depth"] = {"folder": str(frames.depth.folder), "files": depths}
    else:
        described = {"video": str(frames.video), "count": frames.count, "first": frames.first}
    return values | {"frames": described, "action_units": asdict(clip.action_units)}


def _clip(values: Mapping[str, Any]) -> Clip:
    frames, units = values["frames"], values["action_units"]
    here: Frames | VideoFrames
    if "video" in frames:
        here = VideoFrames(Path(frames["video"]), frames["count"], frames["first"])
    else:
        here = _frames(frames)
    return Clip(
        **{name: value for name, value in values.items() if name not in ("frames", "action_units", "fixes")},
        frames=here,
        action_units=ActionUnits(units["text"], tuple(ActionUnit(**unit) for unit in units["units"])),
        fixes=tuple(values["fixes"]),
    )


def _frames(values: Mapping[str, Any]) -> Frames:
    depth = _frames(values["depth"]) if "depth" in values else None
    return Frames(Path(values["folder"]), {int(n): file for n, file in values["files"].items()}, depth)


def unique(clips: Iterable[Clip]) -> tuple[Clip, ...]:
    """The clips, none twice. Raises AnnotationError."""
    seen: dict[str, Clip] = {}
    for clip in clips:
        if clip.id in seen:
            first = seen[clip.id]
            raise AnnotationError(
                f"clip {clip.id} is there twice ({_place(first)} and {_place(clip)}). "
                "Give each dataset and clip its own name."
            )
        seen[clip.id] = clip
    return tuple(seen.values())


def _place(clip: Clip) -> Path:
    return clip.frames.folder if isinstance(clip.frames, Frames) else clip.frames.video
