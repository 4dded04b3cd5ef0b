"""Synthetic speech: the four published detectors as recipes, one of our own, and their measures."""
