"""Edits planted in recordings, and how well the edit map finds the stretches between them."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from operator import attrgetter
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from augment.chain import Chain
from augment.codec import Codec
from augment.edits import Own, Piece, splice
from augment.effect import Altered, Effect, Samples
from augment.noise import ColouredNoise, mean_square, scaled_to_level
from augment.tempo import Pitch, Tempo
from cqtnet import SAMPLE_RATE, audio
from cqtnet.data import Item
from cqtnet.device import one_thread
from cqtnet.eer import Floats
from cqtnet.errors import ManifestError
from eval.bootstrap import FEWEST_RECORDINGS, TOO_FEW, Figure, draw, interval, numbered
from eval.processes import in_processes
from eval.protocols.plan import name_hash, rng_for
from eval.repeats import FORMS, FRAGMENT_S, places_counted, places_told, same_places
from verify.editmap import edit_map
from verify.features import Features
from verify.waveform import Sound, left_db_of

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
    form: str = "plain"  # a name in `eval.repeats.FORMS`

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
        others: dict[str, Item] = {}  # one of each other collection, in random order
        for index in rng.permutation(len(ranked)).tolist():
            if ranked[index].collection != first.collection:
                others.setdefault(ranked[index].collection, ranked[index])
        if not others:
            raise ManifestError(
                f"all {len(items)} recordings are of one collection, {first.collection!r}; "
                "edits need foreign material: give recordings of at least two"
            )
        *following, foreign = others.values()
        parts = (first, *following)[:MOST_PARTS]
        names, paths = zip(*((item.recording, item.path) for item in parts), strict=True)
        duration_s = float(rng.uniform(*DURATIONS_S))
        programmes.append(Programme(names, paths, foreign.path, duration_s, form))
    return programmes


# Planting: edits made one after the other, and then an alteration of the whole.

KINDS = ("cut", "insert", "move", "repeat")
ALTERATIONS: dict[str, Callable[[np.random.Generator], tuple[Effect, ...]]] = {
    "none": lambda rng: (),
    "tempo and pitch": lambda rng: (
        Tempo.draw(rng, factor=(0.9, 1.1)), Pitch.draw(rng, shift_semitones=(-2.0, 2.0)),
    ),
    "mp3": lambda rng: (Codec.draw(rng, codecs=["mp3"]),),
    "noise": lambda rng: (ColouredNoise.draw(rng, snr_db=(20.0, 20.0)),),
}  # fmt: skip
"""What is done to the whole of an edited recording."""
MOST_EDITS = 5
PLAIN_KINDS, MOST_PLAIN = ("cut", "insert"), 2
"""What is planted in music that repeats itself: there, a move may be a cut just as well."""
LEAST_PIECE_S = 3.0
"""No piece, kept or foreign, is shorter."""
LEAST_PIECE = round(LEAST_PIECE_S * SAMPLE_RATE)
LENGTHS_S = (3.0, 12.0)
"""Lengths that are cut, inserted, moved and repeated."""
QUIET_DB = -20.0
"""The first and last LEAST_PIECE_S of a piece are louder than this, by the recording's level.

In a quieter or silent place nobody can tell where it was cut.
"""
STEP_S = 0.5
TRIES = 200

Ranges: TypeAlias = list[tuple[int, int]]
"""Ranges of samples, from and up to, in the recording followed by the foreign sounds."""


@dataclass(frozen=True, eq=False)
class Planted:
    """An edited recording and the truth about it."""

    edited: Altered
    kinds: tuple[str, ...]  # of the edits, in the order in which they were made
    alteration: str
    pieces: tuple[Piece, ...]


def plant(
    samples: Samples, foreign: Samples, *, n_edits: int, alteration: str,
    rng: np.random.Generator, allowed: Sequence[str] = KINDS,
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
    return Planted(Altered(altered.samples, time_map), tuple(kinds), alteration, pieces)


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
        if not _is_loud(sound, foreign):
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
        if end - start < LEAST_PIECE or (is_own and not all(_is_loud(e, samples) for e in ends)):
            return False
    return True


def _is_loud(sound: Samples, recording: Samples) -> bool:
    return mean_square(sound) > mean_square(recording) * 10 ** (QUIET_DB / 10)


def without_quiet_ends(samples: Samples) -> Samples:
    """The samples without a beginning and an end that are too quiet for a fair edit."""
    step = round(STEP_S * SAMPLE_RATE)
    starts = range(0, samples.size - LEAST_PIECE + 1, step)
    loud = [at for at in starts if _is_loud(samples[at : at + LEAST_PIECE], samples)]
    return samples[loud[0] : loud[-1] + LEAST_PIECE] if loud else samples


# The edit map of each edited recording, compared with the truth.

Times: TypeAlias = tuple[float, float, float, float]
"""Seconds: start and end in A, start and end in B."""

WITHIN_S = 0.25
INAUDIBLE_DB = -30.0
"""Difference, by the recording's level, up to which the place of an edit cannot be heard."""


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
    told: int = 0  # edits that were told
    places: tuple[int, int, int] = (0, 0, 0)  # of a fragment: true, told of these, told wrongly

    def to_dict(self) -> dict[str, Any]:
        """The outcome as plain data."""
        return {**asdict(self), "hits": hits(self.truth, self.found)}


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
    kinds, most = (PLAIN_KINDS, MOST_PLAIN) if sections else (KINDS, MOST_EDITS)
    n_edits = int(rng.integers(1, most + 1))
    alteration = list(ALTERATIONS)[number % len(ALTERATIONS)]
    planted = plant(
        original, foreign, n_edits=n_edits, alteration=alteration, rng=rng, allowed=kinds
    )
    sounds = Sound(planted.edited.samples), Sound(original)
    with one_thread():
        start = time.process_time()
        found = edit_map(*(Features.of(s.values) for s in sounds), left_db=left_db_of(*sounds))
        seconds = time.process_time() - start
        places = _places(original, sections, alteration, rng) if sections else (0, 0, 0)
    spans = planted.edited.time_map.spans
    return Outcome(
        programme.name, planted.kinds, planted.alteration, is_ambiguous(planted.pieces, original),
        tuple((s.out_start_s, s.out_end_s, s.source_start_s, s.source_end_s) for s in spans),
        tuple((s.a_start_s, s.a_end_s, s.b_start_s, s.b_end_s) for s in found.stretches),
        seconds, original.size / SAMPLE_RATE, len(found.edits), places,
    )  # fmt: skip


