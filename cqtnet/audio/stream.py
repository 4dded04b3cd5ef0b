"""A recording of any length in blocks of equal size, or whole, at one sample rate.

It is given as a path, an open file, or samples in memory.
"""

import io
import math
import os
import tempfile
import warnings
import weakref
from collections.abc import Iterable, Iterator
from numbers import Real
from pathlib import Path, PurePath
from typing import Any, BinaryIO, Self, TypeAlias, TypeGuard, cast

import numpy as np
import soundfile
import soxr
from numpy.typing import ArrayLike

from augment.audio.decode import Decoder, Piece, Samples, selected
from augment.audio.files import AUDIO_SUFFIXES, DEFAULT_LIMITS, AudioWarning, Limits, StrPath, shown
from augment.audio.integrity import AudioInfo
from cqtnet import SAMPLE_RATE
from cqtnet.errors import InputError, NoContentError, NotAudioError
from cqtnet.files import Closing

Source: TypeAlias = StrPath | BinaryIO | tuple[ArrayLike, float]
"""A path; a file open for reading bytes; or samples in memory with their rate in Hz."""
SUBTYPES = {"i2": "PCM_16", "i4": "PCM_32", "f4": "FLOAT", "f8": "DOUBLE"}
"""How libsndfile writes samples of each numpy type: bit for bit."""
BLOCK_BYTES = 1 << 20
BLOCK_S = 60.0  # seconds that `load` decodes at once
SILENCE_DBFS = -90.0  # a step of 16-bit sound is -90.3 dB: below there is only its rounding


class AudioStream(Closing):
    """Blocks of a recording: mono float32 (n,), `block_s` long (the last may be shorter).

    Sample k of the whole recording lies at k / `sample_rate` seconds, and the selection begins at
    the sample nearest `start_s`. Memory does not depend on the recording's length. Where the
    file's time stamps jump, both sides are joined and `notes` says so. `info` is there at once;
    `notes` and `decoded_s` are complete when the end is reached, where the file closes itself.
    """

    def __init__(
        self, path: StrPath, *, sample_rate: int = SAMPLE_RATE, start_s: float = 0.0,
        duration_s: float | None = None, block_s: float = 30.0, limits: Limits = DEFAULT_LIMITS,
    ) -> None:  # fmt: skip
        _check(sample_rate, start_s, duration_s, block_s, limits)
        stop_s = None if duration_s is None else start_s + duration_s
        self._decoder = Decoder(path, start_s=start_s, stop_s=stop_s, limits=limits)
        self.info: AudioInfo = self._decoder.info  # what the file's header says
        # Where decoding begins: 0, or shortly before `start_s` in a file that allows a seek.
        self.begins_s: float = self._decoder.begins_s
        self._path, self._rate, self._start_s = path, sample_rate, start_s
        self._count = None if duration_s is None else round(duration_s * sample_rate)
        self._blocks = cut(self._selected(), max(round(block_s * sample_rate), 1))

    @property
    def notes(self) -> tuple[str, ...]:
        """What an examiner must know about the file, as far as it was read; mostly nothing."""
        return self._decoder.integrity.notes()

    @property
    def decoded_s(self) -> float:
        """Seconds from the beginning of the recording to the place that decoding has reached."""
        return self._decoder.integrity.decoded_s

    @property
    def expected_s(self) -> float | None:
        """Seconds that the selection should give by what the header says; None if it says none."""
        if (in_file_s := self._decoder.expected_s) is None:
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


stream = AudioStream  # the name to open a recording by, as `open` is for a file


