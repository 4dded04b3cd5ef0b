from dataclasses import replace

import numpy as np
import pytest
import torch

from augment.errors import EffectError
from augment.spectral import SpectralRanges, apply_spectral, draw_spectral, smear
from cqtnet import SAMPLE_RATE
from cqtnet.cqt import FRAMES_PER_SECOND, Cqt, power_weights
from tests.augment.signals import CALM


def calm(n=1, **changes):
    """A draw that changes nothing but what is asked for."""
    draw = draw_spectral(np.random.default_rng(0), n, ranges=CALM)
    arrays = {name: np.full_like(getattr(draw, name), value) for name, value in changes.items()}
    return replace(draw, **arrays)


def altered(magnitudes, draw, **options):
    options |= {"n_frames": 300, "power_weights": torch.from_numpy(power_weights())}
    return apply_spectral(magnitudes, draw, frames_per_second=FRAMES_PER_SECOND, **options)


def tone(hz, *, clicks_s=()):
    """CQT with margins (1, 94, T) of a sine, or of clicks, ten seconds long."""
    t = np.arange(10 * SAMPLE_RATE) / SAMPLE_RATE
    samples = 0.3 * np.sin(2 * np.pi * hz * t) * (not clicks_s)
    for click in clicks_s:
        samples[round(click * SAMPLE_RATE)] = 1.0
    return Cqt(5)(torch.from_numpy(samples.astype(np.float32))[None])


def test_a_calm_draw_returns_the_inner_bins():
    magnitudes = tone(440.0)
    moved = altered(magnitudes, calm())
    torch.testing.assert_close(moved, magnitudes[:, 5:-5, :300], rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("shift", [-4, -1, 2, 4])
def test_a_shift_equals_playing_the_tone_elsewhere(shift):
    moved = altered(tone(440.0), calm(shift_semitones=shift))[0, :, 50:250]
    played = tone(440.0 * 2 ** (shift / 12))[0, 5:-5, 50:250]
    assert moved.mean(1).argmax() == played.mean(1).argmax() == 45 + shift
    # Low bins carry longer wavelets, hence larger magnitudes: only the shape is the same.
    torch.testing.assert_close(moved.amax(), played.amax(), rtol=0.15, atol=0)


@pytest.mark.parametrize("tempo", [0.75, 1.25])
def test_a_faster_tempo_brings_clicks_earlier(tempo):
    high_bins = altered(tone(0, clicks_s=(3.0,)), calm(tempo=tempo))[0, 70:].sum(0)
    assert high_bins.argmax().item() == pytest.approx(3.0 * FRAMES_PER_SECOND / tempo, abs=1)


@pytest.mark.parametrize("snr_db", [0.0, 10.0])
def test_noise_comes_at_the_asked_ratio(snr_db):
    rng = np.random.default_rng(1)
    noise = rng.standard_normal(60 * SAMPLE_RATE).astype(np.float32)
    frames = Cqt()(torch.from_numpy(noise)[None])[0]
    clean = altered(tone(440.0), calm())
    noisy = altered(tone(440.0), calm(noise_snr_db=snr_db), noise=frames)
    # White noise of variance σ² gives every bin a mean square of 1.5 σ²; the sine has 0.045.
    added = (noisy.square() - clean.square()).mean().item()
    assert added == pytest.approx(1.5 * 0.045 / 10 ** (snr_db / 10), rel=0.1)


def test_reverberation_decays_by_sixty_decibels_in_the_drawn_time():
    power = torch.zeros(1, 84, 200)
    power[..., 10] = 1.0
    tail = smear(power, calm(decay_s=2.0, wet=1.0), frames_per_second=FRAMES_PER_SECOND)[0, 0]
    assert tail[10] == 1.0
    assert tail[:10].abs().max() == 0, "nothing sounds before its cause"
    assert tail[11:].sum() == pytest.approx(1.0, rel=0.02), "as much energy as the direct sound"
    one_second = round(FRAMES_PER_SECOND)
    fall_db = 10 * torch.log10(tail[20] / tail[20 + one_second])
    assert fall_db.item() == pytest.approx(30 * one_second / FRAMES_PER_SECOND, abs=0.1)


def test_the_band_and_the_mask_silence_what_they_say():
    magnitudes = torch.ones(1, 94, 400)
    kept = altered(magnitudes, calm(low_bin=30, high_bin=70))[0]
    assert (kept[30:70] > 0.9).all() and kept[:30].max() == 0 and kept[70:].max() == 0
    draw = calm()
    draw.mask[0] = [10, 4, 0.5, 20]
    masked = altered(magnitudes, draw)[0]
    assert masked[10:14].max() == 0 and masked[:, 150:170].max() == 0
    assert (masked[14:, 170:] > 0.9).all() and (masked[:10, :150] > 0.9).all()


def test_draws_replay_bit_for_bit_stay_in_their_ranges_and_tie_pitch_to_speed():
    draw, again = (draw_spectral(np.random.default_rng(7), 16) for _ in range(2))
    magnitudes = torch.rand(16, 94, 420)
    noise = torch.rand(84, 1000)
    first = altered(magnitudes, draw, noise=noise)
    assert torch.equal(first, altered(magnitudes, again, noise=noise))
    assert torch.isfinite(first).all() and (first >= 0).all()
    ranges = SpectralRanges(speed_share=1.0, untouched_share=0.0)
    draw = draw_spectral(np.random.default_rng(0), 500, ranges=ranges)
    np.testing.assert_allclose(draw.shift_semitones, 12 * np.log2(draw.tempo), atol=1e-4)
    assert np.abs(draw.shift_semitones).max() <= 4.0001
    free = draw_spectral(np.random.default_rng(0), 500)
    assert free.tempo.min() >= 0.75 and free.tempo.max() <= 1.35
    assert 0.1 < np.mean((free.tempo == 1) & (free.shift_semitones == 0)) < 0.2


def test_what_does_not_belong_together_is_refused():
    with pytest.raises(EffectError, match="3 fragments need as many draws; 1 were given"):
        altered(torch.rand(3, 94, 400), calm())
    with pytest.raises(EffectError, match="93 bins given; 84 and equal margins"):
        altered(torch.rand(1, 93, 400), calm())
