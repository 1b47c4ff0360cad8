"""TSFmicro: a temporal and a spatial stream over the onset and apex of a micro-expression.

Paper: Liu, Nan, Qian and Fu, Temporal and Spatial Feature Fusion Framework for Dynamic Micro Expression Recognition.
Where its text and the program that its numbers come from differ, both are options. Tokens and retention default to the
program's, `frame` and `join`, which matter to its ablations only, to the paper's.
"""

from __future__ import annotations

from collections.abc import Sequence

from tsfmicro.models.fusion import Design, TSFmicro, build
from tsfmicro.models.origin import Origin
from tsfmicro.models.registry import register

PAPER = Origin(
    2025,
    "Temporal and Spatial Feature Fusion Framework for Dynamic Micro Expression Recognition",
    "Liu, Nan, Qian and Fu",
    "manuscript",
    source="the released program: logits within 5e-7 of the largest",
    chosen="test-selected: the best epoch of each fold",
    notes=("paper and released program differ in tokens, retention, frame and join: all are options",),
)


@register("tsfmicro", size=224, origin=PAPER)
def tsfmicro(
    num_classes: int,
    size: int,
    *,
    variant: str = "late",
    tokens: str = "thumbnail",
    retention: str = "manhattan",
    frame: str = "onset",
    join: str = "before",
    motion: str = "difference",
    widths: Sequence[int] = (64, 128, 256, 512),
    stem: Sequence[int] = (32, 32, 64, 64),
    spatial_width: int = 512,
    head_width: int = 1024,
    drop_path: float = 0.1,
) -> TSFmicro:
    """TSFmicro at full width: retention on movement, a transformer on the onset.

    Args:
        variant: temporal, spatial, early, temporal_to_spatial, spatial_to_temporal or late (TSFmicro).
        tokens: what the spatial stream sees: "thumbnail" (released) or "patches" (published).
        retention: "manhattan" (released) or "causal" (published, Eq. 2).
        frame: the spatial stream's image: "onset", or "apex" as the released spatial-only ablation.
        join: temporal_to_spatial adds the movement "before" (published) or "after" (released) the transformer blocks.
        motion: the temporal stream's image: "difference" of apex and onset (the paper), or "flow" (u, v, strain).
        widths, stem: channels of the retention stages and of the stem's convolutions.
        spatial_width, head_width: channels of the spatial stream and inside the head.
        drop_path: stochastic depth of the last retention block.
    """
    return build(
        variant,
        Design(
            num_classes, size, tokens, retention, frame, join, motion,
            widths, stem, spatial_width, head_width, drop_path,
        ),
    )  # fmt: skip


@register("tsfmicro-small", size=96)
def tsfmicro_small(
    num_classes: int,
    size: int,
    *,
    variant: str = "late",
    tokens: str = "thumbnail",
    retention: str = "manhattan",
    frame: str = "onset",
    join: str = "before",
    motion: str = "difference",
    drop_path: float = 0.0,
) -> TSFmicro:
    """TSFmicro narrowed for a laptop's CPU: an eighth of the widths, images of 96 × 96. Options as in tsfmicro, widths fixed.

    It has none of widths, stem, spatial_width and head_width; drop_path is 0 where not said.
    """
    widths, stem = (8, 16, 32, 64), (8, 8, 8, 8)
    return build(
        variant, Design(num_classes, size, tokens, retention, frame, join, motion, widths, stem, 64, 128, drop_path)
    )
