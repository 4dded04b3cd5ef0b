"""Commands of the verify package."""
