"""Sound as it arrives: from a file, stdin, a stream or a device, through dropouts."""

import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import av
import numpy as np

from cqtnet import SAMPLE_RATE
from cqtnet.embed import Samples
from cqtnet.errors import NotAudioError

BLOCK_S = 1.0
TIMEOUT_S = 15.0
"""A stream that sends nothing for so long has dropped out."""
WAITS_S = (1.0, 2.0, 5.0, 10.0, 30.0)
"""Between attempts to reach a stream again; the last one goes on."""
JUMP_S = 0.2
"""A larger step between time stamps is sound that was lost, or a clock that was set."""
MOST_FILLED_S = 600.0
"""No more silence than that is put in for lost sound; then the clock was set."""

Told = Callable[[str], None]


def live(
    source: str,
    *,
    container: str | None = None,
    give_up_s: float = 300.0,
    told: Told = lambda _: None,
) -> Iterator[Samples]:
    """Mono blocks at 22,050 Hz of whatever FFmpeg opens; silence stands for what was lost.

    `source` is a file, - for stdin, a URL, or a device with its `container` (alsa, pulse,
    avfoundation, dshow). A URL that drops out is reached again, until it stays silent for
    `give_up_s`; files, stdin and devices end when they end.

    >>> for block in live("https://radio.example/stream.mp3"):
    ...     ...
    """
    again = "://" in source and not source.startswith("file:")
    attempt, heard_at = 0, time.monotonic()
    while True:
        try:
            for block in _connected(source, container):
                lost_s = time.monotonic() - heard_at - BLOCK_S
                if attempt and lost_s > 0:
                    told(f"{source} is back after {lost_s:.0f} s")
                    yield from _silence(lost_s)
                attempt, heard_at = 0, time.monotonic()
                yield block
            reason = "it ended"
        except (av.error.FFmpegError, OSError) as error:
            if not again:
                raise NotAudioError(f"{source} cannot be heard: {error}") from error
            reason = str(error)
        if not again:
            return
        if time.monotonic() - heard_at > give_up_s:
            raise NotAudioError(f"{source} was not heard for {give_up_s:g} s: {reason}")
        wait_s = WAITS_S[min(attempt, len(WAITS_S) - 1)]
        told(f"{source} dropped out ({reason}); trying again in {wait_s:g} s")
        time.sleep(wait_s)
        attempt += 1


def _connected(source: str, container: str | None) -> Iterator[Samples]:
    """Blocks of one connection, with silence where its time stamps jump."""
    opened: Any = sys.stdin.buffer if source == "-" else source
    with av.open(opened, format=container, timeout=TIMEOUT_S) as stream:
        if not stream.streams.audio:
            raise NotAudioError(f"{source} has no sound")
        resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
        expected_s: float | None = None
        held: list[Samples] = []
        for frame in stream.decode(audio=0):
            if frame.time is not None:
                if expected_s is not None and JUMP_S < frame.time - expected_s < MOST_FILLED_S:
                    held += _silence(frame.time - expected_s)
                expected_s = frame.time + frame.samples / frame.sample_rate
            held += [piece.to_ndarray()[0] for piece in resampler.resample(frame)]
            if sum(map(len, held)) >= BLOCK_S * SAMPLE_RATE:
                yield np.concatenate(held)
                held = []
        held += [piece.to_ndarray()[0] for piece in resampler.resample(None)]
        if held:
            yield np.concatenate(held)


def _silence(seconds: float) -> Iterator[Samples]:
    """Zeros for lost sound, block by block."""
    left = round(min(seconds, MOST_FILLED_S) * SAMPLE_RATE)
    while left > 0:
        count = min(left, round(BLOCK_S * SAMPLE_RATE))
        yield np.zeros(count, np.float32)
        left -= count