def _places(
    samples: Samples, sections: tuple[int, ...], alteration: str, rng: np.random.Generator
) -> tuple[int, int, int]:
    """The places of an altered fragment of music that repeats itself, and what is told of them."""
    size = round(FRAGMENT_S * SAMPLE_RATE)
    firsts = rng.integers(samples.size - size, size=TRIES)
    first = next(
        (int(f) for f in firsts if _is_loud(samples[f : f + size], samples)), int(firsts[0])
    )
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


# Figures: stretches with all four times right, and how far the times are off.

RESAMPLES = 1000


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

    def to_dict(self) -> dict[str, Any]:
        """The figures as plain data; a number that is not finite becomes None."""
        return {
            key: None if isinstance(value, float) and not np.isfinite(value) else value
            for key, value in asdict(self).items()
        }

    def line(self) -> str:
        """The figures as one line."""
        ends = "" if self.f1.low is None else f" ({self.f1.low:.3f}–{self.f1.high:.3f})"
        median_ms, most_ms = 1000 * self.boundary_median_s, 1000 * self.boundary_95_s
        return (
            f"{self.pairs:4d} pairs {self.stretches:5d} stretches  F1 {self.f1.value:.3f}{ends}  "
            f"boundary {median_ms:.0f} ms, 95 % within {most_ms:.0f} ms  "
            f"number of edits right {self.listed:.2f}  {self._places_line()}"
            f"{self.seconds_median:.2f} s a pair"
        )

    def _places_line(self) -> str:
        true, told, wrong = self.places
        return f"places told {told} of {true}, wrong {wrong}  " if true else ""


def figures_by_group(outcomes: Sequence[Outcome], *, seed: int) -> dict[str, Figures]:
    """The figures of all, of each alteration, and of recordings without an ambiguous edit."""
    groups = {"all": outcomes}
    groups |= {name: [o for o in outcomes if o.alteration == name] for name in ALTERATIONS}
    groups["unambiguous"] = [o for o in outcomes if not o.is_ambiguous]
    return {
        name: figures(some, rng=rng_for(seed, "edits", "intervals"))
        for name, some in groups.items()
        if some
    }


def hits(truth: Sequence[Times], found: Sequence[Times]) -> int:
    """How many true stretches have a found one of their own, each end within WITHIN_S.

    >>> hits([(0, 10, 5, 15)], [(0.1, 10, 5.1, 15)])
    1
    """
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
    counts = [[hits(o.truth, o.found), len(o.truth), len(o.found)] for o in outcomes]
    errors = np.concatenate([boundary_errors_s(o.truth, o.found) for o in outcomes])
    seconds = [o.seconds for o in outcomes]
    return Figures(
        len(outcomes),
        sum(row[1] for row in counts),
        _f1(np.array(counts, np.float64), numbered(o.recording for o in outcomes), rng),
        float(np.quantile(errors, 0.5, method="higher")),
        float(np.mean([o.told == len(o.kinds) for o in outcomes])),
        tuple(np.sum([o.places for o in outcomes], axis=0).tolist()),
        float(np.quantile(errors, 0.95, method="higher")),
        float(np.median(seconds)),
        max(seconds),
    )


def _f1(counts: Floats, number: NDArray[np.intp], rng: np.random.Generator) -> Figure:
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
