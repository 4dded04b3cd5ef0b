"""Pictures of detectors: each function returns a matplotlib figure, or writes it."""
