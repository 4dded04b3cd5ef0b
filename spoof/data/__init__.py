"""Data sets of real and synthetic speech: read, split, cut and joined.

>>> utterances = load_data(Path("LA"))  # or Fake-or-Real, DEEP-VOICE, folders, a table
>>> split = split_by_group(utterances)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from cqtnet import audio
from cqtnet.errors import InputError

SPLITS = ("train", "valid", "test")


@dataclass(frozen=True)
class Utterance:
    """One audio file with what its data set states about it; "" where it states nothing.

    `group` is the recording or the speaker that it comes from: a group never stands on two sides
    of a split. `speaker` is the person whose voice it is. `system` made a fake. `split` is one of
    `SPLITS`. `collection` is a repository or a part of a data set.
    """

    path: Path
    is_fake: bool
    group: str
    speaker: str = ""
    system: str = ""
    split: str = ""
    collection: str = ""


@dataclass(frozen=True)
class Recording:
    """What gets one score: an utterance, or several that follow each other."""

    paths: tuple[Path, ...]
    is_fake: bool
    group: str
    speaker: str = ""
    system: str = ""
    split: str = ""
    collection: str = ""

    @classmethod
    def of(cls, *utterances: Utterance) -> Self:
        """Utterances of one class and group as one; "" where their labels differ."""
        first = utterances[0]
        labels = {name: {getattr(u, name) for u in utterances}
                  for name in ("speaker", "system", "split", "collection")}  # fmt: skip
        same = {name: values.pop() if len(values) == 1 else "" for name, values in labels.items()}
        return cls(tuple(u.path for u in utterances), first.is_fake, first.group, **same)

    @property
    def name(self) -> str:
        """The file as errors and lists name it, or the first of several."""
        more = f" and {len(self.paths) - 1} more" if len(self.paths) > 1 else ""
        return audio.shown(self.paths[0]) + more


class DataWarning(UserWarning):
    """The data can be used, but something about them makes figures look better than they are."""


def missing_class(utterances: Sequence[Utterance]) -> str:
    """The counts of both classes in words where one of them is empty, else "".

    >>> missing_class([Utterance(Path("a.wav"), False, "a")])
    '1 real and no fake utterances'
    """
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

    >>> class_weights(np.array([False, True, True, True]))
    (2.0, 0.6666666666666666)
    """
    n_fake = int(np.count_nonzero(is_fake))
    n_real = len(is_fake) - n_fake
    if not (n_real and n_fake):
        raise InputError(f"{n_real} real and {n_fake} fake examples have no weights; give both")
    return len(is_fake) / (2 * n_real), len(is_fake) / (2 * n_fake)
