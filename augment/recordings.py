"""Recordings in files: read no further than needed, written block by block."""

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any

import numpy as np

from augment.effect import MAX_SAMPLE_RATE, MIN_SAMPLE_RATE, Samples
from augment.errors import EffectError
from augment.tempo import resample

MAX_CHANNELS = 64
BLOCK_SAMPLES = 65_536


def read_stretch(path: str, sample_rate: int, *, start_s: float, length_s: float) -> Samples:
    """Up to `length_s` seconds of a file from `start_s` on, mono, at `sample_rate`.

    Shorter than asked where the file ends. Channels are averaged. `path` is anything that
    libsndfile reads: wav, flac, ogg, mp3.
    """
    with _opened(path) as sound:
        first = round(start_s * sound.samplerate)
        if first >= sound.frames:
            duration_s = sound.frames / sound.samplerate
            raise EffectError(f"{path!r} lasts {duration_s:g} s; {start_s:g} s is after its end")
        # One frame over, so that rounding between the two rates leaves nothing short.
        n_frames = min(round(length_s * sound.samplerate) + 1, sound.frames - first)
        mono, rate = _frames(sound, first, n_frames), int(sound.samplerate)
    if mono is None:
        mono, rate = _decoded_by_ffmpeg(path, start_s=start_s, length_s=length_s)
    if not np.isfinite(mono).all():
        raise EffectError(f"{path!r} holds NaN or infinite samples; convert it to 16-bit first")
    return resample(mono, rate, sample_rate)[: round(length_s * sample_rate)]


def _frames(sound: Any, first: int, n_frames: int) -> Samples | None:
    """Mono frames of an open soundfile; None where libsndfile gives up in the middle."""
    import soundfile

    try:
        sound.seek(first)
        frames = sound.read(n_frames, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError:
        return None
    return np.asarray(frames.mean(axis=1), dtype=np.float32)


def _decoded_by_ffmpeg(path: str, *, start_s: float, length_s: float) -> tuple[Samples, int]:
    """Mono samples of a stretch and their rate: Opus files exist that only FFmpeg decodes."""
    import av

    parts: list[Samples] = []
    rate = n_samples = 0
    mono = av.AudioResampler(format="flt", layout="mono")
    try:
        with open(path, "rb") as stream, av.open(stream) as container:
            for frame in container.decode(audio=0):
                rate = frame.sample_rate
                parts += [part.to_ndarray()[0] for part in mono.resample(frame)]
                n_samples += frame.samples
                if n_samples > (start_s + length_s) * rate + 1:
                    break
    except (av.FFmpegError, IndexError) as problem:
        raise EffectError(f"{path!r} cannot be decoded to its end: {problem}") from problem
    if not parts:
        raise EffectError(f"{path!r} holds no sound that can be decoded; give another recording")
    first = round(start_s * rate)
    samples = np.concatenate(parts)[first : first + round(length_s * rate) + 1]
    return np.asarray(samples, dtype=np.float32), rate


def duration_s(path: str) -> float:
    """How long the recording in a file is, in seconds."""
    with _opened(path) as sound:
        return float(sound.frames / sound.samplerate)


def draw_path(rng: np.random.Generator, name: str, paths: Sequence[str]) -> str:
    """One of the files, each as likely as the next."""
    if not paths:
        raise EffectError(f"{name} has no files to draw from; give paths=[...]")
    return str(paths[int(rng.integers(len(paths)))])


def write_sound(
    stream: IO[bytes],
    samples: Samples,
    sample_rate: int,
    *,
    kind: str,
    subtype: str,
    **options: Any,
) -> None:
    """Write mono samples to an open file as libsndfile's format `kind` and `subtype`.

    In blocks: libsndfile's Vorbis encoder has crashed on long recordings in one piece.
    """
    import soundfile

    with soundfile.SoundFile(
        stream, "w", sample_rate, channels=1, format=kind, subtype=subtype, **options
    ) as sound:
        for start in range(0, samples.size, BLOCK_SAMPLES):
            sound.write(samples[start : start + BLOCK_SAMPLES])


@contextmanager
def _opened(path: str) -> Iterator[Any]:
    """The soundfile of a regular file; whatever is wrong with it is an EffectError."""
    import soundfile

    try:
        # A pipe or a device would block or never end; the name may not be UTF-8, so the file
        # is opened here and not by libsndfile.
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise EffectError(f"{path!r} is no regular file; give a recording")
        with open(path, "rb") as stream, soundfile.SoundFile(stream) as sound:
            if not MIN_SAMPLE_RATE <= sound.samplerate <= 4 * MAX_SAMPLE_RATE:
                raise EffectError(f"{path!r} runs at {sound.samplerate} Hz; resample it first")
            if sound.channels > MAX_CHANNELS:
                raise EffectError(
                    f"{path!r} has {sound.channels} channels, more than {MAX_CHANNELS}; mix it down"
                )
            if sound.frames == 0:
                raise EffectError(f"{path!r} holds no sound; give another recording")
            yield sound
    except OSError as problem:
        raise EffectError(f"{path!r} cannot be read: {problem.strerror}") from problem
    except soundfile.SoundFileError as problem:
        raise EffectError(f"{path!r} is no recording that libsndfile reads: {problem}") from problem
