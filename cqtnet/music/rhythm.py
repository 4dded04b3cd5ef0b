"""Meters, the strength of their steps, and the clock that turns bars and steps into seconds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cqtnet.music.score import Meter

METERS: dict[str, Meter] = {
    meter.name: meter
    for meter in (
        Meter("4/4", (4, 4, 4, 4), 4),
        Meter("3/4", (4, 4, 4), 4),
        Meter("2/4", (4, 4), 4),
        Meter("5/4", (4, 4, 4, 4, 4), 4),
        Meter("7/8", (4, 4, 6), 4),
        Meter("6/8", (6, 6), 6),
        Meter("12/8", (6, 6, 6, 6), 6),
    )
}

STRENGTHS = {"bar": 1.0, "back": 0.75, "beat": 0.7, "eighth": 0.4, "sixteenth": 0.12}
"""Weight of a step by its kind."""


def step_kinds(meter: Meter) -> tuple[str, ...]:
    """What each step of a bar is: bar, beat, back (an even beat), eighth or sixteenth."""
    kinds: list[str] = []
    for index, group in enumerate(meter.groups):
        head = "bar" if index == 0 else ("back" if index % 2 else "beat")
        kinds.append(head)
        kinds.extend("eighth" if step % 2 == 0 else "sixteenth" for step in range(1, group))
    return tuple(kinds)


def strengths(meter: Meter) -> tuple[float, ...]:
    """Metric weight of each step of a bar, in (0, 1]."""
    return tuple(STRENGTHS[kind] for kind in step_kinds(meter))


@dataclass(frozen=True, slots=True)
class Clock:
    """Time in seconds of every bar and step, with the piece's swing."""

    meter: Meter
    bar_starts_s: tuple[float, ...]
    """Start of every bar, and the end of the last."""
    swing: float = 0.5
    swing_steps: int = 4
    """Steps over which a long and a short half alternate."""

    def at(self, bar: int, step: float) -> float:
        """Seconds at which a step of a bar falls; steps beyond the bar run into the next."""
        bar += int(step // self.meter.steps)
        step %= self.meter.steps
        last = len(self.bar_starts_s) - 2
        beyond = max(0, bar - last)
        bar = min(bar, last)
        start, end = self.bar_starts_s[bar], self.bar_starts_s[bar + 1]
        swung = self._swung(step) / self.meter.steps
        return start + (beyond + swung) * (end - start)

    def _swung(self, step: float) -> float:
        """The step's place in the bar once every second half-pair is late."""
        if self.swing == 0.5 or self.meter.steps_per_beat == 6:
            return step
        pair, place = divmod(step, self.swing_steps)
        half = self.swing_steps / 2.0
        if place < half:
            warped = place / half * self.swing
        else:
            warped = self.swing + (place - half) / half * (1.0 - self.swing)
        return (pair + warped) * self.swing_steps


def bar_seconds(meter: Meter, tempo_bpm: float) -> float:
    """Length of a bar in seconds."""
    return 60.0 / tempo_bpm * meter.steps / meter.steps_per_beat


def draw_bar_starts(
    bars: int, bar_s: float, *, start_s: float, rubato: float, rng: np.random.Generator
) -> tuple[float, ...]:
    """Starts of `bars` bars and the end of the last, in seconds; rubato bends, the mean stays.

    `rubato` is the largest relative change of a bar's length, 0 for strict time.
    """
    if rubato == 0.0:
        return tuple(start_s + bar_s * index for index in range(bars + 1))
    wave = np.sin(2.0 * np.pi * (np.arange(bars) / rng.uniform(3.5, 8.5) + rng.random()))
    bend = 0.6 * wave + 0.4 * rng.uniform(-1.0, 1.0, bars)
    lengths = 1.0 + rubato * (bend - bend.mean())
    starts = start_s + bar_s * np.concatenate(([0.0], np.cumsum(lengths)))
    return tuple(float(value) for value in starts)
