from functools import cache

import numpy as np
import pytest

from cqtnet import SAMPLE_RATE
from cqtnet.music import make_music
from verify.features import held
from verify.results import Alignment, Line
from verify.waveform import compare_waveforms

SHIFT = 30_011  # samples of B before A begins


@cache
def sounds():
    song, noise = make_music(41, duration_s=12.0), np.random.default_rng(0)
    part = song[SHIFT:]
    noisy = part + 0.3 * song.std() * noise.standard_normal(part.size)
    other = make_music(42, duration_s=10.0)
    return {"b": song, "inverted": -0.25 * part, "noisy": noisy, "other": other, "silent": 0 * part}


def aligned(line):
    return Alignment(0.0, 9.0, line, 0.9, 0.9, 0.001, 1.0)


NEAR = Line(1.0, 0.0, SHIFT / SAMPLE_RATE + 0.004)


@pytest.mark.parametrize(("name", "gain", "within_db", "within"), [
    ("inverted", 0.25, 0.01, 1e-3), ("noisy", 1.0, 0.3, 0.1),
])  # fmt: skip
def test_polarity_gain_and_sample_are_found_through_noise(name, gain, within_db, within):
    found = compare_waveforms(held(sounds()[name]), held(sounds()["b"]), aligned(NEAR))
    assert found.inverted == (name == "inverted")
    assert found.gain_db == pytest.approx(20 * np.log10(gain), abs=within_db)
    assert found.offset_s == pytest.approx(SHIFT / SAMPLE_RATE, abs=1 / SAMPLE_RATE)
    assert found.correlation == pytest.approx(1, abs=within)


@pytest.mark.parametrize(("name", "line"), [
    ("other", NEAR), ("silent", NEAR), ("inverted", Line(1.01, 0.0, 1.36)),
    ("inverted", Line(1.0, 0.5, 1.36)),
])  # fmt: skip
def test_of_other_sounds_and_warped_ones_nothing_is_said(name, line):
    assert compare_waveforms(held(sounds()[name]), held(sounds()["b"]), aligned(line)) is None
