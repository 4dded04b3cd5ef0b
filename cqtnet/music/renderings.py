"""Renderings of many MIDI files on disk, and the list of them that training reads."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from cqtnet import SAMPLE_RATE
from cqtnet.errors import InputError
from cqtnet.files import make_folder, written_whole
from cqtnet.music.collection import MANIFEST, check_run, refuse_present, write_manifest
from cqtnet.music.fluidsynth import Synthesizer
from cqtnet.music.midi import Variation, draw_variation, read_midi, vary
from cqtnet.music.midifiles import MidiFile

COLUMNS = ("path", "id", "split", "collection", "source")
SHORTEST_S = 15.0
"""Of sound in a rendering, not of what is asked for: music has rests."""
LIMITS_S = (16.0, 600.0)
PEAK = 0.8
AUDIBLE_DB = -60.0
"""What is quieter against the peak of its rendering is no sound."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the samples of a rendering follow from, besides its MIDI file."""

    synthesizer: Synthesizer
    duration_s: float = 40.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise InputError(f"seed {self.seed} is negative; give 0 or more")
        shortest_s, longest_s = LIMITS_S
        if not shortest_s <= self.duration_s <= longest_s:
            raise InputError(
                f"duration of {self.duration_s:g} s is outside {shortest_s:g} to {longest_s:g} s; "
                "give one within"
            )

    def variation(self, file: MidiFile) -> Variation:
        """The variation of a file, whatever other files there are."""
        return draw_variation(np.random.default_rng([self.seed, int(file.id, 16)]))

    def origin(self, file: MidiFile) -> str:
        """How a rendering came about, as JSON; stands in its file as the comment."""
        made_with = {
            "midi": file.id,
            "fluidsynth": self.synthesizer.version,
            "sound_font": self.synthesizer.sound_font.name,
            "sound_font_sha256": self.synthesizer.sound_font_sha256,
            "duration_s": self.duration_s,
            "seed": self.seed,
        }
        return json.dumps({**made_with, "variation": asdict(self.variation(file))})


@dataclass(frozen=True, slots=True)
class Renderings:
    """What lies in the folder afterwards, and which MIDI files gave nothing."""

    manifest: Path
    rows: tuple[dict[str, str], ...]
    written: int
    kept: int
    skipped: dict[str, str]
    """Name of the MIDI file → why."""


def write_renderings(
    files: Sequence[MidiFile],
    folder: Path,
    settings: Settings,
    *,
    jobs: int = 1,
    force: bool = False,
    resume: bool = False,
    on_file: Callable[[str], None] | None = None,
) -> Renderings:
    """A rendering of each MIDI file in `folder`, named by its id, and `manifest.tsv`.

    Each is written whole or not at all. `resume` keeps those that are there and were made with
    these settings, `force` writes them again; without either they are an error. `jobs` play at
    once; `on_file` hears the name of each MIDI file when it is done. A file that gives no
    rendering is skipped; that all are is an error.
    """
    check_run(jobs=jobs, force=force, resume=resume)
    make_folder(folder)
    targets = {file: folder / f"{file.id}.flac" for file in files}
    present = [file for file in files if targets[file].exists()]
    if not (force or resume):
        refuse_present(folder, [targets[file] for file in present])
    kept = present if resume else []
    for file in kept:
        _check_kept(targets[file], settings.origin(file))
    skipped = {}
    for file, why in _work(targets, settings, kept=kept, jobs=jobs):
        if why:
            skipped[file.name] = why
        if on_file is not None:
            on_file(file.name)
    listed = [file for file in files if file.name not in skipped]
    if not listed:
        raise InputError(f"none of {len(files)} MIDI files gave a rendering: {in_words(skipped)}")
    rows = tuple(_row(file, targets[file]) for file in listed)
    write_manifest(folder / MANIFEST, COLUMNS, rows)
    return Renderings(
        folder / MANIFEST, rows, written=len(listed) - len(kept), kept=len(kept), skipped=skipped
    )


def in_words(skipped: dict[str, str]) -> str:
    """How many files were skipped for which reason, the most frequent first."""
    return ", ".join(f"{count} {why}" for why, count in Counter(skipped.values()).most_common())


def _check_kept(path: Path, origin: str) -> None:
    """Refuse to keep a file that is not what would be written."""
    try:
        with soundfile.SoundFile(os.fsencode(path)) as file:
            found = file.comment
    except soundfile.LibsndfileError as error:
        raise InputError(f"{path} exists but is no audio; give --force to overwrite it") from error
    if found != origin:
        raise InputError(
            f"{path} was made with another seed, duration, sound font or FluidSynth; "
            "give --force or the same settings"
        )


def _work(
    targets: dict[MidiFile, Path], settings: Settings, *, kept: Sequence[MidiFile], jobs: int
) -> Iterator[tuple[MidiFile, str]]:
    """Render what is not kept; yields every file with the reason why there is nothing, or ''."""
    yield from ((file, "") for file in kept)
    wanted = targets.keys() - set(kept)
    # Threads will do: the work is FluidSynth's, in a process of its own.
    pool = ThreadPoolExecutor(jobs)
    try:
        futures = {pool.submit(_render, file, targets[file], settings): file for file in wanted}
        for future in as_completed(futures):
            yield futures[future], future.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _render(file: MidiFile, path: Path, settings: Settings) -> str:
    """Render one file; gives the reason why it is skipped, or ''."""
    try:
        score = read_midi(file.read())
    except (OSError, InputError):
        return "damaged"
    if not score.notes:
        return "without notes"
    variation = settings.variation(file)
    excerpt = vary(score, variation, duration_s=settings.duration_s)
    try:
        sound = settings.synthesizer.play(excerpt, variation, timeout_s=30.0 + settings.duration_s)
    except TimeoutError:
        return "cut off, FluidSynth hung"
    except InputError:
        return "refused by FluidSynth"
    sound = sound[: round(settings.duration_s * SAMPLE_RATE)]
    if _sounding_s(sound) < SHORTEST_S:
        return f"under {SHORTEST_S:g} s of sound"
    _write_audio(path, PEAK * sound / np.abs(sound).max(), comment=settings.origin(file))
    return ""


def _sounding_s(sound: NDArray[np.float32]) -> float:
    """How long there is something to hear, in tenths of a second."""
    block = SAMPLE_RATE // 10
    blocks = sound[: len(sound) // block * block].reshape(-1, block)
    peaks = np.abs(blocks).max(axis=1, initial=0.0)
    loudest = peaks.max(initial=0.0)
    # One step of the 16 bits that FluidSynth writes is no sound.
    return float(np.sum(peaks > max(loudest * 10 ** (AUDIBLE_DB / 20), 2**-15))) / 10


def _write_audio(path: Path, sound: NDArray[np.float32], *, comment: str) -> None:
    """Write mono samples as FLAC of 16 bits, whole or not at all."""
    with written_whole(path) as temporary:
        try:
            with soundfile.SoundFile(
                os.fsencode(temporary), "w", SAMPLE_RATE, 1, "PCM_16", format="FLAC"
            ) as file:
                file.comment = comment
                file.write(sound)
        except soundfile.LibsndfileError as error:
            raise InputError(f"cannot write {path}: {error.error_string}") from error


def _row(file: MidiFile, path: Path) -> dict[str, str]:
    """The line of a rendering in the manifest; each MIDI file is a collection of its own."""
    values = (path.name, file.id, "train", f"midi-{file.id}", file.name)
    return dict(zip(COLUMNS, values, strict=True))
