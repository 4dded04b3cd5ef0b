"""Edits planted in recordings, and what the edit map says of them."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from augment.effect import Samples
from augment.level import mean_square
from augment.splice import Own
from augment.timemap import TimeMap
from cqtnet import SAMPLE_RATE, audio
from cqtnet.device import one_thread
from eval.edits.figures import WITHIN_S, Outcome, Times
from eval.edits.plant import ALTERATIONS, MOST_EDITS, Pieces, heard, plant
from eval.edits.programme import Programme
from eval.processes import in_processes
from eval.protocols.chance import rng_for

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
