"""Thousands of wrong inputs: each must end in one line, never in a traceback, a hang or a wrong result.

    python -m campaigns.inputs --rounds 1000 --seed 0        # a round spoils one file, or types odd words
    python -m campaigns.inputs --only run-folder --seed 17 --rounds 1     # one case again: the line of a failure says which

A whole set of small material is made first: drawn people, a finished run with its cache, a video, codings, settings, images. In
each round one of its files is damaged in one of the ways of `campaigns.damage`, and a command that reads it is run. It may
succeed only where the damage changes nothing that it tells, or where the file's text is the user's to write (a sheet's word,
a setting): whether those are right nobody else can know.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import random
import shutil
import signal
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.progress import track

from campaigns.damage import BY_HAND, ODD, damage

SECONDS = 120  # longer is a hang
Words = list[str]


@dataclass(frozen=True)
class Places:
    """Of a round.

    Attributes:
        whole: the material; copy: of the case's folder, with a spoiled file in it; file: that one; new: an empty folder.
    """

    whole: Path
    copy: Path
    file: Path
    new: Path


@dataclass(frozen=True)
class Case:
    """A kind of input.

    Attributes:
        folder: what is copied and spoiled, within the material.
        files: which of its files, as a pattern.
        command: what reads it.
        must_notice: whether a success must print what it prints of the whole one.
    """

    folder: str
    files: str
    command: Callable[[Places], Words]
    must_notice: bool = False


def _prepare(settings: Path, faces: Path, cache: Path) -> Words:
    return ["prepare", f"{settings}", "--data", f"casme2={faces}", "--cache", f"{cache}", "--workers", "1"]


def _run(p: Places) -> Words:
    words = ["run", f"{p.whole}/settings/settings.yaml", "--data", f"casme2={p.whole}/faces", "--cache", f"{p.copy}"]
    return [*words, "--out", f"{p.new}/run", "--workers", "1"]


CASES: dict[str, Case] = {
    "sheet": Case("faces", "*.xlsx", lambda p: ["data", "check", "casme2", f"{p.copy}"]),
    "images": Case("faces", "**/*.jpg", lambda p: _prepare(p.whole / "settings/settings.yaml", p.copy, p.new)),
    "settings": Case("settings", "*.yaml", lambda p: _prepare(p.file, p.whole / "faces", p.whole / "cache")),
    "run-folder": Case("run", "**/*", lambda p: ["evaluate", f"{p.copy}", "--json"], must_notice=True),
    "run-audited": Case("run", "**/*", lambda p: ["audit", f"{p.copy}"], must_notice=True),
    "run-compared": Case("run", "**/*", lambda p: ["compare", f"{p.copy}", "linear", "--json"], must_notice=True),
    "cache": Case("cache", "**/*", _run),
    "model": Case(
        "model",
        "**/*",
        lambda p: ["predict", f"{p.copy}", f"{p.whole}/pair/onset.jpg", f"{p.whole}/pair/apex.jpg", "--json"],
        must_notice=True,
    ),
    "image": Case("pair", "*.jpg", lambda p: ["predict", "demonstration", f"{p.copy}/onset.jpg", f"{p.copy}/apex.jpg"]),
    "video": Case("video", "*.*", lambda p: ["spot", f"{p.file}", "--out", f"{p.new}/out"]),
    "coding": Case("codings", "*.*", lambda p: ["code", "convert", f"{p.file}", f"{p.new}/out.eaf"]),
    "agreement": Case("codings", "*.*", lambda p: ["agree", f"{p.file}", f"{p.whole}/codings/one.eaf", "--json"]),
    "challenge": Case(
        "challenge", "*.csv", lambda p: ["spot-score", f"{p.copy}/found.csv", f"{p.copy}/truth.csv", "--json"]
    ),
}
OPTIONS = (
    "--out",
    "--json",
    "--set",
    "--data",
    "--rule",
    "--cache",
    "--fps",
    "--level",
    "--device",
    "--workers",
    "--as",
    "--help",
    "-h",
)
COMMANDS = (
    "run",
    "study",
    "prepare",
    "evaluate",
    "compare",
    "audit",
    "reproduce",
    "predict",
    "report",
    "export",
    "convert",
    "spot",
    "spot-score",
    "spot-dataset",
    "agree",
    "models",
    "configs",
    "matrix",
)


@dataclass(frozen=True)
class Ended:
    """How a command ended.

    Attributes:
        status: of the process; None where an exception escaped.
        said: standard output; told: standard error.
    """

    status: int | None
    said: str
    told: str

    @property
    def fault(self) -> str | None:
        """What is wrong with it, if anything."""
        errors = [line for line in self.told.splitlines() if line.startswith("error: ")]
        if self.status is None or "Traceback" in self.told:
            return "a traceback"
        if (
            self.status == 1 and len(errors) != 1 and not (self.said.strip() and not errors)
        ):  # an audit prints what it found
            return f"{len(errors)} lines of error instead of one"
        if self.status not in (0, 1, 2):
            return f"status {self.status}"
        return None


class Hang(BaseException):
    """It took too long. Not an Exception, which somebody might catch."""


def typed(words: Sequence[str]) -> Ended:
    """A command as it would be typed, in this process."""
    from tsfmicro.app import cli

    def too_long(*of: object) -> None:
        raise Hang

    out, err, before, status = io.StringIO(), io.StringIO(), sys.argv, 0
    signal.signal(signal.SIGALRM, too_long)
    signal.alarm(SECONDS)
    try:
        sys.argv = ["tsfmicro", *words]
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            cli.main()
    except SystemExit as end:
        status = int(end.code or 0) if not isinstance(end.code, str) else 1
    except (Exception, Hang):
        return Ended(None, out.getvalue(), err.getvalue() + traceback.format_exc())
    finally:
        signal.alarm(0)
        sys.argv = before
    return Ended(status, out.getvalue(), err.getvalue())


def make_material(at: Path) -> Path:
    """All that is spoiled later: small, drawn, whole."""
    import cv2

    from tsfmicro.synthetic.film import write_films

    faces, settings = at / "faces", at / "settings" / "settings.yaml"
    settings.parent.mkdir(parents=True)
    settings.write_text(
        "name: small\ndata: {datasets: [casme2], scheme: casme2-5}\nprepare: {size: 32}\nmodel: {name: linear}\n",
        encoding="utf-8",
    )
    _must(["data", "synth", f"{faces}", "--people", "2", "--clips", "6", "--fps", "25", "--workers", "1"])
    given = ["--data", f"casme2={faces}", "--cache", f"{at}/cache", "--workers", "1"]
    _must(["run", f"{settings}", *given, "--out", f"{at}/run"])
    film = write_films(at / "films", 1, 3, fps=25, width=320, workers=1) / "sub01.avi"
    (at / "video").mkdir()
    shutil.copy(film, at / "video" / "film.mp4")
    (at / "pair").mkdir()
    frames = sorted(next(iter(faces.rglob("EP*"))).glob("*.jpg"))
    for name, frame in (("onset", frames[0]), ("apex", frames[len(frames) // 2])):
        cv2.imwrite(f"{at}/pair/{name}.jpg", cv2.imread(str(frame)))
    import tsfmicro

    shutil.copytree(
        Path(tsfmicro.__file__).parent / "demonstration", at / "model", ignore=shutil.ignore_patterns("*.webm")
    )
    (at / "challenge").mkdir()
    for name in ("found", "truth"):
        (at / "challenge" / f"{name}.csv").write_text(
            "vid,onset,offset,type\nfilm_a,10,20,me\nfilm_a,40,90,mae\nfilm_b,5,15,me\n"
        )
    _must(["spot", f"{at}/video/film.mp4", "--out", f"{at}/spotted", "--level", "0"])
    (at / "codings").mkdir()
    for ending, form in (("eaf", "elan"), ("TextGrid", "praat"), ("csv", "boris")):
        _must(["code", "convert", f"{at}/spotted", f"{at}/codings/one.{ending}", "--as", form])
    return at


def rounds(
    material: Path, seeds: Sequence[int], only: str | None = None
) -> Iterator[tuple[int, str, str | None, Ended]]:
    """Each: the seed, what was done, what is wrong with how it ended (None: nothing), and how it ended."""
    names = [name for name in CASES if only in (None, name)]
    with tempfile.TemporaryDirectory() as room:
        whole = {name: _of_the_whole(CASES[name], material, Path(room)) for name in names if CASES[name].must_notice}
        for seed in seeds:
            dice = random.Random(seed)
            if only == "words" or (only is None and dice.random() < 0.15):
                yield seed, *_odd_words(material, dice)
                continue
            case = CASES[name := dice.choice(names)]
            copy = shutil.copytree(material / case.folder, Path(room) / f"{seed}" / case.folder, symlinks=True)
            file = dice.choice([f for f in sorted(copy.glob(case.files)) if f.is_file()])
            how, new = damage(file, dice), copy.parent / "new"
            new.mkdir()
            ended = typed(case.command(Places(material, copy, file, new)))
            fault = ended.fault
            if fault is None and ended.status == 0 and case.must_notice and how not in BY_HAND:
                same = ended.said.replace(f"{copy}", "") == whole[name]
                noted = "is not there" in ended.said + ended.told  # a part that a run does well without
                fault = None if same or noted else "another answer, and no word about the damage"
            yield seed, f"{name}: {file.relative_to(copy)} {how}", fault, ended
            shutil.rmtree(copy.parent, ignore_errors=True)


def _of_the_whole(case: Case, material: Path, room: Path) -> str:
    """What the command prints of what is not spoiled."""
    place = material / case.folder
    return typed(case.command(Places(material, place, place, room))).said.replace(f"{place}", "")


def _odd_words(material: Path, dice: random.Random) -> tuple[str, str | None, Ended]:
    likely = (f"{material}/run", f"{material}/settings/settings.yaml", f"{material}")
    odd = [word for word in ODD if "\0" not in word]  # which no system lets anybody type
    words = [dice.choice(COMMANDS), *dice.choices((*OPTIONS, *odd, *likely), k=dice.randrange(5))]
    ended = typed(words)
    return f"words {words}", ended.fault, ended


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0, help="of the first round; each has the next one")
    parser.add_argument("--only", choices=["words", *CASES])
    parser.add_argument("--material", type=Path, help="kept here, and taken from here again")
    arguments = parser.parse_args()
    faults, ends = 0, Counter[str]()
    with tempfile.TemporaryDirectory() as room:
        material = arguments.material or Path(room) / "material"
        if not material.exists():
            make_material(material)
        seeds = range(arguments.seed, arguments.seed + arguments.rounds)
        for seed, what, fault, ended in track(rounds(material, seeds, arguments.only), "wrong inputs", len(seeds)):
            ends[
                "told in one line"
                if ended.status == 1
                else "refused by the parser"
                if ended.status == 2
                else "accepted"
            ] += not fault
            if fault:
                faults += 1
                print(f"--seed {seed}: {what}: {fault}\n{ended.told[-1500:]}", flush=True)
    print(
        f"{arguments.rounds} wrong inputs: {faults} faults; {', '.join(f'{n} {how}' for how, n in ends.most_common())}"
    )
    return 1 if faults else 0


def _must(words: Words) -> None:
    ended = typed(words)
    if ended.status != 0:
        raise SystemExit(f"the material could not be made: {' '.join(words)}\n{ended.told}")


if __name__ == "__main__":
    sys.exit(main())
