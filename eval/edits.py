"""How well the edit map finds the stretches between planted edits, and all places of a fragment."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise, product
from operator import attrgetter
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from augment.edits import Own, Piece
from augment.effect import Chain, Samples
from augment.noise import mean_square
from cqtnet import SAMPLE_RATE, audio
from cqtnet.device import one_thread
from cqtnet.eer import Floats
from cqtnet.progress import in_processes
from eval import planting
from eval.bootstrap import FEWEST_RECORDINGS, TOO_FEW, Figure, draw, interval, numbered
from eval.planting import ALTERATIONS, FORMS, Programme, is_loud, plant, without_quiet_ends
from eval.protocols.plan import rng_for
from verify.align import other_places, refine, search
from verify.editmap import edit_map
from verify.features import Features, held
from verify.waveform import left_db_of, with_places

# The edit map of each edited recording, compared with the truth.

Times: TypeAlias = tuple[float, float, float, float]
"""Seconds: start and end in A, start and end in B."""

WITHIN_S = 0.25
INAUDIBLE_DB = -30.0
"""Difference, by the recording's level, up to which the place of an edit cannot be heard."""
FRAGMENT_S, SAME_PLACE_S, BLOCK_S = 8.0, 0.1, 0.25
RESAMPLES = 1000


@dataclass(frozen=True)
class Outcome:
    """The result for one edited recording."""

    recording: str
    kinds: tuple[str, ...]
    alteration: str
    is_ambiguous: bool  # the place of one of its edits cannot be heard
    truth: tuple[Times, ...]
    found: tuple[Times, ...]
    seconds: float
    duration_s: float
    told: int  # edits that were told
    places: tuple[int, int, int]  # of a fragment: true, told of these, told wrongly


def outcomes(
    programmes: Sequence[Programme], *, seed: int, workers: int | None = 1
) -> list[Outcome]:
    """The outcome of each programme with random edits, in the order of their names."""
    tasks = [(programme, number, seed) for number, programme in enumerate(programmes)]
    results = in_processes(_outcome, tasks, workers=workers, doing="edited recordings")
    return sorted(results, key=attrgetter("recording", "truth"))


def _outcome(task: tuple[Programme, int, int]) -> Outcome:
    programme, number, seed = task
    rng = rng_for(seed, "edits", number)
    original, foreign = without_quiet_ends(programme.samples()), audio.load(programme.foreign)
    original, sections = FORMS[programme.form](original, rng)
    kinds, most = planting.PLAIN if sections else planting.EVERY
    count = int(rng.integers(1, most + 1))
    alteration = list(ALTERATIONS)[number % len(ALTERATIONS)]
    planted = plant(original, foreign, n_edits=count, alteration=alteration, rng=rng, allowed=kinds)
    sounds = planted.edited.samples, original
    with one_thread():
        start = time.process_time()
        found = edit_map(*map(Features.of, sounds), left_db=left_db_of(*map(held, sounds)))
        seconds = time.process_time() - start
        places = _places(original, sections, alteration, rng) if sections else (0, 0, 0)
    spans = planted.edited.time_map.spans
    return Outcome(
        programme.name, planted.kinds, alteration, is_ambiguous(planted.pieces, original),
        tuple((s.out_start_s, s.out_end_s, s.source_start_s, s.source_end_s) for s in spans),
        tuple((s.a_start_s, s.a_end_s, s.b_start_s, s.b_end_s) for s in found.stretches),
        seconds, original.size / SAMPLE_RATE, len(found.edits), places,
    )  # fmt: skip


def _places(
    samples: Samples, sections: tuple[int, ...], alteration: str, rng: np.random.Generator
) -> tuple[int, int, int]:
    """The places of an altered fragment of music that repeats itself, and what is told of them."""
    size = round(FRAGMENT_S * SAMPLE_RATE)
    tries = rng.integers(samples.size - size, size=planting.TRIES)
    first = next((int(f) for f in tries if is_loud(samples[f : f + size], samples)), int(tries[0]))
    truth_s = [n / SAMPLE_RATE for n in same_places(samples, sections, first, size)]
    chain = Chain(ALTERATIONS[alteration](rng))
    fragment = chain.apply(samples[first : first + size], SAMPLE_RATE).samples
    return places_counted(truth_s, places_told(fragment, samples))


def is_ambiguous(pieces: Sequence[Piece], samples: Samples) -> bool:
    """Whether some join could lie WITHIN_S later or earlier with no audible difference."""
    reach = round(WITHIN_S * SAMPLE_RATE)
    least = mean_square(samples) * 10 ** (INAUDIBLE_DB / 10)
    for before, after in pairwise(pieces):
        if not (isinstance(before, Own) and isinstance(after, Own)):
            continue
        for a, b in ((before.end, after.start), (before.end - reach, after.start - reach)):
            if min(a, b) >= 0 and max(a, b) + reach <= samples.size:
                difference = samples[a : a + reach] - samples[b : b + reach]
                if mean_square(difference) < least:
                    return True
    return False


