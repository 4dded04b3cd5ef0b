"""What was computed of long recordings, remembered in the user's cache folder for the next pair.

Of each, by the SHA-256 of its bytes and of the weights: the trace, and the samples at 22,050 Hz,
for which a compressed file would have to be decoded again. It is bounded; what was not used for
longest goes first. Whoever deletes it loses only time. What is damaged counts as missing.
"""

import os
import secrets
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import numpy as np

from cqtnet.cache import ArrayCache
from cqtnet.embed import Trace
from cqtnet.errors import InputError
from verify.features import Floats

MOST_BYTES = 4 << 30  # twelve hours
CHECKED = 1 << 24  # samples that are summed up at once, for a checksum of their own


def cache_folder() -> Path:
    """Where it is: in CQTNET_CACHE, or else where the user's programs keep their caches."""
    own, base = os.environ.get("CQTNET_CACHE"), os.environ.get("XDG_CACHE_HOME")
    return Path(own) if own else Path(base or Path.home() / ".cache") / "cqtnet"


class Memory:
    """The recordings that are remembered in a folder."""

    def __init__(self, folder: Path | None = None, *, most_bytes: int = MOST_BYTES) -> None:
        self.folder, self.most_bytes = folder or cache_folder(), most_bytes

    def recall(self, name: str) -> tuple[Trace, tuple[str, ...], Floats] | None:
        """The trace, notes and samples (n,) under a name; None where there are none."""
        known = ArrayCache(self.folder).get(name)
        if known is None:
            return None
        try:
            sound = np.memmap(self.folder / f"{name}.samples", np.float32, "r")
        except (OSError, ValueError):
            return None
        if not np.array_equal(_checksums(sound), known["checksums"]):
            return None
        with suppress(OSError):
            for path in self.folder.glob(f"{name}.*"):
                path.touch()
        trace = Trace(known["steps"], known["levels"], sound.size, roots=known["roots"])
        return trace, tuple(known["notes"].tolist()), sound

    @contextmanager
    def spool(self) -> Iterator["Spool"]:
        """A file for the samples of a recording that is being read; it goes if not remembered."""
        path = self.folder / f".writing-{os.getpid()}-{secrets.token_hex(4)}"
        with ExitStack() as at_end:
            spool = Spool(self)
            with suppress(OSError):
                self.folder.mkdir(parents=True, exist_ok=True)
                spool.file = at_end.enter_context(path.open("xb"))
                at_end.callback(path.unlink, missing_ok=True)
            yield spool

    def size(self) -> tuple[int, int]:
        """How many recordings are remembered, and how many bytes they take up."""
        files = self._files()
        return sum(path.suffix == ".kept" for path in files), sum(p.stat().st_size for p in files)

    def clear(self) -> None:
        """Forget all."""
        for path in self._files():
            path.unlink(missing_ok=True)

    def bound(self) -> None:
        """Forget what was not used for longest, where it is too much."""
        files = sorted(self._files(), key=lambda path: -path.stat().st_mtime)
        total = np.cumsum([path.stat().st_size for path in files])
        for path, so_far in zip(files, total, strict=True):
            if so_far > self.most_bytes:
                path.unlink(missing_ok=True)

    def _files(self) -> list[Path]:
        patterns = ("*.kept", "*.samples", ".writing-*")
        return [path for pattern in patterns for path in self.folder.glob(pattern)]


def _checksums(sound: Floats) -> list[int]:
    """The checksums of the samples, each of a part."""
    parts = (sound[first : first + CHECKED].data for first in range(0, sound.size, CHECKED))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(zlib.crc32, parts))


class Spool:
    """Samples that are written while they are read; a disk that is full or closed is no error."""

    def __init__(self, memory: Memory) -> None:
        self.memory, self.checksums, self.n_samples = memory, list[int](), 0
        self.file: BinaryIO | None = None

    def write(self, block: Floats) -> None:
        """Go on with a block."""
        try:
            if self.file is not None:
                self.file.write(block.data)
                while block.size:
                    if (place := self.n_samples % CHECKED) == 0:
                        self.checksums.append(0)
                    part, block = block[: CHECKED - place], block[CHECKED - place :]
                    self.checksums[-1] = zlib.crc32(part.data, self.checksums[-1])
                    self.n_samples += part.size
        except OSError:
            self.file = None

    def remember(self, name: str, trace: Trace, notes: Sequence[str]) -> Floats | None:
        """The samples that were written, kept with the trace from now on; None if they are not."""
        if self.file is None:
            return None
        try:
            self.file.flush()
            sound: Floats = np.memmap(self.file.name, np.float32, "r")
            arrays = {"steps": trace.steps, "levels": trace.levels, "roots": trace.roots}
            arrays |= {"notes": np.array(notes, str), "checksums": np.array(self.checksums)}
            os.replace(self.file.name, self.memory.folder / f"{name}.samples")
            ArrayCache(self.memory.folder).put(name, arrays)
            self.memory.bound()
        except (OSError, ValueError, InputError):
            return None
        return sound
