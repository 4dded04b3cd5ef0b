"""From a file on disk to an embedding: audio in, constant-Q transform, CQT-Net, training.

>>> cqtnet.Embedder.named("default").embed("fragment.wav").shape
(2048,)
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

SAMPLE_RATE = 22050
"""Hz; every recording is resampled to this on the way in."""
