"""Whitening: the last stage of training, a closed-form change of FC0.

Embeddings that came out of training vary a lot in some directions and little in others, and so
does what an alteration moves them by. The cosine weighs all directions alike, so it spends itself
on those that vary for no good reason. Both variations are measured on pairs of views, and FC0 is
changed so that their mean is about the same in every direction. Nothing is added at inference.
"""

from collections.abc import Iterable

import torch

from cqtnet.model import CqtNet
from cqtnet.views import Batch, embed_batch

WITHIN = 0.5
"""Weight of what alterations move, the rest being that of how fragments differ at all."""
FLOOR = 0.1
"""Variance added in every direction, of a mean of 1: keeps directions that hold nothing small."""


@torch.inference_mode()
def whiten(net: CqtNet, batches: Iterable[Batch], *, dtype: torch.dtype = torch.float32) -> None:
    """Change FC0 of `net` by the pairs of views in `batches`, of any lengths.

    Some thousands of pairs tell enough of 768 features. `dtype` is the trunk's; batches, which may
    be made as they are wanted, are made in float32.
    """
    was_training = net.training
    net.eval()
    embedded = []
    for batch in batches:
        device = batch.second.device.type
        with torch.autocast(device, dtype, enabled=dtype != torch.float32):
            embedded.append(embed_batch(net, batch).double().chunk(2))
    first, second = (torch.cat(side) for side in zip(*embedded, strict=True))
    both = torch.cat([first, second])
    within, total = torch.cov((first - second).T) / 2, torch.cov(both.T)
    rank = min(net.fc0.in_features, net.fc0.out_features)
    spread = WITHIN * within / within.trace() + (1 - WITHIN) * total / total.trace()
    variances, directions = torch.linalg.eigh(rank * spread)
    scale = (variances.clamp(min=0) + FLOOR).rsqrt()
    change = (directions * scale) @ directions.T
    weight, bias = net.fc0.weight.double(), net.fc0.bias.double()
    net.fc0.weight.copy_(change @ weight)
    net.fc0.bias.copy_(change @ (bias - both.mean(dim=0)))
    net.train(was_training)
