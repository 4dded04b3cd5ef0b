"""Silence in all its forms is no content; the faintest sound is."""

import numpy as np
import pytest

from cqtnet.audio import require_content
from cqtnet.errors import NoContentError


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.empty(0), "tape has no samples"),
        (np.zeros(1_000), "tape is digital silence: all 1000 samples are 0"),
        (np.full(10, np.nan), "tape: none of its 10 samples is a finite number"),
        (np.full(10, -np.inf), "none of its 10 samples"),
        (np.full(10, 1e-5), r"its peak of -100\.0 dBFS is below -90 dBFS"),
        (np.full(10, -1 / 2**15), r"its peak of -90\.3 dBFS"),  # 16-bit rounding noise
        (np.array([np.nan, 0, 0]), "digital silence"),
    ],
)
def test_nothing_to_hear_is_refused(samples, message):
    with pytest.raises(NoContentError, match=message):
        require_content(samples.astype(np.float32), name="tape")


@pytest.mark.parametrize("peak", [1.0, 2 / 2**15, 1e-4])
def test_one_sample_that_can_be_heard_is_content(peak):
    samples = np.zeros(1_000, dtype=np.float32)
    samples[500] = -peak

    require_content(samples)

    assert samples[500] == np.float32(-peak)  # untouched