def same_places(samples: Samples, starts: tuple[int, ...], first: int, size: int) -> list[int]:
    """Where a fragment lies, itself included: all but one block sounds the same there."""
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
    tried = (refine(a, b, candidate.line) for candidate in search(a, b))
    found = [alignment for alignment in tried if alignment is not None]
    if not found:
        return []
    best = max(found, key=lambda alignment: alignment.strength)
    best, _, others = with_places(held(fragment), held(samples), best, other_places(a, b, best))
    equal = [place.alignment for place in others if place.is_equal]
    return [one.b_start_s - one.line.tempo * one.a_start_s for one in (best, *equal)]


def places_counted(truth_s: list[float], told_s: list[float]) -> tuple[int, int, int]:
    """How many places there are, how many of them are told, and how many others are told."""
    near = np.abs(np.subtract.outer(truth_s, told_s)) < SAME_PLACE_S
    return len(truth_s), int(near.any(axis=1).sum()), int((~near.any(axis=0)).sum())


# Figures: stretches with all four times right, and how far the times are off.


@dataclass(frozen=True)
class Figures:
    """The figures of many edited recordings."""

    pairs: int
    stretches: int
    f1: Figure
    boundary_median_s: float
    listed: float  # share of pairs with as many edits told as there are
    places: tuple[int, int, int]  # of fragments: true ones, told of these, told wrongly
    boundary_95_s: float  # infinite if more than a twentieth of the boundaries have none near
    seconds_median: float
    seconds_most: float

    def line(self) -> str:
        """The figures as one line."""
        ends = "" if self.f1.low is None else f" ({self.f1.low:.3f}–{self.f1.high:.3f})"
        median_ms, most_ms = 1000 * self.boundary_median_s, 1000 * self.boundary_95_s
        true, told, wrong = self.places
        places = f"places told {told} of {true}, wrong {wrong}  " if true else ""
        return (
            f"{self.pairs:4d} pairs {self.stretches:5d} stretches  F1 {self.f1.value:.3f}{ends}  "
            f"boundary {median_ms:.0f} ms, 95 % within {most_ms:.0f} ms  "
            f"number of edits right {self.listed:.2f}  {places}{self.seconds_median:.2f} s a pair"
        )


def figures_by_group(outcomes: Sequence[Outcome], *, seed: int) -> dict[str, Figures]:
    """The figures of all, of each alteration, and of recordings without an ambiguous edit."""
    groups = {"all": outcomes}
    groups |= {name: [o for o in outcomes if o.alteration == name] for name in ALTERATIONS}
    groups["unambiguous"] = [o for o in outcomes if not o.is_ambiguous]
    rng = partial(rng_for, seed, "edits", "intervals")
    return {name: figures(some, rng=rng()) for name, some in groups.items() if some}


def hits(truth: Sequence[Times], found: Sequence[Times]) -> int:
    """How many true stretches have a found one of their own, each end within WITHIN_S."""
    if not truth or not found:
        return 0
    away_s = np.abs(np.array(truth)[:, None] - np.array(found)[None]).max(axis=2)
    rows, columns = linear_sum_assignment(-(away_s <= WITHIN_S).astype(float))
    return int((away_s[rows, columns] <= WITHIN_S).sum())


def boundary_errors_s(truth: Sequence[Times], found: Sequence[Times]) -> Floats:
    """The distance of each true start and end in A to the nearest found one; infinite without."""
    true, near = (np.array([t for times in rows for t in times[:2]]) for rows in (truth, found))
    if not near.size:
        return np.full(true.shape, np.inf)
    return np.asarray(np.abs(true[:, None] - near[None]).min(axis=1))


def figures(outcomes: Sequence[Outcome], *, rng: np.random.Generator) -> Figures:
    """The figures of some outcomes, F1 with its interval by recording."""
    counts = np.array([[hits(o.truth, o.found), len(o.truth), len(o.found)] for o in outcomes])
    errors = np.concatenate([boundary_errors_s(o.truth, o.found) for o in outcomes])
    middle_s, most_s = np.quantile(errors, (0.5, 0.95), method="higher").tolist()
    listed = float(np.mean([o.told == len(o.kinds) for o in outcomes]))
    places = tuple(np.sum([o.places for o in outcomes], axis=0).tolist())
    f1 = _f1(counts, numbered(o.recording for o in outcomes), rng)
    seconds = [o.seconds for o in outcomes]
    times = middle_s, listed, places, most_s, float(np.median(seconds)), max(seconds)
    return Figures(len(outcomes), int(counts[:, 1].sum()), f1, *times)


def _f1(counts: NDArray[np.int64], number: NDArray[np.intp], rng: np.random.Generator) -> Figure:
    """F1 of pooled counts (pairs, hits truth found), resampled by recording."""
    by_recording = np.zeros((int(number.max()) + 1, 3))
    np.add.at(by_recording, number, counts)

    def f1(sums: Floats) -> Floats:
        return np.asarray(2 * sums[:, 0] / np.maximum(sums[:, 1] + sums[:, 2], 1))

    value = float(f1(by_recording.sum(axis=0)[None])[0])
    if len(by_recording) < FEWEST_RECORDINGS:
        return Figure(value, note=TOO_FEW)
    low, high = interval(value, f1(draw(len(by_recording), RESAMPLES, rng) @ by_recording))
    return Figure(value, float(low), min(1.0, float(high)))
