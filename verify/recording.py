"""A recording made ready for comparison: the file, its trace, its features; cosines of two."""

import math
import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cqtnet import SAMPLE_RATE, audio
from cqtnet.cqt import FRAMES_PER_SECOND
from cqtnet.device import one_thread
from cqtnet.embed import Embedder, Trace
from cqtnet.errors import FragmentTooShortError, NoContentError
from cqtnet.preset import MINIMUM_S, step_count
from cqtnet.progress import progress_bar
from verify.features import Features, Floats
from verify.memory import Memory
from verify.notebook import Brief
from verify.words import clock

WHOLE_S = 600.0
"""Samples and features of recordings up to this length are kept, 77 MB; of longer ones the trace,
and their samples on disk (`verify.memory`)."""
HOP_S = 1.0  # a window begins every second
ROWS_AT_ONCE = 1024  # windows of A whose cosines with all windows of B are held at once


@dataclass(frozen=True, repr=False)
class Item(Brief):
    """What a file is, for the record."""

    path: str
    sha256: str
    duration_s: float
    format: str
    codec: str
    sample_rate: int
    channels: int
    notes: tuple[str, ...]  # what an examiner must know about the file

    @property
    def _brief(self) -> str:
        return f"{self.path}, {clock(self.duration_s)}"


@dataclass(frozen=True)
class Hit:
    """A pair of windows, one of each recording, whose embeddings are alike."""

    cosine: float  # in [-1, 1]
    window_s: float
    a_start_s: float
    b_start_s: float


@dataclass(frozen=True, repr=False)
class Recording(Brief):
    """A recording, decoded and traced once, for several comparisons; `Comparer.read` makes it."""

    path: Path
    item: Item
    trace: Trace
    whole: Features | None  # None: too long to keep
    sound: Floats | None = None  # its samples; None: too long to keep
    problem: str = ""  # why it cannot be compared; then its trace is empty

    @classmethod
    def read(cls, source: "audio.Source", embedder: Embedder) -> "Recording":
        """The recording of a source; if it is silent or too short, `problem` says so."""
        path = audio.file_of(source)
        name = audio.shown(path)
        with audio.unchanged(path), audio.stream(path) as blocks:
            sha256 = audio.file_sha256(path)
            info, expected_s = blocks.info, blocks.expected_s or 0.0
            if expected_s > WHOLE_S:
                trace, notes, sound, problem = _remembered(blocks, sha256, embedder, name)
                whole, n_samples = None, trace.n_samples
            else:
                kept = _Kept(blocks)
                with one_thread():  # for so little, several are slower
                    trace, problem = _traced(embedder, kept, name)
                notes, n_samples = blocks.notes, kept.n_samples
                sound = np.concatenate(kept.blocks) if kept.blocks and not problem else None
                whole = None if sound is None else Features.of(sound)
        for note in notes:
            warnings.warn(f"{name}: {note}", audio.AudioWarning, stacklevel=2)
        own = path if isinstance(path, Path) else Path(os.fsdecode(path))
        item = _item(name, sha256, info, n_samples, notes)
        return cls(own, item, trace, whole, sound, problem)

    @property
    def _brief(self) -> str:
        return f"{self.item._brief} {self.problem}".rstrip()

    @property
    def duration_s(self) -> float:
        """How long it lasts."""
        return self.trace.duration_s

    def features(self, start_s: float = 0.0, end_s: float = math.inf) -> Features:
        """The features from one time to another, cut to what there is."""
        start_s, end_s = max(0.0, start_s), min(self.duration_s, end_s)
        if self.whole is not None:
            return self.whole.part(start_s, end_s)
        return Features.of(self.samples(start_s, end_s), start_s=start_s)

    def samples(self, start_s: float, end_s: float) -> Floats:
        """The samples from one time to another; of long recordings, read again from the file."""
        start_s, end_s = max(0.0, start_s), min(self.duration_s, end_s)
        if self.sound is not None:
            part = self.sound[round(start_s * SAMPLE_RATE) : round(end_s * SAMPLE_RATE)]
            return np.array(part) if isinstance(part, np.memmap) else part
        with warnings.catch_warnings():  # they were given when it was read first
            warnings.simplefilter("ignore", audio.AudioWarning)
            return audio.load(self.path, start_s=start_s, duration_s=end_s - start_s)


def item_of(path: audio.StrPath) -> Item:
    """What a file is; it is decoded to its end for that."""
    with audio.unchanged(path), audio.stream(path) as blocks:
        n_samples = sum(block.size for block in blocks)
        name, sha256 = audio.shown(path), audio.file_sha256(path)
        return _item(name, sha256, blocks.info, n_samples, blocks.notes)


def _item(
    name: str, sha256: str, info: audio.AudioInfo, n_samples: int, notes: tuple[str, ...]
) -> Item:
    return Item(
        name, sha256, n_samples / SAMPLE_RATE,
        info.format, info.codec, info.sample_rate, info.channels, notes,
    )  # fmt: skip


