"""Measurements: how well and how fast the engine works."""
