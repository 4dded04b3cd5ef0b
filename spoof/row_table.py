"""DEEP-VOICE's table of features in place of recordings: each row is an example as it stands."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from cqtnet import audio
from cqtnet.errors import InputError
from spoof.data.rows import NAMES, Rows, read_rows
from spoof.data.utterance import Utterance
from spoof.prepare import MOST, Change, Examples, Preparer, as_recordings
from spoof.recipes.recipe import Recipe

HEAD_BYTES = 4096


@dataclass(frozen=True)
class RowPreparer(Preparer):
    """Gives rows where others decode recordings; a recording's group is its row's number."""

    rows: Rows = field(kw_only=True)

    def examples(
        self,
        utterances: Sequence[Utterance],
        recipe: Recipe,
        *,
        copies: int = 1,
        change: Change | None = None,
    ) -> Examples:
        """The rows of these recordings."""
        if recipe.input_shape != (len(NAMES),):
            raise InputError(
                f"{recipe.name} takes {recipe.input_shape} and a row is {len(NAMES)} numbers; use "
                "a recipe on rows, such as s2-ann@rows, or give the recordings themselves"
            )
        if copies > 1 or change is not None:
            raise InputError("rows cannot be altered; give the recordings themselves")
        at = np.array([int(u.group) for u in utterances], np.intp)
        values = self.rows.values[at]
        largest = float(np.abs(values).max(initial=0))
        if not largest <= MOST:
            raise InputError(f"a row holds {largest:g}, the limit is {MOST:g}; leave it out")
        none = np.zeros(len(at), np.intp)
        recordings = tuple(as_recordings(utterances, joins=False))
        place = np.arange(len(at))
        return Examples(values.astype(np.float16), place, place, none, none, recordings)


def is_row_table(path: Path) -> bool:
    """Whether a file is a table of features, by its header."""
    if path.suffix.lower() != ".csv" or not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES).splitlines()[:1]
    columns = head[0].decode("utf-8-sig", "replace").lower().split(",") if head else []
    return set(NAMES) <= {column.strip().strip('"') for column in columns}


def read_row_table(path: Path, preparer: Preparer) -> tuple[list[Utterance], RowPreparer]:
    """Each row as a recording of its own, and what gives its numbers.

    >>> utterances, rows = read_row_table(Path("DATASET-balanced.csv"), Preparer(Path("cache")))
    """
    rows = read_rows(path)
    utterances = [
        Utterance(path, bool(is_fake), group=str(number), collection=audio.shown(path.stem))
        for number, is_fake in enumerate(rows.is_fake)
    ]
    return utterances, RowPreparer(preparer.cache, rows=rows)
