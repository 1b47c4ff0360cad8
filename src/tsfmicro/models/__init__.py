"""The models by name, each a file of its own: `tsfmicro.create_model`, `tsfmicro.list_models`."""
