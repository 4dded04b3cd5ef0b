import numpy as np
import pytest
from numpy.typing import NDArray

from augment.errors import EffectError
from augment.room import Reverb
from tests.augment.signals import impulse, power, sine


def sox_reverb(samples: NDArray[np.float32], rate: int, effect: Reverb) -> NDArray[np.float64]:
    """SoX's reverb.c sample by sample, mono, with its circular buffers and its mappings."""
    a = -1 / np.log(1 - 0.3)
    b = 100 / (np.log(1 - 0.98) * a + 1)
    feedback = 1 - np.exp((effect.reverberance - b) / (a * b))
    damping = effect.hf_damping / 100 * 0.3 + 0.2
    scale = effect.room_scale / 100 * 0.9 + 0.1
    comb_sizes = (1116, 1188, 1277, 1356, 1422, 1491, 1557, 1617)
    combs = [np.zeros(int(scale * rate / 44100 * size + 0.5)) for size in comb_sizes]
    allpasses = [np.zeros(int(rate / 44100 * size + 0.5)) for size in (225, 341, 441, 556)]
    stores = [0.0] * len(combs)
    output = np.zeros(samples.size)
    for n, sample in enumerate(samples.astype(float)):
        wet = 0.0
        for i, comb in enumerate(combs):
            echo = comb[n % comb.size]
            stores[i] = echo + (stores[i] - echo) * damping
            comb[n % comb.size] = sample + stores[i] * feedback
            wet += echo
        for allpass in reversed(allpasses):
            echo = allpass[n % allpass.size]
            allpass[n % allpass.size] = wet + echo * 0.5
            wet = echo - wet
        output[n] = sample + wet * 0.015
    return output


@pytest.mark.parametrize("scales", [(0.0, 0.0, 0.0), (20.0, 5.0, 20.0), (90.0, 60.0, 100.0)])
def test_equals_sox_sample_by_sample(scales: tuple[float, float, float]) -> None:
    samples = sine(330.0, sample_rate=8000, duration_s=0.5) + impulse(4000, 7)
    effect = Reverb(*scales)
    ours = effect.apply(samples, 8000).samples
    # float32 of values up to 1.5; the inaudible rest of the tail is 1e-7 of it.
    np.testing.assert_allclose(ours, sox_reverb(samples, 8000, effect), atol=3e-7)


def test_feedback_reaches_soxs_least_and_most() -> None:
    assert Reverb(reverberance=0).feedback == pytest.approx(0.3)
    assert Reverb(reverberance=100).feedback == pytest.approx(0.98)


def _decay_60_db_s(effect: Reverb, rate: int = 22050) -> float:
    """When the wet energy still to come has fallen by 60 dB."""
    response = effect.apply(impulse(6 * rate), rate).samples.astype(float)
    response[0] -= 1
    remaining = np.cumsum(np.square(response[::-1]))[::-1]
    return float(np.argmax(remaining < 1e-6 * remaining[0])) / rate


def test_small_and_dry_is_short_large_and_wet_is_long() -> None:
    # The all-passes alone need 10 of their echoes, the longest 12.6 ms apart.
    assert 0.126 < _decay_60_db_s(Reverb(0.0, 50.0, 0.0)) < 0.2
    assert _decay_60_db_s(Reverb(90.0, 0.0, 100.0)) > 2.0


def test_each_scale_works_as_its_name_says() -> None:
    assert _decay_60_db_s(Reverb(20, 50, 50)) < _decay_60_db_s(Reverb(60, 50, 50))
    assert _decay_60_db_s(Reverb(50, 50, 20)) < _decay_60_db_s(Reverb(50, 50, 80))
    assert _decay_60_db_s(Reverb(50, 90, 50)) < _decay_60_db_s(Reverb(50, 0, 50))


def test_dry_sound_keeps_its_place_and_level() -> None:
    response = Reverb(50.0, 50.0, 50.0).apply(impulse(2000, 100), 22050).samples
    assert not response[:100].any() or np.abs(response[:100]).max() < 1e-7
    assert response[100] == pytest.approx(1.0, abs=1e-6)


def test_what_is_added_is_quieter_than_the_sound_in_the_papers_range(
    rng: np.random.Generator,
) -> None:
    samples = sine(440.0, sample_rate=22050)
    for _ in range(5):
        effect = Reverb.draw(rng)
        assert max(effect.reverberance, effect.hf_damping, effect.room_scale) <= 20
        assert power(effect.apply(samples, 22050).samples - samples) < power(samples)


@pytest.mark.parametrize("scale", [-1.0, 101.0])
def test_scales_outside_0_to_100_are_refused(scale: float) -> None:
    with pytest.raises(EffectError, match=r"room_scale .* is not within 0 to 100"):
        Reverb(room_scale=scale)
