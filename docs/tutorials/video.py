# %% [markdown]
# # Your video, a table, a plot
#
# When did a face move, which part of it, and how far? As a pandas table, a plot, and files for R or SPSS. Needs
# `pip install 'tsfmicro[tables]'`. Read [what this must not be used for](../responsible-use.md) before you try it on anybody.

# %%
import os

import tsfmicro

small = "TUTORIAL_SMALL" in os.environ  # as the tests run it: a shorter, smaller video

# %% [markdown]
# ## 1. A video
#
# A drawn person, so that this page runs anywhere. With a video of your own, leave this out and write its path: 100 or 200 frames per second are
# good, 25 show the longer movements only.

# %%
films = tsfmicro.draw_videos(
    "films",
    people=1,
    seconds=3 if small else 10,
    fps=30 if small else 50,
    width=320 if small else 640,
    seed=3,
    workers=1,
)
video = films / "sub01.avi"

# %% [markdown]
# ## 2. Three lines

# %%
tables = tsfmicro.read(video)
print(tables.moments.drop(columns="model").to_string())
figure = tables.plot("movement.png")

# %% [markdown]
# **What the columns say.** `onset_s`, `apex_s` and `offset_s` are seconds from the first frame; `motion_percent` is how far `region` moved, in
# per cent of the distance between the eyes: pixels on a face whose eyes are 100 pixels apart. `kind` is `micro` up to half a second.
# `confidence` is how likely it is an expression, calibrated on drawn films; 0.5 at the threshold. Each column is told in the codebook.

# %%
print(tables.codebook[["column", "unit", "meaning"]].to_string())

# %% [markdown]
# ## 3. The curves
#
# A row for each frame, a column for each region of the face. Here: which region moved most in the whole video.

# %%
moved = tables.curves.filter(like="_percent").max().sort_values(ascending=False)
print(moved.head(3))

# %% [markdown]
# ## 4. Was it right?
#
# Nobody knows of a real video, but of a drawn one: `truth.csv` says what was drawn. An onset one or two frames off is usual.

# %%
print((films / "truth.csv").read_text())

# %% [markdown]
# ## 5. Ask a model, if you must
#
# The model that comes with the package has only ever seen drawn faces, and says so in every row. A model of people is trained on a
# licensed dataset (`tsfmicro run … --final`), and then named here by its folder.

# %%
asked = tsfmicro.read(video, model="demonstration")
print(asked.moments[["onset_s", "apex_s", "emotion"]].to_string())
print(asked.model)

# %% [markdown]
# An emotion in this table is the class that a model finds most likely. It is not what the person felt.
#
# ## 6. Files
#
# Any table goes to CSV, with its codebook; `tsfmicro spot VIDEO --out FOLDER` writes the same, and a report to print.

# %%
asked.moments.to_csv("moments.csv", index=False)
asked.codebook.to_csv("moments_codebook.csv", index=False)
