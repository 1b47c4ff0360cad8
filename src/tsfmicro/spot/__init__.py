"""When a face moved in a video: onset, apex and offset. `tsfmicro.spot_video`.

spot            the story, from frames to expressions
video           frames and their times, of a file or of a folder of images
track           faces found once and followed
motion          how far each region of a face moved, the head's own movement taken out
intervals       where that is an expression, and what speaks against it
marks           what is no expression, or hides one
apex            the apex of a clip that has none
score, listing  the grand challenges' measure and files
types           what is found: Spotting, Expression, Segment
figure          its picture
"""
