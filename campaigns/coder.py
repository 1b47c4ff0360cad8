"""A coder's work on a project, done by a program: every moment once, whichever of them are there already.

python -m campaigns.coder PROJECT VIDEO
"""

from __future__ import annotations

import sys
from pathlib import Path

from tsfmicro.desk.project import Project

MOMENTS = 40


def work(folder: Path, film: Path) -> None:
    project = Project(folder)
    try:
        if film.name not in project.videos:
            project.add(film, link=False)
        for n in range(MOMENTS):
            name, onset = f"m{n:02}", round(n * 0.05, 2)
            if name not in project.moments(film.name):
                moment = {
                    "video": film.name,
                    "onset": onset,
                    "apex": onset + 0.1,
                    "offset": onset + 0.2,
                    "kind": "micro",
                }
                project.change(
                    "coded", "anna", {("moment", name): {**moment, "units": f"{n % 9 + 1}", "coder": "anna"}}
                )
    finally:
        project.close()


if __name__ == "__main__":
    work(*map(Path, sys.argv[1:]))
