"""Other recordings, for the effects that bring them in: a stretch of a file, its length."""

from collections.abc import Sequence
from contextlib import closing
from typing import IO, Any

import numpy as np

from augment.effect import Rng, Samples
from augment.errors import AudioError, EffectError
from augment.tempo import resample

BLOCK_SAMPLES = 65_536


def read_stretch(path: str, sample_rate: int, *, start_s: float, length_s: float) -> Samples:
    """Up to `length_s` seconds of a recording from `start_s` on, mono, at `sample_rate`."""
    from augment.audio.decode import selected

    try:
        with closing(_decoder(path, start_s=start_s, stop_s=start_s + length_s)) as decoder:
            rate = decoder.info.sample_rate
            first = round(start_s * rate) - decoder.begins_s * rate
            # One sample more, so that rounding between the two rates leaves nothing short.
            count = round(length_s * rate) + 1
            blocks = (resample(p.samples, p.sample_rate, rate) for p in decoder)
            parts = list(selected(blocks, first, count))
            if not parts:
                raise EffectError(
                    f"{path!r} lasts {decoder.integrity.decoded_s:g} s; {start_s:g} s is after "
                    "its end"
                )
            if decoder.integrity.not_finite:
                raise EffectError(f"{path!r} holds NaN or infinite samples; convert it to 16-bit")
    except AudioError as problem:
        raise EffectError(str(problem)) from problem
    return resample(np.concatenate(parts), rate, sample_rate)[: round(length_s * sample_rate)]


def duration_s(path: str) -> float:
    """How long the recording in a file is, in seconds; it is decoded if its header is silent."""
    try:
        with closing(_decoder(path, start_s=0.0, stop_s=None)) as decoder:
            length_s = decoder.expected_s or sum(len(p.samples) / p.sample_rate for p in decoder)
    except AudioError as problem:
        raise EffectError(str(problem)) from problem
    if not length_s:
        raise EffectError(f"{path!r} holds no sound; give another recording")
    return float(length_s)


def _decoder(path: str, *, start_s: float, stop_s: float | None) -> Any:
    from augment.audio.decode import Decoder
    from augment.audio.files import DEFAULT_LIMITS

    return Decoder(path, start_s=start_s, stop_s=stop_s, limits=DEFAULT_LIMITS)


def draw_path(rng: Rng, name: str, paths: Sequence[str]) -> str:
    """One of the files, each as likely as the others."""
    if not paths:
        raise EffectError(f"{name} has no files to draw from; give paths=[...]")
    return str(paths[int(rng.integers(len(paths)))])


def write_sound(
    file: IO[bytes], samples: Samples, sample_rate: int, *, kind: str, subtype: str, **options: Any
) -> None:
    """Write mono samples to an open file as libsndfile's format `kind` and `subtype`.

    In blocks: libsndfile's Vorbis encoder has crashed on long recordings in one piece.
    """
    import soundfile

    with soundfile.SoundFile(
        file, "w", sample_rate, channels=1, format=kind, subtype=subtype, **options
    ) as sound:
        for start in range(0, samples.size, BLOCK_SAMPLES):
            sound.write(samples[start : start + BLOCK_SAMPLES])
