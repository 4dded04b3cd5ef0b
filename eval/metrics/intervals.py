"""The interval of a figure: from resamples, and by the rule of three where errors are rare.

Were an error as frequent as 3/N, 95 % of samples of N would hold one. N counts recordings, not
trials: in the worst case all trials of a recording go wrong together.
"""

from dataclasses import replace
from math import inf

import numpy as np

from cqtnet.eer import Floats, Ranking
from eval.bootstrap import FEWEST_RECORDINGS, TOO_FEW, Figure, interval
from eval.metrics.evidence import Evidence
from eval.metrics.quantities import FALSE_ALARMS, MISLEADING, MISSES, Quantity, Sample


def with_interval(
    quantity: Quantity, value: float, resampled: Floats, evidence: Evidence
) -> Figure:
    """A value with its interval from resampled ones (b,), within what the quantity can be."""
    if quantity.errors and value in (quantity.flawless, _hopeless(quantity)):
        return _none_seen(quantity, value, evidence)
    if not len(resampled):
        return Figure(value, note=quantity.note)
    if evidence.recordings[MISSES] < FEWEST_RECORDINGS:
        return Figure(value, note=_joined(quantity.note, TOO_FEW))
    low, high = (float(end) for end in interval(value, resampled))
    figure = Figure(value, max(low, 0.0), min(high, quantity.most), quantity.note)
    if quantity.most == inf:
        return _without_top(figure, evidence)
    if quantity.loss:
        return _at_the_edges(quantity, figure, evidence)
    return _few_seen(quantity, figure, evidence) if MISSES in quantity.errors else figure


def _hopeless(quantity: Quantity) -> float | None:
    """What a rate is where every trial goes wrong, the mirror of no error."""
    is_rate = len(quantity.errors) == 1 or quantity.key in ("auc", "accuracy", "eer_linear")
    return 1 - quantity.flawless if is_rate else None


def _none_seen(quantity: Quantity, value: float, evidence: Evidence) -> Figure:
    """A value without an error, or without anything right."""
    bound = _value_at(quantity, _three(quantity.errors, evidence), evidence)
    flawless = value == quantity.flawless
    other, found = (bound, "") if flawless else (1 - bound, "all but ")
    note = _note("none seen", quantity.note, quantity.errors, evidence, found)
    return Figure(value, min(value, other), max(value, other), note, flawless)


def _without_top(figure: Figure, evidence: Evidence) -> Figure:
    """A cost in bits; without upper end where no ratio of a class misleads.

    One that was not seen may mislead by any number of bits.
    """
    rates = zip(("targets", "nontargets"), evidence.whole.losses[MISLEADING], strict=True)
    unseen = ", ".join(name for name, rate in rates if rate == 0)
    if not unseen:
        return figure
    note = f"no misleading ratio of {unseen} seen: no upper bound"
    return replace(figure, high=None, note=_joined(figure.note, note))


def _few_seen(quantity: Quantity, figure: Figure, evidence: Evidence) -> Figure:
    """A figure whose interval reaches as far as if no target were seen to be missed.

    Resamples of a few errors do not hold the kinds that were not met.
    """
    assert figure.value is not None
    worse = max if quantity.flawless == 0 else min
    bound = worse(figure.value, _value_at(quantity, _three((MISSES,), evidence), evidence))
    return _reaching(figure, bound, _note("few seen", quantity.note, (MISSES,), evidence))


def _at_the_edges(quantity: Quantity, figure: Figure, evidence: Evidence) -> Figure:
    """The same at one threshold, and with either error that was always made, or never.

    Resamples cannot move such a rate: it may be 3/N less, or more.
    """
    miss, false_alarm = evidence.whole.losses[quantity.loss]
    miss_three, false_alarm_three = _three((MISSES, FALSE_ALARMS), evidence)
    more = max(miss, miss_three), false_alarm or false_alarm_three
    seldom = tuple(
        error
        for error, rate, raised in zip(
            (MISSES, FALSE_ALARMS), (miss, false_alarm), more, strict=True
        )
        if raised > rate
    )
    note = _note("few seen", quantity.note, seldom, evidence)
    figure = _reaching(figure, _value_at(quantity, more, evidence), note)
    less = (
        1 - miss_three if miss == 1 else miss,
        1 - false_alarm_three if false_alarm == 1 else false_alarm,
    )
    always = tuple(
        error for error, rate in ((MISSES, miss), (FALSE_ALARMS, false_alarm)) if rate == 1
    )
    note = _note("none seen", figure.note, always, evidence, "all but ")
    return _reaching(figure, _value_at(quantity, less, evidence), note)


def _reaching(figure: Figure, bound: float, note: str) -> Figure:
    """The figure with an interval that holds the bound; with the note where it did not."""
    assert figure.low is not None and figure.high is not None
    if figure.low <= bound <= figure.high:
        return figure
    low, high = min(figure.low, bound), max(figure.high, bound)
    return replace(figure, low=low, high=high, note=note)


def _three(errors: tuple[str, ...], evidence: Evidence) -> tuple[float, float]:
    """3/N as rate of misses and of false alarms; 0 of those that are not among the errors."""
    miss, false_alarm = (
        min(1.0, 3 / evidence.recordings[error]) if error in errors else 0.0
        for error in (MISSES, FALSE_ALARMS)
    )
    return miss, false_alarm


def _value_at(quantity: Quantity, rates: tuple[float, float], evidence: Evidence) -> float:
    """The quantity of one threshold with these rates of misses and false alarms."""
    assert quantity.of is not None
    miss, false_alarm = rates
    target, nontarget = np.array([1 - miss, miss]), np.array([false_alarm, 1 - false_alarm])
    ranking = Ranking(np.array([1.0, 0.0]), target, nontarget)
    return float(quantity.of(Sample(ranking, ranking, dict.fromkeys(evidence.losses, rates))))


def _note(
    how_many: str,
    before: str,
    errors: tuple[str, ...],
    evidence: Evidence,
    found: str = "",
) -> str:
    stated = ", ".join(f"{found}{error} < 3/{evidence.recordings[error]}" for error in errors)
    return _joined(before, f"{how_many}: {stated} (recordings)")


def _joined(*notes: str) -> str:
    return "; ".join(note for note in notes if note)
