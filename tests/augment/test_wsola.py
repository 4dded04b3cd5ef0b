"""Tempo and pitch by WSOLA: as right as `tempo` and `pitch`, and kept out of training."""

import inspect

import numpy as np
import pytest
from numpy.typing import NDArray

from augment.chain import PAPER, RECIPES
from augment.effect import EFFECTS, Samples
from augment.errors import EffectError
from augment.tempo import Pitch, Tempo, WsolaPitch, WsolaTempo
from cqtnet import recipes, validation, views
from cqtnet.music import make_music
from tests.augment.signals import cents, frequency_hz, impulse, loudest_moment_s, power, sine

RATE = 22050
FACTORS = [0.5, 0.8, 0.85, 0.93, 1.1, 1.35, 2.0]
SHIFTS = [-12.0, -4.0, -0.3, 0.5, 4.0, 12.0]
PIECE_S = 1024 / RATE


def clicks(moments_s: NDArray[np.float64], *, duration_s: float) -> Samples:
    """Single samples of 1 over faint noise: in digital silence WSOLA has nothing to fit."""
    noise = np.random.default_rng(5).standard_normal(round(duration_s * RATE))
    samples = (1e-4 * noise).astype(np.float32)
    for moment_s in moments_s:
        samples += impulse(samples.size, round(moment_s * RATE))
    return samples


def onsets(samples: Samples, *, step_s: float = 0.002) -> NDArray[np.float64]:
    """How much louder each 10 ms is than those before, every 2 ms."""
    step, width = round(step_s * RATE), round(0.01 * RATE)
    energy = np.convolve(np.square(samples, dtype=np.float64), np.ones(width) / width, "same")
    return np.maximum(0, np.diff(np.log(energy[::step] + 1e-6)))


def lag_s(source: Samples, altered: Samples, factor: float, start_s: float) -> float:
    """By how many seconds of the source `altered` is late, over 4 s of the source."""
    times = np.arange(start_s, start_s + 4, 0.001)
    step_s = round(0.002 * RATE) / RATE
    first, second = onsets(source), onsets(altered)
    here = np.interp(times, step_s * np.arange(first.size), first)
    lags = np.arange(-0.06, 0.06, 0.001)
    fits = [
        np.corrcoef(
            here, np.interp((times + lag) / factor, step_s * np.arange(second.size), second)
        )[0, 1]
        for lag in lags
    ]
    return float(lags[int(np.argmax(fits))])


@pytest.mark.parametrize("sample_rate", [8000, 22050, 44100])
@pytest.mark.parametrize("factor", FACTORS)
def test_duration_is_divided_by_the_factor(factor: float, sample_rate: int) -> None:
    samples = sine(440.0, sample_rate=sample_rate)
    altered = WsolaTempo(factor).apply(samples, sample_rate)
    assert altered.samples.size == pytest.approx(samples.size / factor, abs=1)
    rate = altered.time_map.spans[0].rate
    assert rate == pytest.approx(factor, abs=factor / altered.samples.size)


# Not 2.0: there every other piece is left out, and clicks with it.
@pytest.mark.parametrize("factor", FACTORS[:-1])
def test_a_click_train_has_the_planted_tempo_and_stays_near_the_map(factor: float) -> None:
    moments = np.arange(0.5, 59.5, 0.31)
    altered = WsolaTempo(factor).apply(clicks(moments, duration_s=60.0), RATE)
    expected = altered.time_map.to_output(moments)
    found = np.array(
        [loudest_moment_s(altered.samples, time, sample_rate=RATE) for time in expected]
    )
    off_source_s = (found - expected) * factor
    # Half a piece, and 3 ms for what the measurement itself is uncertain by.
    assert np.abs(off_source_s).max() < PIECE_S / 2 + 0.003
    slope = np.polyfit(found, moments, 1)[0]
    assert slope == pytest.approx(factor, rel=2e-4)  # 12 ms a minute: no drift


