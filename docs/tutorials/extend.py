# %% [markdown]
# # A model and a dataset in an afternoon
#
# A dataset that nobody has a reader for, and a model that nobody has published: two classes, and both are prepared, trained, scored
# and compared as all others. Inside the package each would be [one file](../adding-a-model.md) and found by itself; here they stand in a
# script.

# %%
import os
import re
import shutil
from pathlib import Path

from torch import Tensor, nn

import tsfmicro
from tsfmicro.data.annotated import AnnotatedDataset
from tsfmicro.data.entries import Entry
from tsfmicro.data.registry import DATASETS
from tsfmicro.errors import ConfigError
from tsfmicro.models.base import Model
from tsfmicro.models.inputs import flow
from tsfmicro.models.registry import register

small = "TUTORIAL_SMALL" in os.environ  # as the tests run it: fewer people, two epochs

# %% [markdown]
# ## 1. What the laboratory has
#
# No sheet, only folders: `lab/p01/negative/EP02-17/…`, a person, a label, a clip whose apex is frame 17. We make such a tree of drawn faces, so
# that nobody's licence is touched.

# %%
people, clips, fps = (3, 5, 25) if small else (6, 10, 60)
faces = tsfmicro.draw_faces("faces", people=people, clips=clips, fps=fps, workers=1)
label = {"disgust": "negative", "repression": "negative", "happiness": "positive", "surprise": "surprise"}
for clip in tsfmicro.read_dataset("casme2", faces).clips:
    if clip.emotion in label:
        folder = Path(f"lab/p{clip.subject[-2:]}/{label[clip.emotion]}/{clip.name}-{clip.apex}")
        folder.mkdir(parents=True, exist_ok=True)
        for number, name in clip.frames.files.items():
            if clip.onset <= number <= clip.offset:
                shutil.copy(clip.frames.folder / name, folder)

# %% [markdown]
# ## 2. A reader
#
# A reader says what the dataset says of each clip, as text, in its own words. That a clip's apex lies inside it, that its frames are there, that
# nobody has two clips of one name, is checked by code that all datasets share; what is odd becomes a flag.

# %%


class Lab(AnnotatedDataset):
    """lab/p01/negative/EP02-17/…: a person, a label, a clip and its apex."""

    name, title, fps, release_rows = "lab", "Our laboratory", float(fps), 0
    has_sheet = False
    person_folder = re.compile(r"p\d+")

    def entries(self, source):
        for base in source.bases[:1]:
            for folder in sorted(base.glob("p*/*/*-*")):
                person, emotion, called = folder.relative_to(base).parts
                name, _, apex = called.rpartition("-")
                yield Entry(person, name, apex=apex, emotion=emotion, recording=f"{person}/{emotion}/{called}")


DATASETS["lab"] = Lab()
reading = tsfmicro.read_dataset("lab", "lab")
print(len(reading.clips), "clips;", reading.clips[0].id, reading.clips[0].emotion, "apex", reading.clips[0].apex)
print(*reading.flags, sep="\n")

# %% [markdown]
# ## 3. A model
#
# A model says what it needs of a clip (here optical flow of 28 × 28), gives features over the face, and logits of them. It is prepared for,
# trained, kept and asked about videos without another line. Its keyword arguments are settings.

# %%


class TinyNet(Model):
    """One convolution on optical flow, then one layer."""

    def __init__(self, num_classes: int, size: int, width: int) -> None:
        super().__init__({"flow": flow(size)}, size)
        self.conv = nn.Conv2d(3, width, 3, stride=4, padding=1)
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(width * (size // 4) ** 2, num_classes))

    def features(self, flow: Tensor) -> Tensor:
        return self.conv(flow).relu().permute(0, 2, 3, 1)  # (N, h, w, width)


@register("tinynet", size=28)
def tinynet(num_classes: int, size: int, *, width: int = 16) -> TinyNet:
    """TinyNet: one convolution on optical flow."""
    if size % 4 or width < 1:
        raise ConfigError(f"tinynet: size {size}, width {width}. Give a multiple of 4, and a width from 1 on.")
    return TinyNet(num_classes, size, width)


print(sum(p.numel() for p in tsfmicro.create_model("tinynet", 3).parameters()), "parameters")

# %% [markdown]
# ## 4. Scored like all others
#
# Both are in a registry now, so a config may name them. Everything else is as for CASME II: people left out one by one, intervals, floors.

# %%
settings = {
    "name": "tinynet",
    "data": {"datasets": ["lab"], "scheme": "all-3"},
    "prepare.size": 28,
    "model": {"name": "tinynet", "options": {"width": 8}},
    "train.lr": 1e-3,
    "train.epochs": 2 if small else 50,
}
config = tsfmicro.load_config("demo", settings)
summary = tsfmicro.run_experiment(config, {"lab": "lab"}, "runs/tinynet", cache="cache", workers=1)
print(summary.line())
print(summary.versus_line())

# %% [markdown]
# **What it says.** With this few people nearly nothing: the interval is wide, and the linear floor stands beside it. That is the point of
# having both from the first day on.
#
# ## 5. Ask it
#
# What was said of each clip, by the model that had not seen its person. `tsfmicro.Recognizer.load("runs/tinynet")` is asked about videos.

# %%
print(tsfmicro.read("runs/tinynet").clips[["clip", "truth", "answer"]].head().to_string())

# %% [markdown]
# ## To keep it
#
# Move the model to `src/tsfmicro/models/tinynet.py` and the reader to `src/tsfmicro/data/lab.py` with one line in `registry.py`: the sweeps of the
# test suite then train, save and read yours as well. The pages [a model](../adding-a-model.md) and [a dataset](../adding-a-dataset.md) tell the rest,
# such as sheets, labels of your own and what a reader never does. With several `workers`, only what is in the package is known to the other
# processes.
