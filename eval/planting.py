"""Recordings with planted edits, and music that repeats itself, with the truth about both."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np

from augment.codec import Codec
from augment.edits import Own, Piece, splice
from augment.effect import Altered, Chain, Effect, Samples
from augment.noise import ColouredNoise, mean_square, scaled_to_level
from augment.tempo import Pitch, Tempo
from cqtnet import SAMPLE_RATE, audio
from cqtnet.data import Item
from cqtnet.errors import ManifestError
from eval.protocols.plan import name_hash, rng_for

# Programmes: recordings as long as edits need; a short one is followed by others.

DURATIONS_S = (60.0, 120.0)
MOST_PARTS = 12


@dataclass(frozen=True)
class Programme:
    """Recordings to play one after the other, and one that is foreign to them."""

    recordings: tuple[str, ...]
    paths: tuple[Path, ...]
    foreign: Path
    duration_s: float
    form: str = "plain"  # a name in `FORMS`

    @property
    def name(self) -> str:
        """The first recording, by which figures are resampled."""
        return self.recordings[0]

    def samples(self) -> Samples:
        """The samples of the programme, cut to its duration."""
        size = round(self.duration_s * SAMPLE_RATE)
        samples = np.zeros(0, np.float32)
        for path in self.paths:
            if samples.size < size:
                samples = np.concatenate([samples, audio.load(path)])
        return samples[:size]


def draw_programmes(
    items: Sequence[Item], *, count: int, seed: int, form: str = "plain"
) -> list[Programme]:
    """`count` programmes; each begins with another recording while there are any.

    All recordings of a programme, the foreign one included, are of different collections.
    """
    ranked = sorted(items, key=lambda item: name_hash(seed, "edits", item.recording))
    programmes = []
    for number in range(count):
        first = ranked[number % len(ranked)]
        rng = rng_for(seed, "programme", first.recording, number)
        shuffled = [ranked[index] for index in rng.permutation(len(ranked)).tolist()]
        others: dict[str, Item] = {}  # one of each other collection, in random order
        for item in of_other_collections(shuffled, first, "edits need foreign material"):
            others.setdefault(item.collection, item)
        *following, foreign = others.values()
        parts = (first, *following)[:MOST_PARTS]
        names, paths = zip(*((item.recording, item.path) for item in parts), strict=True)
        duration_s = float(rng.uniform(*DURATIONS_S))
        programmes.append(Programme(names, paths, foreign.path, duration_s, form))
    return programmes


def of_other_collections(items: Sequence[Item], own: Item, reason: str) -> list[Item]:
    """The items of other collections than one's own; refused with the reason if there are none."""
    others = [item for item in items if item.collection != own.collection]
    if not others:
        raise ManifestError(
            f"all {len(items)} recordings are of one collection, {own.collection!r}; {reason}: "
            "give recordings of at least two"
        )
    return others


# Planting: edits made one after the other, and then an alteration of the whole.

EVERY = ("cut", "insert", "move", "repeat"), 5  # the kinds of edits, and how many there are at most
PLAIN = ("cut", "insert"), 2
"""What is planted in music that repeats itself: there, a move may be a cut just as well."""
ALTERATIONS: dict[str, Callable[[np.random.Generator], tuple[Effect, ...]]] = {
    "none": lambda rng: (),
    "tempo and pitch": lambda rng: (
        Tempo.draw(rng, factor=(0.9, 1.1)), Pitch.draw(rng, shift_semitones=(-2.0, 2.0)),
    ),
    "mp3": lambda rng: (Codec.draw(rng, codecs=["mp3"]),),
    "noise": lambda rng: (ColouredNoise.draw(rng, snr_db=(20.0, 20.0)),),
}  # fmt: skip
"""What is done to the whole of an edited recording."""
LEAST_PIECE_S = 3.0  # no piece, kept or foreign, is shorter
LEAST_PIECE = round(LEAST_PIECE_S * SAMPLE_RATE)
LENGTHS_S = (3.0, 12.0)  # that are cut, inserted, moved and repeated
QUIET_DB = -20.0
"""The first and last LEAST_PIECE_S of a piece are louder than this, by the recording's level.

In a quieter or silent place nobody can tell where it was cut.
"""
TRIES = 200

Ranges: TypeAlias = list[tuple[int, int]]
"""Ranges of samples, from and up to, in the recording followed by the foreign sounds."""


@dataclass(frozen=True, eq=False)
class Planted:
    """An edited recording and the truth about it."""

    edited: Altered
    kinds: tuple[str, ...]  # of the edits, in the order in which they were made
    pieces: tuple[Piece, ...]


