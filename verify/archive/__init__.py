"""Thousands of hours, indexed: the store is the truth, the index a cache of it."""
