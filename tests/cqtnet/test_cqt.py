import numpy as np
import pytest
import scipy.signal
import torch

from cqtnet import SAMPLE_RATE, cqt
from cqtnet.cqt import C1_HZ, Cqt, normalise, reference_cqt
from cqtnet.music import make_music


def sine(hz, duration_s=5.0, amplitude=0.5):
    t = np.arange(int(duration_s * SAMPLE_RATE)) / SAMPLE_RATE
    return (amplitude * np.sin(2 * np.pi * hz * t)).astype(np.float32)


def magnitudes(samples, margin_bins=0):
    return Cqt(margin_bins)(samples[None])[0]


SECONDS = np.arange(10 * SAMPLE_RATE) / SAMPLE_RATE
SIGNALS = {
    "sine of C1": lambda: sine(C1_HZ),
    "sine of A4": lambda: sine(440.0),
    "sine between bins": lambda: sine(1010.0),
    "sine of B7": lambda: sine(3951.07),
    "sweep": lambda: scipy.signal.chirp(SECONDS, 20, 10, 4000, "logarithmic").astype(np.float32),
    "noise": lambda: np.random.default_rng(0).standard_normal(200_000).astype(np.float32),
    "music": lambda: make_music(3, duration_s=12.0),
    "odd length": lambda: make_music(4, duration_s=3.0)[:60_001],
}


@pytest.mark.parametrize("margin", [0, 5])
@pytest.mark.parametrize("name", SIGNALS)
def test_the_transform_agrees_with_librosa(name, margin):
    signal = SIGNALS[name]()
    ours = magnitudes(signal, margin)
    exact = reference_cqt(signal, margin_bins=margin, sparsity=0.0)
    usual = reference_cqt(signal, margin_bins=margin)
    assert ours.shape == exact.shape

    def relative(reference, frames):
        error = ours[:, frames] - reference[:, frames]
        return np.sqrt(np.mean(error**2) / np.mean(reference[:, frames] ** 2))

    everywhere, inside = slice(None), slice(20, -20)
    assert relative(exact, inside) < 1e-3  # what librosa's resampler and ours leave different
    assert relative(exact, everywhere) < 5e-3  # a signal that stops dead rings differently
    assert relative(usual, everywhere) < 1e-2  # librosa drops a hundredth of its wavelets


@pytest.mark.parametrize("margin", [0, 5])
@pytest.mark.parametrize("name", ["music", "odd length"])
def test_tensors_give_what_arrays_give_and_pass_gradients(name, margin):
    transform, samples = Cqt(margin), np.stack([SIGNALS[name](), SIGNALS[name]()[::-1]])
    tensor = torch.from_numpy(samples).requires_grad_()
    arrays, tensors = transform(samples), transform(tensor)
    rounding = 1e-6 * arrays.max()  # sums of float32 in another order
    np.testing.assert_allclose(tensors.detach().numpy(), arrays, atol=rounding)
    frames = normalise(torch.from_numpy(arrays)).numpy()
    np.testing.assert_allclose(normalise(arrays), frames, rtol=1e-5)
    tensors.square().sum().backward()
    assert tensor.grad.abs().max() > 0


def test_a_sine_peaks_in_its_own_bin_and_an_impulse_in_its_own_frame_of_862_in_20_s():
    for bin_index in (0, 11, 12, 45, 83):
        frames = magnitudes(sine(C1_HZ * 2 ** (bin_index / 12)))
        assert (frames[:, 40:-40].argmax(axis=0) == bin_index).all()
    samples = np.zeros(20 * SAMPLE_RATE, np.float32)
    samples[100 * cqt.HOP_LENGTH] = 1.0
    frames = magnitudes(samples)
    assert frames.shape == (84, 862) and frames[60:].sum(axis=0).argmax() == 100


@pytest.mark.parametrize("hz", [100.0, 441.0, 1000.0, 2500.0])
def test_power_weights_recover_the_power_of_a_sine(hz):
    frames = magnitudes(sine(hz, amplitude=0.3))[:, 60:-60]
    power = (cqt.power_weights()[:, None] * frames**2).sum(axis=0).mean()
    assert power == pytest.approx(0.3**2 / 2, rel=0.01)


def test_normalised_frames_depend_neither_on_gain_nor_on_what_is_beyond_the_radius():
    frames = torch.from_numpy(magnitudes(make_music(6, duration_s=8.0)))[None]
    quiet = normalise(frames * 0.1)
    loud = normalise(frames)
    # Only the floor against amplifying silence remains, at most a few percent of the level.
    assert torch.allclose(quiet, loud, rtol=0.1, atol=0.05)
    assert loud.mean() == pytest.approx(1.0, abs=0.3)
    assert normalise(torch.full((1, 84, 300), 1e-12)).max() < 2e-6 / cqt.LEVEL_FLOOR
    frames = torch.rand(1, 84, 1000) + 0.1
    changed = frames.clone()
    changed[:, :, 700:] *= 50
    before, after = normalise(frames), normalise(changed)
    assert torch.equal(before[:, :, : 700 - 107], after[:, :, : 700 - 107])
    assert not torch.allclose(before[:, :, 650], after[:, :, 650])
