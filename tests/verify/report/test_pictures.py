from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from cqtnet import plotting
from tests.verify.report import cases
from verify.align import Hits
from verify.report import pictures as p
from verify.report.course import course, draw_warping, local_tempo
from verify.report.sureness import at_least, draw_scale, log10_ratios
from verify.results import Line, LogLr, Ratios, Stretch


def test_similarity_is_highest_where_a_lies_in_b(a, b):
    """A is B from second 4 on: at 10.77 frames a second, frame 43 of B."""
    found = p.similarity(a.features(), b.features(), cases.LINE)
    middles = np.arange(20, 60, 5)
    assert np.abs(found[middles].argmax(axis=1) - middles - 43).max() <= 1
    assert found[middles, middles + 43].min() > 0.7


def test_local_tempo_follows_a_planted_change():
    a_s = np.arange(0, 40, 0.5)
    b_s = np.where(a_s < 20, a_s, 20 + 1.02 * (a_s - 20))
    middles, tempi = local_tempo(Hits(a_s, b_s, np.full(80, 0.9), 0.9))
    np.testing.assert_allclose(tempi[middles < 17], 1.0)
    np.testing.assert_allclose(tempi[middles > 23], 1.02)


def test_a_course_of_a_true_copy_is_flat_and_a_stretch_too_short_has_none(a, b):
    view = p.view_of(cases.same(a, b), a, b)
    found = course(view, view.stretches[0])
    sure = found.hits.correlation > 0.7  # where a chord only goes on, hits may lie anywhere
    assert sure.mean() > 0.7
    assert np.abs(found.away_ms[sure]).max() < 12  # half a frame
    assert np.abs(found.semitones).max() < 0.03
    assert course(view, Stretch(0.0, 1.5, cases.LINE, 0.9, 0.9)) is None


def test_of_long_recordings_a_part_around_the_place_is_shown(a, b):
    hour = replace(b, trace=replace(b.trace, n_samples=3600 * 22050))
    view = p.view_of(cases.same(hour, hour), hour, hour)  # an hour in common: five minutes of it
    assert view.a_s == (0.0, p.MOST_S) and view.b_s == (0.0, p.MOST_S)
    late = replace(cases.ALIGNMENT, line=Line(1.0, 0.0, 3590.0))
    evidence = replace(cases.EVIDENCE, alignment=late)
    view = p.view_of(replace(cases.same(a, hour), evidence=evidence), a, hour)
    start_s, end_s = view.b_s
    assert start_s < 3590 < 3598 < end_s <= 3600 and end_s - start_s <= p.MOST_S
    assert view.a_s == (0.0, a.duration_s) and not view.is_whole


def test_ratios_are_drawn_as_powers_of_ten_and_shares_of_at_least_a_ratio_count_ties():
    shares = at_least(np.array([2.0, 1.0, 1.0, -0.5]), np.array([-1.0, 0.0, 1.0, 1.5, 3.0]))
    np.testing.assert_array_equal(shares, [1.0, 0.75, 0.75, 0.25, 0.0])
    tried = {"log_lr_first": [np.log(1000)], "log_lr_second": [np.log(0.01)]}
    known = cases.calibration(rendition=tried, unrelated={"log_lr_first": [1.0]})
    np.testing.assert_allclose(np.concatenate(log10_ratios(known, "rendition")), [3, -2])
    assert log10_ratios(known, "unrelated") is None


def numbers(axes):
    return [text.get_text() for text in axes.texts if text.get_text().isdigit()]


def test_every_stretch_has_its_number_however_short_it_is():
    """Ten stretches of a second each in ten minutes, side by side."""
    stretches = [Stretch(i, i + 1.0, Line(1.0, 0.0, 300.0), 0.9, 0.9) for i in range(10)]
    axes = plotting.blank(1.0).subplots()
    p.draw_bands(axes, stretches, (0.0, 600.0), (0.0, 600.0))
    assert numbers(axes) == [str(i) for i in range(1, 11)]
    places = [text.get_position() for text in axes.texts[:5]]
    assert len({y for _, y in places}) == 5, "neighbours stand at different heights"


def test_a_stretch_that_goes_beyond_the_view_has_its_number_in_what_is_seen(a, b, figures):
    view = replace(p.view_of(cases.same(a, b), a, b), a_s=(6.0, 8.0))
    figure = p.draw_similarity(view, cases.LINE)
    (number,) = [text for text in figure.axes[0].texts if text.get_text() == "1"]
    assert number.get_position()[0] == pytest.approx(7.0)


def test_every_stretch_has_its_number_along_the_course_also_a_short_one(a, b, figures):
    times = ((0.0, 4.0), (4.0, 4.5), (4.5, 8.0))
    stretches = tuple(Stretch(*span, cases.LINE, 0.9, 0.9) for span in times)
    view = replace(p.view_of(cases.same(a, b), a, b), stretches=stretches)
    figure = draw_warping(view)
    assert numbers(figure.axes[0]) == ["1", "2", "3"]
    figure.draw_without_rendering()
    assert not overlaps([text.get_window_extent() for text in figure.axes[0].texts])


def overlaps(boxes):
    return [(one, two) for one, two in combinations(boxes, 2) if one.overlaps(two)]


@pytest.mark.parametrize("log_lr", [-20.0, -4.0, 0.5, 6.8, 12.0])
def test_labels_of_the_scale_stay_within_it_and_clear_of_each_other(a, b, figures, log_lr):
    known = Ratios(*(LogLr(log_lr, -30.0, 30.0),) * 3)
    figure = draw_scale(replace(cases.same(a, b), ratios=known))
    figure.draw_without_rendering()
    axes = figure.axes[0]
    texts = [*axes.texts, *axes.get_xticklabels(), axes.xaxis.label]
    boxes = [text.get_window_extent() for text in texts if text.get_text()]
    assert len(boxes) == 13 + 3 + 13 + 1 and not overlaps(boxes)
    room = figure.bbox
    assert all((room.min <= box.min).all() and (box.max <= room.max).all() for box in boxes)
