"""Errors about what the user gave, as one tree.

InputError                  exit code 2, one line on stderr
├── EffectError             augment: wrong parameters of an effect
├── AudioError              a file that cannot be used as audio
│   ├── NotAudioError       missing, a folder, a device, or nothing that decodes
│   ├── UnsafeAudioError    beyond the limits: rate, channels, length
│   └── NoContentError      decodes, but holds nothing to compare
├── FragmentTooShortError   fewer frames than the model needs
├── ManifestError           a wrong list of recordings, trials or scores; names file and line
├── WeightsError            weights or a checkpoint that may not be loaded
└── ArchiveError            an archive that cannot be opened, read or written
"""

import math
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Literal, get_args, get_origin

from augment.errors import (
    AudioError,
    EffectError,
    InputError,
    NoContentError,
    NotAudioError,
    UnsafeAudioError,
)

__all__ = [
    "ArchiveError", "AudioError", "EffectError", "FragmentTooShortError", "InputError",
    "ManifestError", "NoContentError", "NotAudioError", "UnsafeAudioError", "WeightsError",
    "check_settings",
]  # fmt: skip


class FragmentTooShortError(InputError):
    """The fragment has fewer frames than the model needs."""


class ManifestError(InputError):
    """A list of recordings, trials or scores is wrong; the message names file and line."""


class WeightsError(InputError):
    """Weights or a checkpoint that may not be loaded: damaged, foreign, or of another shape."""


class ArchiveError(InputError):
    """An archive that cannot be opened, read or written; the message names the file."""


def check_settings(settings: Any, limits: Mapping[str, tuple[float, float]]) -> None:
    """Raise InputError where a number of a dataclass leaves its limits, or a word is unknown."""
    for known in fields(settings):
        name, value = known.name, getattr(settings, known.name)
        if isinstance(value, int | float):
            least, most = limits[name]
            if not (math.isfinite(value) and least <= value <= most):
                raise InputError(f"{name} {value:g} is outside {least:g} to {most:g}; correct it")
        elif get_origin(known.type) is Literal and value not in get_args(known.type):
            names = ", ".join(get_args(known.type))
            raise InputError(f"{name} {value!r} is unknown; use one of {names}")
