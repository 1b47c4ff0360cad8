"""What the program found in a video of a project, as if it had looked."""

import numpy as np

from tsfmicro.desk.found import PARTS, Found, keep
from tsfmicro.spot.motion import REGIONS


def rested(face, begin, end, unrest=0.3, video=""):
    return {"face": face, "onset_s": begin, "offset_s": end, "unrest": dict.fromkeys(REGIONS, unrest), "video": video}


def look(project, video, rests=(), faces=(1,), moments=(), model=""):
    seconds = np.arange(60) / 100
    marks = np.zeros((60, 5, 2))
    found = Found(
        {"moments": list(moments), "marks": [], "rests": list(rests), "notes": [], "model": model}, faces,
        (seconds,) * len(faces), (np.ones((60, len(PARTS))),) * len(faces), (marks,) * len(faces),
    )  # fmt: skip
    keep(found, project.found_in(video))


def name(project, video, **who):
    project.change("name", "anna", {("video", video): {"who": {face[1:]: one for face, one in who.items()}}})
