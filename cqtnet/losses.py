"""What training minimises: recordings told apart as classes, views of one moment paired."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ClassHead(nn.Module):
    """FC1: logits (B, classes) of embeddings (B, E); dropped after training.

    With `scale` 0 it is the paper's linear layer. Otherwise it compares by cosine, times
    `scale`, after taking `margin` off the right class (additive-margin softmax).
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


def nt_xent(
    first: Tensor,
    second: Tensor,
    *,
    temperature: float,
    recordings: Tensor | None = None,
    collections: Tensor | None = None,
) -> Tensor:
    """Mean cross-entropy of finding, for each view (B, E), the other view of the same moment.

    All other views of the batch are the alternatives (NT-Xent), except those of the same
    recording or the same collection (B,): they may hold the same music, and pushing them apart
    would teach a falsehood.
    """
    n = len(first)
    views = F.normalize(torch.cat([first, second]).float())
    with torch.autocast(views.device.type, enabled=False):  # cosines near 1 need float32
        logits = views @ views.T / temperature  # (2B, 2B)
    partner = (torch.arange(2 * n, device=views.device) + n) % (2 * n)
    excluded = torch.eye(2 * n, dtype=torch.bool, device=views.device)
    for group in (recordings, collections):
        if group is not None:
            both = torch.cat([group, group])
            excluded |= both[:, None] == both[None]
    excluded[torch.arange(2 * n, device=views.device), partner] = False
    return F.cross_entropy(logits.masked_fill(excluded, float("-inf")), partner)
