"""Our own detector: a small dense network on statistics of a voice."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LARGEST = 4.0
"""Standard deviations at which a statistic is cut off: a strange microphone must not decide."""
NOISE = 0.1


class Light(nn.Module):
    """Logit (B, 1) of statistics (B, n_inputs).

    They are standardised by what training saw of them, whatever its labels.
    """

    def __init__(self, n_inputs: int) -> None:
        super().__init__()
        self.standard = nn.BatchNorm1d(n_inputs, affine=False, momentum=0.02)
        self.first = nn.Linear(n_inputs, 96)
        self.norm = nn.BatchNorm1d(96)
        self.second = nn.Linear(96, 48)
        self.out = nn.Linear(48, 1)
        self.input_dropout = nn.Dropout(0.2)
        self.dropout = nn.Dropout(0.4)

    def forward(self, x: Tensor) -> Tensor:
        """Statistics (B, n_inputs) → logit (B, 1)."""
        x = self.standard(x).clamp(-LARGEST, LARGEST)
        if self.training:
            x = x + NOISE * torch.randn_like(x)
        x = F.gelu(self.norm(self.first(self.input_dropout(x))))  # (B, 96)
        x = F.gelu(self.second(self.dropout(x)))  # (B, 48)
        logit: Tensor = self.out(self.dropout(x))
        return logit
