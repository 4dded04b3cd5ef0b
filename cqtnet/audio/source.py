"""What a caller gives as a recording: a path, an open file, or samples in memory."""

import io
import os
import tempfile
import weakref
from collections.abc import Iterable
from numbers import Real
from pathlib import Path, PurePath
from typing import Any, BinaryIO, TypeAlias, TypeGuard, cast

import numpy as np
import soundfile
from numpy.typing import ArrayLike, NDArray

from augment.audio.files import AUDIO_SUFFIXES, DEFAULT_LIMITS, StrPath
from cqtnet.errors import InputError, NoContentError, NotAudioError

Source: TypeAlias = StrPath | BinaryIO | tuple[ArrayLike, float]
"""A path; a file open for reading bytes; or samples in memory with their rate in Hz."""
SUBTYPES = {"i2": "PCM_16", "i4": "PCM_32", "f4": "FLOAT", "f8": "DOUBLE"}
"""How libsndfile writes samples of each numpy type: bit for bit."""
BLOCK_BYTES = 1 << 20


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
    if isinstance(given, Iterable) and not is_one:
        return list(cast(Iterable[Source], given))
    return [cast(Source, given)]


def file_of(source: Source) -> StrPath:
    """The path of a recording; what is in memory is written to a file that goes with its path.

    A file object is read from its beginning. Samples are of shape (n,), (n, channels) or
    (channels, n), where the longer side is the time: floats with full scale -1 to 1, or integers
    of 16 or 32 bits.

    >>> file_of((np.zeros(22050, np.float32), 22050))
    PosixPath('/tmp/cqtnet-k3v9.w64')
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
    """Samples as a file of the same samples.

    Wave64 has no limit of length, nor, as WAV of floats has, the time of day in it.
    """
    name = "samples in memory"
    if not isinstance(rate, Real) or not float(rate).is_integer():
        raise InputError(f"{name}: give samples and a whole number of Hz: (samples, 44100)")
    planes, hz = _checked(samples, name), int(float(rate))
    DEFAULT_LIMITS.check_format(name, hz, planes.shape[0])
    DEFAULT_LIMITS.check_length(name, planes.shape[1] / hz, planes.size)
    held = _Held.named(name, ".w64")
    subtype = SUBTYPES[planes.dtype.str[1:]]
    soundfile.write(held, planes.T, hz, format="W64", subtype=subtype)
    return held


def _checked(samples: ArrayLike, name: str) -> NDArray[Any]:
    """Samples of shape (channels, n) in the order of bytes and a type that can be written."""
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
    return planes.T if planes.shape[0] > planes.shape[1] else planes
