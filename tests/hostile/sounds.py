"""Recordings and streams that were damaged, cut, spliced, or lie about themselves."""

import io
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import soundfile

from cqtnet import audio
from cqtnet.audio.live import live
from cqtnet.errors import InputError
from cqtnet.music import make_music
from tests.cqtnet.audio.made import encode, sweep
from tests.hostile.damages import changed

Rng = np.random.Generator

ENCODED = {
    "a.m4a": "aac", "b.mkv": "flac", "c.webm": "libopus", "d.ogg": "libvorbis", "e.aac": "aac",
    "f.ts": "mp2", "g.flv": "aac", "h.wma": "wmav2", "i.wv": "wavpack", "j.tta": "tta",
    "k.ac3": "ac3", "l.avi": "libmp3lame", "m.caf": "alac", "n.au": "pcm_s16be", "o.voc": "pcm_u8",
    "p.wav": "adpcm_ms", "q.mov": "pcm_s24le", "r.mp3": "libmp3lame",
}  # fmt: skip
WRITTEN = ("WAV", "AIFF", "CAF", "W64", "RF64", "FLAC", "OGG", "MP3")
STREAMED = ("e.aac", "f.ts", "r.mp3", "d.ogg", "6.OGG")


@cache
def seeds(folder: Path) -> dict[str, bytes]:
    """A second and a half of sound in every format, by name."""
    made = {}
    sound = sweep(seconds=1.5, rate=48_000)
    for name, codec in ENCODED.items():
        container = "adts" if name == "e.aac" else None
        path = encode(folder / name, sound, rate=48_000, codec=codec, container=container)
        made[name] = path.read_bytes()
    for number, kind in enumerate(WRITTEN):
        path = folder / f"{number}.{kind}"
        subtype = "FLOAT" if kind in ("WAV", "RF64") else None
        soundfile.write(path, np.stack([sound, -sound], 1), 48_000, format=kind, subtype=subtype)
        made[path.name] = path.read_bytes()
    return made


def mutated(data: bytes, others: list[bytes], rng: Rng) -> bytes:
    """The bytes after one to six changes, or with the end of another file."""
    for _ in range(int(rng.integers(1, 7))):
        kind = rng.integers(8)
        at = int(len(data) * rng.random() ** 3)  # mostly in the header
        if kind == 0:
            other = others[rng.integers(len(others))]
            data = data[:at] + other[int(rng.integers(len(other))) :]
        elif kind == 1:
            size = int(rng.choice([1, 2, 4, 8]))
            odd = rng.choice([0, 1, 2**31 - 1, 2**31, 2**32 - 1, 2**63, 2**64 - 1, 0x7FC00000])
            number = int(odd) & ((1 << 8 * size) - 1)
            written = number.to_bytes(size, str(rng.choice(["little", "big"])))
            data = data[:at] + written + data[at + size :]
        else:
            data = changed(data, rng)[1] if data else b"\0"
    return data


def mutated_sound(folder: Path, rng: Rng) -> str:
    """A mutated recording is read to its end as finite samples, or refused."""
    known = seeds(folder.parent)
    name = str(rng.choice(sorted(known)))
    path = folder / f"sound{Path(name).suffix}"
    path.write_bytes(mutated(known[name], list(known.values()), rng))
    audio.probe(path)
    audio.coding(path)
    with audio.stream(path) as blocks:
        for block in blocks:
            assert np.isfinite(block).all(), "a sample is not finite"
    return "read, with notes" if blocks.notes else "read"


def mutated_stream(folder: Path, rng: Rng) -> str:
    """Parts of several formats, one after the other and damaged: finite samples, then an end."""
    known = seeds(folder.parent)
    parts = [known[str(rng.choice(STREAMED))] for _ in range(int(rng.integers(1, 4)))]
    data = b"".join(mutated(part, parts, rng) if rng.random() < 0.7 else part for part in parts)
    with streamed(data):
        for block in live("-"):
            assert np.isfinite(block).all(), "a sample is not finite"
    return "heard"


@contextmanager
def streamed(data: bytes) -> Iterator[None]:
    """These bytes come from stdin."""
    before, sys.stdin = sys.stdin, SimpleNamespace(buffer=io.BytesIO(data))  # type: ignore[assignment]
    try:
        yield
    finally:
        sys.stdin = before


@cache
def _searcher(folder: Path):  # type: ignore[no-untyped-def]
    from verify import Archive

    shutil.rmtree(folder, ignore_errors=True)
    (folder / "music").mkdir(parents=True)
    for seed in (11, 12):
        piece = make_music(seed, duration_s=40.0)
        soundfile.write(folder / "music" / f"{seed}.flac", piece, 22_050)
    with Archive.create(folder / "archive") as made:
        made.add([str(folder / "music")])
    return Archive.open(folder / "archive").searcher()


def heard_in_a_stream(folder: Path, rng: Rng) -> str:
    """Music of an archive between damage and changes of format is told, whatever the end."""
    from verify.archive.search import monitor

    searcher = _searcher(folder.parent / "heard")
    start = int(rng.integers(5, 15))
    rate, channels = (int(rng.choice(numbers)) for numbers in ([32_000, 44_100, 48_000], [1, 2]))
    piece = make_music(12, duration_s=40.0, sample_rate=rate)[start * rate : (start + 20) * rate]
    path = folder / "part.mp3"
    soundfile.write(path, np.stack(channels * [piece], 1), rate)
    others = [seeds(folder.parent)["r.mp3"], seeds(folder.parent)["7.MP3"]]
    ends = [mutated(others[rng.integers(2)], others, rng) for _ in range(2)]
    told = []
    try:
        with streamed(ends[0] + path.read_bytes() + ends[1]):
            for event in monitor(searcher, live("-")):
                if event.kind == "ended":
                    told.append(Path(event.match.path).stem)
    except InputError:
        assert told, "broke off before what was heard was told"
    assert "12" in told, f"a match is lost; told were {told}"
    return "told"
