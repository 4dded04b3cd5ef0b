from .embed import Embedder, Embeddings, Trace

SAMPLE_RATE: int

__all__ = ["SAMPLE_RATE", "Embedder", "Embeddings", "Trace"]
