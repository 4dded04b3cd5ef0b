"""Noise: Gaussian with an amplitude, coloured at a signal-to-noise ratio, or recorded."""

import math
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Annotated, Any, Self, TypeAlias

import numpy as np

from augment import effect
from augment.effect import Effect, Number, Path, Range, Rng, Samples, Seconds, Seed, uniform
from augment.errors import AudioError, EffectError
from augment.tempo import resample

COLOUR_SLOPES_DB = {"brown": -6.0, "pink": -3.0, "white": 0.0, "blue": 3.0, "violet": 6.0}
"""dB per octave of the power spectrum."""

LOWEST_HZ = 20.0  # the spectrum is flat below; else brown noise would be mostly inaudible drift

Ratio: TypeAlias = Annotated[float, Number(-60, 120)]


def mean_square(samples: Samples) -> float:
    """Power of the samples: the mean of their squares, summed in double precision."""
    return float(np.mean(np.square(samples, dtype=np.float64))) if samples.size else 0.0


def scaled_to_level(sound: Samples, reference: Samples, *, level_db: float) -> Samples:
    """`sound` with its power `level_db` above that of `reference`; silence of either is kept."""
    power = mean_square(sound)
    if power == 0:
        return np.zeros_like(sound)
    wanted = mean_square(reference) * 10 ** (level_db / 10)
    return sound * np.float32(math.sqrt(wanted / power))


class GaussianNoise(Effect):
    """White Gaussian noise of a fixed amplitude, whatever the loudness of the recording.

    `amplitude`: standard deviation on the scale where full scale is 1; the default range is the
    paper's. The same definition as audiomentations' `AddGaussianNoise`, which cannot be replayed.
    """

    amplitude: Annotated[float, Number(0, 1, drawn=(0.001, 0.015))]
    seed: Seed

    def _change(self, samples: Samples, sample_rate: int) -> Samples:
        noise = np.random.default_rng(self.seed).standard_normal(samples.size, dtype=np.float32)
        return samples + np.float32(self.amplitude) * noise


class ColouredNoise(Effect):
    """Noise of a colour at a signal-to-noise ratio, in dB, over the whole recording.

    `colour`: white, pink (-3 dB per octave), brown (-6), blue (+3) or violet (+6). Silence has
    no level to measure against and stays silent.
    """

    snr_db: Ratio
    seed: Seed
    colour: Annotated[str, effect.one_of(tuple(COLOUR_SLOPES_DB))] = "white"

    @classmethod
    def draw(
        cls, rng: Rng, *, snr_db: Range = (5.0, 40.0),
        colours: Sequence[str] = ("white", "pink", "brown"),
    ) -> Self:  # fmt: skip
        """A ratio drawn evenly in dB, and one of the colours."""
        return cls(uniform(rng, snr_db), effect.draw_seed(rng), str(rng.choice(list(colours))))

    def _change(self, samples: Samples, sample_rate: int) -> Samples:
        noise = np.random.default_rng(self.seed).standard_normal(samples.size, dtype=np.float32)
        if slope_db := COLOUR_SLOPES_DB[self.colour]:
            from scipy.fft import irfft, next_fast_len, rfft

            n_fft = next_fast_len(samples.size, real=True)
            frequencies = np.maximum(np.fft.rfftfreq(n_fft, 1 / sample_rate), LOWEST_HZ)
            gain = (frequencies / 1000).astype(np.float32) ** (slope_db / 6)
            noise = np.asarray(irfft(rfft(noise, n_fft) * gain, n_fft)[: samples.size], np.float32)
        return samples + scaled_to_level(noise, samples, level_db=-self.snr_db)


class Background(Effect):
    """A recorded noise added at a signal-to-noise ratio, in dB, over the whole recording.

    The file is read from `offset_s` on, and again from its beginning. Silence stays silent.
    """

    path: Path
    offset_s: Seconds
    snr_db: Ratio

    @classmethod
    def draw(cls, rng: Rng, *, paths: Sequence[str] = (), snr_db: Range = (0.0, 30.0)) -> Self:
        """One of the files, a place in it, and a ratio drawn evenly in dB."""
        path = effect.draw_path(rng, cls.name, paths)
        return cls(path, float(rng.random()) * duration_s(path), uniform(rng, snr_db))

    def _change(self, samples: Samples, sample_rate: int) -> Samples:
        needed_s = samples.size / sample_rate
        start_s = self.offset_s % duration_s(self.path)
        try:
            noise = read_stretch(self.path, sample_rate, start_s=start_s, length_s=needed_s)
        except AfterItsEndError:  # a header may promise too much, and a second may be lost
            noise = np.zeros(0, np.float32)
        if (missing := samples.size - noise.size) > 0:
            again = read_stretch(self.path, sample_rate, start_s=0.0, length_s=needed_s)
            noise = np.concatenate([noise, np.resize(again, missing)])
        if mean_square(noise) == 0:
            raise EffectError(f"background: {self.path!r} is silent there; choose another place")
        return samples + scaled_to_level(noise, samples, level_db=-self.snr_db)


# Other recordings, for the effects that bring them in.


class AfterItsEndError(EffectError):
    """A recording holds nothing at that place."""


def read_stretch(path: str, sample_rate: int, *, start_s: float, length_s: float) -> Samples:
    """Up to `length_s` seconds of a recording from `start_s` on, mono, at `sample_rate`."""
    from augment.audio.decode import selected

    with _decoder(path, start_s, start_s + length_s) as decoder:
        rate = decoder.info.sample_rate
        first = round(start_s * rate) - decoder.begins_s * rate
        blocks = (resample(piece.samples, piece.sample_rate, rate) for piece in decoder)
        # One sample more, so that rounding between the two rates leaves nothing short.
        if not (parts := list(selected(blocks, first, round(length_s * rate) + 1))):
            lasts = f"{path!r} lasts {decoder.integrity.decoded_s:g} s"
            raise AfterItsEndError(f"{lasts}; {start_s:g} s is after its end")
        if decoder.integrity.not_finite:
            raise EffectError(f"{path!r} holds NaN or infinite samples; convert it to 16-bit")
    return resample(np.concatenate(parts), rate, sample_rate)[: round(length_s * sample_rate)]


def duration_s(path: str) -> float:
    """How long the recording in a file is, in seconds; it is decoded if its header is silent."""
    with _decoder(path, 0.0, None) as decoder:
        length_s = decoder.expected_s or sum(len(p.samples) / p.sample_rate for p in decoder)
    if not length_s:
        raise EffectError(f"{path!r} holds no sound; give another recording")
    return float(length_s)


@contextmanager
def _decoder(path: str, start_s: float, stop_s: float | None) -> Iterator[Any]:
    """A decoder whose errors are those of effects; imported late, for few effects need one."""
    from augment.audio.decode import Decoder
    from augment.audio.files import DEFAULT_LIMITS

    try:
        limits = DEFAULT_LIMITS
        with closing(Decoder(path, start_s=start_s, stop_s=stop_s, limits=limits)) as decoder:
            yield decoder
    except AudioError as problem:
        raise EffectError(str(problem)) from problem