class _Kept:
    """Blocks that are passed on, counted, and kept unless they are too long together."""

    def __init__(
        self, blocks: Iterable[Floats], on_block: Callable[[Floats], None] = lambda _: None
    ) -> None:
        self.source, self.on_block, self.n_samples = blocks, on_block, 0
        self.blocks: list[Floats] = []

    def __iter__(self) -> Iterator[Floats]:
        for block in self.source:
            self.n_samples += block.size
            self.on_block(block)
            self.blocks.append(block)
            if self.n_samples > WHOLE_S * SAMPLE_RATE:
                self.blocks.clear()
            yield block


def _traced(embedder: Embedder, kept: _Kept, name: str) -> tuple[Trace, str]:
    """The trace of blocks; or an empty one, and why they cannot be compared."""
    try:
        return embedder.trace(kept, name=name), ""
    except FragmentTooShortError:
        problem = f"lasts less than the {MINIMUM_S:g} s that can be compared"
    except NoContentError:
        problem = "holds nothing but silence" if kept.n_samples else "holds no sound at all"
    nothing = np.zeros((0, 0), np.float32)
    return Trace(nothing, nothing.ravel(), kept.n_samples), problem


def _remembered(
    blocks: audio.AudioStream, sha256: str, embedder: Embedder, name: str
) -> tuple[Trace, tuple[str, ...], Floats | None, str]:
    """Trace, notes, samples and problem of a long recording, which is read only once."""
    memory, known_as = Memory(), f"{sha256}-{embedder.fingerprint}"
    if (known := memory.recall(known_as)) is not None:
        return *known, ""
    expected_s = round(blocks.expected_s or 0)
    with progress_bar(f"reading {name}", expected_s) as bar, memory.spool() as spool:

        def on_block(block: Floats) -> None:
            spool.write(block)
            bar.advance(block.size / SAMPLE_RATE)

        trace, problem = _traced(embedder, _Kept(blocks, on_block), name)
        sound = None if problem else spool.remember(known_as, trace, blocks.notes)
    return trace, blocks.notes, sound, problem


# The paper's score: the cosine of two embeddings, where it is highest.


def best_hit(embedder: Embedder, a: Trace, b: Trace) -> Hit:
    """The pair of windows with the highest cosine; windows are as long as the shorter recording.

    For two equally long fragments this is the paper's single cosine. A short fragment is compared
    with each window of a longer recording, and not with one embedding of all of it.
    """
    return best_hits(embedder, a, b, window_s=min(a.duration_s, b.duration_s), count=1)[0]


def best_hits(
    embedder: Embedder, a: Trace, b: Trace, *, window_s: float, hop_a_s: float = HOP_S, count: int
) -> list[Hit]:
    """The hits with the highest cosines, highest first, half a window apart in A or B at least."""
    windows_a = embedder.windows(a, window_s=window_s, hop_s=hop_a_s)
    windows_b = embedder.windows(b, window_s=window_s, hop_s=HOP_S)
    hits: list[Hit] = []
    for first in range(0, len(windows_a.vectors), ROWS_AT_ONCE):
        rows = slice(first, first + ROWS_AT_ONCE)
        cosines = windows_a.vectors[rows] @ windows_b.vectors.T
        # silence resembles silence, and means nothing
        cosines[~windows_a.has_content[rows]] = -1
        cosines[:, ~windows_b.has_content] = -1
        starts_a_s, starts_b_s = windows_a.start_s[rows], windows_b.start_s
        for _ in range(count):
            i, j = np.unravel_index(int(cosines.argmax()), cosines.shape)
            hit = Hit(float(cosines[i, j]), window_s, float(starts_a_s[i]), float(starts_b_s[j]))
            hits.append(hit)
            near_a = np.abs(starts_a_s - hit.a_start_s) < window_s / 2
            near_b = np.abs(starts_b_s - hit.b_start_s) < window_s / 2
            cosines[np.ix_(near_a, near_b)] = -np.inf
            if not np.isfinite(cosines).any():
                break
    return sorted(hits, key=lambda hit: -hit.cosine)[:count]


def stretch_vector(embedder: Embedder, trace: Trace, start_s: float, end_s: float) -> Floats:
    """The embedding of a stretch, to whole steps of the trunk."""
    stride = embedder.preset.stride_frames
    n_samples = round(max(MINIMUM_S, end_s - start_s) * SAMPLE_RATE)
    length = min(step_count(embedder.preset, n_samples), len(trace.steps))
    nearest = round(start_s * FRAMES_PER_SECOND / stride)
    first = min(max(0, nearest), len(trace.steps) - length)
    levels = trace.levels[first * stride : (first + length) * stride]
    part = Trace(trace.steps[first : first + length], levels, n_samples)
    windows = embedder.windows(part, window_s=part.duration_s, hop_s=part.duration_s)
    return np.asarray(windows.vectors[0])
