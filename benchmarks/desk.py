"""The desk in a real browser: how soon a video opens, a frame is drawn, many moments are filtered, sorted and zoomed.

    python -m benchmarks.desk [MINUTES [FPS]]    a drawn film, over and over, so long (10, 30), with 3000 moments coded in it

There is no reference program; a hand does not notice less than a tenth of a second. Needs the extras `web` and `coding`, playwright,
and an installed Chromium.
"""

from __future__ import annotations

import random
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from benchmarks.believe import frames_of, write
from tsfmicro.coding.project import Project
from tsfmicro.synthetic.film import write_films
from tsfmicro.timeline import Moment, Timeline
from tsfmicro.use.paper import browser

MOMENTS, STEPS, JUMPS, WIDTH, CODER = 3000, 100, 30, 320, "anna"

# From a key, a press or a change until the last picture of a frame, or all that it changes on the page, is drawn.
WATCH = """
  let begun = 0;
  for (const act of ['keydown', 'pointerdown', 'input', 'change']) addEventListener(act, () => (begun = performance.now()), true);
  window.watched = [];
  addEventListener('DOMContentLoaded', () => new MutationObserver(() => window.watched.push(performance.now() - begun))
    .observe(document.getElementById('picture'), {attributes: true, attributeFilter: ['data-frame']}));
  window.drawn = () => new Promise((done) => requestAnimationFrame(() => setTimeout(() => done(performance.now() - begun))));
"""
FRAME = "document.getElementById('picture').dataset.frame"


def film(folder: Path, minutes: float, fps: float) -> Path:
    """A short drawn film forwards and backwards, so that no step is a jump."""
    short = write_films(folder / "films", 1, 4, fps=fps, width=WIDTH, workers=1) / "sub01.avi"
    frames, _ = frames_of(short)
    whole = [*frames, *reversed(frames)]
    return write(folder / "long", (whole[n % len(whole)] for n in range(round(60 * minutes * fps))), fps, "mp4v")


def coded(project: Path, video: Path, minutes: float, fps: float) -> None:
    rng, seconds = random.Random(0), 60 * minutes
    kinds = ("micro", "macro", "other")
    begins = sorted(rng.uniform(0, seconds - 1) for _ in range(MOMENTS))
    moments = [Moment(t, t + 0.4, t + 0.2, "eva", rng.choice(kinds), emotion="happiness", coder=CODER) for t in begins]
    (project / "codes.csv").write_bytes(Project().content([Timeline(video.name, tuple(moments), fps, seconds)]))


def shown(page: Page, act: str, times: int) -> list[float]:
    """Milliseconds from each act until its frame is drawn."""
    taken, rng = [], random.Random(1)
    box = page.locator("#timeline").bounding_box()
    for _ in range(times):
        before = page.evaluate(FRAME)
        page.evaluate("window.watched = []")
        if act == "step":
            page.keyboard.press("ArrowRight")
        else:
            page.mouse.click(box["x"] + rng.uniform(0.05, 0.95) * box["width"], box["y"] + 4)
        page.wait_for_function(f"{FRAME} !== undefined && {FRAME} !== '{before}'")
        taken.append(page.evaluate("window.watched.at(-1)"))
    return taken


def told(what: str, taken: list[float]) -> None:
    print(
        f"{what}: {statistics.median(taken):.0f} ms in the median of {len(taken)}, {max(taken):.0f} at most", flush=True
    )


def measure(url: str, server: subprocess.Popen[str]) -> None:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=browser(), args=["--no-sandbox", "--enable-precise-memory-info"]
        )
        page = chromium.new_page(viewport={"width": 1280, "height": 800}, bypass_csp=True)
        page.set_default_timeout(0)
        page.add_init_script(WATCH)
        begun = time.perf_counter()
        page.goto(url)
        page.wait_for_function(f"{FRAME} === '0'")
        print(f"opened in {time.perf_counter() - begun:.1f} s", flush=True)
        page.wait_for_function("!document.getElementById('program').textContent.includes('Counting')")
        print(f"frames counted in {time.perf_counter() - begun:.0f} s", flush=True)
        page.fill("#coder", CODER)
        page.press("#coder", "Enter")
        page.locator(".moment").first.wait_for()
        page.locator("#timeline").focus()
        told("a step of a frame", shown(page, "step", STEPS))
        told("a jump", shown(page, "jump", JUMPS))
        for what, act in {
            "filter": lambda: page.fill("#moment-filter", "macro"),
            "sort": lambda: page.select_option("#moment-sort", "length"),
            "zoom": lambda: page.press("#timeline", "+"),
        }.items():
            act()
            print(f"{what}, {MOMENTS} moments: {page.evaluate('window.drawn()'):.0f} ms", flush=True)
        heap = page.evaluate("performance.memory.usedJSHeapSize") / 1e6
        held = subprocess.run(["ps", "-o", "rss=", "-p", str(server.pid)], capture_output=True, text=True, check=True)
        print(f"memory: the page {heap:.0f} MB, the server {int(held.stdout) / 1e3:.0f} MB")
        chromium.close()


def main(minutes: float = 10, fps: float = 30) -> None:
    with tempfile.TemporaryDirectory() as place:
        project = Path(place) / "project"
        (project / "videos").mkdir(parents=True)
        video = film(Path(place), minutes, fps)
        coded(project, video.rename(project / "videos" / video.name), minutes, fps)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        command = [sys.executable, "-m", "tsfmicro.app.cli", "web", "--project", str(project), "--port", port]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            assert server.stdout is not None
            measure(next(iter(re.findall(r"http://\S+", server.stdout.readline()))), server)
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    main(*map(float, sys.argv[1:]))
