"""The whole story of a run, and its folder. `tsfmicro.run_experiment` tells it."""
