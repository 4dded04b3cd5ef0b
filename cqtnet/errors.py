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
]  # fmt: skip


class FragmentTooShortError(InputError):
    """The fragment has fewer frames than the model needs."""


class ManifestError(InputError):
    """A list of recordings, trials or scores is wrong; the message names file and line."""


class WeightsError(InputError):
    """Weights or a checkpoint that may not be loaded: damaged, foreign, or of another shape."""


class ArchiveError(InputError):
    """An archive that cannot be opened, read or written; the message names the file."""
