"""The interval of a figure: from resamples, and by the rule of three where errors are rare.

Were an error as frequent as 3/N, 95 % of samples of N would hold one. N counts recordings, not
trials: in the worst case all trials of a recording go wrong together.
"""

import numpy as np

from cqtnet.eer import Floats, Ranking
from eval.bootstrap import FEWEST_RECORDINGS, TOO_FEW, Figure, interval
from eval.metrics.evidence import Evidence
from eval.metrics.quantities import FALSE_ALARMS, MISSES, Quantity, Sample


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
    return _few_seen(quantity, figure, evidence) if MISSES in quantity.errors else figure


def _hopeless(quantity: Quantity) -> float | None:
    """What a rate is where every trial goes wrong, the mirror of no error."""
    is_rate = len(quantity.errors) == 1 or quantity.flawless == 1
    return 1 - quantity.flawless if is_rate else None


def _none_seen(quantity: Quantity, value: float, evidence: Evidence) -> Figure:
    """A value without an error, or without anything right."""
    bound = _value_at_three(quantity, quantity.errors, evidence)
    other, found = (bound, "") if value == quantity.flawless else (1 - bound, "all but ")
    note = _note("none seen", quantity, quantity.errors, evidence, found)
    return Figure(value, min(value, other), max(value, other), note)


def _few_seen(quantity: Quantity, figure: Figure, evidence: Evidence) -> Figure:
    """A figure whose interval reaches as far as if no target were seen to be missed.

    Resamples of a few errors do not hold the kinds that were not met.
    """
    assert figure.low is not None and figure.high is not None
    errors = quantity.errors if _lacks_false_alarms(quantity, evidence) else (MISSES,)
    bound = _value_at_three(quantity, errors, evidence)
    worse = bound > figure.high if quantity.flawless == 0 else bound < figure.low
    if not worse:
        return figure
    note = _note("few seen", quantity, errors, evidence)
    return Figure(figure.value, min(figure.low, bound), max(figure.high, bound), note)


def _lacks_false_alarms(quantity: Quantity, evidence: Evidence) -> bool:
    return bool(quantity.loss) and evidence.whole.losses[quantity.loss][1] == 0


def _value_at_three(quantity: Quantity, errors: tuple[str, ...], evidence: Evidence) -> float:
    """The quantity where these errors are as frequent as 3/N, and others absent."""
    assert quantity.of is not None
    number = evidence.recordings
    miss, false_alarm = (
        min(1.0, 3 / number[error]) if error in errors else 0.0 for error in (MISSES, FALSE_ALARMS)
    )
    target, nontarget = np.array([1 - miss, miss]), np.array([false_alarm, 1 - false_alarm])
    ranking = Ranking(np.array([1.0, 0.0]), target, nontarget)
    losses = dict.fromkeys(evidence.losses, (miss, false_alarm))
    return quantity.of(Sample(ranking, ranking, losses))


def _note(
    how_many: str,
    quantity: Quantity,
    errors: tuple[str, ...],
    evidence: Evidence,
    found: str = "",
) -> str:
    stated = ", ".join(f"{found}{error} < 3/{evidence.recordings[error]}" for error in errors)
    return _joined(quantity.note, f"{how_many}: {stated} (recordings)")


def _joined(*notes: str) -> str:
    return "; ".join(note for note in notes if note)
