"""Whether recordings are the same: found by embedding, proved by alignment, stated as a ratio."""

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # importing a part of verify needs neither torch nor the rest
    from verify.results import Comparison

__all__ = ["compare"]


def compare(
    a: str | os.PathLike[str], b: str | os.PathLike[str], *, model: str = "default"
) -> "Comparison":
    """The verdict on the recordings in two files, with what it rests on.

    For many pairs, make a `verify.comparison.Comparer` once.

    >>> compare("questioned.m4a", "reference.wav").verdict
    'same'
    """
    from verify.comparison import Comparer

    return Comparer.named(model).compare(a, b)
