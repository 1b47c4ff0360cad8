"""The psychologist's desk: a page on which videos are coded, served on this machine."""
