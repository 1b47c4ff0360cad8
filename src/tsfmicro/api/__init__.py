"""The functions that `tsfmicro` lends by short names. They stay as docs/api.md says; everything below them may move."""
