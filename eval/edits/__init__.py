"""Recordings edited in known ways, and how well an edit map finds out."""
