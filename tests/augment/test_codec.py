from itertools import product

import numpy as np
import pytest

from augment.codec import CODECS, Codec
from augment.errors import EffectError
from augment.tempo import resample
from augment.tone import Gain
from tests.augment.signals import lag_samples, power, sine

RATE = 22050
LOWEST_AND_HIGHEST = [
    (codec, kbps)
    for codec, spec in CODECS.items()
    for kbps in sorted({max(spec.kbps[0], spec.usual_kbps[0]), spec.kbps[1]})
]


@pytest.mark.parametrize("sample_rate", [8000, 22050, 48000])
@pytest.mark.parametrize(("codec", "kbps"), LOWEST_AND_HIGHEST)
def test_nothing_is_delayed_and_length_and_level_are_kept(codec, kbps, sample_rate, sweep):
    samples = resample(sweep, RATE, sample_rate)
    output = Codec(codec, kbps).apply(samples, sample_rate).samples
    assert output.size == samples.size
    assert abs(lag_samples(samples, output)) <= 0.001 * sample_rate
    if sample_rate == RATE and kbps == CODECS[codec].kbps[1]:
        # Within 3 dB: Opus for speech emphasises harmonics, and a sweep is nothing else.
        assert 10 * np.log10(power(output) / power(sweep)) == pytest.approx(0, abs=3)


@pytest.mark.parametrize("duration_s", [1.0, 1.013])
@pytest.mark.parametrize("codec", CODECS)
def test_the_last_moment_is_not_lost(codec, duration_s):
    # Wherever the end falls in the codec's frames, which last 10 to 128 ms.
    tone = sine(500.0, sample_rate=RATE, duration_s=duration_s)
    output = Codec(codec, CODECS[codec].kbps[1]).apply(tone, RATE).samples
    last = slice(-round(0.008 * RATE), None)
    assert power(output[last]) > 0.25 * power(tone[last])


def distortion_db(codec, kbps, samples, rate=RATE):
    """Signal over distortion."""
    output = Codec(codec, kbps).apply(samples, rate).samples
    return float(10 * np.log10(power(samples) / power(output - samples)))


@pytest.mark.parametrize("codec", ["g711_alaw", "g711_mulaw"])
def test_g711_has_the_signal_to_distortion_of_its_standard(codec):
    # ITU-T G.712 asks for 33 dB from 0 to -30 dBm0; eight bits of companding give about 38.
    assert 33 < distortion_db(codec, 64, sine(1020.0, sample_rate=8000), 8000) < 42


@pytest.mark.parametrize(
    ("codec", "kept"), [("amr_nb", 0), ("g711_mulaw", 0), ("g723_1", 0), ("g722", 1)]
)
def test_narrow_band_codecs_take_the_band_above_4_khz_away(codec, kept):
    high = sine(6000.0, sample_rate=RATE)
    output = Codec(codec, CODECS[codec].kbps[1]).apply(high, RATE).samples
    assert power(output) / power(high) == pytest.approx(kept, rel=0.1, abs=0.001)


def test_what_is_beyond_full_scale_is_clipped(sweep):
    loud = Gain(12.0).apply(sweep, RATE).samples
    output = Codec("mp3", 128).apply(loud, RATE).samples
    assert 0.9 < np.abs(output).max() < 1.3


def test_every_codec_is_drawn_and_a_bit_rate_that_it_does_not_have_is_refused(rng):
    assert {Codec.draw(rng).codec for _ in range(200)} == set(CODECS)
    for codec, kbps in product(CODECS, (None, (1.0, 500.0))):
        assert {Codec.draw(rng, codecs=[codec], kbps=kbps).codec for _ in range(20)} == {codec}
    with pytest.raises(EffectError, match=r"'mp4' is unknown; choose from aac, amr_nb"):
        Codec.draw(rng, codecs=["mp4"])
    with pytest.raises(EffectError, match=r"amr_nb has no 8 kbit/s; choose from 4.75, 5.15"):
        Codec("amr_nb", 8)
    with pytest.raises(EffectError, match="kbps 500 is not within 8 to 320"):
        Codec("mp3", 500)
