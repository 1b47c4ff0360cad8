"""Which videos a browser plays. The program reads more of them."""

from __future__ import annotations

from pathlib import Path

import cv2

from tsfmicro.errors import VideoError
from tsfmicro.spot.video import capture_of

_PLAYED = {
    "avc1": "H.264", "h264": "H.264", "vp80": "VP8", "vp90": "VP9", "vp09": "VP9", "av01": "AV1", "theo": "Theora",
}  # fmt: skip
_UNPLAYED = {
    "hevc": "HEVC", "hvc1": "HEVC", "hev1": "HEVC", "mjpg": "MJPEG", "fmp4": "MPEG-4", "mp4v": "MPEG-4", "xvid": "MPEG-4",
}  # fmt: skip
_FILES_UNPLAYED = {".avi", ".mpg", ".mpeg", ".mts", ".wmv", ".flv"}


def unplayed(video: Path) -> str:
    """What to tell somebody whose browser may show an empty box in the place of a video; empty where it plays, or cannot be opened."""
    try:
        with capture_of(video) as capture:
            code = int(capture.get(cv2.CAP_PROP_FOURCC)).to_bytes(4, "little").decode("latin-1").lower()
    except (VideoError, OverflowError):
        return ""
    if code in _PLAYED and video.suffix.lower() not in _FILES_UNPLAYED:
        return ""
    name = (_PLAYED | _UNPLAYED).get(code) or code.strip() or "unknown"
    return (
        f"Most browsers do not play this video ({name} in {video.suffix or 'a file without ending'}), so that its place may stay "
        "empty. It is read all the same, and the result shows pictures of it."
    )
