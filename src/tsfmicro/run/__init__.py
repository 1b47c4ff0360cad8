"""The whole story of a run, and its folder. `tsfmicro.run_experiment` tells it.

experiment          from clips to a score, top to bottom
folder              a run on disk: settings, folds, logits, weights
task, here          one training, and many on this machine
floors              what the score is held against; linear_floors trains some of them
summary, units      scores beside their floors
final, trained      the models that it leaves
apexes              apexes looked for where a dataset has none
environment, watch  on what it ran, and who looks on
"""
