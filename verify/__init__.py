"""Whether recordings are the same: found by embedding, proved by alignment, stated as a ratio."""

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # importing a part of verify needs neither torch nor the rest
    from verify.comparison import Comparison

__all__ = ["compare"]


def compare(
    a: str | os.PathLike[str], b: str | os.PathLike[str], *, model: str = "default"
) -> "Comparison":
    """What is to be said about the recordings in two files.

    For many pairs, make a `verify.comparison.Comparer` once.

    >>> compare("questioned.m4a", "reference.wav").verdict
    'same'
    """
    from verify.comparison import Comparer

    return Comparer.named(model).compare(a, b)
