"""A recording of any length in blocks of equal size, or whole, at one sample rate."""

import math
import warnings
from collections.abc import Iterable, Iterator
from typing import Self

import numpy as np
import soxr

from augment.audio.decode import Decoder, Piece, Samples, selected
from augment.audio.files import DEFAULT_LIMITS, AudioWarning, Limits, StrPath, shown
from augment.audio.integrity import AudioInfo
from cqtnet import SAMPLE_RATE
from cqtnet.errors import InputError, NoContentError
from cqtnet.files import Closing

BLOCK_S = 60.0
"""Seconds that `load` decodes at once."""
SILENCE_DBFS = -90.0
"""One step of 16-bit sound is -90.3 dB: below this there is nothing but its rounding."""


class AudioStream(Closing):
    """Blocks of a recording: mono float32 (n,), `block_s` long (the last may be shorter).

    Sample k of the whole recording lies at k / `sample_rate` seconds, and the selection begins at
    the sample nearest `start_s`. Memory does not depend on the recording's length. Where the
    file's time stamps jump, both sides are joined and `notes` says so. `info` is there at once;
    `notes` and `decoded_s` are complete when the end is reached, where the file closes itself.

    >>> with stream("broadcast.mp3", block_s=30.0) as blocks:
    ...     peaks = [float(abs(block).max()) for block in blocks]
    """

    def __init__(
        self, path: StrPath, *, sample_rate: int = SAMPLE_RATE, start_s: float = 0.0,
        duration_s: float | None = None, block_s: float = 30.0, limits: Limits = DEFAULT_LIMITS,
    ) -> None:  # fmt: skip
        _check(sample_rate, start_s, duration_s, block_s, limits)
        stop_s = None if duration_s is None else start_s + duration_s
        self._decoder = Decoder(path, start_s=start_s, stop_s=stop_s, limits=limits)
        self._path, self._rate, self._start_s = path, sample_rate, start_s
        self._count = None if duration_s is None else round(duration_s * sample_rate)
        self._blocks = cut(self._selected(), max(round(block_s * sample_rate), 1))

    @property
    def info(self) -> AudioInfo:
        """What the file's header says."""
        return self._decoder.info

    @property
    def notes(self) -> tuple[str, ...]:
        """What an examiner must know about the file, as far as it was read; mostly nothing.

        >>> blocks.notes
        ('truncated or damaged: the header declares 10.00 s, 4.20 s decoded',)
        """
        return self._decoder.integrity.notes()

    @property
    def begins_s(self) -> float:
        """Where decoding begins: 0, or shortly before `start_s` in a file that allows a seek."""
        return self._decoder.begins_s

    @property
    def decoded_s(self) -> float:
        """Seconds from the beginning of the recording to the place that decoding has reached."""
        return self._decoder.integrity.decoded_s

    @property
    def expected_s(self) -> float | None:
        """Seconds that the selection should give by what the header says; None if it says none."""
        in_file_s = self._decoder.expected_s
        if in_file_s is None:
            return None
        selected_s = max(in_file_s - self._start_s, 0.0)
        return selected_s if self._count is None else min(selected_s, self._count / self._rate)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Samples:
        try:
            return next(self._blocks)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file before the end is reached; a second time does nothing."""
        self._decoder.close()

    def _selected(self) -> Iterator[Samples]:
        """Resampled samples from `start_s` on, as many as are wanted."""
        first = round(self._start_s * self._rate) - self._decoder.begins_s * self._rate
        is_empty = True
        for samples in selected(resampled(self._decoder, self._rate), first, self._count):
            is_empty = False
            yield samples
        if is_empty and self._start_s > 0:
            raise InputError(
                f"{shown(self._path)} ends at {self.decoded_s:.2f} s, before the start asked for "
                f"at {self._start_s:.2f} s; give an earlier start"
            )


stream = AudioStream
"""The name to open a recording by, as `open` is for a file."""


def load(
    path: StrPath, *, sample_rate: int = SAMPLE_RATE, start_s: float = 0.0,
    duration_s: float | None = None, limits: Limits = DEFAULT_LIMITS,
) -> Samples:  # fmt: skip
    """Samples of a recording: float32 mono, shape (n,), at `sample_rate` Hz.

    Every value is finite; full scale is -1 to 1, which float files may exceed. What an examiner
    must know about the file (cut off, damaged, not a number here and there) is an `AudioWarning`.
    A stretch that reaches past the end comes back shorter. The samples may be silence:
    `require_content` checks that.

    >>> samples = load("evidence.m4a", start_s=60.0, duration_s=20.0)  # (441000,)
    """
    parts: list[Samples] = []
    n_samples, block_s = 0, min(BLOCK_S, limits.max_load_s)
    with stream(
        path, sample_rate=sample_rate, start_s=start_s, duration_s=duration_s, block_s=block_s,
        limits=limits,
    ) as blocks:  # fmt: skip
        limits.check_load(path, blocks.expected_s or 0.0)
        for block in blocks:
            parts.append(block)
            n_samples += block.size
            limits.check_load(path, n_samples / sample_rate)
        for note in blocks.notes:
            warnings.warn(f"{shown(path)}: {note}", AudioWarning, stacklevel=2)
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.float32)


def cut(parts: Iterable[Samples], size: int) -> Iterator[Samples]:
    """The samples in blocks of `size`; the last may be shorter."""
    block, filled = np.empty(size, dtype=np.float32), 0
    for samples in parts:
        while samples.size:
            part = samples[: size - filled]
            block[filled : filled + part.size] = part
            filled += part.size
            samples = samples[part.size :]
            if filled == size:
                yield block
                block, filled = np.empty(size, dtype=np.float32), 0
    if filled:
        yield block[:filled]


def resampled(pieces: Iterable[Piece], sample_rate: int) -> Iterator[Samples]:
    """The pieces at `sample_rate` Hz, n samples becoming n · sample_rate / rate, rounded.

    Where the rate changes between pieces, each side is resampled on its own, and they are joined.
    """
    rate, resampler = sample_rate, None
    for piece in pieces:
        if piece.sample_rate != rate:
            if resampler is not None:
                yield _flushed(resampler)
            rate = piece.sample_rate
            resampler = (
                soxr.ResampleStream(rate, sample_rate, 1, dtype="float32", quality="HQ")
                if rate != sample_rate
                else None
            )
        yield piece.samples if resampler is None else resampler.resample_chunk(piece.samples)
    if resampler is not None:
        yield _flushed(resampler)


def _flushed(resampler: soxr.ResampleStream) -> Samples:
    last: Samples = resampler.resample_chunk(np.empty(0, dtype=np.float32), last=True)
    return last


def _check(
    sample_rate: int, start_s: float, duration_s: float | None, block_s: float, limits: Limits
) -> None:
    if not limits.min_rate_hz <= sample_rate <= limits.max_rate_hz:
        raise InputError(
            f"sample_rate of {sample_rate} Hz is outside {limits.min_rate_hz} to "
            f"{limits.max_rate_hz} Hz; the models use {SAMPLE_RATE}"
        )
    if not 0 <= start_s < math.inf:
        raise InputError(f"start_s of {start_s:g} s must be 0 or more, and finite")
    if duration_s is not None and not 0.5 / sample_rate < duration_s < math.inf:
        raise InputError(
            f"duration_s of {duration_s:g} s must be more than 0 and finite; None means all"
        )
    if not 0 < block_s <= limits.max_load_s:
        raise InputError(
            f"block_s of {block_s:g} s must be more than 0 and at most {limits.max_load_s:g} s"
        )


def require_content(samples: Samples, *, name: str = "the recording") -> None:
    """Raise a NoContentError unless some sample rises above `SILENCE_DBFS`.

    `samples`: shape (n,), full scale -1 to 1. `name` begins the message.

    >>> require_content(load("evidence.wav"), name="evidence.wav")
    """
    if samples.size == 0:
        raise NoContentError(f"{name} has no samples; there is nothing to compare")
    magnitudes = np.abs(samples[np.isfinite(samples)])
    if magnitudes.size == 0:
        raise NoContentError(f"{name}: none of its {samples.size} samples is a finite number")
    peak = float(magnitudes.max())
    if peak == 0:
        raise NoContentError(f"{name} is digital silence: all {samples.size} samples are 0")
    peak_dbfs = 20 * math.log10(peak)
    if peak_dbfs < SILENCE_DBFS:
        raise NoContentError(
            f"{name} is silence: its peak of {peak_dbfs:.1f} dBFS is below {SILENCE_DBFS:g} dBFS"
        )
