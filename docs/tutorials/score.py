# %% [markdown]
# # A score for your dataset
#
# From a folder of clips to a leave-one-subject-out score, and what it says. With drawn people instead of a licensed dataset, it takes
# some minutes; with yours, change one line.

# %%
import os

import tsfmicro

small = "TUTORIAL_SMALL" in os.environ  # as the tests run it: fewer people, two epochs

# %% [markdown]
# ## 1. A folder
#
# `draw_faces` draws people who never lived and lets their faces move, in the layout of CASME II. If you have the real one, leave the
# drawing out and write its folder: `data = {"casme2": "/data/CASME2"}`. Other datasets go by other names.

# %%
people, clips, fps = (3, 5, 25) if small else (6, 10, 60)
faces = tsfmicro.draw_faces("faces", people=people, clips=clips, fps=fps, workers=1)
data = {"casme2": faces}
print(tsfmicro.list_datasets())

# %% [markdown]
# ## 2. What is in it
#
# Reading computes nothing yet. Every clip has its person, its onset, apex and offset, and a label; every odd row of the sheet is a
# flag with a reason, and nothing disappears quietly. On a command line: `tsfmicro data check casme2 faces`.

# %%
reading = tsfmicro.read_dataset("casme2", faces)
print(len(reading.clips), "clips of", len({clip.person for clip in reading.clips}), "people")
print(*reading.flags, sep="\n")
first = reading.clips[0]
print(first.id, first.emotion, "frames", first.onset, first.apex, first.offset)

# %% [markdown]
# ## 3. The run
#
# `demo` is a config: which labels, how faces are prepared, which model, how it is trained, who is tested. Each person is left out once;
# a model is trained on the others and asked about the one it has never seen. Stopped halfway, the same call goes on.
#
# `workers=1` keeps all in this process. With more, a script is read again by each process, so put the call under
# `if __name__ == "__main__":`.

# %%
config = tsfmicro.load_config("demo", {"train.epochs": 2 if small else 100})
summary = tsfmicro.run_experiment(config, data, "runs/score", cache="cache", workers=1)
print(summary.line())

# %% [markdown]
# ## 4. What the numbers mean
#
# - **UF1** is the mean over classes of F1, so that a class of three clips counts as much as one of thirty. It is 1 where every clip is
#   right, and what always guessing reaches stands beside it as the *majority floor*.
# - **In brackets**: a 95 % interval over *people*. Clips of one person are alike; people are what there are few of. With so few people it is
#   wide, and that is the truth about so few people.
# - **rule last**: the last epoch counts. Choosing the best epoch on the test person would lift the score by 6 to 15 points, and mean nothing.
# - **linear floor**: a linear model on the same folds. A network that is not better than it has not been shown to be good.

# %%
headings, rows = summary.table()
for row in [headings, *rows]:
    print("  ".join(f"{cell:24}" for cell in row))
print(summary.versus_line())

# %% [markdown]
# ## 5. Can it be trusted?
#
# The audit reads the finished run's folder: nobody on two sides, no test label in training, scores that are what the logits give.

# %%
audit = tsfmicro.audit_run("runs/score")
print("audit passed:", audit.passed)
assert audit.passed

# %% [markdown]
# What was said of each clip is in `tsfmicro.read("runs/score").clips`; figures and a page are made by `tsfmicro.report_runs`. What a score like
# this does not say: how the model does on other cameras, other ages, or in life outside a laboratory.
