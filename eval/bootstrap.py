"""95 % intervals: how far figures would move with other recordings.

Trials of one recording resemble each other, so recordings are drawn with replacement, not trials.
A trial between two recordings counts as often as one was drawn times the other: sums over trials
are kept by pair of recordings. Where errors are rare, the rule of three bounds a figure: if an
error occurred at a rate of 3/N, 95 % of samples of N would hold one. N is the number of recordings,
since in the worst case all trials of a recording go wrong together.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property
from math import inf
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array, hstack

from cqtnet.eer import Floats, Ranking, finite
from cqtnet.errors import ManifestError
from eval.trials import Scores, Trials

Indices = NDArray[np.intp]

FEWEST_RECORDINGS = 5
"""With fewer recordings, resamples are too alike to show how far a figure may move."""
TOO_FEW = f"no interval: fewer than {FEWEST_RECORDINGS} recordings"
NUMBERS_AT_ONCE = 4_000_000  # held in memory while resampling: 32 MB
ERRORS = MISSES, FALSE_ALARMS = "misses", "false alarms"
MISLEADING = "misleading"  # a loss: 1 for a log LR that does not favour the truth


@dataclass(frozen=True)
class Figure:
    """A value and its 95 % interval; the value is None if it cannot be had, and `note` says why.

    Without an interval both ends are None; with `low` alone nothing bounds the value from above.
    `bound`: no error was seen, and the end that is not the value is the rule of three.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    note: str = ""
    bound: bool = False


@dataclass(frozen=True)
class FigureTable:
    """Figures by key, with their names for people."""

    figures: Mapping[str, Figure]
    names: Mapping[str, str]

    def __getitem__(self, key: str) -> Figure:
        return self.figures[key]

    def rows(self) -> list[tuple[str, Figure]]:
        """The figures with their names for people."""
        return [(self.names[key], figure) for key, figure in self.figures.items()]

    def to_dict(self) -> dict[str, Any]:
        """Everything but the names as plain data, the figures last."""
        plain = {f.name: getattr(self, f.name) for f in fields(self)[2:]}
        return {**plain, "figures": {key: asdict(f) for key, f in self.figures.items()}}


