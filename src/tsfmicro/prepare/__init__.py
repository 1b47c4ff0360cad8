"""Clips become arrays: faces found and aligned, flow, sequences, landmarks, kept in a cache. `tsfmicro.prepare_clips`.

prepare               the story, for many clips at once
face, align, aligned  a face found, and cut out of each frame with one transform
pairs                 which frame stands for the apex
products              what is made of an aligned clip, one file each: faces, flow, frames, landmarks, depth
cache, parts          what was made, in folders that are whole or not there
images                frames read from pictures and videos
"""
