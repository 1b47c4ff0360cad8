"""What a model says about clips."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from tsfmicro.train.loader import Loader


def predict(model: nn.Module, loader: Loader, clip_ids: Sequence[str], batch_size: int) -> np.ndarray:
    """Logits of clips, from their annotated pair, without augmentation, in evaluation mode.

    Returns: (N, C) float32.
    """
    was_training = model.training
    model.eval()
    with torch.inference_mode():
        parts = [
            model(**loader.batch(clip_ids[start : start + batch_size], "annotated")).float()
            for start in range(0, len(clip_ids), batch_size)
        ]
    model.train(was_training)
    return torch.cat(parts).cpu().numpy()
