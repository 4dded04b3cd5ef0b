"""Test sets: drawn from recordings by a protocol, as a plan, and then written."""
