from pathlib import Path

import numpy as np
import pytest

from augment.edits import Mix
from augment.errors import EffectError
from tests.augment.signals import frequency_hz, power, sine

RATE = 22050


def test_other_recording_is_added_at_its_level_and_only_there(other_recording: Path) -> None:
    samples = sine(200.0, sample_rate=RATE, duration_s=4.0)
    effect = Mix(str(other_recording), 1.0, at_s=1.0, length_s=2.0, level_db=-12.0)
    added = effect.apply(samples, RATE).samples - samples
    assert not added[:RATE].any()
    assert not added[3 * RATE :].any()
    during = added[RATE : 3 * RATE]
    assert frequency_hz(during, sample_rate=RATE) == pytest.approx(700, abs=0.5)
    ratio_db = 10 * np.log10(power(during) / power(samples[RATE : 3 * RATE]))
    assert ratio_db == pytest.approx(-12.0, abs=0.01)


def test_it_ends_where_the_recording_ends(other_recording: Path) -> None:
    samples = sine(200.0, sample_rate=RATE, duration_s=2.0)
    mixed = Mix(str(other_recording), 0.0, at_s=1.5, length_s=9.0, level_db=0.0)
    assert mixed.apply(samples, RATE).samples.size == samples.size


def test_it_ends_where_the_file_ends(other_recording: Path) -> None:
    samples = sine(200.0, sample_rate=RATE, duration_s=4.0)
    effect = Mix(str(other_recording), 6.0, at_s=0.0, length_s=4.0, level_db=0.0)
    added = effect.apply(samples, RATE).samples - samples
    assert added[: RATE - 10].any()
    assert not added[RATE + 10 :].any()


def test_mixing_at_the_very_end_is_refused(other_recording: Path) -> None:
    samples = sine(200.0, sample_rate=RATE, duration_s=2.0)
    with pytest.raises(EffectError, match="no sample to mix at 2 s"):
        Mix(str(other_recording), 0.0, at_s=2.0, length_s=1.0, level_db=0.0).apply(samples, RATE)
