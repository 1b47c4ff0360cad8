"""Tables, figures and a page, as pure functions of a run's arrays. `tsfmicro.report_runs` writes them."""
