"""What a recording holds: its length, the hash of its bytes, and where there is sound."""

import os
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from augment.effect import Rng
from cqtnet import SAMPLE_RATE, audio
from cqtnet.data import Item, has_splits, list_items, spread
from cqtnet.eer import Floats
from cqtnet.errors import AudioError, InputError, ManifestError
from cqtnet.progress import in_processes
from eval.protocols.plan import Source, Stretch, name_hash

BLOCK_S = 0.5
QUIET_FRAGMENT_DB = -20.0
"""A stretch that is quieter than this, by the level of its recording, has no content."""
QUIET_BLOCK_DB, LOUD_SHARE = -40.0, 0.75
"""A stretch with a smaller share of its blocks above QUIET_BLOCK_DB has no content either."""
STEP_S, ROUNDING_S = 0.1, 1e-6


@dataclass(frozen=True, eq=False)
class Survey:
    """A recording, and how loud each half second of it is."""

    source: Source
    duration_s: float  # in whole milliseconds
    power: Floats  # (n,) mean square of each BLOCK_S

    @cached_property
    def level(self) -> float:
        """Mean square of the recording."""
        return float(self.power.mean())

    def has_content(self, start_s: float, length_s: float) -> bool:
        """Whether a stretch is loud enough, by the level of the whole recording."""
        first, end = int(start_s / BLOCK_S), int(np.ceil((start_s + length_s) / BLOCK_S))
        relative = self.power[first:end] / self.level
        loud = relative > 10 ** (QUIET_BLOCK_DB / 10)
        return bool(relative.mean() > 10 ** (QUIET_FRAGMENT_DB / 10) and loud.mean() >= LOUD_SHARE)

    def nearest_start(
        self, wanted_s: float, length_s: float, *, within_s: tuple[float, float],
        legal: Callable[[float], bool] = lambda start_s: True,
    ) -> float | None:  # fmt: skip
        """The start with content, in whole ms, nearest to the one wanted in a range, or None."""
        low_s, high_s = within_s
        steps = int(max(wanted_s - low_s, high_s - wanted_s) / STEP_S) + 2
        for number in range(steps):
            for away_s in (number * STEP_S, -number * STEP_S):
                rounded = round(wanted_s + away_s, 3)
                inside = low_s - ROUNDING_S <= rounded <= high_s + ROUNDING_S
                if inside and legal(rounded) and self.has_content(rounded, length_s):
                    return rounded
        return None

    def fragments(self, rng: Rng, length_s: float, count: int) -> list[Stretch]:
        """Up to `count` stretches with content, spread over the recording, in its order.

        They overlap as little as possible, in a long recording not at all. There may be room for
        fewer, since two begin at least a quarter of their length apart.
        """
        room_s, apart_s = self.duration_s - length_s, length_s / 4
        if room_s < 0:
            return []
        count = min(count, 1 + int(room_s / apart_s))
        step_s = min(length_s, room_s / (count - 1)) if count > 1 else 0.0
        free_s = max(0.0, room_s - (count - 1) * step_s)
        starts: list[float] = []
        for number, shift_s in enumerate(np.sort(rng.uniform(0, free_s, count))):
            start_s = self.nearest_start(
                number * step_s + float(shift_s), length_s, within_s=(0.0, room_s),
                legal=lambda start_s: all(abs(start_s - other_s) >= apart_s for other_s in starts),
            )  # fmt: skip
            if start_s is not None:
                starts.append(start_s)
        return [Stretch(self.source.recording, start_s, length_s) for start_s in sorted(starts)]


def chosen_items(
    source: Path, *, split: str | None = None, limit: int | None = None, seed: int = 0
) -> list[Item]:
    """Recordings of a list's `split`, or all of a folder; at most `limit`, of many collections."""
    items = list_items(source)
    if has_splits(source):
        every, split = items, split or "devtest"
        items = [item for item in every if item.split == split]
        if not items:
            counts = Counter(item.split for item in every)
            has = ", ".join(f"{number} {name}" for name, number in counts.items())
            raise ManifestError(
                f"{audio.shown(source)} marks no recording {split!r}, but {has}; "
                f"choose one of these, as with --split {next(iter(counts))}"
            )
    elif split is not None:
        what = "is a folder and" if source.is_dir() else "is a list that"
        raise InputError(f"{audio.shown(source)} {what} has no splits; leave --split out")
    ordered = sorted(items, key=lambda item: name_hash(seed, item.recording))
    kept = {item.recording for item in spread(ordered, limit)}
    return [item for item in items if item.recording in kept]


def by_work(surveys: Sequence[Survey], items: Sequence[Item]) -> list[Survey]:
    """The surveys of recordings with a work, each work as a collection of its own."""
    works = {item.recording: item.work for item in items if item.work}
    if not works:
        raise ManifestError("no recording has a work; give a list with the column `work`")
    known = [(one, one.source) for one in surveys if one.source.recording in works]
    return [replace(o, source=replace(s, collection=works[s.recording])) for o, s in known]


def survey(
    items: Sequence[Item], *, root: Path, workers: int | None = 1
) -> tuple[list[Survey], dict[str, str]]:
    """A survey of each recording in the order of the items, and why others are left out.

    Left out are recordings that cannot be decoded, are silent, or have the same bytes as an earlier
    one. Paths in the plan are relative to `root`.
    """
    look = partial(_look, root=root)
    results = dict(in_processes(look, items, workers=workers, doing="looking at recordings"))
    surveys: list[Survey] = []
    skipped: dict[str, str] = {}
    first_of: dict[str, str] = {}
    for item in items:
        result = results[item.recording]
        if isinstance(result, str):
            skipped[item.recording] = result
        elif (twin := first_of.setdefault(result.source.sha256, item.recording)) != item.recording:
            skipped[item.recording] = f"has the same bytes as {twin}"
        else:
            surveys.append(result)
    if not surveys:
        reasons = "; ".join(f"{name}: {why}" for name, why in list(skipped.items())[:3])
        raise InputError(f"none of {len(items)} recordings can be used ({reasons})")
    return surveys, skipped


def load_quietly(path: Path) -> NDArray[np.float32]:
    """Samples of a recording, without warnings about the file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", audio.AudioWarning)
        return audio.load(path)


def _look(item: Item, *, root: Path) -> tuple[str, Survey | str]:
    try:
        samples = load_quietly(item.path)
        audio.require_content(samples, name="it")
    except AudioError as error:
        return item.recording, str(error)
    path = os.path.relpath(item.path, root)
    source = Source(item.recording, path, audio.file_sha256(item.path), item.collection)
    block = round(BLOCK_S * SAMPLE_RATE)
    starts = np.arange(0, samples.size, block)
    sizes = np.minimum(block, samples.size - starts)
    power = np.add.reduceat(np.square(samples, dtype=np.float64), starts) / sizes
    duration_s = int(1000 * samples.size / SAMPLE_RATE) / 1000
    return item.recording, Survey(source, duration_s, power)
