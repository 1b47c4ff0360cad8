"""Who learns from whom, and who is tested: `tsfmicro.list_protocols`."""
