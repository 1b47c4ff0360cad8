"""Files of coders, one file for each format, and how far two coders agree.

registry                the formats by name; a new one is a line here
base                    what a format is
elan, praat, boris, datavyu, openface, challenge  other programs' files
project, spotted        our table of codes, and what spotting leaves
layers, tables          tiers and tables, as several formats have them
agreement               kappa, AC1 and ICC
"""
