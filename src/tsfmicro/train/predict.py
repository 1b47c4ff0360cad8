"""What a model says about clips."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from tsfmicro.train import augment
from tsfmicro.train.loader import Loader
from tsfmicro.train.precision import lowered


def predict(
    model: nn.Module,
    loader: Loader,
    clip_ids: Sequence[str],
    batch_size: int,
    precision: str = "float32",
    mirrored: bool = False,
) -> Tensor:
    """Logits of clips, from their annotated pair, without augmentation, in evaluation mode.

    Args: mirrored: as their left and right are exchanged; the loader's `check_augmentation` says whether that can be.
    Returns: (N, C) float32 on the device; who reads it waits for the device, this function does not. (0, 0) for no clips.
    """
    if not clip_ids:
        return torch.empty(0, 0, device=loader.device)
    was_training = model.training
    model.eval()
    with torch.inference_mode(), lowered(loader.device, precision):
        # What only a loss looks at stays where it lies.
        asked = [name for name in loader.inputs if name not in getattr(model, "targets", ())]
        parts = []
        for rows in loader.rows(clip_ids).split(batch_size):
            turned = loader.here(augment.MIRROR.expand(len(rows), 2, 3)) if mirrored else None
            parts.append(model(**loader.gather(rows, "annotated", turned, asked)).float())
    model.train(was_training)
    return torch.cat(parts)
