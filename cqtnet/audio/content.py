"""Whether there is anything in a recording to compare."""

import math

import numpy as np
from numpy.typing import NDArray

from cqtnet.errors import NoContentError

# One step of 16-bit sound is -90.3 dB: below this there is nothing but its rounding.
SILENCE_DBFS = -90.0


def require_content(samples: NDArray[np.float32], *, name: str = "the recording") -> None:
    """Raise a NoContentError unless some sample rises above `SILENCE_DBFS`.

    `samples`: shape (n,), full scale -1 to 1. `name` begins the message.

    >>> require_content(load("evidence.wav"), name="evidence.wav")
    """
    if samples.size == 0:
        raise NoContentError(f"{name} has no samples; there is nothing to compare")
    magnitudes = np.abs(samples[np.isfinite(samples)])
    if magnitudes.size == 0:
        raise NoContentError(f"{name}: none of its {samples.size} samples is a finite number")
    peak = float(magnitudes.max())
    if peak == 0:
        raise NoContentError(f"{name} is digital silence: all {samples.size} samples are 0")
    peak_dbfs = 20 * math.log10(peak)
    if peak_dbfs < SILENCE_DBFS:
        raise NoContentError(
            f"{name} is silence: its peak of {peak_dbfs:.1f} dBFS is below {SILENCE_DBFS:g} dBFS"
        )