def load(
    path: StrPath, *, sample_rate: int = SAMPLE_RATE, start_s: float = 0.0,
    duration_s: float | None = None, limits: Limits = DEFAULT_LIMITS,
) -> Samples:  # fmt: skip
    """Samples of a recording: float32 mono, shape (n,), at `sample_rate` Hz.

    Every value is finite; full scale is -1 to 1, which float files may exceed. What an examiner
    must know about the file (cut off, damaged, not a number here and there) is an `AudioWarning`.
    A stretch that reaches past the end comes back shorter. The samples may be silence:
    `require_content` checks that.
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
    rate, resampler, nothing = sample_rate, None, np.empty(0, dtype=np.float32)
    for piece in pieces:
        if piece.sample_rate != rate:
            if resampler is not None:
                yield resampler.resample_chunk(nothing, last=True)
            rate, resampler = piece.sample_rate, None
            if rate != sample_rate:
                resampler = soxr.ResampleStream(rate, sample_rate, 1, "float32", "HQ")
        yield piece.samples if resampler is None else resampler.resample_chunk(piece.samples)
    if resampler is not None:
        yield resampler.resample_chunk(nothing, last=True)


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
    """Raise a NoContentError, which begins with `name`, unless a sample is above `SILENCE_DBFS`."""
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


# What a caller gives as a recording.


class _Held(type(Path())):  # type: ignore[misc]  # the only base that Python 3.11 allows
    """A temporary file that goes with its path, and the name that messages call it by."""

    shown_as = ""

    @classmethod
    def named(cls, name: str, suffix: str) -> "_Held":
        descriptor, path = tempfile.mkstemp(suffix, "cqtnet-")
        os.close(descriptor)
        held = cls(path)
        held.shown_as = name
        weakref.finalize(held, Path(path).unlink, missing_ok=True)
        return held


def is_path(given: object) -> TypeGuard[StrPath]:
    """Whether a recording is given by the path of its file."""
    return isinstance(given, str | bytes | os.PathLike)


def sources_of(given: "Source | Iterable[Source]") -> list[Source]:
    """One recording, or several, as a list."""
    is_sound = isinstance(given, tuple) and len(given) == 2 and isinstance(given[1], Real)
    is_one = is_sound or is_path(given) or hasattr(given, "read") or hasattr(given, "__array__")
    several = isinstance(given, Iterable) and not is_one
    return list(cast(Iterable[Source], given)) if several else [cast(Source, given)]


def file_of(source: Source) -> StrPath:
    """The path of a recording; what is in memory is written to a file that goes with its path.

    A file object is read from its beginning. Samples are of shape (n,), (n, channels) or
    (channels, n), where the longer side is the time: floats with full scale -1 to 1, or integers
    of 16 or 32 bits.
    """
    if is_path(source):
        return source
    match source:
        case (samples, rate):
            return _written(samples, rate)
        case io.TextIOBase():
            raise NotAudioError('the file is open as text; open it with open(path, "rb")')
        case _ if hasattr(source, "read"):
            return _copied(cast(BinaryIO, source))
    raise InputError(
        f"{type(source).__name__} is no recording; give a path, a file that is open for reading "
        "bytes, or samples and their rate: (samples, 44100)"
    )


def _copied(file: BinaryIO) -> StrPath:
    """A copy of what an open file holds."""
    name = getattr(file, "name", None)
    name = name if isinstance(name, str) else "file in memory"
    if not file.seekable():
        raise NotAudioError(f"{name} is a pipe or a stream, which has no length; give a file")
    left = file.seek(0, os.SEEK_END)
    file.seek(0)
    suffix = PurePath(name).suffix  # FFmpeg takes it as a hint
    held = _Held.named(name, suffix if suffix.lower() in AUDIO_SUFFIXES else "")
    with held.open("wb") as copy:
        while left > 0 and (data := file.read(min(left, BLOCK_BYTES))):
            left -= copy.write(data)
    return held


def _written(samples: ArrayLike, rate: Any) -> StrPath:
    """Samples as a file: Wave64, without a limit of length or, as in float WAV, the time of day."""
    name = "samples in memory"
    if not isinstance(rate, Real) or not float(rate).is_integer():
        raise InputError(f"{name}: give samples and a whole number of Hz: (samples, 44100)")
    array = np.asarray(samples)
    kind = np.float32 if array.dtype == np.float16 else array.dtype.newbyteorder("=")
    array = array.astype(kind, copy=False)
    if array.ndim not in (1, 2) or array.dtype.str[1:] not in SUBTYPES:
        raise InputError(
            f"{name} have shape {array.shape} and type {array.dtype}; give shape (n,) or "
            "(channels, n), as floats in -1 to 1 or as int16 or int32"
        )
    if not array.size:
        raise NoContentError(f"{name} are none: shape {array.shape}; there is nothing to compare")
    if not np.isfinite(array).all():
        raise InputError(f"{name} are not all finite numbers; replace those that are not")
    planes = np.atleast_2d(array)
    planes, hz = planes.T if planes.shape[0] > planes.shape[1] else planes, int(float(rate))
    DEFAULT_LIMITS.check_format(name, hz, planes.shape[0])
    DEFAULT_LIMITS.check_length(name, planes.shape[1] / hz, planes.size)
    held = _Held.named(name, ".w64")
    subtype = SUBTYPES[planes.dtype.str[1:]]
    soundfile.write(held, planes.T, hz, format="W64", subtype=subtype)
    return held
