import numpy as np
import pytest

from cqtnet.eer import equal_error_rate, rank
from cqtnet.errors import InputError


@pytest.mark.parametrize(("target", "nontarget", "expected"), [
    ([2, 3], [0, 1], 0.0),  # perfect
    ([0, 1], [2, 3], 0.5),  # swapped: the hull never does worse than guessing
    ([1, 1], [1, 1, 1], 0.5),  # constant: one threshold, the diagonal
    ([1], [1], 0.5),
    ([1, 3], [0, 2], 0.25),  # hull (0,1) (0,½) (½,0) (1,0): y = ½ - x meets x at ¼
    ([1, 2, 3], [2], 0.4),  # hull (0,1) (0,⅔) (1,0): y = ⅔(1-x) meets x at 2/5
])  # fmt: skip
def test_hand_tables(target, nontarget, expected):
    assert equal_error_rate(target, nontarget) == pytest.approx(expected)


def test_the_hull_lies_under_every_operating_point_whatever_the_order_of_trials(rng):
    target, nontarget = rng.normal(1, 1, 50).round(1), rng.normal(0, 1, 80).round(1)
    eer = equal_error_rate(target, nontarget)
    assert equal_error_rate(rng.permutation(target), rng.permutation(nontarget)) == eer
    false_alarm, miss = rank(target, nontarget).rates()
    assert eer <= np.maximum(false_alarm, miss).min()
    assert (false_alarm[0], miss[0], false_alarm[-1], miss[-1]) == (0, 1, 1, 0)


@pytest.mark.parametrize("bad", [[], [np.nan], [1.0, np.inf]])
def test_scores_that_are_none_or_not_finite_are_refused(bad):
    with pytest.raises(InputError, match="target scores must be finite and at least one"):
        equal_error_rate(bad, [0.0])
    with pytest.raises(InputError, match="nontarget scores"):
        equal_error_rate([0.0], bad)
