"""Errors about what the user gave: the root of the tree of errors that `cqtnet.errors` shows."""


class InputError(ValueError):
    """Input that cannot be used; the message gives the value, the limit and a remedy."""


class EffectError(InputError):
    """The parameters of an effect, or the samples it is given, cannot be used."""


class AudioError(InputError):
    """A file that cannot be used as audio."""


class NotAudioError(AudioError):
    """The path is missing, is not a regular file, or holds nothing that decodes as audio."""


class UnsafeAudioError(AudioError):
    """The file decodes, but it exceeds the limits that keep time and memory bounded."""


class NoContentError(AudioError):
    """The file decodes, but holds nothing to compare: no frames, silence, no finite sample."""
