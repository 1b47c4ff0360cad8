"""Generated faces: people we draw ourselves, moved by action units, written in the CASME II layout.

draw      fields over the face plane: bumps, lines, noise
person    who somebody is: proportions, tones, hair
head      their neutral portrait: height map, albedo, normals
hair      brows, scalp hair, stubble as strokes
light     a portrait under a light
eyes      eyeballs and lids, drawn in every frame
pose      where the head stands in the picture
muscles   action units as displacement and relief of the skin
script    which movement a clip shows, and everything that has nothing to do with it
actor     a person in one take: the frame at a time t
cast      who is filmed in which clips, from one seed
truth     what really moved
write     the folder on disk (`write_faces`)
pairs     two aligned frames with their true motion, to learn from (`draw_pairs`)
breadth   how far pairs spread: looks, make-up, lamps
glasses   what some of them wear
camera    what a camera makes of two frames
"""
