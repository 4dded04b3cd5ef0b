"""What every system offers: a description of each recording, and scores of pairs of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from cqtnet import SAMPLE_RATE, audio
from cqtnet.embed import Precision
from cqtnet.errors import FragmentTooShortError
from cqtnet.model import MINIMUM_S

Description = Mapping[str, NDArray[Any]]
"""All that a system needs to know of a recording, as arrays: it is kept on disk."""


@dataclass(frozen=True)
class Settings:
    """What the user chose; a system takes what concerns it."""

    model: str = "default"  # shipped weights by name, or a path
    device: str = "auto"
    precision: Precision = "auto"


class System(Protocol):
    """One way to tell whether two recordings are the same."""

    @property
    def parameters(self) -> Mapping[str, Any]:
        """Plain data: everything that changes a description or a score, SHA-256 of weights too."""

    @property
    def columns(self) -> tuple[str, ...]:
        """What else it says of each pair: `log_lr`, and whatever is to stand in the score file."""

    @property
    def pairs_at_once(self) -> int:
        """How many pairs are scored, and kept, together: what an interruption may cost."""

    def describe(self, path: Path) -> Description:
        """The description of a file; one that cannot be used is an InputError that names it."""

    def score(
        self, recordings: Sequence[Description], pairs: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Scores (n, 1 + columns) of pairs (n, 2): reference and probe.

        The first column is the score, higher for the same recording. A system without columns
        may leave out the second axis.

        Pairs are places in `recordings`, which are read from disk whenever one is asked for.
        """


def require_length(n_samples: int, path: Path) -> None:
    """Raise unless a recording is long enough for every system: then all score the same pairs."""
    if n_samples < MINIMUM_S * SAMPLE_RATE:
        raise FragmentTooShortError(
            f"{audio.shown(path)} lasts {n_samples / SAMPLE_RATE:.3f} s, less than the "
            f"{MINIMUM_S:.1f} s that can be compared; leave it out"
        )
