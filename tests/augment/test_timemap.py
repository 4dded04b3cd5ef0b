import math

import numpy as np
import pytest

from augment import Cut, InsertSilence, Repeat, Tempo
from augment.errors import EffectError
from augment.timemap import Span, TimeMap, cut_stretches, in_words

CUT = TimeMap((Span(0, 5, 0, 5), Span(5, 9, 6, 10)))  # 10 s of which 5 s to 6 s were cut out

INSERTED = TimeMap((Span(0, 5, 0, 5), Span(7, 12, 5, 10)))  # 10 s with 2 s of silence put in at 5 s
REPEATED = TimeMap((Span(0, 4, 0, 4), Span(4, 11, 3, 10)))  # 10 s, 3 s to 4 s of them heard twice
FASTER = TimeMap((Span(0, 8, 0, 10),))  # 10 s at 1.25 times the tempo
WHOLE, NAN = TimeMap.identity(10.0), math.nan


@pytest.mark.parametrize(("mapped", "given", "expected"), [
    (WHOLE.to_source, [0.0, 0.1, 1 / 3, 10.0, -0.001, 10.001], [0.0, 0.1, 1 / 3, 10.0, NAN, NAN]),
    (CUT.to_source, [0, 4.9, 5.0, 5.1, 9], [0, 4.9, 6.0, 6.1, 10]),  # a join is what follows
    (INSERTED.to_source, [5.5, 6.9, 7.0], [NAN, NAN, 5.0]),
    (REPEATED.to_source, [3.5, 4.5], [3.5, 3.5]),
    (FASTER.to_source, [4.0], [5.0]),
    (WHOLE.to_output, [0.1, 10.0, -0.001, 10.001], [0.1, 10.0, NAN, NAN]),
    (CUT.to_output, [0, 4.9, 5.0, 5.5, 6.0, 6.1, 10], [0, 4.9, 5.0, NAN, 5.0, 5.1, 9]),
    (REPEATED.to_output, [3.5], [3.5]),  # the earliest occurrence
    (FASTER.to_output, [5.0], [4.0]),
])  # fmt: skip
def test_times_are_mapped_to_the_source_and_to_the_output(mapped, given, expected):
    np.testing.assert_allclose(mapped(given), expected, rtol=1e-12)


def test_scalars_stay_scalars_and_every_time_a_moment_is_heard_is_listed():
    assert REPEATED.occurrences(3.5) == (3.5, 4.5)
    assert REPEATED.occurrences(2.0) == (2.0,) and CUT.occurrences(5.5) == ()
    assert isinstance(CUT.to_source(1.0), float)
    assert CUT.to_source(np.zeros((2, 3))).shape == (2, 3)


def test_ends_are_exact_whatever_the_rate(rng):
    odd = TimeMap((Span(0.1, 0.7, 0.3, 1.9),))
    assert (odd.to_source(0.7), odd.to_output(1.9)) == (1.9, 0.7)
    for _ in range(100):
        out_s, source_s = sorted(rng.uniform(0, 100, 2)), sorted(rng.uniform(0, 100, 2))
        span = Span(*out_s, *source_s)
        assert (span.source_at(out_s[0]), span.source_at(out_s[1])) == tuple(source_s)
        assert (span.out_at(source_s[0]), span.out_at(source_s[1])) == tuple(out_s)


@pytest.mark.parametrize(("first", "second", "both"), [
    # 9 s after the cut become 7.2 s at 1.25; the join at 5 s comes to 4 s.
    (CUT, [(0, 7.2, 0, 9)], [(0, 4, 0, 5), (4, 7.2, 6, 10)]),
    # 8 s of output, of which 4 s to 5 s, source 5 s to 6.25 s, are cut.
    (FASTER, [(0, 4, 0, 4), (4, 7, 5, 8)], [(0, 4, 0, 5), (4, 7, 6.25, 10)]),
    (INSERTED, [(0, 5, 0, 5), (5, 10, 7, 12)], [(0, 10, 0, 10)]),  # put in and cut out again
    (INSERTED, [(0, 1, 5.5, 6.5)], []),  # only foreign material is kept
])  # fmt: skip
def test_compositions_by_hand(first, second, both):
    then = first.then(TimeMap(tuple(Span(*span) for span in second)))
    assert then == TimeMap(tuple(Span(*span) for span in both))


