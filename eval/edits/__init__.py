"""Recordings edited in known ways, and how well an edit map finds out."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from augment.edits import Own
from augment.effect import Samples
from augment.noise import mean_square
from augment.timemap import TimeMap
from cqtnet import SAMPLE_RATE, audio
from cqtnet.device import one_thread
from eval.bootstrap import FEWEST_RECORDINGS, TOO_FEW, Figure, draw, interval, numbered
from eval.planted import ALTERATIONS, MOST_EDITS, Pieces, Programme, heard, plant
from eval.processes import in_processes
from eval.protocols.plan import rng_for

# How well stretches were found: those with all four times right, and how far the times are off.

Times: TypeAlias = tuple[float, float, float, float]
"""Seconds: start and end in A, start and end in B."""

WITHIN_S = 0.25
RESAMPLES = 1000


@dataclass(frozen=True)
class Outcome:
    """What came out for one edited recording."""

    recording: str
    kinds: tuple[str, ...]
    alteration: str
    is_ambiguous: bool  # an edit of it cannot be heard where it was made
    truth: tuple[Times, ...]
    found: tuple[Times, ...]
    seconds: float
    duration_s: float

    @property
    def hits(self) -> int:
        """Stretches found, one to one, with each of the four times within WITHIN_S."""
        return hits(self.truth, self.found)

    def to_dict(self) -> dict[str, Any]:
        """The outcome as plain data."""
        return {**asdict(self), "hits": self.hits}


@dataclass(frozen=True)
class Figures:
    """What is said of many edited recordings."""

    pairs: int
    stretches: int
    f1: Figure
    boundary_median_s: float
    boundary_95_s: float  # infinite where more than a twentieth of the boundaries have none near
    seconds_median: float
    seconds_most: float

    def to_dict(self) -> dict[str, Any]:
        """The figures as plain data; what is not finite is None."""
        plain = asdict(self)
        return {
            k: None if isinstance(v, float) and not np.isfinite(v) else v for k, v in plain.items()
        }


def hits(truth: Sequence[Times], found: Sequence[Times]) -> int:
    """How many true stretches have a found one of their own within WITHIN_S at every end.

    >>> hits([(0, 10, 5, 15)], [(0.1, 10, 5.1, 15)])
    1
    """
    if not truth or not found:
        return 0
    away_s = np.abs(np.array(truth)[:, None] - np.array(found)[None]).max(axis=2)
    rows, columns = linear_sum_assignment(-(away_s <= WITHIN_S).astype(float))
    return int((away_s[rows, columns] <= WITHIN_S).sum())


def boundary_errors_s(truth: Sequence[Times], found: Sequence[Times]) -> NDArray[np.float64]:
    """How far each true start and end in A is from the nearest found one; infinite without any."""
    true, near = (np.array([t for times in rows for t in times[:2]]) for rows in (truth, found))
    if not near.size:
        return np.full(true.shape, np.inf)
    return np.asarray(np.abs(true[:, None] - near[None]).min(axis=1))


def figures(outcomes: Sequence[Outcome], *, rng: np.random.Generator) -> Figures:
    """The figures of some outcomes, F1 with its interval by recording."""
    counts = np.array([[o.hits, len(o.truth), len(o.found)] for o in outcomes], np.float64)
    errors = np.concatenate([boundary_errors_s(o.truth, o.found) for o in outcomes])
    seconds = [o.seconds for o in outcomes]
    return Figures(
        len(outcomes),
        int(counts[:, 1].sum()),
        _f1(counts, numbered(o.recording for o in outcomes), rng),
        float(np.quantile(errors, 0.5, method="higher")),
        float(np.quantile(errors, 0.95, method="higher")),
        float(np.median(seconds)),
        max(seconds),
    )


def _f1(counts: NDArray[np.float64], number: NDArray[np.intp], rng: np.random.Generator) -> Figure:
    """F1 of pooled counts (pairs, hits truth found), resampled by recording."""
    of_recording = np.zeros((int(number.max()) + 1, 3))
    np.add.at(of_recording, number, counts)
    value = float(_of(of_recording.sum(axis=0)[None])[0])
    if len(of_recording) < FEWEST_RECORDINGS:
        return Figure(value, note=TOO_FEW)
    resampled = _of(draw(len(of_recording), RESAMPLES, rng) @ of_recording)
    low, high = interval(value, resampled)
    return Figure(value, float(low), min(1.0, float(high)))


def _of(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """F1 of sums (n, 3)."""
    return np.asarray(2 * sums[:, 0] / np.maximum(sums[:, 1] + sums[:, 2], 1))


# Edits planted in recordings, and what the edit map says of them.

INAUDIBLE_DB = -30.0
"""Difference, below the recording's level, that leaves an edit's place open."""


@dataclass(frozen=True)
class Task:
    """One edited recording to make and to map."""

    programme: Programme
    number: int
    seed: int


def outcomes(programmes: Sequence[Programme], *, seed: int, workers: int = 1) -> Iterator[Outcome]:
    """What comes out for each programme, edited by chance, in the order in which they are done."""
    tasks = [Task(programme, number, seed) for number, programme in enumerate(programmes)]
    yield from in_processes(outcome, tasks, workers=workers)


def outcome(task: Task) -> Outcome:
    """Make the edited recording of a task, map it, and compare with what was done."""
    rng = rng_for(task.seed, "edits", task.number)
    original = heard(task.programme.samples())
    planted = plant(
        original,
        audio.load(task.programme.foreign),
        n_edits=int(rng.integers(1, MOST_EDITS + 1)),
        alteration=ALTERATIONS[task.number % len(ALTERATIONS)],
        rng=rng,
    )
    found, seconds = _mapped(planted.edited.samples, original)
    return Outcome(
        task.programme.name,
        planted.kinds,
        planted.alteration,
        is_ambiguous(planted.pieces, original),
        true_stretches(planted.edited.time_map),
        found,
        seconds,
        original.size / SAMPLE_RATE,
    )


def _mapped(edited: Samples, original: Samples) -> tuple[tuple[Times, ...], float]:
    """The stretches found, and the seconds of one processor that it took, features included."""
    from verify.editmap import edit_map
    from verify.features import Features

    with one_thread():
        start = time.process_time()
        found = edit_map(Features.of(edited), Features.of(original))
        seconds = time.process_time() - start
    times = ((s.a_start_s, s.a_end_s, s.b_start_s, s.b_end_s) for s in found.stretches)
    return tuple(times), seconds


def true_stretches(time_map: TimeMap) -> tuple[Times, ...]:
    """The stretches of a time map."""
    return tuple(
        (span.out_start_s, span.out_end_s, span.source_start_s, span.source_end_s)
        for span in time_map.spans
    )


def is_ambiguous(pieces: Pieces, samples: Samples) -> bool:
    """Whether some join could lie WITHIN_S further on or back and nothing would be heard of it.

    Where the recording repeats itself exactly, or is silent on both sides, the sound does not
    tell where it was cut: the truth then is one of several.
    """
    reach = round(WITHIN_S * SAMPLE_RATE)
    least = mean_square(samples) * 10 ** (INAUDIBLE_DB / 10)
    for before, after in pairwise(pieces):
        if isinstance(before, Own) and isinstance(after, Own):
            for one, other in (
                (before.end, after.start),
                (before.end - reach, after.start - reach),
            ):
                if min(one, other) < 0 or max(one, other) + reach > samples.size:
                    continue
                difference = samples[one : one + reach] - samples[other : other + reach]
                if mean_square(difference) < least:
                    return True
    return False


def rng_of_intervals(seed: int) -> np.random.Generator:
    """The generator that intervals are drawn with."""
    return rng_for(seed, "edits", "intervals")
