"""What a model says about clips."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from tsfmicro.train.loader import Loader
from tsfmicro.train.precision import lowered


def predict(
    model: nn.Module, loader: Loader, clip_ids: Sequence[str], batch_size: int, precision: str = "float32"
) -> Tensor:
    """Logits of clips, from their annotated pair, without augmentation, in evaluation mode.

    Returns: (N, C) float32 on the device; who reads it waits for the device, this function does not. (0, 0) for no clips.
    """
    if not clip_ids:
        return torch.empty(0, 0, device=loader.device)
    was_training = model.training
    model.eval()
    with torch.inference_mode(), lowered(loader.device, precision):
        # What only a loss looks at stays where it lies.
        asked = [name for name in loader.inputs if name not in getattr(model, "targets", ())]
        batches = (loader.gather(rows, "annotated", only=asked) for rows in loader.rows(clip_ids).split(batch_size))
        parts = [model(**batch).float() for batch in batches]
    model.train(was_training)
    return torch.cat(parts)
