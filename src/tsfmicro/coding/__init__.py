"""Files of coders, one file for each format, and how far two coders agree."""
