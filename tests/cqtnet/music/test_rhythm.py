"""Bars, steps and swing against hand calculation."""

import numpy as np
import pytest

from cqtnet.music.draws import stream
from cqtnet.music.rhythm import METERS, Clock, bar_seconds, draw_bar_starts, step_kinds


@pytest.mark.parametrize(
    ("meter", "tempo_bpm", "seconds"),
    [
        ("4/4", 120.0, 2.0),  # four quarters of half a second
        ("3/4", 90.0, 2.0),  # three of two thirds
        ("6/8", 60.0, 2.0),  # two dotted quarters of a second
        ("12/8", 120.0, 2.0),  # four dotted quarters of half a second
        ("7/8", 105.0, 2.0),  # three and a half quarters of four sevenths
        ("5/4", 150.0, 2.0),  # five quarters of two fifths
    ],
)
def test_a_bar_lasts_as_long_as_its_beats(meter: str, tempo_bpm: float, seconds: float) -> None:
    assert bar_seconds(METERS[meter], tempo_bpm) == pytest.approx(seconds)


def test_steps_of_common_time_are_beats_eighths_and_sixteenths() -> None:
    beat = ("eighth", "sixteenth")
    assert step_kinds(METERS["4/4"])[:6] == ("bar", "sixteenth", *beat, "back", "sixteenth")
    assert [kind for kind in step_kinds(METERS["4/4"]) if "eenth" not in kind] == [
        "bar", "eighth", "back", "eighth", "beat", "eighth", "back", "eighth",
    ]  # fmt: skip


def test_triplet_swing_puts_the_off_beat_at_two_thirds_of_the_beat() -> None:
    clock = Clock(METERS["4/4"], (0.0, 4.0, 8.0), swing=2.0 / 3.0, swing_steps=4)
    assert clock.at(0, 2) == pytest.approx(2.0 / 3.0)
    assert clock.at(0, 4) == pytest.approx(1.0)
    assert clock.at(1, 6) == pytest.approx(4.0 + 1.0 + 2.0 / 3.0)


def test_straight_time_divides_the_bar_evenly_and_runs_over_its_end() -> None:
    clock = Clock(METERS["4/4"], (0.5, 2.5, 4.5))
    assert clock.at(0, 3) == pytest.approx(0.5 + 2.0 * 3.0 / 16.0)
    assert clock.at(0, 20) == pytest.approx(2.5 + 0.5)
    assert clock.at(1, 24) == pytest.approx(4.5 + 1.0), "past the last bar at its pace"


def test_rubato_bends_bars_but_keeps_their_mean() -> None:
    starts = np.asarray(
        draw_bar_starts(24, 2.0, start_s=0.25, rubato=0.05, rng=np.random.default_rng(1))
    )
    lengths = np.diff(starts)
    assert starts[0] == 0.25
    assert lengths.mean() == pytest.approx(2.0)
    assert 0.01 < lengths.std() < 0.2


def test_streams_of_chance_are_independent_of_each_other() -> None:
    assert stream(3, "a").random() == stream(3, "a").random()
    values = {stream(seed, name).random() for seed in range(5) for name in ("a", "b", "a/b")}
    assert len(values) == 15
