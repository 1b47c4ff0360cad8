"""A trained model used: a pair, a video, a folder of videos, an export. `tsfmicro.Recognizer`, `tsfmicro.spot_video`.

recognise, answers      models asked together, and what they answer
spot                    a video spotted, and what is left in a folder
pages, paper            a page, tables and a printed report of a video
batch                   a folder of videos
spot_dataset, spot_score, long_videos  spotting measured
export, graph, int8     one file for other runtimes
convert                 a released program's weights
"""
