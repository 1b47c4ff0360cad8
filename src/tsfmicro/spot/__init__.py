"""When a face moved in a video: onset, apex and offset. `tsfmicro.spot_video`."""
