"""One training: batches, augmentation, steps, checkpoints. No test label enters here.

fit                     the story of a training
loader, order, augment  batches, in which order, moved how
step, precision         one step, in which numbers
checkpoint              the state of a training that was stopped
predict                 what a trained model says
"""
