"""How far figures would move with other recordings: the bootstrap by recording.

Trials of one recording resemble each other, so recordings are drawn with replacement, not trials.
A trial between two recordings counts as often as the one was drawn times the other. Nothing is
sorted again: sums over trials are kept by pair of recordings, and a resample weighs the pairs.
"""

from collections.abc import Callable, Hashable, Iterable
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array

from cqtnet.eer import Floats
from cqtnet.errors import ManifestError
from eval.trials import Trials

Indices = NDArray[np.intp]

FEWEST_RECORDINGS = 5
"""Resamples of fewer recordings are too alike to tell how far a figure may move."""

TOO_FEW = f"no interval: fewer than {FEWEST_RECORDINGS} recordings"

_BLOCK = 4_000_000  # numbers held at a time while resampling: 32 MB


@dataclass(frozen=True)
class Figure:
    """A value and its 95 % interval; None where it cannot be had, and `note` says why.

    Without an interval both ends are None; where `low` alone is given, nothing bounds the value
    from above. `bound` is true only where no error was seen: the end that is not the value is
    then the rule of three, `high` of a rate of errors and `low` of what is 1 at best.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    note: str = ""
    bound: bool = False

    def to_dict(self) -> dict[str, float | str | bool | None]:
        """The figure as plain data."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class Recordings:
    """The two recordings that each trial rests on, (n,) each, numbered from 0 up to `count`."""

    probe: Indices
    reference: Indices  # the probe's own where the trial is a target
    count: int

    def where(self, mask: NDArray[np.bool_]) -> "Recordings":
        """Those of the trials where `mask` (n,) is true; recordings keep their numbers."""
        return Recordings(self.probe[mask], self.reference[mask], self.count)

    def renumbered(self) -> "Recordings":
        """The same with numbers for those recordings alone that the trials rest on."""
        held, number = np.unique(np.stack([self.probe, self.reference]), return_inverse=True)
        probe, reference = number.reshape(2, -1)
        return Recordings(probe, reference, len(held))

    def independent(self) -> int:
        """How many recordings the trials have on the side, probe or reference, that has fewer."""
        return min(len(np.unique(self.probe)), len(np.unique(self.reference)))


@dataclass(frozen=True, eq=False)
class PairSums:
    """Sums over the trials of each pair of recordings, (p,) pairs and (c, p) sums."""

    probe: Indices
    reference: Indices
    sums: csr_array

    def weighted(self, drawn: Floats) -> Floats:
        """The sums over all trials in each resample (b, recordings), (b, c)."""
        times = drawn.T
        weights = times[self.probe]
        other = self.probe != self.reference
        weights[other] *= times[self.reference[other]]
        return np.asarray((self.sums @ weights).T, np.float64)


def recordings_of(trials: Trials) -> Recordings:
    """The recordings behind the probes and the references of trials.

    The column `recording` names the probe's. A reference has that of the first target trial it is
    in, or of the probe that is the same file; where neither is known it is one of its own.
    """
    recording, references = trials.recording.tolist(), trials.reference.tolist()
    known: dict[str, Hashable] = {}
    for row, (file, name) in enumerate(zip(trials.probe.tolist(), recording, strict=True)):
        if known.setdefault(file, name) != name:
            raise ManifestError(
                f"{trials.line(row)}: probe {file} is of recording {name!r} here and of "
                f"{known[file]!r} before; give it one"
            )
    known |= {references[i]: recording[i] for i in np.flatnonzero(trials.label)[::-1]}
    others = [known.get(file, (file,)) for file in references]  # no recording is named by a tuple
    numbers = numbered(recording + others)
    probe, reference = np.split(numbers, 2)
    return Recordings(probe, np.where(trials.label, probe, reference), int(numbers.max()) + 1)


def numbered(names: Iterable[Hashable]) -> Indices:
    """Each name as a number, from 0 in order of first appearance."""
    number: dict[Hashable, int] = {}
    return np.array([number.setdefault(name, len(number)) for name in names], np.intp)


def pair_sums(columns: csr_array, recordings: Recordings) -> PairSums:
    """Columns (n, c) of trials, summed by pair of recordings."""
    code = recordings.probe * recordings.count + recordings.reference
    pairs, pair = np.unique(code, return_inverse=True)
    member = (np.ones(len(pair)), (pair, np.arange(len(pair))))
    by_pair = csr_array(member, shape=(len(pairs), len(pair))) @ columns
    probe, reference = np.divmod(pairs, recordings.count)
    return PairSums(probe, reference, by_pair.T.tocsr())


def draw(recordings: int, resamples: int, rng: np.random.Generator) -> Floats:
    """How often each recording is drawn in each resample, (resamples, recordings)."""
    chance = np.full(recordings, 1 / recordings)
    return rng.multinomial(recordings, chance, size=resamples).astype(np.float64)


def resample(
    figures: Callable[[Floats, Floats], Floats],
    target: PairSums,
    nontarget: PairSums,
    *,
    recordings: int,
    resamples: int,
    rng: np.random.Generator,
) -> tuple[Floats, Floats]:
    """What `figures` (q,) makes of the sums of targets and nontargets: as they are, and resampled.

    The first of the sums must be the number of trials. Returned are (q,), and (b, q) where b is
    less than `resamples` by those without a trial of one class.
    """
    once = np.ones((1, recordings))
    drawn = np.concatenate([once, draw(recordings, resamples, rng)])
    width = max(len(target.probe), len(nontarget.probe), target.sums.shape[0])
    rows = []
    for block in np.array_split(drawn, 1 + len(drawn) * width // _BLOCK):
        for tar, non in zip(target.weighted(block), nontarget.weighted(block), strict=True):
            if tar[0] > 0 and non[0] > 0:
                rows.append(figures(tar, non))
    return rows[0], np.array(rows[1:]).reshape(-1, len(rows[0]))


def interval(value: ArrayLike, resampled: Floats) -> tuple[Floats, Floats]:
    """95 % interval of values (…) from resampled ones (b, …): the ends, (…) each.

    The middle 95 % of the resampled values, moved by twice their bias: what is least over all
    thresholds (minDCF, minCllr, the hull) is smaller in a sample than in truth, and smaller again
    in a resample. The value itself is never outside.
    """
    at = np.asarray(value, np.float64)
    low, high = np.quantile(resampled, (0.025, 0.975), axis=0)
    moved = 2 * (at - resampled.mean(axis=0))
    return np.minimum(low + moved, at), np.maximum(high + moved, at)
