"""A recording edited by chance: what was done, the sound, and where each moment came from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np

from augment.chain import Chain
from augment.codec import Codec
from augment.edits import Own, Piece, splice
from augment.effect import Altered, Effect, Samples
from augment.noise import ColouredNoise, mean_square, scaled_to_level
from augment.tempo import Pitch, Tempo
from cqtnet import SAMPLE_RATE, audio
from cqtnet.data import Item
from cqtnet.errors import ManifestError
from eval.protocols.plan import name_hash, rng_for

KINDS = ("cut", "insert", "move", "repeat")
ALTERATIONS = ("none", "tempo and pitch", "mp3", "noise")
MOST_EDITS = 5
LEAST_PIECE_S = 3.0
"""No piece, kept or foreign, is shorter."""
LEAST_PIECE = round(LEAST_PIECE_S * SAMPLE_RATE)
LENGTHS_S = (3.0, 12.0)
"""What is cut, put in, moved and repeated."""
QUIET_DB = -20.0
"""The first and the last seconds of a piece must not be so far below their recording's level.

What is as quiet as that, or silent, does not tell where it was cut.
"""
STEP_S = 0.5
TRIES = 200

Pieces: TypeAlias = tuple[Piece, ...]


@dataclass(frozen=True, eq=False)
class Planted:
    """An edited recording and the truth about it."""

    edited: Altered
    kinds: tuple[str, ...]  # of the edits, in the order in which they were made
    alteration: str
    pieces: Pieces


def plant(
    samples: Samples, foreign: Samples, *, n_edits: int, alteration: str, rng: np.random.Generator
) -> Planted:
    """Samples (n,) with edits made one after the other, and then altered as a whole.

    What is put in is taken from `foreign`. There may be fewer edits than wished where pieces
    would become too short.
    """
    pieces: Pieces = (Own(0, samples.size),)
    kinds: list[str] = []
    for _ in range(n_edits):
        for _ in range(TRIES):
            kind = str(rng.choice(KINDS))
            tried = _EDITS[kind](pieces, samples, foreign, rng)
            if tried is not None and _is_fair(tried := joined(tried), samples):
                pieces = tried
                kinds.append(kind)
                break
    spliced = splice(samples, SAMPLE_RATE, pieces)
    altered = Chain(_effects(alteration, rng)).apply(spliced.samples, SAMPLE_RATE)
    time_map = spliced.time_map.then(altered.time_map)
    return Planted(Altered(altered.samples, time_map), tuple(kinds), alteration, pieces)


def _effects(alteration: str, rng: np.random.Generator) -> tuple[Effect, ...]:
    """What is done to the whole of an edited recording."""
    if alteration == "tempo and pitch":
        return Tempo.draw(rng, factor=(0.9, 1.1)), Pitch.draw(rng, shift_semitones=(-2.0, 2.0))
    if alteration == "mp3":
        return (Codec.draw(rng, codecs=["mp3"]),)
    if alteration == "noise":
        return (ColouredNoise.draw(rng, snr_db=(20.0, 20.0)),)
    return ()


def _cut(
    pieces: Pieces, samples: Samples, foreign: Samples, rng: np.random.Generator
) -> Pieces | None:
    start, end = _stretch(pieces, rng)
    return _between(pieces, 0, start) + _between(pieces, end, _length(pieces))


def _insert(
    pieces: Pieces, samples: Samples, foreign: Samples, rng: np.random.Generator
) -> Pieces | None:
    length = _drawn_length(rng)
    if length > foreign.size:
        return None
    at = int(rng.integers(foreign.size - length + 1))
    sound = foreign[at : at + length]
    if not _is_loud(sound, foreign):
        return None
    return _put(pieces, (scaled_to_level(sound, samples, level_db=0.0),), rng)


def _move(
    pieces: Pieces, samples: Samples, foreign: Samples, rng: np.random.Generator
) -> Pieces | None:
    start, end = _stretch(pieces, rng)
    taken = _between(pieces, start, end)
    return _put(_between(pieces, 0, start) + _between(pieces, end, _length(pieces)), taken, rng)


def _repeat(
    pieces: Pieces, samples: Samples, foreign: Samples, rng: np.random.Generator
) -> Pieces | None:
    start, end = _stretch(pieces, rng)
    taken = _between(pieces, start, end)
    if rng.random() < 0.5:  # at once
        return _between(pieces, 0, end) + taken + _between(pieces, end, _length(pieces))
    return _put(pieces, taken, rng)


Edit: TypeAlias = Callable[[Pieces, Samples, Samples, np.random.Generator], Pieces | None]
_EDITS: dict[str, Edit] = {"cut": _cut, "insert": _insert, "move": _move, "repeat": _repeat}


def _put(pieces: Pieces, put: Pieces, rng: np.random.Generator) -> Pieces:
    at = int(rng.integers(_length(pieces) + 1))
    return _between(pieces, 0, at) + put + _between(pieces, at, _length(pieces))


def _stretch(pieces: Pieces, rng: np.random.Generator) -> tuple[int, int]:
    length = min(_drawn_length(rng), _length(pieces) - 1)
    start = int(rng.integers(_length(pieces) - length))
    return start, start + length


def _drawn_length(rng: np.random.Generator) -> int:
    return round(float(rng.uniform(*LENGTHS_S)) * SAMPLE_RATE)


def _length(pieces: Sequence[Piece]) -> int:
    return sum(_size(piece) for piece in pieces)


def _size(piece: Piece) -> int:
    return piece.end - piece.start if isinstance(piece, Own) else piece.size


def _between(pieces: Pieces, start: int, end: int) -> Pieces:
    """The pieces of a stretch of the edited recording, those at its ends shortened."""
    kept: list[Piece] = []
    position = 0
    for piece in pieces:
        first, last = max(start - position, 0), min(end - position, _size(piece))
        if last > first:
            if isinstance(piece, Own):
                kept.append(Own(piece.start + first, piece.start + last))
            else:
                kept.append(piece[first:last])
        position += _size(piece)
    return joined(kept)


def joined(pieces: Sequence[Piece]) -> Pieces:
    """The pieces, where those that run on in the recording are one."""
    kept: list[Piece] = []
    for piece in pieces:
        before = kept[-1] if kept else None
        if isinstance(before, Own) and isinstance(piece, Own) and before.end == piece.start:
            kept[-1] = Own(before.start, piece.end)
        else:
            kept.append(piece)
    return tuple(kept)


def _is_fair(pieces: Pieces, samples: Samples) -> bool:
    """Whether no piece is too short, and both ends of each of the recording's own are heard."""
    return all(
        _ends_are_heard(samples[piece.start : piece.end], samples)
        if isinstance(piece, Own)
        else piece.size >= LEAST_PIECE
        for piece in pieces
    )


