"""`cqtnet doctor` and `cqtnet cache`: does all that an answer needs work, and what is kept."""

import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import click

from cqtnet.cli import installed
from cqtnet.commands import JSON, command, progress_options, show
from cqtnet.errors import InputError
from cqtnet.files import make_folder
from verify.words import plural

State = Literal["ok", "optional", "broken"]
MARKS: dict[State, str] = {"ok": "ok", "optional": "–", "broken": "!!"}
LEAST_FREE = 1 << 30  # bytes on the disk of the cache
KINDS = {  # what libsndfile writes; FFmpeg writes the m4a
    "wav": "WAV PCM_16", "flac": "FLAC PCM_16", "ogg": "OGG VORBIS", "mp3": "MP3 MPEG_LAYER_III",
}  # fmt: skip


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    name: str
    found: str  # in words
    state: State = "ok"  # optional: all else works without it
    cure: str = ""


@command("cqtnet doctor", after="""
\b
Exit codes: 0 all is well; 1 something is broken.
""")  # fmt: skip
@JSON(help="Print JSON.")
@progress_options
def doctor(as_json: bool) -> None:
    """Say whether all works here, and what to do if not: versions, decoders, fonts, GPU, a test.

    The test makes a piece of music, alters a part of it, and compares that with the piece and with
    another one. Nothing is left behind.
    """
    from cqtnet.progress import progress_bar

    started, done = time.monotonic(), list[Check]()
    with progress_bar("checking", len(CHECKS)) as bar:
        for check in CHECKS:
            name = check.__name__.lstrip("_").replace("_", " ")
            bar.update(doing=name)
            try:
                done += check()
            except Exception as error:  # whatever is broken here is what is looked for
                cure = "install again; if it stays, report it with the output of cqtnet doctor"
                done.append(Check(name, f"{type(error).__name__}: {error}", "broken", cure))
            bar.advance()
    broken = [one.name for one in done if one.state == "broken"]
    answer = {"checks": done, "is_well": not broken, "elapsed_s": time.monotonic() - started}
    lines = [
        f"{MARKS[one.state]:<3}{one.name:<12} {one.found}{one.cure and f'; {one.cure}'}"
        for one in done
    ]
    end = f"something is wrong with: {', '.join(broken)}" if broken else "all is well"
    show(answer if as_json else "\n".join([*lines, end]))
    sys.exit(1 if broken else 0)


def _packages() -> Iterator[Check]:
    import torch

    for name, version in installed().items():
        if version == "missing":
            yield Check(name, "missing", "broken", "install it with: pip install cqtnet")
        elif name == "torch":
            build = f"for CUDA {torch.version.cuda}" if torch.version.cuda else "for CPUs"
            yield Check(name, f"{version}, {build}, {torch.get_num_threads()} threads")
        else:
            yield Check(name, version)


def _gpu() -> Iterator[Check]:
    import torch

    if torch.cuda.is_available():
        yield Check("GPU", torch.cuda.get_device_name())
    else:
        yield Check("GPU", "none; the processor computes", "optional")


def _decoders() -> Iterator[Check]:
    import av
    import numpy as np

    from augment.codec import write_sound
    from cqtnet import SAMPLE_RATE, audio

    tone = (np.sin(np.arange(SAMPLE_RATE) / 8) / 2).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        for suffix, kind in KINDS.items():
            with Path(folder, f"tone.{suffix}").open("wb") as file:
                format_, subtype = kind.split()
                write_sound(file, tone, SAMPLE_RATE, kind=format_, subtype=subtype)
        with av.open(f"{folder}/tone.m4a", "w") as box:
            stream = box.add_stream("aac", rate=SAMPLE_RATE, layout="mono")
            frame = av.AudioFrame.from_ndarray(tone[None], format="fltp", layout="mono")
            frame.sample_rate = SAMPLE_RATE
            for packet in (*stream.encode(frame), *stream.encode(None)):
                box.mux(packet)
        for suffix in (*KINDS, "m4a"):
            heard = audio.load(f"{folder}/tone.{suffix}")
            if not 0.9 < heard.size / tone.size < 1.2 or not 0.3 < np.abs(heard).max() < 0.7:
                cure = "install av and soundfile again"
                yield Check(suffix, "is decoded wrongly", "broken", cure)
    yield Check("decoders", f"{', '.join((*KINDS, 'm4a'))} can be read")


def _fonts() -> Iterator[Check]:
    from matplotlib import font_manager

    yield Check("fonts", f"{Path(font_manager.findfont('DejaVu Sans')).name} for pictures")


def _pdf() -> Iterator[Check]:
    from verify.report.page import check_pdf

    try:
        check_pdf()
        yield Check("PDF", "reports can be written as PDF")
    except InputError as error:
        yield Check("PDF", "missing, for --pdf only", "optional", str(error))


def _disk() -> Iterator[Check]:
    from verify.memory import cache_folder

    folder = cache_folder()
    make_folder(folder)
    free = shutil.disk_usage(folder).free
    words = f"{free / 1e9:,.1f} GB free for the cache, {folder}"
    cure = "make room, or set CQTNET_CACHE to a folder on another disk"
    yield Check("disk", words, "broken", cure) if free < LEAST_FREE else Check("disk", words)


def _comparison() -> Iterator[Check]:
    import numpy as np

    from augment.effect import Chain
    from augment.noise import ColouredNoise
    from augment.tempo import Pitch, Tempo
    from cqtnet import SAMPLE_RATE
    from cqtnet.music import make_music
    from verify.comparison import Comparer

    pieces = [make_music(seed, duration_s=20.0) for seed in (6, 7)]
    altered = Chain((Tempo(1.1), Pitch(-2.0), ColouredNoise(snr_db=10.0, seed=1)))
    part = altered.apply(pieces[0][5 * SAMPLE_RATE :], SAMPLE_RATE).samples
    comparer = Comparer.named("default")
    sounds = [(np.clip(samples, -1, 1), SAMPLE_RATE) for samples in (part, *pieces)]
    a, *others = map(comparer.read, sounds)
    verdicts = [comparer.compare(a, b).verdict for b in others]
    works = verdicts[0] == "same" and verdicts[1] in ("different", "insufficient")
    words = f"an altered copy is called {verdicts[0]}, another piece {verdicts[1]}"
    cure = "" if works else "install again; then report it"
    yield Check("comparison", words, "ok" if works else "broken", cure)


CHECKS: tuple[Callable[[], Iterator[Check]], ...] = (
    _packages, _gpu, _decoders, _fonts, _pdf, _disk, _comparison,
)  # fmt: skip


@command("cqtnet cache", "cqtnet cache --clear")
@click.option("--clear", is_flag=True, help="Forget all of it.")
@JSON(help="Print JSON.")
def cache(clear: bool, as_json: bool) -> None:
    """Print what is remembered of recordings above ten minutes, and where.

    `cqtnet compare` and `cqtnet diff` remember them, so that the next comparison with the same file
    takes a fraction of the time. At most 4 GB are kept, those used last. CQTNET_CACHE is another
    folder.
    """
    from verify.memory import Memory

    memory = Memory()
    count, n_bytes = memory.size()
    if clear:
        memory.clear()
    words = f"{plural(count, 'recording')}, {n_bytes / 1e6:,.1f} MB"
    plain = {"folder": memory.folder, "recordings": count, "bytes": n_bytes, "cleared": clear}
    show(plain if as_json else f"{memory.folder}: {words}{' forgotten' if clear else ''}")
