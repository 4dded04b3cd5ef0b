"""An archive of music of our own, or of a user's files: adding, room on disk, answers."""

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice, product
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy.signal import lfilter

from augment.effect import Chain
from augment.tempo import Pitch, Tempo
from cqtnet import SAMPLE_RATE, audio
from cqtnet.embed import Embedder
from cqtnet.errors import InputError, NotAudioError
from cqtnet.music import make_music
from eval.bench import Measurement, once, paired, processor_time, seconds
from eval.bench.engine import commands_of, run
from verify.archive.archive import Archive
from verify.archive.duplicates import duplicates
from verify.archive.index.cache import SAME_COSINE, IndexCache
from verify.archive.index.faiss import KINDS, Kind, plan
from verify.archive.results import Manifest, NewRecording, Vectors
from verify.archive.search import search
from verify.archive.store import Store

PIECES, PIECE_S = 8, 120.0
BROADCAST_S = 48.0  # of each piece so much is sent, and a quarter of that of foreign music after it


def measure_archive(*, quick: bool) -> Iterator[Measurement]:
    """Two hours of files of two minutes (quick: sixteen minutes) added, opened and searched."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files, fragment, foreign, broadcast = _write(folder, copies=1 if quick else 8)
        embedder = Embedder.named()
        embedding_s = once(lambda: [embedder.read(file) for file in files[:PIECES]])
        with Archive.create(folder / "archive") as archive:
            summary = archive.add([str(file) for file in files])
            assert summary.counts == {"added": len(files)}
        embedding = PIECES * PIECE_S / embedding_s
        adding = summary.duration_s / summary.elapsed_s
        size = sum(path.stat().st_size for path in (folder / "archive").rglob("*"))
        with Archive.open(folder / "archive") as archive:
            searcher = archive.searcher()
            found_s = seconds(lambda: search(searcher, fragment))
            absent_s = seconds(lambda: search(searcher, foreign))
            assert search(searcher, fragment).matches
            broadcast_s = once(lambda: search(searcher, broadcast))
    hours = summary.duration_s / 3600
    how, ratio = "one after the other", adding / embedding
    yield Measurement(f"one pass over files, {how}", embedding, "× real time")
    yield Measurement("cqtnet index add", adding, "× real time", how, ratio, "≥ 150")
    yield Measurement("archive on disk, an hour", size / 1e6 / hours, "MB", promise="≤ 8")
    yield Measurement("query of 10 s, found", found_s, "s")
    yield Measurement("query of 12 s, not there", absent_s, "s")
    sent_s = PIECES * BROADCAST_S * 5 / 4
    what = "broadcast, a match a minute"
    yield Measurement(what, sent_s / broadcast_s, "× real time", promise="≥ 60")


def _write(folder: Path, *, copies: int) -> tuple[list[Path], Path, Path, Path]:
    """Files of music, each piece in several versions; a fragment, a foreign one, a broadcast."""
    pieces = [make_music(seed, duration_s=PIECE_S) for seed in range(PIECES)]
    files = []
    for copy, (number, piece) in product(range(copies), enumerate(pieces)):
        files.append(folder / f"{copy}-{number}.flac")
        moved = np.roll(piece, copy * SAMPLE_RATE)  # other bytes, equally long
        soundfile.write(files[-1], moved, SAMPLE_RATE)
    chain = Chain((Tempo(1.1), Pitch(-2.0)))
    fragment = chain.apply(pieces[0][: 11 * SAMPLE_RATE], SAMPLE_RATE).samples
    foreign = make_music(99, duration_s=BROADCAST_S / 4)
    size = round(BROADCAST_S * SAMPLE_RATE)
    sent = np.concatenate([part for piece in pieces for part in (piece[-size:], foreign)])
    paths = folder / "fragment.flac", folder / "foreign.flac", folder / "broadcast.mp3"
    for path, samples in zip(paths, (fragment, foreign, sent), strict=True):
        soundfile.write(path, np.clip(samples, -1, 1), SAMPLE_RATE)
    return files, *paths


# The index of a large archive: bytes a window, time to build, open and search, and recall.
# The vectors are drawn, for size needs many: by recordings of 240 windows, with the variance over
# 512 components, the cosines of neighbours (0.75) and of windows of one recording (0.43) that the
# default model's embeddings of music have. Nothing here says how well altered audio is found.

DIMENSION, RANK, DECAY = 2048, 512, 110.0
WINDOWS, RECORDINGS_AT_ONCE = 240, 50
SAME_RECORDING, NEIGHBOURS = 0.43, 0.75
QUERIES, COSINES = 500, (0.75, 0.5)
HOP_S = 5.0

OPEN = """
import re, sys, time
from pathlib import Path
from verify.archive.index.cache import IndexCache
from verify.archive.store import Store
resident = lambda: int(re.search(r"VmRSS:\\s+(\\d+) kB", open("/proc/self/status").read())[1])
before, started = resident(), time.perf_counter()
store = Store.open(Path(sys.argv[1]))
index = IndexCache.open(store)
print(time.perf_counter() - started, (resident() - before) * 1024 / len(index))
"""

Tests = dict[float, tuple[Vectors, NDArray[np.float32]]]
"""By cosine: altered windows, and the cosine of each to the nearest of all windows."""


def measure_archive_index(*, quick: bool) -> Iterator[Measurement]:
    """Each kind over a million windows, 1,400 hours; `exact` over as many as it is chosen for."""
    n_windows, few = (12_000, 12_000) if quick else (1_000_000, 19_200)
    drawn = _Windows()
    with tempfile.TemporaryDirectory() as folder:
        for kinds, count in ((KINDS[:1], few), (KINDS[1:], n_windows)):
            with _filled(Path(folder) / str(kinds), drawn, count) as store:
                tests = {cosine: _queries(store, drawn, cosine) for cosine in COSINES}
                for kind in kinds:
                    yield from _measure_kind(kind, store, tests)


class _Windows:
    """Vectors as a model gives them, drawn recording by recording."""

    def __init__(self) -> None:
        self._rng = np.random.default_rng(0)
        variance = np.exp(-np.arange(RANK) / DECAY)
        deviation = np.sqrt(variance / variance.sum())
        basis, _ = np.linalg.qr(self._rng.standard_normal((DIMENSION, RANK)))
        self._basis = (deviation[:, None] * basis.T).astype(np.float32)

    def unrelated(self, n: int) -> Vectors:
        """Vectors (n, DIMENSION) that are independent of each other."""
        return np.asarray(self._rng.standard_normal((n, RANK), np.float32) @ self._basis)

    def recordings(self, n: int) -> Vectors:
        """Windows of n recordings, (n, WINDOWS, DIMENSION), of length 1."""
        kept = (NEIGHBOURS - SAME_RECORDING) / (1 - SAME_RECORDING)
        steps = self._rng.standard_normal((n, WINDOWS, RANK), dtype=np.float32)
        steps[:, 1:] *= (1 - kept**2) ** 0.5
        steps = lfilter([1], [1, -kept], steps, axis=1).astype(np.float32)
        base = self._rng.standard_normal((n, 1, RANK), dtype=np.float32)
        drawn = SAME_RECORDING**0.5 * base + (1 - SAME_RECORDING) ** 0.5 * steps
        return _unit(drawn @ self._basis)


def _unit(vectors: Vectors) -> Vectors:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True), np.float32)


def _filled(folder: Path, drawn: _Windows, n_windows: int) -> Store:
    store = Store.create(folder, Manifest("drawn", "0" * 64, DIMENSION, 10.0, HOP_S))
    total, duration_s = n_windows // WINDOWS, WINDOWS * HOP_S
    start_s = np.arange(WINDOWS, dtype=np.float64) * HOP_S
    for begin in range(0, total, RECORDINGS_AT_ONCE):
        new = []
        for i, vectors in enumerate(drawn.recordings(min(RECORDINGS_AT_ONCE, total - begin))):
            name = f"{begin + i:064x}"
            new.append(NewRecording(f"/{name}", name, 1, 1, duration_s, (), vectors, start_s))
        store.add(new)
    return store


def _queries(store: Store, drawn: _Windows, cosine: float) -> tuple[Vectors, NDArray[np.float32]]:
    """Altered windows, and the cosine to the nearest of all windows."""
    rng = np.random.default_rng(1)
    entries = [entry.id for entry in store.entries()]
    ids = rng.choice(entries, QUERIES) * (1 << 20) + rng.integers(0, WINDOWS, QUERIES)
    windows, noise = store.vectors(ids), drawn.unrelated(QUERIES)
    noise -= (noise * windows).sum(axis=1, keepdims=True) * windows
    queries = _unit(cosine * windows + (1 - cosine**2) ** 0.5 * _unit(noise))
    best = np.full(QUERIES, -1, np.float32)
    for _, block in store.batches(8192):
        best = np.maximum(best, (queries @ block.T).max(axis=1))
    return queries, best


def _measure_kind(kind: Kind, store: Store, tests: Tests) -> Iterator[Measurement]:
    started = time.perf_counter()
    index = IndexCache.built(store, wanted=kind)
    build_s = time.perf_counter() - started
    save_s = once(index.save)
    command = [sys.executable, "-c", OPEN, str(store.folder)]  # memory needs a new process
    opened = subprocess.run(command, check=True, capture_output=True, text=True)
    open_s, memory = map(float, opened.stdout.split())
    what = f"{kind}, {len(index):,} windows:"
    chosen = kind == plan(len(index), DIMENSION).kind
    yield Measurement(f"{what} file, a window", index.info.n_bytes / len(index), "bytes")
    promise = "≤ 142, 100 KiB an hour" if kind == "compact" else ""
    yield Measurement(f"{what} memory with catalogue, a window", memory, "bytes", promise=promise)
    yield Measurement(f"{what} build", build_s, "s")
    yield Measurement(f"{what} save", save_s, "s")
    yield Measurement(f"{what} open archive", open_s, "s", promise="≤ 2 s" if chosen else "")
    yield Measurement(f"{what} recall@1 measured by the build", index.info.recall or 0.0, "")
    for cosine, (queries, best) in tests.items():
        found = np.concatenate([index.search(query[None], 10).cosines for query in queries])
        recall = float(np.mean(found[:, 0] >= best - SAME_COSINE))
        promise = "≥ 0.99" if cosine == COSINES[0] else ""
        yield Measurement(f"{what} recall@1, queries at {cosine}", recall, "", promise=promise)
    busy_s = time.process_time()
    times = [1000 * once(partial(index.search, q[None], 10)) for q in tests[COSINES[0]][0]]
    busy_ms = 1000 * (time.process_time() - busy_s) / QUERIES
    p50, p95 = np.percentile(times, [50, 95])
    yield Measurement(f"{what} search, processor time", busy_ms, "ms")
    yield Measurement(f"{what} search, median", float(p50), "ms")
    promise = "≤ 20 ms" if chosen else ""
    yield Measurement(f"{what} search, p95", float(p95), "ms", promise=promise)


DECODED, SEARCHED = 10, 20
"""Files that are decoded beside other programs, and of which 20 s are searched for."""
QUERY_S = 20.0
CHANGED = Chain((Tempo(1.05), Pitch(-1.0)))


def measure_files(folder: Path, *, quick: bool, audfprint: Path | None) -> Iterator[Measurement]:
    """The files of a folder (quick: the first three) decoded, added, searched for, compared."""
    files = list(islice(audio.find_audio([folder]), 3 if quick else None))
    if not files:
        raise NotAudioError(f"no audio in {audio.shown(folder)}")
    program = None if audfprint is None else audfprint / "audfprint.py"
    if program is not None and not program.is_file():
        raise InputError(f"{audfprint} holds no audfprint.py; give a folder with its sources")
    for suffix in sorted({file.suffix.lower() for file in files}):
        yield from _decoding([f for f in files if f.suffix.lower() == suffix][:DECODED])
    with tempfile.TemporaryDirectory() as name, Archive.create(Path(name) / "archive") as archive:
        added = archive.add([str(file) for file in files])
        ask: Callable[..., str] | None = None
        beside: tuple[str, float | None] = ("", None)
        if program is not None:
            ask = partial(_audfprint, program, database=Path(name) / "peer.pklz")
            every = ("--ncores", os.cpu_count() or 1, *files)
            theirs_s = once(partial(ask, "new", words=every))
            beside = ("audfprint", theirs_s / added.elapsed_s)
        size = sum(path.stat().st_size for path in (Path(name) / "archive").rglob("*"))
        adding, hours = added.duration_s / added.elapsed_s, added.duration_s / 3600
        yield Measurement("cqtnet index add", adding, "× real time", *beside, "≥ 150")
        yield Measurement("archive on disk, an hour", size / 1e6 / hours, "MB", promise="≤ 8")
        yield from _searches(archive, files[:SEARCHED], Path(name), ask)
        took_s = once(lambda: list(duplicates(archive)))
        yield Measurement("cqtnet dedupe", added.duration_s / took_s, "× real time")


def _audfprint(program: Path, action: str, database: Path, words: Iterable[object]) -> str:
    """What audfprint by D. Ellis prints; it is run from its sources."""
    command = [sys.executable, program, action, "--dbase", database, *words]
    return run([str(word) for word in command])


def _decoding(files: list[Path]) -> Iterator[Measurement]:
    """How fast files are decoded to mono at 22,050 Hz, and what other programs take."""

    def read() -> float:
        return sum(block.size for file in files for block in audio.stream(file)) / SAMPLE_RATE

    duration_s = read()
    for peer in commands_of(files[0]):
        ours_s, ratio = paired(read, lambda: [run(commands_of(file)[peer]) for file in files])  # noqa: B023
        what = f"decoding {len(files)} files {files[0].suffix.lower()}"
        yield Measurement(what, duration_s / ours_s, "× real time", peer, ratio)


def _searches(
    archive: Archive, files: list[Path], folder: Path, ask: Callable[..., str] | None
) -> Iterator[Measurement]:
    """20 s of the middle of each, faster and lower: the time of an answer, and which is right."""
    searcher, times, busy, right = archive.searcher(), [], [], 0
    queries = [folder / f"query{number}.wav" for number in range(len(files))]
    for file, query in zip(files, queries, strict=True):
        duration_s = audio.probe(file).declared_duration_s or QUERY_S
        start_s = max(0.0, (duration_s - QUERY_S) / 2)
        original = audio.load(file, start_s=start_s, duration_s=QUERY_S)
        samples = CHANGED.apply(original, SAMPLE_RATE).samples
        soundfile.write(query, np.clip(samples, -1, 1), SAMPLE_RATE)
        found = search(searcher, query)  # reads what it needs for the first time
        times.append(once(lambda: busy.append(processor_time(lambda: search(searcher, query)))))  # noqa: B023
        right += bool(found.matches) and found.matches[0].entry.sha256 == audio.file_sha256(file)
    what, busy_s = "query of 20 s, 5 % faster, a semitone lower", float(np.median(busy))
    beside: tuple[str, float | None] = ("", None)
    if ask is not None:  # it tells its seconds without those for loading the database
        (spent,) = re.findall(r"total dur\) in ([0-9.]+) s", ask("match", words=queries))
        beside = ("audfprint", float(spent) / len(queries) / busy_s)
    yield Measurement(what, float(np.median(times)), "s")
    yield Measurement("  time of a processor", busy_s, "s", *beside, "≤ 0.8")
    yield Measurement("  answered with the right file", right, f"of {len(files)}")
