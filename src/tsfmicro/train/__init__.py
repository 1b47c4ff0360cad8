"""One training: batches, augmentation, steps, checkpoints. No test label enters here."""
