"""Tables, figures and pages, as pure functions of a run's or a video's arrays. `tsfmicro.report_runs` writes them.

material                a run as plain arrays
tables, formats         the paper's tables, as text, LaTeX, HTML, CSV
figures, scatter, faces  the paper's figures
saliency                where a trained model looked
page                    one page to read runs
moments, replay         one page to look at a video
printed                 one report of a video to print
style                   one look for all
"""
