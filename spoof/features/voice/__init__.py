"""Statistics of a voice: 1,871 numbers on how it varies, none on words or loudness.

Synthesis leaves few traces in any one spectrum and many in how spectra vary: envelopes too smooth,
harmonics too regular or too noisy, bands that move together. Levels and means over time depend on
the microphone and the room.
"""

import numpy as np
from numpy.typing import NDArray

from spoof.features.spectra import checked
from spoof.features.voice.sound import LEAST_S, RATE_HZ, Sound
from spoof.features.voice.source import harmonicity, residual
from spoof.features.voice.spectrum import detail, envelope, lines, modulation

MEASURES = (envelope, detail, modulation, harmonicity, residual, lines)
"""Functions from a sound to arrays of numbers, in the order of the columns."""
COUNT = 1871
"""Numbers in all."""


def voice_statistics(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """All statistics (COUNT,) of some seconds at 16 kHz."""
    least = round(LEAST_S * RATE_HZ)
    sound = Sound.of(checked(samples, RATE_HZ, shortest=least, needed_by="a statistic of a voice"))
    parts = [numbers for measure in MEASURES for numbers in measure(sound)]
    return np.asarray(np.nan_to_num(np.concatenate(parts)), np.float32)
