"""`cqtnet render`: MIDI files as recordings to learn from, and the list of them."""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click
from click import FloatRange, IntRange, option

from cqtnet import commands as common
from cqtnet.commands.music import MANIFEST, prepare_folder

if TYPE_CHECKING:
    from augment.effect import Samples
    from cqtnet.midi import Synthesizer

SUFFIXES = (".mid", ".midi")
HEADER = ("path", "id", "split", "collection", "work", "source")
SHORTEST_S = 15.0  # least sound in a rendering: what is asked for is longer, but music has rests


@common.command(
    "cqtnet render midi.zip rendered --limit 1000",
    context_settings={"show_default": True},
)
@click.argument("source", type=common.PATH)
@click.argument("out_dir", type=common.FOLDER)
@option("--limit", type=IntRange(1), help="MIDI files to render, at most.")
@option(
    "--duration", type=FloatRange(16, 600), default=40.0, help="Seconds of a rendering, at most."
)
@option("--seed", type=IntRange(0), default=0, help="Seed of the variations.")
@option("--performances", type=IntRange(1), default=1, help="Times each piece is played: once as "
        "written, then as other players would.")  # fmt: skip
@common.JOBS
@option("--sound-font", type=common.PATH, help="General MIDI sound font (.sf2).  [default: one in "
        "/usr/share/sounds/sf2]")  # fmt: skip
@common.FORCE
@common.JSON(help="Print the result as JSON.")
@common.progress_options
def render(
    source: Path, out_dir: Path, limit: int | None, duration: float, seed: int,
    performances: int, jobs: int | None, sound_font: Path | None, force: bool, as_json: bool,
) -> None:  # fmt: skip
    """Render the MIDI files of SOURCE, a folder or a zip, to OUT_DIR with FluidSynth.

    Each file gives a FLAC of an excerpt in another key and tempo, with other instruments and
    another room, drawn by the seed and the file's content; OUT_DIR/manifest.tsv lists path, id,
    split, collection, work and source for `cqtnet train`. With --limit, the files are taken in
    the order of their content's hash: as good as by lot, and the same each time. Files that are
    damaged, have no notes, or give less than 15 s of sound are skipped and counted. With
    --performances, the others are renditions of the first, for `cqtnet eval protocol rendition`:
    the same notes and instruments, with other timing and strengths.
    """
    from cqtnet.errors import InputError
    from cqtnet.midi import find_synthesizer, require_mido
    from cqtnet.tables import write_table

    require_mido()
    synthesizer = find_synthesizer(sound_font)
    settings: dict[str, Any] = {"duration_s": duration, "seed": seed}
    settings |= {"performances": performances}
    settings |= {"fluidsynth": synthesizer.version, "sound_font": str(synthesizer.sound_font)}
    settings["sound_font_sha256"] = synthesizer.sound_font_sha256
    with ExitStack() as stack:
        files, skipped = _index(_openers(source, stack), source)
        files = files[:limit]
        paths = {
            (file, number): out_dir / f"{file.id}{f'-{number}' * (number > 1)}.flac"
            for file in files
            for number in range(1, performances + 1)
        }
        prepare_folder(out_dir, list(paths.values()), force=force)
        skipped |= _render_all(paths, synthesizer, settings, jobs=jobs or os.cpu_count() or 1)
    counted = Counter(skipped.values()).most_common()
    reasons = ", ".join(f"{number} {reason}" for reason, number in counted)
    rows = [
        # Each MIDI file is a work and a collection of its own.
        (path.name, path.stem, "train", f"midi-{file.id}", f"midi-{file.id}", file.name)
        for (file, _), path in paths.items()
        if file.name not in skipped
    ]
    if not rows:
        raise InputError(f"none of {len(files)} MIDI files gave a rendering: {reasons}")
    write_table(out_dir / MANIFEST, [HEADER, *rows])
    if skipped:
        common.complain(f"skipped {len(skipped)} MIDI files: {reasons}")
    result = {"manifest": str(out_dir / MANIFEST), "written": len(rows)}
    sentence = f"{len(rows)} renderings of up to {duration:g} s written: {out_dir / MANIFEST}"
    common.show({**result, "skipped": skipped, **settings} if as_json else sentence)


Open = Callable[[], IO[bytes]]


@dataclass(frozen=True)
class MidiFile:
    """A MIDI file in a folder or a zip."""

    id: str  # the first 12 digits of its content's SHA-256
    name: str
    open: Open


