"""Clips become arrays: faces found and aligned, flow, sequences, landmarks, kept in a cache. `tsfmicro.prepare_clips`."""
