"""Recordings as long as edits need: where one is too short, others are played after it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from augment.effect import Samples
from cqtnet import SAMPLE_RATE, audio
from cqtnet.data import Item
from cqtnet.errors import ManifestError
from eval.protocols.chance import name_hash, rng_for

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
