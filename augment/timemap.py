"""Where each moment of an altered recording came from: the ground truth of alignment tests."""

import json
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple, dataclass, replace
from itertools import product
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from augment.errors import EffectError

Times = NDArray[np.float64]

SLIVER_S = 1e-9  # seconds; shorter spans come from rounding (a sample at 192 kHz lasts 5e-6 s)


@dataclass(frozen=True)
class Span:
    """A stretch of the output made, at one steady rate, from a stretch of the source; in s."""

    out_start_s: float
    out_end_s: float
    source_start_s: float
    source_end_s: float

    def __post_init__(self) -> None:
        times = astuple(self)
        if not all(math.isfinite(time) and time >= 0 for time in times):
            raise EffectError(f"span {times} has a time that is negative or not finite")
        if self.out_end_s <= self.out_start_s or self.source_end_s <= self.source_start_s:
            raise EffectError(f"span {times} is empty or runs backwards; an end must follow it")

    @property
    def rate(self) -> float:
        """Seconds of source per second of output: 1.1 for a tempo ten per cent faster."""
        return (self.source_end_s - self.source_start_s) / (self.out_end_s - self.out_start_s)

    # "ArrayLike" in quotes: `help()` would show a screenful else.
    def source_at(self, out_s: "ArrayLike") -> Times:
        """Source times of output times; the two ends come back exactly, not by arithmetic."""
        inside = self.source_start_s + (np.asarray(out_s) - self.out_start_s) * self.rate
        return np.where(np.equal(out_s, self.out_end_s), self.source_end_s, inside)

    def out_at(self, source_s: "ArrayLike") -> Times:
        """Output times of source times; the two ends come back exactly, not by arithmetic."""
        inside = self.out_start_s + (np.asarray(source_s) - self.source_start_s) / self.rate
        return np.where(np.equal(source_s, self.source_end_s), self.out_end_s, inside)


