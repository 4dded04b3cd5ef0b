"""Sound as it arrives: from a file, stdin, a stream or a device, through dropouts."""

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from augment.audio.decode import Piece, mixed_down
from augment.audio.ffmpeg import packets_of, planes_of, reason_of, sound_decoders
from augment.audio.files import DEFAULT_LIMITS, shown
from cqtnet import SAMPLE_RATE
from cqtnet.audio.stream import cut, resampled
from cqtnet.errors import InputError, NotAudioError

BLOCK_S = 1.0
TIMEOUT_S = 15.0  # a stream that sends nothing for so long has dropped out
WAITS_S = (1.0, 2.0, 5.0, 10.0, 30.0)  # between attempts to reach a stream; the last one goes on
JUMP_S = 0.2  # a larger step between time stamps is sound that was lost, or a clock that was set
MOST_FILLED_S = 600.0  # no more silence than that is put in for lost sound; then the clock was set

SCHEMES = {
    "http": "http,https,tls,tcp,httpproxy", "https": "https,tls,tcp,httpproxy",
    "rtsp": "rtsp,rtp,udp,tcp", "srt": "srt", "udp": "udp",
}  # fmt: skip
"""Of addresses, and what each may make FFmpeg open: itself, and http what is safer."""
DEVICES = ("alsa", "avfoundation", "dshow", "jack", "openal", "oss", "pulse", "sndio")
"""Containers that are devices, and their sources no files."""

RAW = ("u8", "s16le", "s16be", "s24le", "s24be", "s32le", "s32be", "f32le", "f32be")
"""Formats of bare samples."""

_CURE = "; if it is bare samples, say so, as with --raw s16le:44100:2"

OnMessage = Callable[[str], None]
Samples = NDArray[np.float32]


def live(
    source: str, *, container: str | None = None, raw: str | None = None, give_up_s: float = 300.0,
    on_message: OnMessage = lambda _: None,
) -> Iterator[Samples]:  # fmt: skip
    """Mono blocks at 22,050 Hz of whatever FFmpeg opens; silence stands for what was lost.

    `source` is a file, - for stdin, a URL of `SCHEMES`, which leads only to such, or a device with
    its `container` (alsa, pulse, avfoundation, dshow). `raw` says what bare samples are:
    "s16le:44100:2". A URL that drops out is connected to again, until it stays silent for
    `give_up_s`; files, stdin and devices end when they end or break off. What is damaged is left
    out, and `on_message` is told. The limits on rates and channels hold, and none on the length.
    """
    name, again = _name(source), _is_url(source)
    container, options = raw_format(raw) if raw else (container, {})
    attempt, has_begun, received_at = 0, False, time.monotonic()
    while True:
        damage = Counter[str]()
        try:
            for block in _connected(source, container, options, damage):
                has_begun = True
                lost_s = time.monotonic() - received_at - BLOCK_S
                if attempt and lost_s > 0:
                    on_message(f"{name} is back after {lost_s:.0f} s")
                    yield from _silence(lost_s, SAMPLE_RATE)
                attempt, received_at = 0, time.monotonic()
                yield block
            reason = "it ended"
        except (av.FFmpegError, OSError) as error:
            reason = reason_of(error)
            if not again and not has_begun:
                cure = _CURE if source == "-" else ""
                raise NotAudioError(f"{name} cannot be read: {reason}{cure}") from error
            if not again:
                on_message(f"{name} broke off: {reason}")
        if damage:
            count, reasons = damage.total(), "; ".join(damage)
            if not has_begun and not again:
                raise NotAudioError(f"{name} holds no sound that can be decoded ({reasons}){_CURE}")
            packets = "packet was" if count == 1 else "packets were"
            on_message(f"{name}: {count} damaged {packets} left out ({reasons})")
        if not again:
            return
        if time.monotonic() - received_at > give_up_s:
            raise NotAudioError(f"{name} sent nothing for {give_up_s:g} s: {reason}")
        wait_s = WAITS_S[min(attempt, len(WAITS_S) - 1)]
        on_message(f"{name} dropped out ({reason}); trying again in {wait_s:g} s")
        time.sleep(wait_s)
        attempt += 1


