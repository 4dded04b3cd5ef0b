"""What is computed once for each recording and kept on disk: samples, CQTs, descriptions."""

import ast
import hashlib
import io
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cqtnet import SAMPLE_RATE, audio
from cqtnet.cqt import Cqt
from cqtnet.data import Item
from cqtnet.errors import FragmentTooShortError, InputError, ManifestError
from cqtnet.files import written_whole
from cqtnet.preset import MINIMUM_S

if TYPE_CHECKING:
    import torch

FORMAT = 2  # rises when decoding, the CQT or what is kept changes: old files are unused then

Ints = NDArray[np.int64]
Array = NDArray[Any]
Arrays = Mapping[str, Array]  # arrays by name


@dataclass(frozen=True)
class ArrayCache:
    """Sets of arrays in a folder, each under a name; a damaged file counts as missing.

    A file is the SHA-256 of the rest, then an .npz: nothing is parsed before its hash is right.
    """

    folder: Path

    def get(self, name: str) -> Arrays | None:
        """The arrays under that name; None where they are missing or damaged."""
        try:
            content = self._path(name).read_bytes()
        except OSError:
            return None
        if hashlib.sha256(content[32:]).digest() != content[:32]:
            return None
        with np.load(io.BytesIO(content[32:]), allow_pickle=False) as arrays:
            return dict(arrays)

    def put(self, name: str, arrays: Arrays) -> None:
        """Write the arrays under that name, whole or not at all."""
        packed = io.BytesIO()
        np.savez(packed, **arrays)  # type: ignore[arg-type]
        with written_whole(self._path(name)) as temporary:
            temporary.write_bytes(hashlib.sha256(packed.getvalue()).digest() + packed.getvalue())

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.kept"


@dataclass(frozen=True)
class CachedArrays(Sequence[Arrays]):
    """The arrays under several names of a cache, read from disk whenever one is asked for."""

    cache: ArrayCache
    names: Sequence[str]

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return CachedArrays(self.cache, self.names[index])
        if (arrays := self.cache.get(self.names[index])) is None:
            raise InputError(f"{self.cache.folder} lost a file during the run; run it again")
        return arrays


def cached(
    item: Item, cache: Path, kind: str, make: Callable[[], Array], *, mapped: bool = False
) -> Array:
    """The array kept of a recording, by its content and kind; made where it is missing."""
    path = cache / f"{content_hash(item.path)[:24]}-{kind}-v{FORMAT}.npy"
    return kept_array(path, make, mapped=mapped)


def kept_array(path: Path, make: Callable[[], Array], *, mapped: bool = False) -> Array:
    """The array in a file, `mapped` or read; made and written where it is missing or damaged."""

    def read() -> Array:
        kept: Array = np.load(path, mmap_mode="r" if mapped else None, allow_pickle=False)
        return kept

    try:
        return read()
    except (OSError, ValueError, EOFError):
        with written_whole(path) as temporary:
            np.save(temporary, make())
    return read()


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


# A hash of code, for the names of what is kept of its results.


def code_hash(module: str, packages: Sequence[str]) -> str:
    """SHA-256 of the source of a module and of what it imports from these packages and its own."""
    sources = code_files(module, packages)
    digests = sorted(hashlib.sha256(source).hexdigest() for source in sources.values())
    return hashlib.sha256("".join(digests).encode()).hexdigest()


def code_files(module: str, packages: Sequence[str]) -> dict[Path, bytes]:
    """The files of a module and of all that it imports from the packages, directly or not."""
    wanted = {*packages, module.partition(".")[0]}
    waiting, sources = [_source_of(module)], dict[Path, bytes]()
    while waiting:
        file = waiting.pop()
        if file is None or file in sources:
            continue
        sources[file] = file.read_bytes()
        names = _imported(sources[file])
        waiting += [_source_of(name) for name in names if name.partition(".")[0] in wanted]
    return sources


