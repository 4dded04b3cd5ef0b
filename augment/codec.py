"""Lossy compression: through a real encoder and its decoder, in memory."""

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import IO, Annotated, Any, Self

import numpy as np
from numpy.typing import NDArray

from augment.effect import Effect, Number, Range, Rng, Samples, log_uniform, one_of
from augment.errors import EffectError
from augment.tempo import mono_frames, resample, with_length


@dataclass(frozen=True)
class CodecSpec:
    """How one codec is run, and what it can do.

    `rates`: the sample rates in Hz that it takes. `kbps`: its range of bit rates in kbit/s;
    `modes`: its only bit rates if it has a few fixed ones; `usual_kbps`: the range for drawing.
    `delay`: by how many samples the decoder's output comes late; where an encoder states its
    delay, FFmpeg has already taken it out.
    """

    encoder: str
    decoder: str
    rates: tuple[int, ...]
    kbps: Range
    usual_kbps: Range
    sample_format: str
    modes: tuple[float, ...] = ()
    delay: int = 0
    options: Mapping[str, str] = field(default_factory=dict)


def _telephone(encoder: str, decoder: str, rate: int, *modes: float, delay: int = 0) -> CodecSpec:
    """A speech codec with one sample rate and a few fixed bit rates."""
    kbps = (min(modes), max(modes))
    return CodecSpec(encoder, decoder, (rate,), kbps, kbps, "s16", modes, delay)


_MP3_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
_AAC_RATES = (*_MP3_RATES, 64000, 88200, 96000)
_AMR_KBPS = (4.75, 5.15, 5.9, 6.7, 7.4, 7.95, 10.2, 12.2)
_VOIP = {"application": "voip"}

CODECS: dict[str, CodecSpec] = {
    "aac": CodecSpec("aac", "aac", _AAC_RATES, (8, 256), (24, 128), "fltp", delay=1024),
    "amr_nb": _telephone("libopencore_amrnb", "amrnb", 8000, *_AMR_KBPS, delay=40),
    "g711_alaw": _telephone("pcm_alaw", "pcm_alaw", 8000, 64),
    "g711_mulaw": _telephone("pcm_mulaw", "pcm_mulaw", 8000, 64),
    "g722": _telephone("g722", "g722", 16000, 64, delay=22),
    "g723_1": _telephone("g723_1", "g723_1", 8000, 6.3, delay=60),
    "mp3": CodecSpec("libmp3lame", "mp3float", _MP3_RATES, (8, 320), (24, 192), "fltp"),
    "opus": CodecSpec("libopus", "opus", (48000,), (6, 256), (12, 96), "flt"),
    "opus_voip": CodecSpec("libopus", "opus", (16000,), (6, 64), (6, 24), "flt", options=_VOIP),
    "vorbis": CodecSpec("", "", (44100,), (32, 250), (32, 128), "float"),
}
"""Codecs by name: those that the FFmpeg in PyAV encodes, and Vorbis, which libsndfile encodes."""

VORBIS_KBPS = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 250)
"""Nominal kbit/s of one channel at 44.1 kHz for libvorbis' qualities 0 to 10."""
BLOCK_SAMPLES = 65_536
"""Written at once: libsndfile's Vorbis encoder has crashed on long recordings in one piece."""


