"""Facial micro-expressions: from a dataset's folder to a leave-one-subject-out score that can be trusted."""

__version__ = "0.1.0"
