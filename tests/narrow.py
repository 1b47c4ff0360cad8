"""Large models in a narrow form or for smaller images, of the same parts: what every model must do is shown in seconds."""

NARROW = {
    "aman": {"frames": 4, "levels": 3},
    "atm-gcn-approx": {"size": 56, "widths": (16, 16, 16, 32)},
    "c3dbed-approx": {"widths": (16, 32, 64), "width": 64, "layers": 2},
    "causalnet": {"width": 24, "blocks": (1, 1, 1)},
    "htnet": {"width": 24, "blocks": (1, 1, 2)},
    "mersiamc3d-approx": {"size": 64, "widths": (16, 32, 64, 64, 128), "margin": 4.0},
    "micron-bert": {"size": 64},
    "mmnet": {"size": 112},
    "mol": {"size": 64},
    "mpfnet-approx": {"steps": 4, "levels": 3, "width": 16},
    "srmcl": {"size": 64},
    "state-lstm-approx": {"widths": (16, 16, 16), "width": 64},
    "strcn": {"maps": 64},
    "tsfmicro": {"size": 112},
}
"""Model → what it is built with. As they were made, `make test-all` tries them too."""