class Codec(Effect):
    """The sound after a codec at `kbps` kbit/s, as long as before and not delayed.

    The recording is resampled to the codec's rate (the next one up, or its highest) and back,
    so a narrow-band codec also takes the band away. What is beyond full scale is clipped. Mp3,
    AAC and Opus use their bit rate nearest to `kbps`; Vorbis holds it on average.
    """

    codec: Annotated[str, one_of(tuple(CODECS))]
    kbps: float

    def __post_init__(self) -> None:
        super().__post_init__()
        spec = CODECS[self.codec]
        if spec.modes and self.kbps not in spec.modes:
            problem = f"{self.codec} has no {self.kbps!r} kbit/s"
            listed = ", ".join(f"{kbps:g}" for kbps in spec.modes)
            raise EffectError(f"codec: {problem}; choose from {listed}")
        Number(*spec.kbps)("codec: kbps", self.kbps)

    @classmethod
    def draw(
        cls, rng: Rng, *, codecs: Sequence[str] = tuple(CODECS), kbps: Range | None = None
    ) -> Self:
        """One of the codecs, its bit rate evenly on a logarithmic scale in `kbps` or its range."""
        codec = str(rng.choice(list(codecs)))
        one_of(tuple(CODECS))("codec:", codec)
        spec = CODECS[codec]
        low, high = kbps or spec.usual_kbps
        if spec.modes:
            within = [rate for rate in spec.modes if low <= rate <= high] or spec.modes
            return cls(codec, float(rng.choice(within)))
        drawn = log_uniform(rng, (low, high))
        return cls(codec, min(max(drawn, spec.kbps[0]), spec.kbps[1]))

    def _change(self, samples: Samples, sample_rate: int) -> Samples:
        spec = CODECS[self.codec]
        rate = min((rate for rate in spec.rates if rate >= sample_rate), default=spec.rates[-1])
        narrowed = np.clip(resample(samples, sample_rate, rate), -1, 1)
        if self.codec == "vorbis":
            decoded = _by_vorbis(narrowed, rate, self.kbps)
        else:
            decoded, rate = _by_ffmpeg(narrowed, rate, spec, self.kbps)
        return with_length(resample(decoded, rate, sample_rate), samples.size)


def _by_ffmpeg(samples: Samples, rate: int, spec: CodecSpec, kbps: float) -> tuple[Samples, int]:
    """The decoded samples, aligned with those given, and their rate."""
    import av

    try:
        encoder = av.CodecContext.create(spec.encoder, "w")
        encoder.sample_rate, encoder.layout, encoder.format = rate, "mono", spec.sample_format
        encoder.bit_rate, encoder.time_base = round(kbps * 1000), Fraction(1, rate)
        encoder.options = dict(spec.options)
        encoder.open()
        given = _frames(samples, rate, spec, encoder.frame_size or 4096)
        packets = [packet for frame in given for packet in encoder.encode(frame)]
        decoder = av.CodecContext.create(spec.decoder, "r")
        decoder.sample_rate, decoder.layout = rate, "mono"
        decoder.extradata = encoder.extradata
        frames = [frame for packet in [*packets, None] for frame in decoder.decode(packet)]
    except av.FFmpegError as problem:
        raise EffectError(
            f"codec: this ffmpeg cannot do {spec.encoder} at {kbps:g} kbit/s and {rate} Hz "
            f"({problem}); choose another codec or rate"
        ) from problem
    decoded = np.concatenate([frame.to_ndarray()[0] for frame in frames])
    samples = (decoded / 32768 if decoded.dtype == np.int16 else decoded).astype(np.float32)
    return samples[spec.delay :], int(frames[0].sample_rate)


def _frames(samples: Samples, rate: int, spec: CodecSpec, frame_size: int) -> Iterator[Any]:
    """The samples as whole frames for an encoder, then None, which empties it and the decoder."""
    n_frames = -(-(samples.size + spec.delay) // frame_size) + 1
    values: NDArray[Any] = with_length(samples, n_frames * frame_size)
    if spec.sample_format == "s16":
        values = np.clip(np.round(values * 32768), -32768, 32767).astype(np.int16)
    return mono_frames(values, rate, spec.sample_format, frame_size)


def _by_vorbis(samples: Samples, rate: int, kbps: float) -> Samples:
    """The samples through libvorbis by way of an Ogg file in memory, which keeps them aligned."""
    import soundfile

    quality = float(np.interp(kbps, VORBIS_KBPS, np.linspace(0, 1, len(VORBIS_KBPS))))
    memory = io.BytesIO()
    write_sound(memory, samples, rate, kind="OGG", subtype="VORBIS", compression_level=1 - quality)
    memory.seek(0)
    return np.asarray(soundfile.read(memory, dtype="float32")[0], dtype=np.float32)


def write_sound(
    file: IO[bytes], samples: Samples, sample_rate: int, *, kind: str, subtype: str, **options: Any
) -> None:
    """Write mono samples to an open file as libsndfile's format `kind` and `subtype`."""
    import soundfile

    options |= {"channels": 1, "format": kind, "subtype": subtype}
    with soundfile.SoundFile(file, "w", sample_rate, **options) as sound:
        for start in range(0, samples.size, BLOCK_SAMPLES):
            sound.write(samples[start : start + BLOCK_SAMPLES])
