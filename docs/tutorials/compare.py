# %% [markdown]
# # Two models, honestly compared
#
# Is the second model better than the first, or did it have luck with a few people? The same folds, the same clips, a test that pairs
# people. On ready-made flow maps of drawn people, in a minute or two.

# %%
import os

import tsfmicro

small = "TUTORIAL_SMALL" in os.environ  # as the tests run it: fewer people, two epochs

# %% [markdown]
# ## 1. One dataset, one protocol, two models
#
# What is compared must differ in one thing. Here it is the model: STSTNet and OFF-ApexNet, both small networks on optical flow. People,
# folds, epochs and seeds are the same; people are put into three groups and each group is left out once.

# %%
maps = tsfmicro.draw_flow_maps("maps", people=4 if small else 8)
data = {"flow-maps": maps}
same = {
    "train.epochs": 2 if small else 60,
    "train.seeds": [0] if small else [0, 1, 2],
    "protocol.name": "person_kfold",
    "protocol.options.k": 3,
}
runs = {}
for model in ("ststnet", "off-apexnet"):
    config = tsfmicro.load_config("megc2019-ststnet", {**same, "model.name": model, "name": model})
    runs[model] = tsfmicro.run_experiment(config, data, f"runs/{model}", cache="cache", workers=1)
    print(model, runs[model].line())

# %% [markdown]
# ## 2. The difference, not two scores
#
# Two intervals that overlap say little: both models met the same people, and a hard person is hard for both. `compare_runs` takes the
# difference person by person.

# %%
comparison = tsfmicro.compare_runs("runs/ststnet", "runs/off-apexnet")
print(*comparison.about(), sep="\n")
print(comparison.headline())
headings, rows = comparison.table()
for row in [headings, *rows]:
    print("  ".join(f"{cell:22}" for cell in row))

# %% [markdown]
# **How to read it.** *A − B* has a 95 % interval over people; where it holds 0, these people cannot tell which is better. *p* is how often
# a difference at least this large would come about if the models were equally good, exchanging their answers person by person. Under 0.05
# counts as shown, if these two were the only ones you tried: of twenty comparisons of equal models one falls below it by chance.
#
# "Not shown to be better" does not mean "equally good". It means: ask more people.

# %% [markdown]
# ## 3. Is either better than nothing much?
#
# The same test against the floors of a run: a linear model, and always guessing.

# %%
for floor in ("linear", "majority"):
    print(tsfmicro.compare_runs("runs/ststnet", floor).headline())

# %% [markdown]
# ## 4. The habit to avoid
#
# Published scores often take, for each person, the epoch that did best on that very person. Rule `oracle` does it, so that you see what
# it adds; it is labelled test-selected and never stands alone, and `compare_runs` refuses it.

# %%
both = tsfmicro.evaluate_run("runs/ststnet", rule="oracle")
for scores in both.scores:
    print(scores.rule, scores.uf1)
print("leak:", both.leak["uf1"])
try:
    tsfmicro.compare_runs("runs/ststnet", "runs/off-apexnet", rule="oracle")
except tsfmicro.TsfmicroError as refused:
    print(refused)