def _ends_are_heard(sound: Samples, recording: Samples) -> bool:
    ends = sound[:LEAST_PIECE], sound[-LEAST_PIECE:]
    return sound.size >= LEAST_PIECE and all(_is_loud(end, recording) for end in ends)


def _is_loud(sound: Samples, recording: Samples) -> bool:
    return mean_square(sound) > mean_square(recording) * 10 ** (QUIET_DB / 10)


def heard(samples: Samples) -> Samples:
    """The samples without a beginning and an end that are so quiet that no edit would be fair."""
    step = round(STEP_S * SAMPLE_RATE)
    starts = range(0, samples.size - LEAST_PIECE + 1, step)
    loud = [at for at in starts if _is_loud(samples[at : at + LEAST_PIECE], samples)]
    return samples[loud[0] : loud[-1] + LEAST_PIECE] if loud else samples


# Recordings as long as edits need: where one is too short, others are played after it.

DURATIONS_S = (60.0, 120.0)
MOST_PARTS = 12


@dataclass(frozen=True)
class Programme:
    """What is played: recordings one after the other, and one that is foreign to them."""

    recordings: tuple[str, ...]
    paths: tuple[Path, ...]
    foreign: Path
    duration_s: float

    @property
    def name(self) -> str:
        """The first recording, by which figures are resampled."""
        return self.recordings[0]

    def samples(self) -> Samples:
        """The samples of the programme, cut to its duration."""
        wanted = round(self.duration_s * SAMPLE_RATE)
        parts: list[Samples] = []
        for path in self.paths:
            parts.append(audio.load(path))
            if sum(part.size for part in parts) >= wanted:
                break
        return np.concatenate(parts)[:wanted]


def draw_programmes(items: Sequence[Item], *, count: int, seed: int) -> list[Programme]:
    """So many programmes, each of another recording as long as there are any.

    Recordings of one programme, the foreign one included, are of collections that differ.
    """
    ranked = sorted(items, key=lambda item: name_hash(seed, "edits", item.recording))
    programmes = []
    for number in range(count):
        first = ranked[number % len(ranked)]
        rng = rng_for(seed, "programme", first.recording, number)
        others = _of_others(ranked, first, rng)
        if not others:
            raise ManifestError(
                f"all {len(items)} recordings are of one collection, {first.collection!r}; "
                "edits need foreign material: give recordings of at least two"
            )
        parts = (first, *others[:-1])[:MOST_PARTS]
        programmes.append(
            Programme(
                tuple(item.recording for item in parts),
                tuple(item.path for item in parts),
                others[-1].path,
                float(rng.uniform(*DURATIONS_S)),
            )
        )
    return programmes


def _of_others(ranked: Sequence[Item], first: Item, rng: np.random.Generator) -> list[Item]:
    """Recordings of other collections, one of each, in an order by chance."""
    chosen: dict[str, Item] = {}
    for index in rng.permutation(len(ranked)).tolist():
        item = ranked[index]
        if item.collection != first.collection:
            chosen.setdefault(item.collection, item)
    return list(chosen.values())