@cache
def _imported(source: bytes) -> set[str]:
    """Names of all modules that a source imports anywhere, and of the packages they are in."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    parts = [name.split(".") for name in names]
    return {".".join(part[:end]) for part in parts for end in range(1, len(part) + 1)}


def _source_of(name: str) -> Path | None:
    """The file of a module, without importing it; None where there is no such module."""
    if name in sys.modules:
        file = getattr(sys.modules[name], "__file__", None)
        return Path(file) if file else None
    top, *rest = name.split(".")
    spec = find_spec(top)
    for folder in (spec and spec.submodule_search_locations) or ():
        base = Path(folder, *rest)
        for file in (base / "__init__.py", base.with_suffix(".py")):
            if file.is_file():
                return file
    return None


# Training data: the CQTs of many recordings, and batches of stretches cut from them.

MARGIN_BINS = 5  # semitones cached beyond the 84 bins, for transpositions of up to four


@dataclass(frozen=True)
class Places:
    """Where recordings hold something: enough to choose fragments, without their frames."""

    starts: Ints  # (n,) first frame of each recording among the frames of all
    lengths: Ints  # (n,) frames of each recording
    loudness: NDArray[np.float64]  # (frames of all + 1,) sum of the levels of earlier frames

    def choose(self, recordings: Ints, n_frames: int, rng: np.random.Generator) -> Ints:
        """A first frame (B,) in each recording, the first of four that is not a quiet stretch."""
        room = np.maximum(1, self.lengths[recordings] - n_frames + 1)
        candidates = (rng.random((4, len(recordings))) * room).astype(np.int64)
        whole = self._mean_level(recordings, np.zeros(len(recordings), np.int64), 1 << 40)
        loud = [self._mean_level(recordings, c, n_frames) > whole / 4 for c in candidates]
        chosen: Ints = candidates[np.argmax(loud, axis=0), np.arange(len(recordings))]
        return chosen

    def _mean_level(self, recordings: Ints, starts: Ints, n_frames: int) -> NDArray[np.float64]:
        ends = np.minimum(starts + n_frames, self.lengths[recordings])
        sums = self.loudness[self.starts[recordings] + np.stack([starts, ends])]
        mean: NDArray[np.float64] = (sums[1] - sums[0]) / np.maximum(1, ends - starts)
        return mean


@dataclass(frozen=True)
class FrameStore:
    """Roots of CQT magnitudes of many recordings, end to end in one half-precision tensor."""

    roots: "torch.Tensor"  # (frames of all, bins), float16, on the device that trains
    places: Places

    def crops(self, recordings: Ints, starts: Ints, n_frames: int) -> "torch.Tensor":
        """Magnitudes (B, bins, n_frames) of stretches; zero beyond a recording's ends."""
        import torch  # here, for it takes a second, and who compares recordings needs none

        inside = starts[:, None] + np.arange(n_frames)
        exists = (inside >= 0) & (inside < self.places.lengths[recordings][:, None])
        index = np.where(exists, self.places.starts[recordings][:, None] + inside, 0)
        device = self.roots.device
        roots = self.roots[torch.from_numpy(index).to(device)].float()
        roots *= torch.from_numpy(exists).to(device)[:, :, None]
        return roots.square().transpose(1, 2)


def load_frames(items: Sequence[Item], cache: Path, *, device: str = "cpu") -> FrameStore:
    """The CQTs of all recordings, from the cache where they are, else computed and cached."""
    import torch

    transform = Cqt(MARGIN_BINS)

    def frames_of(item: Item) -> Array:
        def made() -> Array:
            """Roots of magnitudes (frames, bins) of one recording."""
            roots = np.sqrt(transform(load_recording(item)[None])[0])
            return np.asarray(roots.T, np.float16)

        return cached(item, cache, f"cqt{transform.n_bins}", made)

    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        parts = list(pool.map(frames_of, items))
    lengths = np.array([len(part) for part in parts], np.int64)
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    roots = np.concatenate(parts)
    levels = roots.mean(axis=1, dtype=np.float64)
    loudness = np.concatenate([[0.0], np.cumsum(levels)])
    return FrameStore(torch.from_numpy(roots).to(device), Places(starts, lengths, loudness))
