"""From a file on disk to an embedding: audio in, constant-Q transform, CQT-Net, training."""

SAMPLE_RATE = 22050
"""Hz; every recording is resampled to this on the way in."""
