"""Whether recordings are the same: scores between embeddings."""
