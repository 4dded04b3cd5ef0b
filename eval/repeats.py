"""Music that repeats itself, made of loops or like a song, and whether all its places are told."""

from collections.abc import Callable
from itertools import product

import numpy as np

from augment.effect import Samples
from augment.noise import mean_square, scaled_to_level
from cqtnet import SAMPLE_RATE
from verify.align import other_places, refine, search
from verify.features import Features
from verify.waveform import Sound, with_places

LOOP_S = (6.0, 32.0)
SECTION_S = (8.0, 16.0)
SONG = "ABABCB"
"""The sections of a song: verse, chorus and bridge. All choruses are the same sound; over each
verse something else is played."""
OVER_DB = (-14.0, -6.0)
"""The level of what is played over a verse, by that of the song."""
FRAGMENT_S = 8.0
SAME_PLACE_S, BLOCK_S, INAUDIBLE_DB = 0.1, 0.25, -30.0

Repeating = tuple[Samples, tuple[int, ...]]
"""Samples, and those at which a section begins."""


def loops(samples: Samples, rng: np.random.Generator) -> Repeating:
    """The beginning of the samples over and over, as long in all as they are."""
    period = min(round(rng.uniform(*LOOP_S) * SAMPLE_RATE), samples.size // 2)
    return np.resize(samples[:period], samples.size), tuple(range(0, samples.size, period))


def song(samples: Samples, rng: np.random.Generator) -> Repeating:
    """Parts of the samples in the order of a song; over verses lie parts of them, reversed."""
    lengths = [round(rng.uniform(*SECTION_S) * SAMPLE_RATE) for _ in range(3)]
    ends = np.cumsum(lengths)
    parts = dict(zip("ABC", np.split(samples[: ends[-1]], ends[:-1]), strict=True))
    made, starts, played = [], [0], 0
    for name in SONG:
        part = parts[name].copy()
        if name == "A":
            over = np.resize(np.roll(samples[::-1], -played), part.size)
            part += scaled_to_level(over, samples, level_db=float(rng.uniform(*OVER_DB)))
            played += part.size
        made.append(part)
        starts.append(starts[-1] + part.size)
    return np.concatenate(made), tuple(starts[:-1])


FORMS: dict[str, Callable[[Samples, np.random.Generator], Repeating]] = {
    "plain": lambda samples, rng: (samples, ()),
    "loops": loops,
    "song": song,
}


def same_places(samples: Samples, starts: tuple[int, ...], first: int, size: int) -> list[int]:
    """Where a fragment lies; its own place is among them.

    The sound there is the same but for one block, or for differences that nobody can hear.
    """
    block = round(BLOCK_S * SAMPLE_RATE)
    size -= size % block
    fragment = samples[first : first + size]
    padded = np.pad(samples, (0, block))
    least = mean_square(fragment) * 10 ** (INAUDIBLE_DB / 10)
    found = []
    for move in {later - earlier for earlier, later in product(starts, repeat=2)}:
        if 0 <= first + move <= padded.size - size:
            difference = padded[first + move : first + move + size] - fragment
            powers = np.square(difference.reshape(-1, block)).mean(axis=1)
            if np.sum(powers > least) <= 1:
                found.append(first + move)
    return sorted(found)


def places_told(fragment: Samples, samples: Samples) -> list[float]:
    """The seconds at which a fragment is told to lie, those included that cannot be told apart."""
    a, b = Features.of(fragment), Features.of(samples)
    found = [
        alignment
        for candidate in search(a, b)
        if (alignment := refine(a, b, candidate.line)) is not None
    ]
    if not found:
        return []
    best = max(found, key=lambda alignment: alignment.strength)
    sounds = Sound(fragment), Sound(samples)
    best, _, others = with_places(*sounds, best, other_places(a, b, best))
    equal = [place.alignment for place in others if place.is_equal]
    return [one.b_start_s - one.line.tempo * one.a_start_s for one in (best, *equal)]


def places_counted(truth_s: list[float], told_s: list[float]) -> tuple[int, int, int]:
    """How many places there are, how many of them are told, and how many others are told."""
    near = np.abs(np.subtract.outer(truth_s, told_s)) < SAME_PLACE_S
    return len(truth_s), int(near.any(axis=1).sum()), int((~near.any(axis=0)).sum())
