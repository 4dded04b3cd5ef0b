from pathlib import Path

import numpy as np
import pytest
import soundfile

from augment.errors import EffectError
from augment.room import FIRST_REFLECTION_S, Room, RoomResponse
from tests.augment.signals import impulse

RATE = 22050


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("rt60_s", [0.2, 0.7, 2.0])
def test_reverberation_time_by_schroeder_is_the_one_asked_for(rt60_s: float, seed: int) -> None:
    samples = impulse(round(1.5 * rt60_s * RATE))
    response = Room(rt60_s, 0.0, seed).apply(samples, RATE).samples.astype(float)
    tail = response[round(FIRST_REFLECTION_S * RATE) :]
    energy_db = 10 * np.log10(np.cumsum(np.square(tail[::-1]))[::-1] + 1e-30)
    energy_db -= energy_db[0]
    fitted = (energy_db < -5) & (energy_db > -35)  # T30 of ISO 3382
    slope_db, _ = np.polyfit(np.arange(tail.size)[fitted] / RATE, energy_db[fitted], 1)
    assert -60 / slope_db == pytest.approx(rt60_s, rel=0.10)


@pytest.mark.parametrize("ratio_db", [-10.0, 0.0, 15.0])
def test_direct_to_reverberant_ratio_is_the_one_asked_for(ratio_db: float) -> None:
    response = Room(0.5, ratio_db, 4).apply(impulse(RATE), RATE).samples.astype(float)
    measured_db = -10 * np.log10(np.sum(np.square(response[1:])))
    assert response[0] == pytest.approx(1.0, abs=1e-6)
    assert measured_db == pytest.approx(ratio_db, abs=0.01)


def test_nothing_sounds_before_the_first_reflection() -> None:
    response = Room(0.5, 0.0, 4).impulse_response(RATE)
    assert not response[1 : int(FIRST_REFLECTION_S * RATE)].any()


def test_another_seed_is_another_room() -> None:
    first, second = (Room(0.5, 0.0, seed).impulse_response(RATE)[1:] for seed in (1, 2))
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.1


def test_a_measured_response_is_convolved_from_its_onset_on(tmp_path: Path) -> None:
    # Noise, a direct sound of -0.5, a louder echo of 0.75 two samples later.
    path = tmp_path / "response.wav"
    response = np.array([0, 0.01, 0, -0.5, 0, 0.75], dtype=np.float32)
    soundfile.write(path, response, RATE, subtype="FLOAT")
    output = RoomResponse(str(path)).apply(impulse(10, 2), RATE).samples
    # Scaled to the power of the input: 0.5 and 0.75 over the root of 0.25 + 0.5625.
    expected = np.array([0, 0, -0.5, 0, 0.75, 0, 0, 0, 0, 0]) / np.sqrt(0.8125)
    np.testing.assert_allclose(output, expected, atol=1e-6)


def test_a_response_at_another_rate_keeps_its_times(tmp_path: Path) -> None:
    # A direct sound and an echo 3200 samples of 48 kHz after it: 1470 of 22.05 kHz.
    path = tmp_path / "response.wav"
    response = impulse(4800, 320) + np.float32(0.5) * impulse(4800, 3520)
    soundfile.write(path, response, 48000, subtype="FLOAT")
    output = np.abs(RoomResponse(str(path)).apply(impulse(4000, 100), RATE).samples)
    direct, echo = int(np.argmax(output)), 1000 + int(np.argmax(output[1000:]))
    assert echo - direct == 1470
    # Resampling rounds the onset off, by less than a tenth of a millisecond.
    assert 100 <= direct <= 102


def test_a_silent_response_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "silent.wav"
    soundfile.write(path, np.zeros(100), RATE)
    with pytest.raises(EffectError, match="is silent; give an impulse response"):
        RoomResponse(str(path)).apply(impulse(10), RATE)


@pytest.mark.parametrize("rt60_s", [0.0, 11.0])
def test_impossible_reverberation_times_are_refused(rt60_s: float) -> None:
    with pytest.raises(EffectError, match=r"rt60_s .* is not within 0.05 to 10"):
        Room(rt60_s, 0.0, 0)
