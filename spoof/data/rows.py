"""DEEP-VOICE's table of features: a row for every second of its recordings."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cqtnet.audio.files import shown
from cqtnet.errors import ManifestError
from spoof.data.files import is_fake_word, table_rows

NAMES = (
    "chroma_stft",
    "rms",
    "spectral_centroid",
    "spectral_bandwidth",
    "rolloff",
    "zero_crossing_rate",
    *(f"mfcc{number}" for number in range(1, 21)),
)
LABEL = "label"
LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True, eq=False)
class Rows:
    """Features of seconds of sound, (n, 26), and whether each is fake, (n,).

    Which recording a row comes from is not said: rows can only be split as they stand, and the
    seconds of one recording come to lie on both sides.
    """

    values: NDArray[np.float32]
    is_fake: NDArray[np.bool_]
    names: tuple[str, ...] = NAMES


def read_rows(path: Path) -> Rows:
    """The rows of `DATASET-balanced.csv`, or of a table with its columns in any order.

    >>> rows = read_rows(Path("DATASET-balanced.csv"))
    >>> rows.values.shape, rows.is_fake.sum()
    ((11778, 26), 5889)
    """
    values: list[list[float]] = []
    is_fake: list[bool] = []
    for line, row in table_rows(path, needed=(*NAMES, LABEL)):
        fake = is_fake_word(row[LABEL])
        if fake is None:
            raise ManifestError(
                f"{path}:{line}: LABEL {shown(row[LABEL])!r} is neither FAKE nor REAL; correct it"
            )
        values.append([_number(row, name, place=f"{path}:{line}") for name in NAMES])
        is_fake.append(fake)
    labels = np.array(is_fake, bool)
    if labels.all() or not labels.any():
        only = "FAKE" if labels.all() else "REAL"
        raise ManifestError(f"{path}: all {labels.size} rows are {only}; give rows of both kinds")
    return Rows(np.array(values, np.float32), labels)


def _number(row: dict[str, str], name: str, *, place: str) -> float:
    try:
        number = float(row[name])
    except ValueError:
        number = math.nan
    if not abs(number) <= LARGEST:
        raise ManifestError(f"{place}: {name} {shown(row[name])!r} is no number; correct it")
    return number