def plant(
    samples: Samples, foreign: Samples, *, n_edits: int, alteration: str,
    rng: np.random.Generator, allowed: Sequence[str],
) -> Planted:  # fmt: skip
    """Samples (n,) with edits, fewer where pieces would be too short, and altered as a whole."""
    ranges: Ranges = [(0, samples.size)]
    bank = [samples, np.zeros(1, np.float32)]  # gaps keep sounds apart
    kinds: list[str] = []
    for _ in range(n_edits):
        for _ in range(TRIES):
            kind = str(rng.choice(allowed))
            edit = _edit(kind, ranges, foreign, sum(part.size for part in bank), rng)
            if edit is not None and _is_fair(edit[0], samples):
                ranges, sound = edit
                if sound.size:
                    bank += [scaled_to_level(sound, samples, level_db=0.0), bank[1]]
                kinds.append(kind)
                break
    sounds = np.concatenate(bank)
    pieces = tuple(Own(a, b) if b <= samples.size else sounds[a:b] for a, b in ranges)
    spliced = splice(samples, SAMPLE_RATE, pieces)
    altered = Chain(ALTERATIONS[alteration](rng)).apply(spliced.samples, SAMPLE_RATE)
    time_map = spliced.time_map.then(altered.time_map)
    return Planted(Altered(altered.samples, time_map), tuple(kinds), pieces)


def _edit(
    kind: str, ranges: Ranges, foreign: Samples, bank_size: int, rng: np.random.Generator
) -> tuple[Ranges, Samples] | None:
    """The ranges after an edit and the foreign sound it adds, perhaps empty; None if unusable."""
    length = round(float(rng.uniform(*LENGTHS_S)) * SAMPLE_RATE)
    sound, at = foreign[:0], None
    if kind == "insert":
        if length > foreign.size:
            return None
        start = int(rng.integers(foreign.size - length + 1))
        sound = foreign[start : start + length]
        if not is_loud(sound, foreign):
            return None
        taken, rest = [(bank_size, bank_size + length)], ranges
    else:
        total = sum(end - start for start, end in ranges)
        length = min(length, total - 1)
        start = int(rng.integers(total - length))
        end = start + length
        taken = _between(ranges, start, end)
        rest = _between(ranges, 0, start) + _between(ranges, end, total)
        if kind == "cut":
            return _joined(rest), sound
        if kind == "repeat":
            rest = ranges
            at = end if rng.random() < 0.5 else None  # at once
    total = sum(end - start for start, end in rest)
    at = int(rng.integers(total + 1)) if at is None else at
    return _joined(_between(rest, 0, at) + taken + _between(rest, at, total)), sound


def _between(ranges: Ranges, start: int, end: int) -> Ranges:
    """The ranges of a stretch of the edited recording, shortened at its ends."""
    kept, position = [], 0
    for first, last in ranges:
        a, b = max(first, first + start - position), min(last, first + end - position)
        if b > a:
            kept.append((a, b))
        position += last - first
    return kept


def _joined(ranges: Ranges) -> Ranges:
    kept: Ranges = []
    for start, end in ranges:
        if kept and kept[-1][1] == start:
            start = kept.pop()[0]
        kept.append((start, end))
    return kept


def _is_fair(ranges: Ranges, samples: Samples) -> bool:
    """Whether no piece is too short, and both ends of each of the recording's own are loud."""
    for start, end in ranges:
        ends = (samples[start : start + LEAST_PIECE], samples[end - LEAST_PIECE : end])
        is_own = end <= samples.size
        if end - start < LEAST_PIECE or (is_own and not all(is_loud(e, samples) for e in ends)):
            return False
    return True


def is_loud(sound: Samples, recording: Samples) -> bool:
    """Whether a sound is at most 20 dB below its recording."""
    return mean_square(sound) > mean_square(recording) * 10 ** (QUIET_DB / 10)


def without_quiet_ends(samples: Samples) -> Samples:
    """The samples without a beginning and an end that are too quiet for a fair edit."""
    starts = range(0, samples.size - LEAST_PIECE + 1, SAMPLE_RATE // 2)
    loud = [at for at in starts if is_loud(samples[at : at + LEAST_PIECE], samples)]
    return samples[loud[0] : loud[-1] + LEAST_PIECE] if loud else samples


# Music that repeats itself, made of loops or like a song.

LOOP_S = (6.0, 32.0)
SECTION_S = (8.0, 16.0)
SONG = "ABABCB"
"""The sections of a song: verse, chorus and bridge. All choruses are the same sound; over each
verse something else is played."""
OVER_DB = (-14.0, -6.0)  # the level of what is played over a verse, by that of the song

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
    "plain": lambda samples, rng: (samples, ()), "loops": loops, "song": song,
}  # fmt: skip