def raw_format(text: str) -> tuple[str, dict[str, str]]:
    """FFmpeg's name and options of bare samples: their format, rate and channels.

    >>> raw_format("s16le:44100:2")
    ('s16le', {'sample_rate': '44100', 'ch_layout': '2c'})
    """
    kind, *numbers = text.split(":")
    if kind not in RAW or len(numbers) != 2 or not all(n.isdecimal() and int(n) for n in numbers):
        raise InputError(
            f"{text!r} is not a format of bare samples; give one of {', '.join(RAW)}, the rate and "
            "the channels, as in s16le:44100:2"
        )
    return kind, {"sample_rate": numbers[0], "ch_layout": f"{numbers[1]}c"}


def _connected(
    source: str, container: str | None, options: dict[str, str], damage: Counter[str]
) -> Iterator[Samples]:
    """Blocks of one connection, at 22,050 Hz."""
    with _opened(source, container, options) as stream:
        samples = resampled(_pieces(source, stream, damage), SAMPLE_RATE)
        yield from cut(samples, round(BLOCK_S * SAMPLE_RATE))


def _frames(stream: Any, damage: Counter[str]) -> Iterator[Any]:
    """FFmpeg's frames; a packet that does not decode is noted and left out."""
    for packet in packets_of(stream, stream.streams.audio[0]):
        try:
            frames = packet.decode()
        except (av.FFmpegError, ValueError) as error:
            damage[reason_of(error)] += 1
            continue
        yield from frames


def _pieces(source: str, stream: Any, damage: Counter[str]) -> Iterator[Piece]:
    """Mono samples of one connection, with silence where its time stamps jump."""
    expected_s: float | None = None
    source = _name(source)
    for frame in _frames(stream, damage):
        DEFAULT_LIMITS.check_format(source, frame.sample_rate, frame.layout.nb_channels)
        if frame.time is not None:
            if expected_s is not None and JUMP_S < frame.time - expected_s < MOST_FILLED_S:
                for zeros in _silence(frame.time - expected_s, frame.sample_rate):
                    yield Piece(zeros, frame.sample_rate)
            expected_s = frame.time + frame.samples / frame.sample_rate
        for rate, planes in planes_of(source, [frame]):
            yield Piece(mixed_down(planes).samples, rate)


@contextmanager
def _opened(source: str, container: str | None, more: dict[str, str]) -> Iterator[Any]:
    """FFmpeg's container; only a URL and a device may make FFmpeg open something by itself."""
    how = {"codec_whitelist": sound_decoders(), "protocol_whitelist": "none", **more}
    opened: Any = source
    if container is not None and container not in av.formats_available:
        cure = "the command ffmpeg -formats lists all"
        raise InputError(f"FFmpeg has no container {container[:99]!r}; {cure}")
    if source == "-":
        opened = sys.stdin.buffer
    elif _is_url(source):
        scheme = source.partition("://")[0].lower()
        if scheme not in SCHEMES:
            raise InputError(f"{_name(source)}: use an address of {', '.join(SCHEMES)}, or a file")
        how["protocol_whitelist"] = SCHEMES[scheme]
    elif container not in DEVICES:
        try:
            opened = open(source.removeprefix("file:"), "rb")  # noqa: SIM115
        except ValueError as error:  # a name that no file system takes
            raise NotAudioError(f"{_name(source)} cannot be read: {error}") from error
    try:
        with av.open(opened, format=container, timeout=TIMEOUT_S, container_options=how) as stream:
            if not stream.streams.audio:
                raise NotAudioError(f"{_name(source)} has no sound")
            yield stream
    finally:
        if opened is not source and source != "-":
            opened.close()


def _is_url(source: str) -> bool:
    return "://" in source and not source.startswith("file:")


def _name(source: str) -> str:
    """The source as messages name it: without a password, and without what may hold one."""
    if source == "-":
        return "stdin"
    if not _is_url(source):
        return shown(source)
    scheme, _, rest = source.partition("://")
    place, mark, _ = rest.partition("?")
    host, slash, path = place.partition("/")
    return shown(f"{scheme}://{host.rpartition('@')[2]}{slash}{path}{mark and '?…'}")


def _silence(seconds: float, sample_rate: int) -> Iterator[Samples]:
    """Zeros for lost sound, block by block."""
    left = round(min(seconds, MOST_FILLED_S) * sample_rate)
    while left > 0:
        count = min(left, round(BLOCK_S * sample_rate))
        yield np.zeros(count, np.float32)
        left -= count