@dataclass(frozen=True)
class TimeMap:
    """A piecewise-linear map between output time and source time.

    Output that no span covers is foreign, source that no span covers was cut. Spans are in the
    order of the output and do not overlap there; in the source they may. A moment where two spans
    meet belongs to the later one; the very end belongs to the last.

    >>> TimeMap((Span(0, 5, 0, 5), Span(5, 9, 6, 10))).to_source(7.0)  # 5 s to 6 s were cut out
    8.0
    """

    spans: tuple[Span, ...]

    def __post_init__(self) -> None:
        for before, after in zip(self.spans, self.spans[1:], strict=False):
            if after.out_start_s < before.out_end_s:
                raise EffectError(f"{after} begins before {before} has ended; sort, don't overlap")

    @classmethod
    def identity(cls, duration_s: float) -> Self:
        """A map of a recording that was not moved: every moment came from itself."""
        return cls((Span(0.0, duration_s, 0.0, duration_s),))

    @classmethod
    def joined(cls, spans: Iterable[Span]) -> Self:
        """A map of these spans, where neighbours that run on at the same rate are one span."""
        kept: list[Span] = []
        for span in spans:
            if kept and _runs_on(kept[-1], span):
                ends = {"out_end_s": span.out_end_s, "source_end_s": span.source_end_s}
                span = replace(kept.pop(), **ends)
            kept.append(span)
        return cls(tuple(kept))

    def to_source(self, out_s: "ArrayLike") -> Any:
        """Source times of output times, a float or shape as given; NaN where foreign."""
        spans = [(span.out_start_s, span.out_end_s, span.source_at) for span in self.spans]
        return _mapped(out_s, spans)  # later spans own the moment where two meet

    def to_output(self, source_s: "ArrayLike") -> Any:
        """The earliest output times of source times, a float or shape as given; NaN where cut."""
        spans = [(span.source_start_s, span.source_end_s, span.out_at) for span in self.spans]
        return _mapped(source_s, spans[::-1])  # earlier spans own what occurs twice

    def occurrences(self, source_s: float) -> tuple[float, ...]:
        """Every output time, in seconds and ascending, at which one source moment occurs."""
        spans = [s for s in self.spans if s.source_start_s <= source_s <= s.source_end_s]
        return tuple(sorted({float(span.out_at(source_s)) for span in spans}))

    def then(self, other: "TimeMap") -> "TimeMap":
        """The map of this alteration followed by another one, whose source is our output."""
        spans = []
        for second, first in product(other.spans, self.spans):
            start_s = max(first.out_start_s, second.source_start_s)
            end_s = min(first.out_end_s, second.source_end_s)
            if end_s - start_s > SLIVER_S:  # both have it
                ends = (start_s, end_s)
                spans.append(Span(*second.out_at(ends).tolist(), *first.source_at(ends).tolist()))
        return TimeMap.joined(spans)

    def to_json(self) -> str:
        """JSON text: one list of four seconds per span, in the order of `Span`'s fields."""
        return json.dumps({"spans": [astuple(span) for span in self.spans]})

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The map that `to_json` wrote."""
        try:
            rows = json.loads(text)["spans"]
            spans = tuple(Span(*(float(time) for time in row)) for row in rows)
        except EffectError:
            raise
        except (ValueError, KeyError, TypeError) as problem:
            form = '{"spans": [[out_start_s, out_end_s, source_start_s, source_end_s], ...]}'
            raise EffectError(f"this is not a time map; give {form}") from problem
        return cls(spans)


def _mapped(
    times_s: ArrayLike, spans: Sequence[tuple[float, float, Callable[[ArrayLike], Times]]]
) -> Any:
    """Where times go: by the last span (start, end, map) that holds each; NaN in none."""
    times = np.asarray(times_s, dtype=np.float64)
    mapped = np.full(times.shape, np.nan)
    for start_s, end_s, at in spans:
        mapped = np.where((times >= start_s) & (times <= end_s), at(times), mapped)
    return mapped if mapped.ndim else float(mapped)


def _runs_on(before: Span, after: Span) -> bool:
    return (
        abs(after.out_start_s - before.out_end_s) <= SLIVER_S
        and abs(after.source_start_s - before.source_end_s) <= SLIVER_S
        and math.isclose(before.rate, after.rate, rel_tol=1e-9)
    )


def in_words(time_map: TimeMap, *, source_s: float, output_s: float) -> list[str]:
    """What became of the time of a recording of `source_s` seconds that is now `output_s` long.

    One line for each stretch of the output, in order, then one for each stretch that was cut.
    """
    foreign = _gaps(((span.out_start_s, span.out_end_s) for span in time_map.spans), output_s)
    lines = [(start, f"{_stretch(start, end)} is not from the source") for start, end in foreign]
    for span in time_map.spans:
        speed = "" if abs(span.rate - 1) < 1e-6 else f", {span.rate:.4f} times as fast"
        source = _stretch(span.source_start_s, span.source_end_s)
        out = _stretch(span.out_start_s, span.out_end_s)
        lines.append((span.out_start_s, f"{out} is the source from {source}{speed}"))
    cut = cut_stretches(time_map, source_s=source_s)
    cuts = [f"{_stretch(start, end)} of the source is cut" for start, end in cut]
    return [line for _, line in sorted(lines)] + cuts


def cut_stretches(time_map: TimeMap, *, source_s: float) -> list[tuple[float, float]]:
    """Stretches (start, end) of a source of `source_s` seconds that no span covers, ascending."""
    return _gaps(((span.source_start_s, span.source_end_s) for span in time_map.spans), source_s)


def _gaps(stretches: Iterable[tuple[float, float]], end_s: float) -> list[tuple[float, float]]:
    """What stretches (start, end) leave uncovered between 0 and `end_s`."""
    gaps, covered_s = [], 0.0
    for start_s, stop_s in [*sorted(stretches), (end_s, end_s)]:
        if start_s - covered_s > SLIVER_S:
            gaps.append((covered_s, start_s))
        covered_s = max(covered_s, stop_s)
    return gaps


def _stretch(start_s: float, end_s: float) -> str:
    return f"{_clock(start_s)} to {_clock(end_s)}"


def _clock(time_s: float) -> str:
    """Minutes, seconds and milliseconds, with hours where there are any."""
    minutes, milliseconds = divmod(round(time_s * 1000), 60_000)
    hours, minutes = divmod(minutes, 60)
    seconds = f"{milliseconds // 1000:02d}.{milliseconds % 1000:03d}"
    return f"{hours}:{minutes:02d}:{seconds}" if hours else f"{minutes}:{seconds}"
