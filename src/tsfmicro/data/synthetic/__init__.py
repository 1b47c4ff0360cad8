"""Generated faces: people we draw ourselves, moved by action units, written in the CASME II layout.

person    who somebody is: proportions, tones, hair
head      their neutral portrait: height map, albedo, normals
hair      brows, scalp hair, stubble as strokes
light     a portrait under a light
eyes      eyeballs and lids, drawn in every frame
muscles   action units as displacement and relief of the skin
script    which movement a clip shows, and everything that has nothing to do with it
actor     a person in one take: frame at a time t
write     the folder on disk (`write_faces`)
"""
