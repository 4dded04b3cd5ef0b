"""Collections on disk: one audio file per seed, and the list of them that training reads."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from cqtnet import SAMPLE_RATE
from cqtnet.errors import InputError
from cqtnet.music.compose import LONGEST_S, SHORTEST_S, compose
from cqtnet.music.score import Piece
from cqtnet.music.synth import HIGHEST_RATE, LOWEST_RATE, render

MANIFEST = "manifest.tsv"
COLUMNS = ("path", "id", "split", "repository", "title", "key", "tempo_bpm", "duration_s")
FORMATS = {"flac": ("FLAC", "PCM_16"), "wav": ("WAV", "PCM_16"), "ogg": ("OGG", "VORBIS")}
"""File ending → container and coding."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a collection is to hold: pieces with the seeds `seed`, `seed` + 1 … `count` of them."""

    count: int = 10
    seed: int = 0
    duration_s: float = 60.0
    sample_rate: int = SAMPLE_RATE
    file_format: str = "flac"
    validation: float = 0.2
    """Share of the pieces, the last ones, whose split is `valid`, in [0, 1)."""

    @property
    def seeds(self) -> range:
        """The seeds of the pieces."""
        return range(self.seed, self.seed + self.count)

    @property
    def samples(self) -> int:
        """Length of every piece in samples."""
        return round(self.duration_s * self.sample_rate)

    def stem(self, seed: int) -> str:
        """Name of a piece's file without its ending, which is its id too."""
        return f"music-{seed:05d}"

    def split(self, seed: int) -> str:
        """`train` or `valid`; where there are two pieces, neither is empty unless asked."""
        wanted = int(self.count * self.validation + 0.5)
        if self.validation > 0.0:
            wanted = max(1, wanted)
        valid = min(wanted, self.count - 1)
        return "valid" if seed - self.seed >= self.count - valid else "train"


@dataclass(frozen=True, slots=True)
class Collection:
    """What lies in the folder afterwards."""

    manifest: Path
    rows: tuple[dict[str, str], ...]
    written: int
    kept: int


def write_collection(
    folder: Path,
    order: Order,
    *,
    jobs: int = 1,
    force: bool = False,
    resume: bool = False,
    on_piece: Callable[[str], None] | None = None,
) -> Collection:
    """The collection written to `folder`: `music-00000.flac` …, and `manifest.tsv`.

    Each file is written under another name and then renamed, so a file that is there is whole.
    `resume` keeps those that are there, `force` writes them again; without either they are an
    error. `jobs` is the number of processes; `on_piece` hears the name of each
    piece's file once it is there.
    """
    _check(order, jobs=jobs, force=force, resume=resume)
    _make_folder(folder)
    paths = {seed: folder / f"{order.stem(seed)}.{order.file_format}" for seed in order.seeds}
    present = {seed for seed, path in paths.items() if path.exists()}
    if not (force or resume):
        refuse_present(folder, [paths[seed] for seed in sorted(present)])
    kept = present if resume else set()
    for seed in sorted(kept):
        _check_kept(paths[seed], order)
    wanted = [seed for seed in order.seeds if seed not in kept]
    rows: dict[str, dict[str, str]] = {}
    for row in _work(wanted, sorted(kept), paths, order, jobs=jobs):
        rows[row["path"]] = row
        if on_piece is not None:
            on_piece(row["path"])
    listed = tuple(rows[paths[seed].name] for seed in order.seeds)
    write_manifest(folder / MANIFEST, COLUMNS, listed)
    return Collection(folder / MANIFEST, listed, written=len(wanted), kept=len(kept))


def _check(order: Order, *, jobs: int, force: bool, resume: bool) -> None:
    """Refuse an order that cannot be filled, before anything is written."""
    if order.count < 1:
        raise InputError(f"count {order.count} is below 1; ask for at least one piece")
    if order.seed < 0:
        raise InputError(f"seed {order.seed} is negative; give 0 or more")
    if order.file_format not in FORMATS:
        raise InputError(f"unknown format {order.file_format!r}; choose {', '.join(FORMATS)}")
    if not SHORTEST_S <= order.duration_s <= LONGEST_S:
        limits = f"{SHORTEST_S:g} to {LONGEST_S:g} s"
        raise InputError(f"duration of {order.duration_s:g} s is outside {limits}; give one within")
    if not LOWEST_RATE <= order.sample_rate <= HIGHEST_RATE:
        limits = f"{LOWEST_RATE} to {HIGHEST_RATE} Hz"
        raise InputError(f"sample rate {order.sample_rate} Hz is outside {limits}; give one within")
    if not 0.0 <= order.validation < 1.0:
        raise InputError(
            f"validation share {order.validation:g} is outside [0, 1); give one within"
        )
    check_run(jobs=jobs, force=force, resume=resume)