def planted(rng, duration_s):
    """A random cut, silence, repeat or tempo as a map, and the duration that it leaves."""
    kind = (Cut, InsertSilence, Repeat, Tempo)[rng.integers(4)]
    effect = kind.draw(rng, **({} if kind is Tempo else {"duration_s": duration_s}))
    altered = effect.apply(np.zeros(round(duration_s * 4000)), 4000)
    return altered.time_map, altered.samples.size / 4000


@pytest.mark.parametrize("seed", range(10))
def test_composition_equals_mapping_one_by_one_and_back(seed):
    rng = np.random.default_rng(seed)
    composed, duration_s, steps = TimeMap.identity(20.0), 20.0, []
    for _ in range(4):
        step, duration_s = planted(rng, duration_s)
        steps.append(step)
        composed = composed.then(step)
    moments = rng.uniform(0, duration_s, 500)
    one_by_one = moments
    for step in reversed(steps):
        one_by_one = step.to_source(one_by_one)
    np.testing.assert_allclose(composed.to_source(moments), one_by_one, atol=1e-9)
    outputs = composed.to_output(one_by_one)
    kept = ~np.isnan(outputs)
    assert kept.sum() > 100
    np.testing.assert_allclose(composed.to_source(outputs[kept]), one_by_one[kept], atol=1e-9)


def test_json_round_trip_is_exact_and_other_text_is_refused():
    odd = TimeMap((Span(0.1, 1 / 3, 2 / 7, 1e6 / 3),))
    assert TimeMap.from_json(odd.to_json()) == odd
    spans = ("[[0, 1, 0]]", '[[0, 1, 0, "x"]]', "null")
    for text in (*(f'{{"spans": {some}}}' for some in spans), "", "[]", "{}", "null"):
        with pytest.raises(EffectError, match="not a time map"):
            TimeMap.from_json(text)


@pytest.mark.parametrize(("spans", "message"), [
    ([(0, 1, 1, 0)], "empty or runs backwards"),
    ([(-1.0, 2, 0, 1)], "negative or not finite"),
    ([(0, 2, 0, 2), (1, 3, 2, 4)], "begins before"),
])  # fmt: skip
def test_impossible_spans_are_refused(spans, message):
    with pytest.raises(EffectError, match=message):
        TimeMap(tuple(Span(*span) for span in spans))


def test_cuts_insertions_tempo_and_what_has_nothing_of_the_source_are_told():
    time_map = TimeMap((Span(1, 5, 0, 5), Span(7, 10, 6, 9)))
    assert in_words(time_map, source_s=10, output_s=11) == [
        "0:00.000 to 0:01.000 is not from the source",
        "0:01.000 to 0:05.000 is the source from 0:00.000 to 0:05.000, 1.2500 times as fast",
        "0:05.000 to 0:07.000 is not from the source",
        "0:07.000 to 0:10.000 is the source from 0:06.000 to 0:09.000",
        "0:10.000 to 0:11.000 is not from the source",
        "0:05.000 to 0:06.000 of the source is cut",
        "0:09.000 to 0:10.000 of the source is cut",
    ]
    assert in_words(TimeMap(()), source_s=2, output_s=1) == [
        "0:00.000 to 0:01.000 is not from the source",
        "0:00.000 to 0:02.000 of the source is cut",
    ]


@pytest.mark.parametrize(("spans", "cut"), [
    ([(0, 4, 0, 4), (4, 11, 3, 10)], []),  # a repeat
    ([(0, 10, 0, 10), (10, 11, 2, 3)], []),  # a copy at the end
    ([(0, 1, 5, 6), (1, 3, 0, 2)], [(2, 5), (6, 10)]),  # in another order than the source
])  # fmt: skip
def test_what_no_span_covers_was_cut(spans, cut):
    assert cut_stretches(TimeMap(tuple(Span(*s) for s in spans)), source_s=10) == cut
