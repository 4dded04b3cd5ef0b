import random

import numpy as np
import pytest

from augment.errors import EffectError
from augment.tone import TRANSFORMS, Audiomentation

SAMPLE_RATE = 22050


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_every_transform_replays_and_keeps_the_length(transform, sweep):
    effect = Audiomentation(transform, seed=5)
    first, second = (effect.apply(sweep, SAMPLE_RATE).samples for _ in range(2))
    assert first.tobytes() == second.tobytes() and first.shape == sweep.shape


def test_options_and_the_seed_go_to_the_library_and_the_global_generators_stay(sweep):
    options = {"min_gain_db": -6.0206, "max_gain_db": -6.0206}
    altered = Audiomentation("Gain", seed=0, options=options).apply(sweep, SAMPLE_RATE)
    np.testing.assert_allclose(altered.samples, 0.5 * sweep, rtol=1e-4, atol=1e-7)
    noisy = [Audiomentation("AddGaussianNoise", seed).apply(sweep, SAMPLE_RATE) for seed in (1, 2)]
    assert not np.array_equal(noisy[0].samples, noisy[1].samples)
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    expected = (random.random(), np.random.random())  # noqa: NPY002
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    Audiomentation("TimeMask", seed=9).apply(sweep, SAMPLE_RATE)
    assert (random.random(), np.random.random()) == expected  # noqa: NPY002


def test_what_moves_time_or_does_not_exist_is_refused(sweep):
    with pytest.raises(EffectError, match="transform 'TimeStretch' is unknown; choose from Add"):
        Audiomentation("TimeStretch", seed=0)
    wrong = Audiomentation("Gain", seed=0, options={"volume": 11})
    with pytest.raises(EffectError, match=r"Gain refuses .*volume"):
        wrong.apply(sweep, SAMPLE_RATE)
