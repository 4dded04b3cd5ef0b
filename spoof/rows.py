"""DEEP-VOICE's table of features in place of recordings: each row is an example."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from augment.audio.files import shown
from cqtnet.errors import InputError, ManifestError
from cqtnet.tables import read_table
from spoof.data import Utterance, class_counts
from spoof.data.folders import is_fake_word
from spoof.features.spectra import COLUMNS
from spoof.prepare import Change, Examples, Preparer
from spoof.recipes import LARGEST, Recipe

HEAD_BYTES = 4096
"""The header of a table is within so many bytes."""


@dataclass(frozen=True)
class RowPreparer(Preparer):
    """Gives rows in place of decoded recordings; an utterance's group is the number of its row."""

    rows: NDArray[np.float32] = field(kw_only=True)  # (n, 26)

    def examples(
        self, utterances: Sequence[Utterance], recipe: Recipe, *, copies: int = 1,
        change: Change | None = None,
    ) -> Examples:  # fmt: skip
        """The rows of these recordings."""
        if recipe.input_shape != (len(COLUMNS),):
            raise InputError(
                f"{recipe.name} takes {recipe.input_shape} and a row is {len(COLUMNS)} numbers; "
                "use a recipe on rows, such as s2-ann@rows, or give the recordings themselves"
            )
        if copies > 1 or change is not None:
            raise InputError("rows cannot be altered; give the recordings themselves")
        values = self.rows[np.array([int(u.group) for u in utterances], np.intp)]
        largest = float(np.abs(values).max(initial=0))
        if not largest <= LARGEST:
            raise InputError(f"a row holds {largest:g}, the limit is {LARGEST:g}; leave it out")
        place, zeros = np.arange(len(values)), np.zeros(len(values), np.intp)
        halves = values.astype(np.float16)
        return Examples(halves, place, place, zeros, zeros, tuple(utterances))


def is_row_table(path: Path) -> bool:
    """Whether a file is a table of features, by its header."""
    if path.suffix.lower() != ".csv" or not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES).splitlines()[:1]
    columns = head[0].decode("utf-8-sig", "replace").lower().split(",") if head else []
    return set(COLUMNS) <= {column.strip().strip('"') for column in columns}


def read_row_table(path: Path, preparer: Preparer) -> tuple[list[Utterance], RowPreparer]:
    """Each row of `DATASET-balanced.csv` as a recording of its own, and their preparer.

    The table does not state which recording a row comes from: rows can only be split one by one.
    """
    rows: list[list[float]] = []
    utterances: list[Utterance] = []
    collection = shown(path.stem)
    for line, row in read_table(path, needed=[*COLUMNS, "label"], fold_case=True).dicts():
        is_fake = is_fake_word(row["label"])
        if is_fake is None:
            raise ManifestError(
                f"{path}:{line}: LABEL {shown(row['label'])!r} is neither FAKE nor REAL; correct it"
            )
        utterances.append(
            Utterance(path, is_fake, group=str(len(utterances)), collection=collection)
        )
        rows.append([_number(row, name, place=f"{path}:{line}") for name in COLUMNS])
    n_real, n_fake = class_counts(utterances)
    if not (n_real and n_fake):
        only = "FAKE" if n_fake else "REAL"
        raise ManifestError(f"{path}: all {len(rows)} rows are {only}; give rows of both kinds")
    return utterances, RowPreparer(preparer.cache, rows=np.array(rows, np.float32))


def _number(row: dict[str, str], name: str, *, place: str) -> float:
    try:
        number = float(row[name])
    except ValueError:
        number = math.nan
    if not abs(number) <= float(np.finfo(np.float32).max):
        raise ManifestError(f"{place}: {name} {shown(row[name])!r} is no number; correct it")
    return number
