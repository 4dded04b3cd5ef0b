"""What keeps time and memory bounded, whatever a file claims or contains."""

from dataclasses import dataclass

from cqtnet.audio.files import StrPath, shown
from cqtnet.errors import UnsafeAudioError


@dataclass(frozen=True)
class Limits:
    """The most a recording may ask of us; beyond any of these it is an UnsafeAudioError.

    A header that declares too much is refused before decoding; one that lies is found out while
    decoding. Raise a limit on purpose, never by default: `Limits(max_stream_s=7 * 86_400)`.
    """

    min_rate_hz: int = 4_000
    max_rate_hz: int = 768_000
    max_channels: int = 64
    max_stream_s: float = 24 * 3600.0
    max_values: int = 10_000_000_000
    """Samples decoded, all channels counted: 24 hours at 48 kHz in stereo are 8.3e9."""
    max_load_s: float = 3 * 3600.0
    """Seconds that `load` holds in memory: 0.95 GB at 22,050 Hz."""

    def check_format(self, path: StrPath, rate_hz: int, channels: int) -> None:
        """Raise unless the sample rate and the number of channels are within the limits."""
        if not self.min_rate_hz <= rate_hz <= self.max_rate_hz:
            raise UnsafeAudioError(
                f"{shown(path)}: sample rate {rate_hz} Hz is outside {self.min_rate_hz} to "
                f"{self.max_rate_hz} Hz; resample it, or set min_rate_hz or max_rate_hz in Limits"
            )
        if not 1 <= channels <= self.max_channels:
            # FFmpeg gives 0 for a header that declares more than it can decode.
            count = channels or "0, or more than 512,"
            raise UnsafeAudioError(
                f"{shown(path)}: {count} channels, the limit is {self.max_channels}; mix them "
                "down, or set max_channels in Limits"
            )

    def check_length(self, path: StrPath, seconds: float, values: float) -> None:
        """Raise unless so many seconds, and so many samples of all channels, may be decoded."""
        if seconds > self.max_stream_s:
            raise UnsafeAudioError(
                f"{shown(path)}: {_hours(seconds)} of audio or more, the limit is "
                f"{_hours(self.max_stream_s)}; give duration_s, or set max_stream_s in Limits"
            )
        if values > self.max_values:
            raise UnsafeAudioError(
                f"{shown(path)}: {values:.3g} samples in all channels or more, the limit is "
                f"{self.max_values:.3g}; give duration_s, or set max_values in Limits"
            )

    def check_load(self, path: StrPath, seconds: float) -> None:
        """Raise unless so many seconds may be held in memory."""
        if seconds > self.max_load_s:
            raise UnsafeAudioError(
                f"{shown(path)}: {_hours(seconds)} or more to hold in memory, the limit is "
                f"{_hours(self.max_load_s)}; give duration_s, or use stream()"
            )


DEFAULT_LIMITS = Limits()


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:.2f} h" if seconds >= 3600 else f"{seconds:.2f} s"
