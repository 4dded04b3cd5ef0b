"""Music of our own: seeded pieces without end, composed as scores and synthesised.

A piece is written first (`compose`), as plain data, and sounds afterwards (`render`):

    >>> piece = compose(7, duration_s=20.0)
    >>> render(piece).shape
    (441000,)

Nothing here needs more than numpy and scipy; `collection` writes files and needs soundfile too.
"""

import numpy as np
from numpy.typing import NDArray

from cqtnet import SAMPLE_RATE
from cqtnet.music.compose import LONGEST_S, SHORTEST_S, compose
from cqtnet.music.score import Hit, Instrument, Kit, Meter, Mix, Note, Piece, Section, Track
from cqtnet.music.synth import render, render_note

__all__ = [
    "LONGEST_S",
    "SHORTEST_S",
    "Hit",
    "Instrument",
    "Kit",
    "Meter",
    "Mix",
    "Note",
    "Piece",
    "Section",
    "Track",
    "compose",
    "make_music",
    "render",
    "render_note",
]


def make_music(
    seed: int, *, duration_s: float = 60.0, sample_rate: int = SAMPLE_RATE
) -> NDArray[np.float32]:
    """The piece with this seed as sound: float32, mono, shape (round(duration_s·sample_rate),)."""
    return render(compose(seed, duration_s=duration_s), sample_rate=sample_rate)
