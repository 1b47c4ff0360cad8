"""A page as a PDF, by a browser that is installed here."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from tsfmicro.errors import ConfigError, RunError
from tsfmicro.use.spot import REPORT

BROWSERS = (
    "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge", "microsoft-edge",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome", "/Applications/Chromium.app/Contents/MacOS/Chromium",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
)  # fmt: skip
SECONDS = 180.0  # a busy machine needs ten


def browser() -> str:
    """The first browser that prints without a window. Raises ConfigError: there is none."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        raise ConfigError(
            "--pdf needs Chromium, Chrome or Edge, and none is installed. Leave it out, open report.html in any browser, and print that."
        )
    return found


def check(out: Path | None) -> None:
    """Before the work: raises ConfigError where there is no folder for a report of one video, or nobody to print it."""
    if out is None:
        raise ConfigError("--pdf prints the report of one video. Say with --out where it goes.")
    browser()


def report_to_pdf(out: Path) -> Path:
    """report.pdf of the report.html in a folder. Raises as `to_pdf`."""
    return to_pdf(out / REPORT, out / "report.pdf")


def to_pdf(page: Path, pdf: Path) -> Path:
    """Print a page that loads nothing. Raises ConfigError: no browser; RunError: it printed nothing."""
    program = browser()
    with tempfile.TemporaryDirectory() as profile:
        command = [
            program, "--headless", "--disable-gpu", "--no-first-run", "--disable-background-networking",
            f"--user-data-dir={profile}", "--no-pdf-header-footer", f"--print-to-pdf={pdf.resolve()}",
        ]  # fmt: skip
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            command.append("--no-sandbox")  # Chromium does not start otherwise for root, as in a container
        try:
            done = subprocess.run([*command, page.resolve().as_uri()], capture_output=True, text=True, timeout=SECONDS)
            told = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        except (OSError, subprocess.TimeoutExpired) as problem:
            told = str(problem)
    if not pdf.exists() or not pdf.stat().st_size:
        raise RunError(f"{pdf}: {program} did not print it ({told[:200]}). Open {page} in a browser and print that.")
    return pdf