@pytest.mark.parametrize("effect", [WsolaTempo(0.85), WsolaTempo(1.35), WsolaPitch(3.0)])
def test_music_is_at_most_20_ms_off_in_the_middle(effect: WsolaTempo | WsolaPitch) -> None:
    music = make_music(3, duration_s=20.0)
    factor = getattr(effect, "factor", 1.0)
    altered = effect.apply(music, RATE).samples
    lags = [lag_s(music, altered, factor, start_s) for start_s in (2.0, 8.0, 14.0)]
    assert np.abs(lags).max() <= 0.020
    assert np.abs(np.median(lags)) <= 0.012


@pytest.mark.parametrize("frequency", [110.0, 440.0, 1760.0])
@pytest.mark.parametrize("factor", FACTORS)
def test_tempo_keeps_the_pitch_within_5_cents(factor: float, frequency: float) -> None:
    altered = WsolaTempo(factor).apply(sine(frequency, sample_rate=RATE), RATE).samples
    assert abs(cents(frequency_hz(altered, sample_rate=RATE), frequency)) < 5


@pytest.mark.parametrize("frequency", [110.0, 440.0, 1000.0])
@pytest.mark.parametrize("shift_semitones", SHIFTS)
def test_pitch_moves_a_tone_by_its_semitones_within_5_cents(
    shift_semitones: float, frequency: float
) -> None:
    altered = WsolaPitch(shift_semitones).apply(sine(frequency, sample_rate=RATE), RATE).samples
    expected = frequency * 2 ** (shift_semitones / 12)
    assert abs(cents(frequency_hz(altered, sample_rate=RATE), expected)) < 5


@pytest.mark.parametrize(
    "effect", [WsolaTempo(0.8), WsolaTempo(1.35), WsolaPitch(-4.0), WsolaPitch(4.0)]
)
def test_a_tone_keeps_its_level_to_both_ends(effect: WsolaTempo | WsolaPitch) -> None:
    samples = sine(440.0, sample_rate=RATE, duration_s=4.0)
    altered = effect.apply(samples, RATE).samples
    tenth = RATE // 10
    for stretch in (altered, altered[:tenth], altered[-tenth:]):
        assert 10 * np.log10(power(stretch) / power(samples)) == pytest.approx(0, abs=1)


def test_it_is_another_method_than_the_one_that_training_uses() -> None:
    music = make_music(3, duration_s=5.0)
    for ours, other in ((WsolaTempo(1.1), Tempo(1.1)), (WsolaPitch(2.0), Pitch(2.0))):
        here, there = ours.apply(music, RATE).samples, other.apply(music, RATE).samples
        assert here.size == there.size
        assert np.corrcoef(here, there)[0, 1] < 0.9


def test_no_change_asked_for_is_no_change_made() -> None:
    samples = sine(440.0, sample_rate=RATE)
    for effect in (WsolaTempo(1.0), WsolaPitch(0.0)):
        assert np.array_equal(effect.apply(samples, RATE).samples, samples)


def test_neither_training_nor_validation_knows_them() -> None:
    ours = {"wsola_tempo", "wsola_pitch"}
    assert ours <= set(EFFECTS)
    drawn = [PAPER, *RECIPES.values(), *validation.CONDITIONS.values()]
    assert not any(ours & set(recipe) for recipe in drawn)
    for module in (recipes, validation, views):
        assert "wsola" not in inspect.getsource(module).lower()


@pytest.mark.parametrize("factor", [0.4, 2.1, -1.0, float("nan")])
def test_factors_outside_their_limits_are_refused(factor: float) -> None:
    with pytest.raises(EffectError, match=r"factor .* is not within 0.5 to 2"):
        WsolaTempo(factor)


@pytest.mark.parametrize("shift_semitones", [-12.5, 13.0])
def test_shifts_outside_their_limits_are_refused(shift_semitones: float) -> None:
    with pytest.raises(EffectError, match=r"shift_semitones .* is not within -12 to 12"):
        WsolaPitch(shift_semitones)
