import math

import numpy as np
import pytest

from augment.errors import EffectError
from augment.timemap import Span, TimeMap, cut_stretches, in_words

CUT = TimeMap((Span(0, 5, 0, 5), Span(5, 9, 6, 10)))
"""10 s of which 5 s to 6 s were cut out."""

INSERTED = TimeMap((Span(0, 5, 0, 5), Span(7, 12, 5, 10)))
"""10 s with 2 s of silence put in at 5 s."""

REPEATED = TimeMap((Span(0, 4, 0, 4), Span(4, 11, 3, 10)))
"""10 s of which 3 s to 4 s are heard twice in a row."""

FASTER = TimeMap((Span(0, 8, 0, 10),))
"""10 s at 1.25 times the tempo."""


@pytest.mark.parametrize(
    ("time_map", "out_s", "source_s"),
    [
        (TimeMap.identity(10.0), [0.0, 0.1, 1 / 3, 9.99, 10.0], [0.0, 0.1, 1 / 3, 9.99, 10.0]),
        (TimeMap.identity(10.0), [-0.001, 10.001], [math.nan, math.nan]),
        (CUT, [0, 4.9, 5.0, 5.1, 9], [0, 4.9, 6.0, 6.1, 10]),  # a join belongs to what follows
        (INSERTED, [5.5, 6.9, 7.0], [math.nan, math.nan, 5.0]),
        (REPEATED, [3.5, 4.5], [3.5, 3.5]),
        (FASTER, [4.0], [5.0]),
    ],
)
def test_source_times_of_output_times(time_map: TimeMap, out_s: list, source_s: list) -> None:
    np.testing.assert_allclose(time_map.to_source(out_s), source_s, rtol=1e-12)


@pytest.mark.parametrize(
    ("time_map", "source_s", "out_s"),
    [
        (TimeMap.identity(10.0), [0.1, 10.0, -0.001, 10.001], [0.1, 10.0, math.nan, math.nan]),
        (CUT, [0, 4.9, 5.0, 5.5, 6.0, 6.1, 10], [0, 4.9, 5.0, math.nan, 5.0, 5.1, 9]),
        (REPEATED, [3.5], [3.5]),  # the earliest occurrence
        (FASTER, [5.0], [4.0]),
    ],
)
def test_output_times_of_source_times(time_map: TimeMap, source_s: list, out_s: list) -> None:
    np.testing.assert_allclose(time_map.to_output(source_s), out_s, rtol=1e-12)


def test_occurrences_lists_every_time_a_moment_is_heard() -> None:
    assert REPEATED.occurrences(3.5) == (3.5, 4.5)
    assert REPEATED.occurrences(2.0) == (2.0,)
    assert CUT.occurrences(5.5) == ()


def test_ends_are_exact_whatever_the_rate(rng: np.random.Generator) -> None:
    odd = TimeMap((Span(0.1, 0.7, 0.3, 1.9),))
    assert (odd.to_source(0.7), odd.to_output(1.9)) == (1.9, 0.7)
    for _ in range(100):
        out_s, source_s = sorted(rng.uniform(0, 100, 2)), sorted(rng.uniform(0, 100, 2))
        span = Span(*out_s, *source_s)
        assert (span.source_at(out_s[0]), span.source_at(out_s[1])) == tuple(source_s)
        assert (span.out_at(source_s[0]), span.out_at(source_s[1])) == tuple(out_s)


def test_scalar_in_scalar_out_and_shape_kept() -> None:
    assert isinstance(CUT.to_source(1.0), float)
    assert CUT.to_source(np.zeros((2, 3))).shape == (2, 3)


def test_cut_then_tempo_by_hand() -> None:
    # 9 s after the cut become 7.2 s at 1.25; the join at 5 s comes to 4 s.
    both = CUT.then(TimeMap((Span(0, 7.2, 0, 9),)))
    assert both == TimeMap((Span(0, 4, 0, 5), Span(4, 7.2, 6, 10)))


def test_tempo_then_cut_by_hand() -> None:
    # 8 s of output, of which 4 s to 5 s, source 5 s to 6.25 s, are cut.
    both = FASTER.then(TimeMap((Span(0, 4, 0, 4), Span(4, 7, 5, 8))))
    assert both == TimeMap((Span(0, 4, 0, 5), Span(4, 7, 6.25, 10)))


def test_cutting_out_what_was_put_in_gives_identity_again() -> None:
    undo = TimeMap((Span(0, 5, 0, 5), Span(5, 10, 7, 12)))
    assert INSERTED.then(undo) == TimeMap.identity(10)


def test_keeping_only_foreign_material_leaves_an_empty_map() -> None:
    nothing = INSERTED.then(TimeMap((Span(0, 1, 5.5, 6.5),)))
    assert nothing.spans == ()
    assert math.isnan(nothing.to_source(0.5))


def test_identity_is_neutral_on_both_sides() -> None:
    for time_map, output_s in ((CUT, 9), (INSERTED, 12), (REPEATED, 11), (FASTER, 8)):
        assert TimeMap.identity(10).then(time_map) == time_map
        assert time_map.then(TimeMap.identity(output_s)) == time_map


