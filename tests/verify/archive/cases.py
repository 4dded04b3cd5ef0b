"""Small archives for tests; recording number 17 is the same wherever it is made."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from eval.bench.faults.synthetic import MANIFEST, SEGMENT_BYTES, synthetic_recording
from verify.archive.disk.store import Store
from verify.archive.results import Entry, NewRecording, Windows


def make_archive(folder: Path, numbers: range = range(1, 6), **options: Any) -> list[Entry]:
    """The entries of an archive of some synthetic recordings; 1 to 5 have 15 to 75 windows."""
    with Store.create(folder, MANIFEST, segment_bytes=SEGMENT_BYTES, **options) as store:
        return store.add([synthetic_recording(number) for number in numbers])


def writing(folder: Path) -> Store:
    return Store.open(folder, write=True, segment_bytes=SEGMENT_BYTES)


def stored(number: int) -> np.ndarray:
    """What comes back of a recording's vectors: they are kept in 16 bits."""
    return synthetic_recording(number).windows.vectors.astype(np.float16).astype(np.float32)


def with_windows(new: NewRecording, **changes: Any) -> NewRecording:
    windows: Windows = replace(new.windows, **changes)
    return replace(new, windows=windows)
