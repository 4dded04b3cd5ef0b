import numpy as np
import pytest

from spoof import copies
from spoof.prepare import copy_rng

RATE = 16_000


@pytest.fixture
def speech():
    """A second of something with harmonics, pauses and noise at all frequencies."""
    rng = np.random.default_rng(5)
    time_s = np.arange(RATE) / RATE
    voice = sum(np.sin(2 * np.pi * 140 * k * time_s) / k for k in range(1, 40))
    loud = 0.5 + 0.5 * np.sin(2 * np.pi * 4 * time_s)
    return (0.1 * loud * voice + 0.01 * rng.standard_normal(RATE)).astype(np.float32)


def power_above(samples, edge_hz, rate_hz=RATE):
    spectrum = np.abs(np.fft.rfft(samples)) ** 2
    return float(spectrum[np.fft.rfftfreq(samples.size, 1 / rate_hz) > edge_hz].sum())


SCENES = [copy for copy, _ in copies.SCENES]
KINDS = [*SCENES, copies.codec_copy, copies.band_copy, copies.s2_copy, copies.our_copy]


@pytest.mark.parametrize("make", KINDS)
@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 44_100])
def test_a_copy_is_as_long_finite_and_leaves_the_recording_alone(make, rate_hz, speech):
    before = speech.copy()
    for number in range(1, 5):
        made = make(speech, rate_hz, copy_rng(0, "a", number))
        assert made.shape == speech.shape and made.dtype == np.float32
        assert np.isfinite(made).all() and not np.may_share_memory(made, speech)
    np.testing.assert_array_equal(speech, before)


@pytest.mark.parametrize("make", KINDS)
def test_a_copy_is_decided_by_seed_utterance_and_number(make, speech):
    def made(seed=0, utterance="a", first=1):
        # Six at once: `band` has two rates to draw from here, and two copies may well be alike.
        generators = [copy_rng(seed, utterance, n) for n in range(first, first + 6)]
        return np.stack([make(speech, RATE, rng) for rng in generators])

    once = made()
    np.testing.assert_array_equal(made(), once)
    for other in (made(seed=1), made(utterance="b"), made(first=7)):
        assert not np.array_equal(other, once)


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 24_000])
def test_a_band_copy_always_takes_the_top_away(rate_hz):
    noise = np.random.default_rng(3).standard_normal(rate_hz).astype(np.float32)
    top_hz = 0.475 * rate_hz
    for number in range(20):
        made = copies.band_copy(noise, rate_hz, copy_rng(0, "a", number))
        assert power_above(made, top_hz, rate_hz) < 0.6 * power_above(noise, top_hz, rate_hz)
        low = slice(0, rate_hz // 10)  # below 1.6 kHz nothing is taken
        kept = np.abs(np.fft.rfft(made))[low] / np.abs(np.fft.rfft(noise))[low]
        assert np.median(kept) == pytest.approx(1, abs=0.02)


def test_every_codec_has_its_turn_and_mp3_at_the_rates_of_files(speech, monkeypatch):
    drawn: list[tuple[str, float, int]] = []

    def noted(effect, samples, rate_hz):
        drawn.append((effect.codec, effect.kbps, rate_hz))
        assert samples.size == pytest.approx(speech.size * rate_hz / RATE, abs=1)
        return samples

    monkeypatch.setattr(copies, "_applied", noted)
    for number in range(200):
        made = copies.codec_copy(speech, RATE, copy_rng(0, "a", number))
        assert made.size == speech.size
    assert {codec for codec, *_ in drawn} == set(copies.LOW_KBPS)
    mp3 = [(kbps, rate) for codec, kbps, rate in drawn if codec == "mp3"]
    assert {rate for _, rate in mp3} == set(copies.CODEC_RATES_HZ)
    assert 24 <= min(mp3)[0] < 30 and 50 < max(mp3)[0] <= 64


def test_a_second_talker_and_noise_are_below_the_voice_and_a_telephone_is_narrow(speech):
    for copy, (least_db, most_db) in ((copies.talker_copy, (0, 15)), (copies.noise_copy, (5, 35))):
        levels = []
        for number in range(20):
            added = copy(speech, RATE, copy_rng(0, "a", number)) - speech
            levels.append(10 * np.log10(np.mean(speech**2) / np.mean(added**2)))
        assert least_db - 0.2 <= min(levels) < max(levels) <= most_db + 0.2
    called = copies.telephone_copy(speech, RATE, copy_rng(0, "a", 0))
    assert power_above(called, 4100) < 0.01 * power_above(speech, 4100)
    assert np.mean(called**2) > 0.1 * np.mean(speech**2)


def test_an_s2_copy_may_be_the_recording_as_it_is_and_ours_never_is(speech):
    piece = speech[:1600]
    made = [copies.s2_copy(piece, RATE, copy_rng(0, "a", number)) for number in range(100)]
    # None ends in silence: a shift goes around the end, a faster tempo is filled up.
    assert all(np.abs(copy[-200:]).max() > 0 for copy in made)
    assert any(np.array_equal(copy, piece) for copy in made)  # one in 32 draws nothing
    assert not any(np.may_share_memory(copy, piece) for copy in made)
    rng = np.random.default_rng(0)
    for _ in range(20):
        assert not np.array_equal(copies.our_copy(piece, RATE, rng), piece)