@dataclass(frozen=True, eq=False)
class Recordings:
    """The two recordings of each trial, (n,) each, numbered from 0 up to `count`."""

    probe: Indices
    reference: Indices  # the probe's own if the trial is a target
    count: int

    def where(self, mask: NDArray[np.bool_]) -> "Recordings":
        """Those of the trials where `mask` (n,) is true; recordings keep their numbers."""
        return Recordings(self.probe[mask], self.reference[mask], self.count)

    def renumbered(self) -> "Recordings":
        """The same, with numbers only for the recordings that the trials use."""
        used, number = np.unique(np.stack([self.probe, self.reference]), return_inverse=True)
        probe, reference = number.reshape(2, -1)
        return Recordings(probe, reference, len(used))

    def independent(self) -> int:
        """The number of recordings on the side, probe or reference, that has fewer."""
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
    """The recordings of the probes, by their column, and of the references of trials.

    A reference has the recording of the first target trial it is in, else of the probe that is the
    same file, else one of its own.
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
    others = [known.get(file, (file,)) for file in references]  # a tuple is no recording's name
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


# What a sample holds, as sums. Neighbouring scores of one class are put together into a run: no
# figure looks at a threshold inside a run, and well separated scores have few runs.


@dataclass(frozen=True, eq=False)
class Sample:
    """Scores and log LRs ranked, and mean losses by name: of a target, of a nontarget."""

    score: Ranking
    log_lr: Ranking  # that of the scores if there is no log LR
    losses: Mapping[str, tuple[float, float]]


@dataclass(frozen=True, eq=False)
class Evidence:
    """The sums of both classes: trials, runs of scores, runs of log LRs, losses by name."""

    target: PairSums
    nontarget: PairSums
    score_runs: int
    log_lr_runs: int  # 0 if there is no log_lr
    losses: tuple[str, ...]
    recordings: Mapping[str, int]  # by error: how many recordings could have shown it

    @cached_property
    def whole(self) -> Sample:
        """All trials, each counted once."""
        target, nontarget = (pairs.sums.sum(axis=1) for pairs in (self.target, self.nontarget))
        return self.sample(target, nontarget)

    def sample(self, target: Floats, nontarget: Floats) -> Sample:
        """The sample with these sums over targets and nontargets, (c,) each."""
        ends = np.cumsum([1, self.score_runs, self.log_lr_runs])
        (tar_n, *tar_counts, tar_loss), (non_n, *non_counts, non_loss) = (
            np.split(sums, ends) for sums in (target, nontarget)
        )
        score, log_lr = (
            Ranking(-np.arange(len(tar), dtype=np.float64), tar, non)
            for tar, non in zip(tar_counts, non_counts, strict=True)
        )
        means = zip(tar_loss / tar_n, non_loss / non_n, strict=True)
        losses = dict(zip(self.losses, means, strict=True))
        return Sample(score, log_lr if self.log_lr_runs else score, losses)


def evidence_of(
    scores: Scores, recordings: Recordings, losses: Mapping[str, Floats], *, where: str
) -> Evidence:
    """The evidence in scores with further losses, (n,) each; `where` names them in errors."""
    for name, mask in (("target", scores.label), ("nontarget", ~scores.label)):
        if not mask.any():
            raise ManifestError(f"{where}: holds no {name} trial; give trials of both classes")
    finite(f"{where}: scores", scores.score)
    score = runs(scores.score, scores.label)
    log_lr = np.zeros(0, np.intp)
    blocks = [csr_array(np.ones((len(score), 1))), _one_hot(score)]
    if scores.log_lr is not None:
        log_lr = runs(finite(f"{where}: log_lr", scores.log_lr), scores.label)
        blocks.append(_one_hot(log_lr))
    if losses:
        blocks.append(csr_array(np.column_stack(list(losses.values()))))
    columns = csr_array(hstack(blocks, format="csr"))
    target, nontarget = recordings.where(scores.label), recordings.where(~scores.label)
    return Evidence(
        pair_sums(columns[scores.label], target), pair_sums(columns[~scores.label], nontarget),
        int(score.max(initial=-1)) + 1, int(log_lr.max(initial=-1)) + 1, tuple(losses),
        {MISSES: target.independent(), FALSE_ALARMS: nontarget.independent()},
    )  # fmt: skip


def runs(score: Floats, label: NDArray[np.bool_]) -> Indices:
    """The run of each trial, (n,), numbered from the highest score; ties share a run."""
    values, place = np.unique(-score, return_inverse=True)
    tar, non = (np.bincount(place, of, minlength=len(values)) > 0 for of in (label, ~label))
    mixed = tar & non
    starts = (tar[1:] != tar[:-1]) | mixed[1:] | mixed[:-1]
    return np.concatenate([[0], np.cumsum(starts)])[place].astype(np.intp)


def _one_hot(run: Indices) -> csr_array:
    return csr_array((np.ones(len(run)), (np.arange(len(run)), run)))


# Resamples, and the interval that they give.


def draw(recordings: int, resamples: int, rng: np.random.Generator) -> Floats:
    """How often each recording is drawn in each resample, (resamples, recordings)."""
    chance = np.full(recordings, 1 / recordings)
    return rng.multinomial(recordings, chance, size=resamples).astype(np.float64)


def resample(
    figures: Callable[[Sample], Floats], evidence: Evidence, *, recordings: int, resamples: int,
    rng: np.random.Generator,
) -> tuple[Floats, Floats]:  # fmt: skip
    """The `figures` (q,) of all trials, and of each resample with trials of both classes (b, q)."""
    drawn = np.concatenate([np.ones((1, recordings)), draw(recordings, resamples, rng)])
    target, nontarget = evidence.target, evidence.nontarget
    width = max(len(target.probe), len(nontarget.probe), target.sums.shape[0])
    rows = []
    for block in np.array_split(drawn, 1 + len(drawn) * width // NUMBERS_AT_ONCE):
        for tar, non in zip(target.weighted(block), nontarget.weighted(block), strict=True):
            if tar[0] > 0 and non[0] > 0:
                rows.append(figures(evidence.sample(tar, non)))
    return rows[0], np.array(rows[1:]).reshape(-1, len(rows[0]))


def interval(value: ArrayLike, resampled: Floats) -> tuple[Floats, Floats]:
    """The ends (…) of the 95 % interval of values (…) from resampled ones (b, …).

    It is the middle 95 % of the resampled values, moved by twice their bias, as the least over all
    thresholds is smaller in each further sample. The value itself is never outside.
    """
    at = np.asarray(value, np.float64)
    low, high = np.quantile(resampled, (0.025, 0.975), axis=0)
    moved = 2 * (at - resampled.mean(axis=0))
    return np.minimum(low + moved, at), np.maximum(high + moved, at)


# The interval of a figure, with the rule of three.


@dataclass(frozen=True)
class Quantity:
    """A figure by name, the range it cannot leave, and the errors it counts."""

    key: str
    name: str
    of: Callable[[Sample], float] | None  # None: it cannot be had, and `note` says why
    note: str = ""
    most: float = 1.0  # none is below 0; inf: what one trial may cost is unlimited
    flawless: float = 0.0  # its value if no error is seen
    errors: tuple[str, ...] = ERRORS
    loss: str = ""  # for a figure at one threshold: the name of its losses
    needs_log_lr: bool = False


def with_interval(quantity: Quantity, value: float, drawn: Floats, evidence: Evidence) -> Figure:
    """A value with its interval from resampled ones (b,), within the quantity's range."""
    is_rate = len(quantity.errors) == 1 or quantity.key in ("auc", "accuracy", "eer_linear")
    all_wrong = 1 - quantity.flawless if is_rate else None
    if quantity.errors and value in (quantity.flawless, all_wrong):
        return _none_seen(quantity, value, evidence)
    if not len(drawn):
        return Figure(value, note=quantity.note)
    if evidence.recordings[MISSES] < FEWEST_RECORDINGS:
        return Figure(value, note=_joined(quantity.note, TOO_FEW))
    low, high = (float(end) for end in interval(value, drawn))
    figure = Figure(value, max(low, 0.0), min(high, quantity.most), quantity.note)
    if quantity.most == inf:  # a ratio that was not seen may mislead by any number of bits
        rates = zip(("targets", "nontargets"), evidence.whole.losses[MISLEADING], strict=True)
        unseen = ", ".join(name for name, rate in rates if rate == 0)
        note = _joined(figure.note, f"no misleading ratio of {unseen} seen: no upper bound")
        return replace(figure, high=None, note=note) if unseen else figure
    if quantity.loss:
        return _at_the_edges(quantity, figure, evidence)
    if MISSES not in quantity.errors:
        return figure
    # Resamples of a few errors do not hold the kinds that were not met: the interval reaches at
    # least as far as if no target had been missed.
    worse = max if quantity.flawless == 0 else min
    bound = worse(value, _value_at(quantity, _three((MISSES,), evidence), evidence))
    return _reaching(figure, bound, _note("few seen", quantity.note, (MISSES,), evidence))