def _openers(source: Path, stack: ExitStack) -> dict[str, Open]:
    """What opens each MIDI file below a folder or in a zip, by name; nothing is unpacked."""
    from cqtnet.errors import InputError

    openers: dict[str, Open] = {}
    if source.is_dir():
        for path in source.rglob("*"):
            if path.is_file():
                openers[str(path.relative_to(source))] = partial(io.FileIO, path)
    else:
        try:
            archive = stack.enter_context(zipfile.ZipFile(source))
        except (OSError, zipfile.BadZipFile) as error:
            what = f"{source} is neither a folder nor a readable zip"
            raise InputError(f"{what}: {error}; give one with MIDI files") from error
        openers |= {name: partial(archive.open, name) for name in archive.namelist()}
    midi = {name: file for name, file in openers.items() if name.lower().endswith(SUFFIXES)}
    if not midi:
        raise InputError(f"{source} holds no MIDI files; give a folder or a zip of .mid or .midi")
    return midi


def _read(opener: Open) -> bytes:
    """The content of a file, or the beginning of one that is too large."""
    from cqtnet.midi import LARGEST_BYTES

    with opener() as file:
        return file.read(LARGEST_BYTES + 1)


def _index(openers: dict[str, Open], source: Path) -> tuple[list[MidiFile], dict[str, str]]:
    """The files in the order of their ids, of the same ones the first; which were left out, why."""
    from cqtnet.errors import InputError
    from cqtnet.midi import LARGEST_BYTES

    files: dict[str, MidiFile] = {}
    skipped = {}
    for name in sorted(openers):
        try:
            content = _read(openers[name])
        # RuntimeError is what zipfile raises for a password and for unknown ways of packing.
        except (OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error):
            skipped[name] = "unreadable"
            continue
        digest = hashlib.sha256(content).hexdigest()[:12]
        if len(content) > LARGEST_BYTES:
            skipped[name] = f"above {LARGEST_BYTES} bytes"
        elif digest in files:
            skipped[name] = "the same as another"
        else:
            files[digest] = MidiFile(digest, name, openers[name])
    if not files:
        raise InputError(f"none of the MIDI files of {source} can be read; mend them")
    return [files[digest] for digest in sorted(files)], skipped


def _render_all(
    paths: dict[tuple[MidiFile, int], Path], synthesizer: Synthesizer, settings: dict[str, Any],
    *, jobs: int,
) -> dict[str, str]:  # fmt: skip
    """Render each performance of a file to its path; which files were skipped and why."""
    from cqtnet.progress import progress_bar

    skipped: dict[str, str] = {}
    pool = ThreadPoolExecutor(jobs)  # threads will do: FluidSynth works in its own process
    with progress_bar("rendering", len(paths)) as bar:
        try:
            futures = {
                pool.submit(_render, file, number, path, synthesizer, settings): file
                for (file, number), path in paths.items()
            }
            for future in as_completed(futures):
                name, reason = futures[future].name, future.result()
                skipped |= {name: reason} if reason else {}
                bar.advance(doing=name)
        finally:
            pool.shutdown(cancel_futures=True)
    return skipped


def _render(
    file: MidiFile, number: int, path: Path, synthesizer: Synthesizer, settings: dict[str, Any]
) -> str:
    """Render one performance of a file; returns the reason why it is skipped, or ''."""
    import numpy as np
    import soundfile

    from cqtnet import SAMPLE_RATE
    from cqtnet.errors import InputError
    from cqtnet.files import written_whole
    from cqtnet.midi import draw_variation, perform, read_midi, vary

    duration_s = settings["duration_s"]
    try:
        score = read_midi(_read(file.open))
    except (OSError, InputError):
        return "damaged"
    if not score.notes:
        return "without notes"
    variation = draw_variation(np.random.default_rng([settings["seed"], int(file.id, 16)]))
    excerpt = vary(score, variation, duration_s=duration_s)
    if number > 1:
        rng = np.random.default_rng([settings["seed"], int(file.id, 16), number])
        excerpt = perform(excerpt, rng)
    try:
        sound = synthesizer.play(excerpt, variation, timeout_s=30.0 + duration_s)
    except TimeoutError:
        return "cut off, FluidSynth hung"
    except InputError:
        return "refused by FluidSynth"
    sound = sound[: round(duration_s * SAMPLE_RATE)]
    if sounding_s(sound) < SHORTEST_S:
        return f"under {SHORTEST_S:g} s of sound"
    with (
        written_whole(path) as temporary,
        soundfile.SoundFile(temporary, "w", SAMPLE_RATE, 1, "PCM_16", format="FLAC") as flac,
    ):
        flac.comment = json.dumps(
            {"midi": file.id, "performance": number, **settings, "variation": asdict(variation)}
        )
        flac.write(0.8 * sound / np.abs(sound).max())
    return ""


def sounding_s(sound: Samples) -> float:
    """How long there is something to hear, within 60 dB of the peak, in tenths of a second."""
    import numpy as np

    from cqtnet import SAMPLE_RATE

    block = SAMPLE_RATE // 10
    peaks = np.abs(sound[: len(sound) // block * block]).reshape(-1, block).max(axis=1, initial=0)
    # One step of the 16 bits that FluidSynth writes is no sound.
    return float(np.sum(peaks > max(1e-3 * peaks.max(initial=0), 2**-15))) / 10
