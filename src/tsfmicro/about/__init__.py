"""What there is: datasets, models, this machine, and how fast it is."""
