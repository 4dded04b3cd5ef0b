"""What every feature does with odd input."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

from cqtnet.errors import InputError
from spoof import features as f

RATE_HZ = 16_000
# A feature, and the fewest samples it takes at 16 kHz.
FEATURES: dict[str, tuple[Callable, int]] = {
    "mfcc13": (partial(f.mfcc, n_coefficients=13), 2048),
    "mfcc40": (f.mfcc, 2048),
    "mfcc_definition": (partial(f.mfcc, by="definition"), 2048),
    "mfcc_means": (f.mfcc_means, 2048),
    "lfcc": (f.lfcc, 2048),
    "lfcc_definition": (partial(f.lfcc, by="definition"), 2048),
    "log_mel": (f.log_mel, 2048),
    "log_mel_definition": (partial(f.log_mel, by="definition"), 2048),
    "chroma": (f.chroma_cqt, 2048),
    "chroma_definition": (partial(f.chroma_cqt, by="definition"), 2048),
    "spectrogram": (f.spectrogram_picture, 1024),
    "mel_picture": (f.mel_picture, 2048),
    "mfcc_picture": (f.mfcc_picture, 2048),
    "rows": (f.second_rows, 16_000),
}
EACH = pytest.mark.parametrize(("feature", "shortest"), FEATURES.values(), ids=FEATURES.keys())


@EACH
@pytest.mark.parametrize("level", [0.0, 0.5, 1e-30], ids=["silence", "DC", "next to silence"])
def test_silence_and_dc_give_finite_float32(feature: Callable, shortest: int, level: float) -> None:
    values = feature(np.full(2 * RATE_HZ, level, np.float32), RATE_HZ)
    assert values.dtype == np.float32
    assert np.isfinite(values).all()


@EACH
def test_the_shortest_clip_passes_and_a_sample_less_is_refused(
    feature: Callable, shortest: int, rng: np.random.Generator
) -> None:
    samples = rng.normal(0, 0.1, shortest).astype(np.float32)
    assert np.isfinite(feature(samples, RATE_HZ)).all()
    limit = f"is shorter than the {shortest / RATE_HZ:.3f} s .* give a longer one"
    with pytest.raises(InputError, match=limit):
        feature(samples[1:], RATE_HZ)


@EACH
def test_the_callers_samples_stay_as_they_were(
    feature: Callable, shortest: int, rng: np.random.Generator
) -> None:
    samples = rng.normal(0, 0.1, RATE_HZ).astype(np.float32)
    before = samples.copy()
    feature(samples, RATE_HZ)
    assert np.array_equal(samples, before)


@EACH
@pytest.mark.parametrize(
    ("samples", "rate_hz", "message"),
    [
        (np.zeros((2, RATE_HZ), np.float32), RATE_HZ, "not mono; mix the channels"),
        (np.full(RATE_HZ, np.nan, np.float32), RATE_HZ, "NaN or infinity"),
        (np.full(RATE_HZ, -np.inf, np.float32), RATE_HZ, "NaN or infinity"),
        (np.zeros(0, np.float32), RATE_HZ, "fragment of 0.000 s is shorter"),
    ],
    ids=["stereo", "NaN", "infinite", "empty"],
)
def test_what_is_no_sound_is_refused(
    feature: Callable, shortest: int, samples: np.ndarray, rate_hz: int, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        feature(samples, rate_hz)


@pytest.mark.parametrize("feature", [f.mfcc, f.lfcc, f.log_mel, f.second_rows])
def test_a_rate_of_nothing_is_refused(feature: Callable) -> None:
    with pytest.raises(InputError, match="rate of 0 Hz is not positive"):
        feature(np.zeros(RATE_HZ, np.float32), 0)


@pytest.mark.parametrize("feature", [f.mfcc, f.lfcc, f.log_mel, f.chroma_cqt])
def test_an_unknown_way_is_refused(feature: Callable) -> None:
    with pytest.raises(InputError, match="by='sox' is unknown; use librosa or definition"):
        feature(np.zeros(RATE_HZ, np.float32), RATE_HZ, by="sox")
