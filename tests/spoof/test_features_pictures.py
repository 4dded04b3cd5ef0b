import matplotlib
import numpy as np
import pytest
from matplotlib import mlab
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from cqtnet.errors import InputError
from spoof.features.spectra import (
    draw,
    log_mel,
    mel_picture,
    mfcc,
    mfcc_picture,
    spectrogram_picture,
)
from tests.spoof.material import noise

RATE_HZ = 16_000


def by_matplotlib(samples: NDArray, size: int) -> NDArray:
    """What `specgram` computes, coloured as `imshow` would and resized by PIL."""
    density, _, _ = mlab.specgram(samples.astype(np.float64), 1024, RATE_HZ, noverlap=512)
    decibels = np.flipud(10 * np.log10(density))
    pixels = matplotlib.colormaps["viridis"](Normalize()(decibels), bytes=True)[:, :, :3]
    image = Image.fromarray(pixels).resize((size, size), Image.Resampling.BILINEAR)
    return np.asarray(image).transpose(2, 0, 1) / 255


def by_a_figure(samples: NDArray, size: int) -> NDArray:
    """A real figure of size × size pixels that `specgram` fills to the edges."""
    figure = Figure(figsize=(size / 100, size / 100), dpi=100)
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.specgram(samples.astype(np.float64), NFFT=1024, Fs=RATE_HZ, noverlap=512)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[:, :, :3].transpose(2, 0, 1) / 255


@pytest.mark.parametrize(("size", "seconds"), [(224, 30), (128, 3)], ids=["S3", "S4"])
def test_it_equals_matplotlibs_specgram_and_looks_as_a_drawn_figure(size, seconds, rng) -> None:
    """A figure resamples with another filter: 0.002 on average here, of a range of 1."""
    samples = noise(rng, seconds=seconds)
    picture = spectrogram_picture(samples, RATE_HZ, size=size)
    assert picture.shape == (3, size, size)
    # A value on the border of two of the 256 colours may fall to either.
    assert np.abs(picture - by_matplotlib(samples, size)).max() <= 2 / 255
    apart = np.abs(picture - by_a_figure(samples, size))
    assert apart.mean() < 0.005 and apart.max() < 0.1


def test_values_are_spread_over_the_256_steps_from_lowest_to_highest() -> None:
    """256 values in one column, the first at the bottom: steps 0, 1 … 255 from below."""
    values = np.linspace(-80, 0, 256)[:, None].repeat(256, axis=1)
    picture = draw(values, size=256)
    assert picture.shape == (3, 256, 256)
    colours = matplotlib.colormaps["viridis"](np.arange(256), bytes=True)[:, :3] / 255
    assert pytest.approx(colours, abs=1e-6) == picture[:, ::-1, 0].T
    lowest = np.array(matplotlib.colormaps["viridis"](0, bytes=True)[:3]) / 255
    for picture in (draw(np.full((5, 7), 3.0), size=8), draw(np.zeros((5, 7)), size=8)):
        assert picture == pytest.approx(np.broadcast_to(lowest[:, None, None], (3, 8, 8)))
    with pytest.raises(InputError, match="picture of 0 × 0; it needs at least one pixel"):
        spectrogram_picture(np.ones(RATE_HZ, np.float32), RATE_HZ, size=0)


@pytest.mark.parametrize("size", [28, 150])
def test_s1_pictures_show_mel_spectrogram_or_40_mfccs_in_any_size(size, rng) -> None:
    samples = noise(rng)
    bands, cepstrum = log_mel(samples, RATE_HZ, n_mels=128, hop=512), mfcc(samples, RATE_HZ)
    for picture, values in ((mel_picture, bands), (mfcc_picture, cepstrum)):
        pixels = picture(samples, RATE_HZ, size=size)
        assert np.array_equal(pixels, draw(values, size=size)) and pixels.shape == (3, size, size)
        assert 0 <= pixels.min() < pixels.max() <= 1
    assert len(cepstrum) == 40
