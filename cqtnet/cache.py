"""What is computed once of each recording and kept: decoded samples, CQTs."""

import hashlib
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from cqtnet import SAMPLE_RATE, audio
from cqtnet.data import Item
from cqtnet.errors import FragmentTooShortError, ManifestError
from cqtnet.files import written_whole
from cqtnet.model import MINIMUM_S

FORMAT = 2
"""Raised whenever decoding, the CQT or what is kept of them changes: old files are then unused."""


def cached(
    item: Item, cache: Path, kind: str, make: Callable[[], NDArray[Any]], *, mapped: bool = False
) -> NDArray[Any]:
    """The array kept of a recording, by its content and kind; made where it is missing.

    A damaged file counts as missing. `mapped` leaves the array on disk until it is read.
    """
    path = cache / f"{content_hash(item.path)[:24]}-{kind}-v{FORMAT}.npy"
    mode: Literal["r"] | None = "r" if mapped else None
    try:
        return np.load(path, mmap_mode=mode, allow_pickle=False)  # type: ignore[no-any-return]
    except (OSError, ValueError, EOFError):
        with written_whole(path) as temporary:
            np.save(temporary, make())
    return np.load(path, mmap_mode=mode, allow_pickle=False)  # type: ignore[no-any-return]


def content_hash(path: Path) -> str:
    """SHA-256 of a recording's bytes; read again only where the file has changed."""
    try:
        status = path.stat()
    except OSError as error:
        raise ManifestError(f"{audio.shown(path)} cannot be read: {error.strerror}") from error
    return _hash_of_version(path, status.st_size, status.st_mtime_ns)


@cache
def _hash_of_version(path: Path, size: int, changed_ns: int) -> str:
    del size, changed_ns  # they only tell versions of the file apart
    return audio.file_sha256(path)


def data_hash(items: Sequence[Item]) -> str:
    """SHA-256 over names, splits and contents of all recordings: names a training set."""
    digest = hashlib.sha256()
    for item in sorted(items, key=lambda item: item.recording):
        line = f"{item.recording}\t{item.split}\t{content_hash(item.path)}\n"
        digest.update(line.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def load_recording(item: Item) -> NDArray[np.float32]:
    """Samples (n,) of a recording to learn from: something in it, long enough, at most ±1."""
    samples = audio.load(item.path)
    audio.require_content(samples, name=audio.shown(item.path))
    if len(samples) < MINIMUM_S * SAMPLE_RATE:
        raise FragmentTooShortError(
            f"{audio.shown(item.path)} lasts {len(samples) / SAMPLE_RATE:.2f} s, less than the "
            f"{MINIMUM_S:.1f} s that can be learned from; leave it out"
        )
    return samples / np.float32(max(1.0, np.abs(samples).max()))


def cached_samples(item: Item, cache: Path) -> NDArray[np.int16]:
    """Samples of a recording in 16 bits, left on disk until they are read."""

    def decoded() -> NDArray[np.int16]:
        return (load_recording(item) * 32767).astype(np.int16)

    return cached(item, cache, "pcm", decoded, mapped=True)
