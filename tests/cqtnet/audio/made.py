"""Recordings that the tests make: known sounds, in known formats, damaged in known ways."""

import signal
import struct
from contextlib import contextmanager
from fractions import Fraction

import av
import numpy as np
import soundfile


def sine(frequency_hz, *, seconds, rate, amplitude=0.5):
    """A sine, float64, shape (n,)."""
    times_s = np.arange(round(seconds * rate)) / rate
    return amplitude * np.sin(2 * np.pi * frequency_hz * times_s)


def sweep(*, seconds, rate, amplitude=0.5):
    """A sine that climbs from 100 Hz to 5 kHz: every moment sounds different."""
    times_s = np.arange(round(seconds * rate)) / rate
    phase = 2 * np.pi * (100 * times_s + (5_000 - 100) / (2 * seconds) * times_s**2)
    return amplitude * np.sin(phase)


def fitted_sine(samples, frequency_hz, rate):
    """Amplitude of the sine of that frequency, and the RMS of what is left, by least squares."""
    angles = 2 * np.pi * frequency_hz * np.arange(samples.size) / rate
    basis = np.stack([np.sin(angles), np.cos(angles)], axis=1)
    weights = np.linalg.lstsq(basis, samples.astype(np.float64), rcond=None)[0]
    rest = samples - basis @ weights
    return float(np.hypot(*weights)), float(np.sqrt(np.mean(rest**2)))


def loudest_hz(samples, rate):
    """Frequency of the highest peak of the spectrum, Hz, to half a bin."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(samples.size)))
    return float(spectrum.argmax() * rate / samples.size)


def wav_bytes(data, *, rate=44_100, channels=1, bits=16, tag=1, data_size=None):
    """A WAV file around raw sound, with whatever the header is told to say."""
    align = channels * bits // 8
    fmt = struct.pack(
        "<HHIIHH", tag, channels, rate, rate * align & 0xFFFFFFFF, align & 0xFFFF, bits
    )
    size = len(data) if data_size is None else data_size
    body = b"WAVEfmt " + struct.pack("<I", 16) + fmt + b"data" + struct.pack("<I", size) + data
    return b"RIFF" + struct.pack("<I", (len(body) + size - len(data)) & 0xFFFFFFFF) + body


def pcm16(samples):
    return np.round(samples * 32_767).astype("<i2").tobytes()


def cut_off(path, *, keep):
    """A copy of the file that ends after a part of its bytes."""
    data = path.read_bytes()
    short = path.with_name("cut_" + path.name)
    short.write_bytes(data[: round(len(data) * keep)])
    return short


def encode(path, samples, *, rate, codec, container=None, layout="mono", film_s=0, options=None):
    """Write one sound track, and a black film of `film_s` seconds when asked for.

    `samples`: shape (n,), written to every channel, or (channels, n), or a list of such: one each
    track.
    """
    tracks = samples if isinstance(samples, list) else [samples]
    with av.open(str(path), "w", format=container, options=options or {}) as output:
        film = output.add_stream("mpeg4", rate=25, width=64, height=48) if film_s else None
        streams = [output.add_stream(codec, rate=rate, layout=layout) for _ in tracks]
        for _ in range(film_s * 25):
            black = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")
            output.mux(film.encode(black))
        if film:
            output.mux(film.encode(None))
        for stream, sound in zip(streams, tracks, strict=True):
            stream.bit_rate = 12_200 if rate == 8_000 else 128_000
            planes = np.atleast_2d(sound).astype(np.float32)
            planes = np.broadcast_to(planes, (stream.codec_context.channels, planes.shape[1]))
            for start in range(0, planes.shape[1], 4_096):
                # Interleaved: PyAV writes past the planes of a frame of eight channels.
                part = np.ascontiguousarray(planes[:, start : start + 4_096].T).reshape(1, -1)
                frame = av.AudioFrame.from_ndarray(part, format="flt", layout=layout)
                frame.rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
                output.mux(stream.encode(frame))
            output.mux(stream.encode(None))
    return path


def write_in_parts(path, samples, rate, **format_and_subtype):
    """soundfile.write, a second at a time: libsndfile's Vorbis encoder crashes on long arrays."""
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    with soundfile.SoundFile(path, "w", rate, channels, **format_and_subtype) as sound:
        for start in range(0, len(samples), rate):
            sound.write(samples[start : start + rate])
    return path


@contextmanager
def at_most(seconds):
    """Fail, instead of hanging, when the block takes longer."""

    def fail(*_):
        raise TimeoutError(f"still busy after {seconds} s")

    signal.signal(signal.SIGALRM, fail)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
