"""What training minimises: recordings as classes, and pairs of views; and whitening at its end."""

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cqtnet.model import CqtNet
from cqtnet.views import Batch, embed_batch


class ClassHead(nn.Module):
    """FC1: logits (B, classes) of embeddings (B, E); dropped after training.

    With `scale` 0 it is the paper's linear layer. Otherwise the logits are cosines times `scale`,
    with `margin` taken off that of the right class (additive-margin softmax).
    """

    def __init__(
        self, embedding_size: int, n_classes: int, *, scale: float = 0.0, margin: float = 0.0
    ) -> None:
        super().__init__()
        self.scale, self.margin = scale, margin
        self.fc1 = nn.Linear(embedding_size, n_classes, bias=scale == 0)

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """Logits (B, classes) for cross-entropy against `labels` (B,)."""
        if self.scale == 0:
            logits: Tensor = self.fc1(embeddings)
            return logits
        with torch.autocast(embeddings.device.type, enabled=False):
            cosine = F.normalize(embeddings.float()) @ F.normalize(self.fc1.weight).T
        margin = self.margin * F.one_hot(labels, cosine.shape[1])
        return self.scale * (cosine - margin)


def nt_xent(first: Tensor, second: Tensor, *groups: Tensor, temperature: float) -> Tensor:
    """Mean cross-entropy of finding, for each view (B, E), the other view of the same moment.

    The alternatives are all other views of the batch (NT-Xent), except those of the same group
    (B,), such as a collection: they may hold the same music.
    """
    n = len(first)
    views = F.normalize(torch.cat([first, second]).float())
    with torch.autocast(views.device.type, enabled=False):  # cosines near 1 need float32
        logits = views @ views.T / temperature  # (2B, 2B)
    partner = (torch.arange(2 * n, device=views.device) + n) % (2 * n)
    excluded = torch.eye(2 * n, dtype=torch.bool, device=views.device)
    for group in groups:
        both = torch.cat([group, group])
        excluded |= both[:, None] == both[None]
    excluded[torch.arange(2 * n, device=views.device), partner] = False
    return F.cross_entropy(logits.masked_fill(excluded, float("-inf")), partner)


# Whitening: the last stage of training, a closed-form change of FC0. After training, embeddings
# vary a lot in some directions and little in others, and alterations move them more in some than
# in others. The cosine weighs all directions alike, so the directions that vary most for no good
# reason dominate it. Both variations are measured on pairs of views, and FC0 is changed so that
# their mean is about the same in every direction. Nothing is added at inference.

WITHIN = 0.5
"""Weight of the variation that alterations cause; the rest is that between fragments."""
FLOOR = 0.1
"""Variance added in every direction, where the mean is 1: keeps empty directions small."""


@torch.inference_mode()
def whiten(net: CqtNet, batches: Iterable[Batch], *, dtype: torch.dtype = torch.float32) -> None:
    """Change FC0 of `net` by the pairs of views in `batches`, some thousands for 768 features."""
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
