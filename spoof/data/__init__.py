"""Data sets of real and synthetic speech: read, split, cut and joined.

>>> utterances = load_data(Path("LA"))  # or Fake-or-Real, DEEP-VOICE, folders, a table
>>> split = split_by_group(utterances)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cqtnet import audio
from cqtnet.errors import InputError

SPLITS = ("train", "valid", "test")


class DataWarning(UserWarning):
    """The data can be used, but something about them makes figures look better than they are."""


@dataclass(frozen=True)
class Utterance:
    """A recording of one voice with what its data set states about it; "" where it states nothing.

    `group` is the recording or the speaker that it comes from: a group never stands on two sides
    of a split. `speaker` is the person whose voice it is. `system` made a fake. `split` is one of
    `SPLITS`. `collection` is a repository or a part of a data set. `more` are files that follow
    the first where several utterances were joined.
    """

    path: Path
    is_fake: bool
    group: str
    speaker: str = ""
    system: str = ""
    split: str = ""
    collection: str = ""
    more: tuple[Path, ...] = ()

    @property
    def paths(self) -> tuple[Path, ...]:
        """All files of the recording."""
        return (self.path, *self.more)

    @property
    def name(self) -> str:
        """The file as errors and lists name it, or the first of several."""
        more = f" and {len(self.more)} more" if self.more else ""
        return audio.shown(self.path) + more


def missing_class(utterances: Sequence[Utterance]) -> str:
    """The counts of both classes in words where one of them is empty, else ""."""
    n_fake = sum(u.is_fake for u in utterances)
    n_real = len(utterances) - n_fake
    if n_real and n_fake:
        return ""
    return f"{n_real or 'no'} real and {n_fake or 'no'} fake utterances"


def balance(utterances: Sequence[Utterance]) -> str:
    """How many utterances are real and how many fake.

    >>> balance(utterances)
    '303 real, 2615 fake: 8.63 fake to 1 real'
    """
    n_fake = sum(u.is_fake for u in utterances)
    n_real = len(utterances) - n_fake
    ratio = n_fake / n_real if n_real else float("inf")
    return f"{n_real} real, {n_fake} fake: {ratio:.2f} fake to 1 real"


def class_weights(is_fake: NDArray[np.bool_]) -> tuple[float, float]:
    """Weights of real and of fake examples that make both classes count the same.

    `is_fake` is (n,). The mean weight of the examples is 1, so a weighted loss keeps its scale.
    """
    n_fake = int(np.count_nonzero(is_fake))
    n_real = len(is_fake) - n_fake
    if not (n_real and n_fake):
        raise InputError(f"{n_real} real and {n_fake} fake examples have no weights; give both")
    return len(is_fake) / (2 * n_real), len(is_fake) / (2 * n_fake)