def _planted(rng: np.random.Generator, duration_s: float) -> tuple[TimeMap, float]:
    """A random alteration (cut, silence, repeat or tempo) and the duration that it leaves."""
    start, length = rng.uniform(0.1, 0.6) * duration_s, rng.uniform(0.05, 0.3) * duration_s
    end = start + length
    kind = rng.integers(4)
    if kind == 0:
        spans = (Span(0, start, 0, start), Span(start, duration_s - length, end, duration_s))
        return TimeMap(spans), duration_s - length
    if kind == 1:
        spans = (Span(0, start, 0, start), Span(end, duration_s + length, start, duration_s))
        return TimeMap(spans), duration_s + length
    if kind == 2:
        spans = (Span(0, end, 0, end), Span(end, duration_s + length, start, duration_s))
        return TimeMap(spans), duration_s + length
    factor = rng.uniform(0.7, 1.4)
    return TimeMap((Span(0, duration_s / factor, 0, duration_s),)), duration_s / factor


@pytest.mark.parametrize("seed", range(25))
def test_composition_equals_mapping_twice(seed: int) -> None:
    rng = np.random.default_rng(seed)
    composed, duration_s = TimeMap.identity(20.0), 20.0
    steps = []
    for _ in range(4):
        step, duration_s = _planted(rng, duration_s)
        steps.append(step)
        composed = composed.then(step)
    moments = rng.uniform(0, duration_s, 500)
    one_by_one = moments
    for step in reversed(steps):
        one_by_one = step.to_source(one_by_one)
    np.testing.assert_allclose(composed.to_source(moments), one_by_one, atol=1e-9)


@pytest.mark.parametrize("seed", range(10))
def test_output_of_a_source_moment_leads_back_to_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    first, duration_s = _planted(rng, 20.0)
    second, _ = _planted(rng, duration_s)
    both = first.then(second)
    moments = rng.uniform(0, 20, 300)
    outputs = both.to_output(moments)
    heard = ~np.isnan(outputs)
    assert heard.sum() > 100
    np.testing.assert_allclose(both.to_source(outputs[heard]), moments[heard], atol=1e-9)


def test_grouping_of_compositions_does_not_matter() -> None:
    left = CUT.then(FASTER).then(INSERTED)
    right = CUT.then(FASTER.then(INSERTED))
    moments = np.linspace(0, 12, 241)
    np.testing.assert_allclose(left.to_source(moments), right.to_source(moments), atol=1e-9)


def test_neighbours_that_run_on_are_joined() -> None:
    pieces = [Span(0, 1, 0, 1), Span(1, 2, 1, 2), Span(2, 3, 2.5, 3.5)]
    assert TimeMap.joined(pieces) == TimeMap((Span(0, 2, 0, 2), Span(2, 3, 2.5, 3.5)))


def test_neighbours_at_another_rate_are_not_joined() -> None:
    pieces = (Span(0, 1, 0, 1), Span(1, 2, 1, 3))
    assert TimeMap.joined(pieces) == TimeMap(pieces)


def test_json_round_trip_is_exact() -> None:
    odd = TimeMap((Span(0.1, 1 / 3, 2 / 7, 1e6 / 3),))
    assert TimeMap.from_json(odd.to_json()) == odd


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"spans": [[0, 1, 0]]}', '{"spans": [[0, 1, 0, "x"]]}', "null"]
)
def test_what_is_no_map_is_refused(text: str) -> None:
    with pytest.raises(EffectError, match="not a time map"):
        TimeMap.from_json(text)


@pytest.mark.parametrize("times", [(0, 0, 0, 1), (0, 1, 1, 0), (1, 0, 0, 1)])
def test_empty_or_backward_spans_are_refused(times: tuple[float, float, float, float]) -> None:
    with pytest.raises(EffectError, match="empty or runs backwards"):
        Span(*times)


@pytest.mark.parametrize("bad", [-1.0, math.nan, math.inf])
def test_impossible_times_are_refused(bad: float) -> None:
    with pytest.raises(EffectError, match="negative or not finite"):
        Span(bad, 2, 0, 1)


def test_overlapping_spans_are_refused() -> None:
    with pytest.raises(EffectError, match="begins before"):
        TimeMap((Span(0, 2, 0, 2), Span(1, 3, 2, 4)))


def test_cuts_insertions_and_tempo_are_told_apart() -> None:
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


def test_a_repeat_leaves_nothing_cut_stretches() -> None:
    repeated = TimeMap((Span(0, 4, 0, 4), Span(4, 11, 3, 10)))
    assert cut_stretches(repeated, source_s=10) == []
    copied_to_the_end = TimeMap((Span(0, 10, 0, 10), Span(10, 11, 2, 3)))
    assert cut_stretches(copied_to_the_end, source_s=10) == []


def test_what_is_cut_does_not_depend_on_the_order_of_the_output() -> None:
    swapped = TimeMap((Span(0, 1, 5, 6), Span(1, 3, 0, 2)))
    assert cut_stretches(swapped, source_s=7) == [(2, 5), (6, 7)]


@pytest.mark.parametrize(
    ("seconds", "shown"), [(3661.5, "1:01:01.500"), (59.9996, "1:00.000"), (75.25, "1:15.250")]
)
def test_clock_times_have_hours_where_needed_and_never_sixty_seconds(
    seconds: float, shown: str
) -> None:
    (line,) = in_words(TimeMap.identity(seconds), source_s=seconds, output_s=seconds)
    assert line == f"0:00.000 to {shown} is the source from 0:00.000 to {shown}"


def test_nothing_left_of_the_source_is_said() -> None:
    assert in_words(TimeMap(()), source_s=2, output_s=1) == [
        "0:00.000 to 0:01.000 is not from the source",
        "0:00.000 to 0:02.000 of the source is cut",
    ]
