import librosa
import numpy as np
import pytest

from cqtnet.errors import InputError
from spoof.features import chroma_cqt
from tests.spoof.sounds import RATE_HZ, noise, sine

BOTH = pytest.mark.parametrize("by", ["librosa", "definition"])


@BOTH
@pytest.mark.parametrize(
    ("hz", "pitch_class"),
    [(440, 9), (261.63, 0), (110, 9), (1975.53, 11), (36.71, 2)],
    ids=["A4", "C4", "A2", "B6", "D1"],
)
def test_a_note_is_strongest_in_its_class(by: str, hz: float, pitch_class: int) -> None:
    chroma = chroma_cqt(sine(hz), RATE_HZ, by=by)
    assert (chroma[:, 20:70].argmax(axis=0) == pitch_class).all()
    assert chroma[:, 20:70].max(axis=0) == pytest.approx(1)


@pytest.mark.parametrize("rate_hz", [16_000, 22_050])
def test_the_definition_agrees_with_librosa(rate_hz: int, rng: np.random.Generator) -> None:
    """librosa drops a hundredth of each wavelet, and halves the rate octave by octave."""
    samples = noise(rng, rate_hz=rate_hz)
    by_librosa, defined = (chroma_cqt(samples, rate_hz, by=by) for by in ("librosa", "definition"))
    assert by_librosa.shape == defined.shape == (12, 1 + len(samples) // 512)
    assert np.abs(by_librosa - defined).max() < 0.03
    assert np.abs(by_librosa - defined).mean() < 0.003


def test_by_librosa_it_is_librosas_with_36_bins_and_no_tuning(rng: np.random.Generator) -> None:
    samples = noise(rng)
    expected = librosa.feature.chroma_cqt(
        y=samples, sr=RATE_HZ, bins_per_octave=36, n_octaves=7, tuning=0
    )
    assert chroma_cqt(samples, RATE_HZ) == pytest.approx(expected)


@BOTH
def test_a_short_clip_has_the_frames_of_its_length_only(by: str) -> None:
    """The longest wavelet is 1.57 s; what it needs beyond the clip is silence, not frames."""
    chroma = chroma_cqt(sine(440, seconds=0.5), RATE_HZ, by=by)
    assert chroma.shape == (12, 16)
    assert (chroma.argmax(axis=0) == 9).all()


@BOTH
def test_the_level_does_not_matter_and_silence_is_nothing(by: str) -> None:
    quiet = chroma_cqt(sine(440) / 100, RATE_HZ, by=by)
    assert quiet == pytest.approx(chroma_cqt(sine(440), RATE_HZ, by=by), abs=1e-4)
    assert not chroma_cqt(np.zeros(RATE_HZ, np.float32), RATE_HZ, by=by).any()


@BOTH
def test_a_telephones_rate_is_refused(by: str) -> None:
    with pytest.raises(InputError, match="8000 Hz can't hold that; give samples of at least 8400"):
        chroma_cqt(np.zeros(16_000, np.float32), 8000, by=by)
    assert chroma_cqt(np.zeros(16_800, np.float32), 8400, by=by).shape == (12, 33)