def check_run(*, jobs: int, force: bool, resume: bool) -> None:
    """Refuse a way of working that cannot be meant."""
    if jobs < 1:
        raise InputError(f"{jobs} jobs is below 1; give at least one")
    if force and resume:
        raise InputError("--force writes existing files again, --resume keeps them; give one")


def _make_folder(folder: Path) -> None:
    """Create the folder where it is missing."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"cannot make the folder {folder}: {error.strerror}; give another"
        ) from error


def refuse_present(folder: Path, present: list[Path]) -> None:
    """Refuse to write where something would be overwritten."""
    if (folder / MANIFEST).exists():
        present = [*present, folder / MANIFEST]
    if present:
        raise InputError(
            f"{len(present)} of the files exist, {present[0]} the first; "
            "give --force to overwrite, --resume to keep them, or another folder"
        )


def _check_kept(path: Path, order: Order) -> None:
    """Refuse to keep a file that is not what the order would write."""
    try:
        found = soundfile.info(os.fsencode(path))
    except soundfile.LibsndfileError as error:
        raise InputError(f"{path} exists but is no audio; give --force to overwrite it") from error
    if (found.frames, found.samplerate) != (order.samples, order.sample_rate):
        raise InputError(
            f"{path} exists with {found.frames} samples at {found.samplerate} Hz, not "
            f"{order.samples} at {order.sample_rate} Hz; give --force or the same settings"
        )


def _work(
    wanted: list[int], kept: list[int], paths: dict[int, Path], order: Order, *, jobs: int
) -> Iterator[dict[str, str]]:
    """Write the wanted pieces; yields the line of each piece once its file is there."""
    for seed in kept:
        yield _row(compose(seed, duration_s=order.duration_s), paths[seed].name, order)
    if jobs == 1 or len(wanted) < 2:
        for seed in wanted:
            yield _write_piece(seed, paths[seed], order)
        return
    # Spawned, not forked: the caller may hold threads, and a fork would copy their locks.
    pool = ProcessPoolExecutor(min(jobs, len(wanted)), mp_context=get_context("spawn"))
    try:
        futures = [pool.submit(_write_piece, seed, paths[seed], order) for seed in wanted]
        for future in as_completed(futures):
            yield future.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _write_piece(seed: int, path: Path, order: Order) -> dict[str, str]:
    """Compose, render and write one piece; gives its line of the manifest."""
    piece = compose(seed, duration_s=order.duration_s)
    _write_audio(path, render(piece, sample_rate=order.sample_rate), order)
    return _row(piece, path.name, order)


def _write_audio(path: Path, samples: NDArray[np.float32], order: Order) -> None:
    """Write samples as a file that is either whole or not there."""
    container, coding = FORMATS[order.file_format]
    with _whole(path) as unfinished:
        try:
            with soundfile.SoundFile(
                os.fsencode(unfinished), "w", order.sample_rate, 1, coding, format=container
            ) as file:
                # Vorbis of libsndfile overflows its stack on one long write.
                for start in range(0, len(samples), order.sample_rate):
                    file.write(samples[start : start + order.sample_rate])
        except soundfile.LibsndfileError as error:
            raise InputError(f"cannot write {path}: {error.error_string}") from error


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """A name beside `path` to write to, renamed to it once the block is left without error."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield unfinished
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _row(piece: Piece, name: str, order: Order) -> dict[str, str]:
    """The line of a piece in the manifest; each piece is a repository of its own."""
    stem = order.stem(piece.seed)
    values = (
        name,
        stem,
        order.split(piece.seed),
        stem,
        piece.title,
        f"{piece.key} {piece.mode}",
        f"{piece.tempo_bpm:.2f}",
        f"{piece.duration_s:.3f}",
    )
    return dict(zip(COLUMNS, values, strict=True))


def write_manifest(path: Path, columns: Sequence[str], rows: Sequence[dict[str, str]]) -> None:
    """Write a list that training reads: tab-separated, a header, paths relative to the list."""
    with (
        _whole(path) as unfinished,
        # Names of files need not be UTF-8.
        open(unfinished, "w", encoding="utf-8", errors="surrogateescape", newline="") as file,
    ):
        writer = csv.DictWriter(file, columns, delimiter="\t", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
