"""What is wrong with a file: gathered from its header and while it is decoded."""

from dataclasses import dataclass, field
from typing import Any

JUMP_S = 0.05  # a larger step between the time stamps of two frames is a gap, not rounding
# How far the decoded length may be from the declared one: lossless codecs are exact to the sample,
# others add and drop a frame or two at both ends.
LOSSLESS_TOLERANCE_S = 0.002
LOSSY_TOLERANCE_S = 0.25
CANCELLED = 0.01  # the mean of unlike channels has half their energy, of like ones all of it
LOSSLESS_CODECS = {"alac", "ape", "flac", "tta", "wavpack"}


@dataclass(frozen=True)
class AudioInfo:
    """What a file's header says about its sound; nothing was decoded to find out.

    `format` and `codec` are named as FFmpeg does (libsndfile's without the byte order), `bytes` is
    the size of the file, and `declared_duration_s` is None where the header does not say how long
    the sound is.
    """

    path: str
    format: str
    codec: str
    sample_rate: int
    channels: int
    declared_duration_s: float | None
    bytes: int


@dataclass
class Account:
    """Facts and counts of one decoding; `notes` puts what is wrong into words.

    `left_open`: the header has a place for the length and does not fill it in. `end_missing`: the
    format marks its end and the mark is not there. `track`: which of `tracks` sound tracks is read.
    `origin_s`: the time stamp of the first sample. `channels_energy`, `mean_energy`: the sums of
    squares of the channels, on average, and of their mean. `stopped`: why reading ended early.
    """

    info: AudioInfo
    left_open: bool = False
    end_missing: bool = False
    track: int = 1
    tracks: int = 1
    origin_s: float = 0.0
    decoded_s: float = 0.0
    values: int = 0
    not_finite: int = 0
    channels_energy: float = 0.0
    mean_energy: float = 0.0
    packets: int = 0
    damaged: int = 0
    stopped: str = ""
    reached_end: bool = False
    rates: list[int] = field(default_factory=list)
    gaps: int = 0
    gaps_s: float = 0.0
    first_gap: str = ""
    _next_stamp_s: float | None = None

    def follow(self, frame: Any) -> None:
        """Compare the time stamp of one of FFmpeg's frames with the end of the one before."""
        lasts_s = frame.samples / frame.sample_rate if frame.sample_rate else 0.0
        if frame.pts is None:
            if self._next_stamp_s is not None:
                self._next_stamp_s += lasts_s
            return
        stamp_s = float(frame.pts * frame.time_base)
        if self._next_stamp_s is not None and abs(stamp_s - self._next_stamp_s) > JUMP_S:
            gap_s, at_s = stamp_s - self._next_stamp_s, self._next_stamp_s - self.origin_s
            self.gaps += 1
            self.gaps_s += max(gap_s, 0.0)
            self.first_gap = self.first_gap or f"{gap_s:.2f} s at {at_s:.2f} s"
        self._next_stamp_s = stamp_s + lasts_s

    def forget_decoding(self) -> None:
        """Begin again, after decoding from a place that turned out wrong."""
        self.packets = self.damaged = self.gaps = 0
        self.gaps_s, self.first_gap, self.stopped = 0.0, "", ""
        self._next_stamp_s = None

    def notes(self) -> tuple[str, ...]:
        """What an examiner must know about the file, as far as it was read; mostly nothing."""
        notes = self._length_notes() if self.reached_end else []
        if self.stopped:
            notes.append(f"reading stopped at {self.decoded_s:.2f} s: {self.stopped}")
        if self.not_finite:
            notes.append(f"{self.not_finite} non-finite or huge samples taken as silence")
        if self.mean_energy < CANCELLED * self.channels_energy:
            notes.append(
                "the channels cancel each other, and only their mean is heard; extract one channel"
            )
        if self.damaged:
            notes.append(f"damaged: {self.damaged} of {self.packets} packets do not decode")
        if self.gaps:
            notes.append(
                f"{self.gaps} jump(s) in the time stamps, the first of {self.first_gap}; both "
                "sides were joined"
            )
        if len(self.rates) > 1:
            rates = ", ".join(map(str, self.rates[:5]))
            notes.append(f"the sample rate changes between {rates} Hz")
        if self.tracks > 1:
            notes.append(f"{self.tracks} sound tracks; only number {self.track} was read")
        return tuple(notes)

    def _length_notes(self) -> list[str]:
        declared_s, decoded_s = self.info.declared_duration_s, self.decoded_s
        lengths = f"the header declares {declared_s or 0:.2f} s, {decoded_s:.2f} s decoded"
        notes = []
        if self.left_open:
            notes.append(f"the header leaves the length open, {decoded_s:.2f} s decoded")
        elif declared_s is not None:
            tolerance_s = _tolerance_s(self.info.codec)
            if decoded_s + self.gaps_s < declared_s - tolerance_s:
                notes.append(f"truncated or damaged: {lengths}")
            elif decoded_s > declared_s + tolerance_s:
                notes.append(f"longer than declared: {lengths}")
        if self.end_missing:
            notes.append(f"truncated or damaged: no end-of-stream mark, {decoded_s:.2f} s decoded")
        return notes


def _tolerance_s(codec: str) -> float:
    lossless = codec.startswith("pcm_") or codec in LOSSLESS_CODECS
    return LOSSLESS_TOLERANCE_S if lossless else LOSSY_TOLERANCE_S
