"""Datasets on disk become clips. `tsfmicro.read_dataset`, `tsfmicro.list_datasets`.

registry                the datasets by name; a new one is a line here
base, annotated, headed  what a dataset is, what every reader of faces does, what one of a sheet with a header does
entries, sheets, frames  what a sheet says of a clip, and where its frames lie
check                   a folder beside the published counts
corrections, exclusions  known mistakes, and clips to leave out
coded                   what coders made, as a dataset
flow_maps               ready-made flow
"""