def _none_seen(quantity: Quantity, value: float, evidence: Evidence) -> Figure:
    bound = _value_at(quantity, _three(quantity.errors, evidence), evidence)
    flawless = value == quantity.flawless
    other, prefix = (bound, "") if flawless else (1 - bound, "all but ")
    note = _note("none seen", quantity.note, quantity.errors, evidence, prefix)
    return Figure(value, min(value, other), max(value, other), note, flawless)


def _at_the_edges(quantity: Quantity, figure: Figure, evidence: Evidence) -> Figure:
    """A figure at one threshold where an error was always or never made: it may be 3/N off."""
    rates = miss, false_alarm = evidence.whole.losses[quantity.loss]
    three = _three(ERRORS, evidence)
    more = max(miss, three[0]), false_alarm or three[1]
    seldom = tuple(e for e, rate, raised in zip(ERRORS, rates, more, strict=True) if raised > rate)
    note = _note("few seen", quantity.note, seldom, evidence)
    figure = _reaching(figure, _value_at(quantity, more, evidence), note)
    less = tuple(1 - t if rate == 1 else rate for t, rate in zip(three, rates, strict=True))
    always = tuple(error for error, rate in zip(ERRORS, rates, strict=True) if rate == 1)
    note = _note("none seen", figure.note, always, evidence, "all but ")
    return _reaching(figure, _value_at(quantity, less, evidence), note)


def _reaching(figure: Figure, bound: float, note: str) -> Figure:
    """The figure with an interval that holds the bound; with the note if it did not."""
    assert figure.low is not None and figure.high is not None
    if figure.low <= bound <= figure.high:
        return figure
    low, high = min(figure.low, bound), max(figure.high, bound)
    return replace(figure, low=low, high=high, note=note)


def _three(errors: Sequence[str], evidence: Evidence) -> tuple[float, ...]:
    """3/N as rates of misses and of false alarms; 0 for one that is not among the errors."""
    return tuple(min(1.0, 3 / evidence.recordings[e]) if e in errors else 0.0 for e in ERRORS)


def _value_at(quantity: Quantity, rates: tuple[float, ...], evidence: Evidence) -> float:
    assert quantity.of is not None
    miss, false_alarm = rates
    target, nontarget = np.array([1 - miss, miss]), np.array([false_alarm, 1 - false_alarm])
    ranking = Ranking(np.array([1.0, 0.0]), target, nontarget)
    losses = dict.fromkeys(evidence.losses, (miss, false_alarm))
    return float(quantity.of(Sample(ranking, ranking, losses)))


def _note(
    how_many: str, before: str, errors: Sequence[str], evidence: Evidence, prefix: str = ""
) -> str:
    stated = ", ".join(f"{prefix}{error} < 3/{evidence.recordings[error]}" for error in errors)
    return _joined(before, f"{how_many}: {stated} (recordings)")


def _joined(*notes: str) -> str:
    return "; ".join(note for note in notes if note)
