from pathlib import Path

import numpy as np
import pytest
import soundfile

from augment.errors import EffectError
from augment.noise import Background
from tests.augment.signals import power, sine

RATE = 22050


@pytest.fixture
def ramp_file(tmp_path: Path) -> Path:
    """One second whose samples say their place, from -1 to 1, at the rate of the test."""
    path = tmp_path / "ramp.wav"
    soundfile.write(path, np.linspace(-1, 1, RATE, dtype=np.float32), RATE, subtype="FLOAT")
    return path


@pytest.mark.parametrize("snr_db", [-5.0, 0.0, 12.5, 30.0])
def test_measured_ratio_is_the_one_asked_for(other_recording: Path, snr_db: float) -> None:
    samples = sine(300.0, sample_rate=RATE, duration_s=5.0)
    noisy = Background(str(other_recording), 1.0, snr_db).apply(samples, RATE).samples
    assert 10 * np.log10(power(samples) / power(noisy - samples)) == pytest.approx(snr_db, abs=0.1)


def test_it_begins_at_its_offset_and_loops(ramp_file: Path) -> None:
    samples = sine(300.0, sample_rate=RATE, duration_s=3.0)
    added = Background(str(ramp_file), 0.25, 0.0).apply(samples, RATE).samples - samples
    ramp = np.linspace(-1, 1, RATE)
    start = round(0.25 * RATE)
    looped = np.concatenate([ramp[start:], ramp, ramp, ramp[:start]])
    assert np.corrcoef(added, looped)[0, 1] > 0.99999


def test_an_offset_beyond_the_end_counts_from_the_beginning_again(ramp_file: Path) -> None:
    samples = sine(300.0, sample_rate=RATE, duration_s=2.0)
    once = Background(str(ramp_file), 0.25, 5.0).apply(samples, RATE).samples
    again = Background(str(ramp_file), 3.25, 5.0).apply(samples, RATE).samples
    assert np.array_equal(once, again)


def test_draws_lie_within_the_file(ramp_file: Path, rng: np.random.Generator) -> None:
    for _ in range(50):
        effect = Background.draw(rng, paths=[str(ramp_file)], snr_db=(3.0, 4.0))
        assert 0 <= effect.offset_s < 1
        assert 3 <= effect.snr_db <= 4


def test_a_silent_background_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "silent.wav"
    soundfile.write(path, np.zeros(RATE), RATE)
    with pytest.raises(EffectError, match="is silent there"):
        Background(str(path), 0.0, 10.0).apply(sine(300.0, sample_rate=RATE), RATE)
