"""Datasets on disk become clips."""
