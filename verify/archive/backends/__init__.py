"""Indexes of an archive's windows: caches of the store, one small interface, several kinds."""
