"""The phase vocoder behind tempo and pitch: Signalsmith Stretch."""

import numpy as np

from augment.effect import Samples


def stretched(samples: Samples, sample_rate: int, *, factor: float) -> Samples:
    """The samples `factor` times faster at the same pitch, without delay.

    The library takes its own latency out. It is random where it makes sound more than twice as
    long, so it gets a fixed seed: the same input gives the same output, bit for bit.
    """
    from python_stretch import Signalsmith

    stretch = Signalsmith.Stretch(0)
    stretch.preset(1, sample_rate)
    stretch.setTimeFactor(factor)
    return np.array(stretch.process(samples[np.newaxis, :]), dtype=np.float32).reshape(-1)
