"""Arrays kept on disk under a name, so that work that was interrupted goes on."""

import hashlib
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from cqtnet.errors import InputError
from cqtnet.files import written_whole

Arrays = Mapping[str, NDArray[Any]]


class Kept:
    """Arrays by name in a folder; a file that is damaged in any way counts as missing.

    A file is the SHA-256 of the rest, then an .npz: nothing is parsed before its hash is right.

    >>> Kept(Path("cache")).put("a", {"level": np.array(0.5)})
    >>> Kept(Path("cache")).get("a")
    {'level': array(0.5)}
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, name: str) -> Arrays | None:
        """The arrays of that name, or None where there are none in order."""
        try:
            content = self._path(name).read_bytes()
        except OSError:
            return None
        digest, packed = content[:32], content[32:]
        if hashlib.sha256(packed).digest() != digest:
            return None
        with np.load(io.BytesIO(packed), allow_pickle=False) as arrays:
            return dict(arrays)

    def put(self, name: str, arrays: Arrays) -> None:
        """Keep the arrays under that name."""
        packed = io.BytesIO()
        np.savez(packed, **arrays)  # type: ignore[arg-type]
        with written_whole(self._path(name)) as temporary:
            temporary.write_bytes(hashlib.sha256(packed.getvalue()).digest() + packed.getvalue())

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.kept"


class KeptRecordings(Sequence[Arrays]):
    """Descriptions in the order of their names, read from disk each time one is asked for."""

    def __init__(self, kept: Kept, names: Sequence[str]) -> None:
        self.kept, self.names = kept, names

    def __len__(self) -> int:
        return len(self.names)

    @overload
    def __getitem__(self, index: int) -> Arrays: ...
    @overload
    def __getitem__(self, index: slice) -> "KeptRecordings": ...
    def __getitem__(self, index: int | slice) -> "Arrays | KeptRecordings":
        if isinstance(index, slice):
            return KeptRecordings(self.kept, self.names[index])
        found = self.kept.get(self.names[index])
        if found is None:
            raise InputError(
                f"{self.kept.folder} has lost what was just kept in it; run the command again"
            )
        return found
