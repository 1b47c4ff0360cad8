"""Learning from people who never lived: drawn by some processes, learned from by this one, nothing kept. `tsfmicro pretrain`."""
