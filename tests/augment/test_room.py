import numpy as np
import pytest
import soundfile

from augment.errors import EffectError
from augment.room import FIRST_REFLECTION_S, Reverb, Room, RoomResponse
from tests.augment.signals import impulse, sine

RATE = 22050


def sox_reverb(samples, rate, effect):
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
def test_equals_sox_sample_by_sample(scales):
    samples = sine(330.0, sample_rate=8000, duration_s=0.5) + impulse(4000, 7)
    effect = Reverb(*scales)
    ours = effect.apply(samples, 8000).samples
    # float32 of values up to 1.5; the inaudible rest of the tail is 1e-7 of it.
    np.testing.assert_allclose(ours, sox_reverb(samples, 8000, effect), atol=3e-7)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("rt60_s", [0.2, 2.0])
def test_reverberation_time_by_schroeder_is_the_one_asked_for(rt60_s, seed):
    samples = impulse(round(1.5 * rt60_s * RATE))
    response = Room(rt60_s, 0.0, seed).apply(samples, RATE).samples.astype(float)
    tail = response[round(FIRST_REFLECTION_S * RATE) :]
    energy_db = 10 * np.log10(np.cumsum(np.square(tail[::-1]))[::-1] + 1e-30)
    energy_db -= energy_db[0]
    fitted = (energy_db < -5) & (energy_db > -35)  # T30 of ISO 3382
    slope_db, _ = np.polyfit(np.arange(tail.size)[fitted] / RATE, energy_db[fitted], 1)
    assert -60 / slope_db == pytest.approx(rt60_s, rel=0.10)


@pytest.mark.parametrize("ratio_db", [-10.0, 0.0, 15.0])
def test_direct_to_reverberant_ratio_is_the_one_asked_for(ratio_db):
    response = Room(0.5, ratio_db, 4).apply(impulse(RATE), RATE).samples.astype(float)
    assert response[0] == pytest.approx(1.0, abs=1e-6)
    assert not response[1 : int(FIRST_REFLECTION_S * RATE)].round(6).any()
    measured_db = -10 * np.log10(np.sum(np.square(response[1:])))
    assert measured_db == pytest.approx(ratio_db, abs=0.01)


def test_a_measured_response_is_convolved_from_its_onset_on_and_keeps_its_times(tmp_path):
    path = tmp_path / "response.wav"
    soundfile.write(path, np.zeros(100), RATE)
    with pytest.raises(EffectError, match="is silent; give an impulse response"):
        RoomResponse(str(path)).apply(impulse(10), RATE)
    # Noise, a direct sound of -0.5, a louder echo of 0.75 two samples later.
    response = np.array([0, 0.01, 0, -0.5, 0, 0.75], dtype=np.float32)
    soundfile.write(path, response, RATE, subtype="FLOAT")
    output = RoomResponse(str(path)).apply(impulse(10, 2), RATE).samples
    # Scaled to the power of the input: 0.5 and 0.75 over the root of 0.25 + 0.5625.
    expected = np.array([0, 0, -0.5, 0, 0.75, 0, 0, 0, 0, 0]) / np.sqrt(0.8125)
    np.testing.assert_allclose(output, expected, atol=1e-6)
    # A direct sound and an echo 3200 samples of 48 kHz after it: 1470 of 22.05 kHz.
    response = impulse(4800, 320) + np.float32(0.5) * impulse(4800, 3520)
    soundfile.write(path, response, 48000, subtype="FLOAT")
    output = np.abs(RoomResponse(str(path)).apply(impulse(4000, 100), RATE).samples)
    direct, echo = int(np.argmax(output)), 1000 + int(np.argmax(output[1000:]))
    assert echo - direct == 1470
    # Resampling rounds the onset off, by less than a tenth of a millisecond.
    assert 100 <= direct <= 102
