"""A trained model used: a pair, a video, a folder of videos, an export. `tsfmicro.Recognizer`."""
