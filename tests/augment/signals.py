"""Signals that tests build and measure."""

import numpy as np

from augment.effect import effect_named, range_names
from augment.spectral import SpectralRanges

CALM = SpectralRanges(
    shift_semitones=(0.0, 0.0), tempo=(1.0, 1.0), speed_share=0, untouched_share=0, noise_share=0,
    reverb_share=0, eq_share=0, band_share=0, mask_share=0,
)  # fmt: skip


def sine(frequency_hz, *, sample_rate, duration_s=2.0):
    """A sine of amplitude 0.5."""
    times = np.arange(round(duration_s * sample_rate)) / sample_rate
    return (0.5 * np.sin(2 * np.pi * frequency_hz * times)).astype(np.float32)


def impulse(n_samples, at=0):
    """Zeros with a single 1."""
    samples = np.zeros(n_samples, dtype=np.float32)
    samples[at] = 1
    return samples


def bursts(moments_s, *, sample_rate, duration_s):
    """Silence with short bursts of a 1 kHz tone centred at these moments."""
    times = np.arange(round(duration_s * sample_rate)) / sample_rate
    samples = np.zeros(times.size)
    for moment_s in moments_s:
        away = times - moment_s
        samples += 0.8 * np.cos(2 * np.pi * 1000 * away) * np.exp(-((away / 0.002) ** 2))
    return samples.astype(np.float32)


def loudest_moment_s(samples, near_s, *, sample_rate):
    """Centre of energy of the loudest 6 ms within 60 ms of a moment."""
    start = max(0, round((near_s - 0.06) * sample_rate))
    energy = np.square(samples[start : round((near_s + 0.06) * sample_rate)], dtype=np.float64)
    width = round(0.006 * sample_rate)
    sums = np.convolve(energy, np.ones(width), mode="valid")
    first = int(np.argmax(sums))
    return (start + first + (width - 1) / 2) / sample_rate


def frequency_hz(samples, *, sample_rate):
    """Frequency of the strongest tone in the middle half, by a parabola on a log spectrum."""
    middle = samples[samples.size // 4 : -samples.size // 4].astype(np.float64)
    n_fft = 1 << 18
    levels = np.log(np.abs(np.fft.rfft(middle * np.blackman(middle.size), n_fft)) + 1e-20)
    peak = int(np.argmax(levels))
    left, centre, right = levels[peak - 1 : peak + 2]
    return float((peak + (left - right) / (2 * (left - 2 * centre + right))) * sample_rate / n_fft)


def cents(frequency, reference):
    """Distance of two frequencies in hundredths of a semitone."""
    return float(1200 * np.log2(frequency / reference))


def gain_db_at(effect, frequency, *, sample_rate):
    """Level of a sine after an effect over its level before, both without their first half."""
    before = sine(frequency, sample_rate=sample_rate)
    after = effect.apply(before, sample_rate).samples
    half = before.size // 2
    return float(10 * np.log10(power(after[half:]) / power(before[half:])))


def power(samples):
    return float(np.mean(np.square(samples, dtype=np.float64)))


def lag_samples(source, output):
    """By how many samples `output` comes later than `source`: the peak of their correlation."""
    n_fft = 1 << (source.size + output.size).bit_length()
    product = np.fft.rfft(output, n_fft) * np.conj(np.fft.rfft(source, n_fft))
    lag = int(np.argmax(np.fft.irfft(product, n_fft)))
    return lag if lag < n_fft // 2 else lag - n_fft


def drawn(name, *, path, duration_s, seed=3):
    """Any effect of the registry drawn with its default ranges."""
    given = {"paths": [path], "duration_s": duration_s}
    effect_class = effect_named(name)
    known = {key: given[key] for key in range_names(effect_class) if key in given}
    return effect_class.draw(np.random.default_rng(seed), **known)
