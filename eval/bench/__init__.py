"""Benchmarks: speed and memory, as ratios against a named baseline of the same run."""

import os
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any

PARTS = (
    "startup", "decoding", "frontend", "embedding", "training", "comparison", "archive", "scoring",
    "metrics", "memory",
)  # fmt: skip
"""Each is a function `measure_…`; those of archives are in `archive`, all others in `engine`."""
LONG = ("archive-index",)  # measured only if named: a million windows, 6 GB of disk, half an hour


@dataclass(frozen=True)
class Measurement:
    """A figure with its unit, and the ratio to a baseline if there is one."""

    name: str
    value: float
    unit: str
    baseline: str = ""
    ratio: float | None = None  # how many times better than the baseline
    promise: str = ""  # what the project promises, in words

    def line(self) -> str:
        """The measurement as one line of a table, the ratio first: machines differ."""
        ratio = f"{self.ratio:.3g}× {self.baseline}" if self.ratio is not None else ""
        promise = f"  (promised: {self.promise})" if self.promise else ""
        value = f"{self.value:,.0f}" if self.value >= 100 else f"{self.value:.3g}"
        return f"{self.name:56}{ratio:28}{value:>7} {self.unit:12}{promise}".rstrip()


def measurements(part: str, *, quick: bool) -> Iterator[Measurement]:
    """The measurements of one part; `quick` takes small sizes."""
    module = import_module(f"eval.bench.{'archive' if part.startswith('archive') else 'engine'}")
    yield from getattr(module, f"measure_{part.replace('-', '_')}")(quick=quick)


def seconds(work: Callable[[], Any], *, repeats: int = 5) -> float:
    """Median time of a few runs, after one to warm up."""
    return statistics.median([once(work) for _ in range(1 + repeats)][1:])


def paired(ours: Callable[[], Any], theirs: Callable[[], Any]) -> tuple[float, float]:
    """Median time of our work, and how many times longer theirs takes: in turn, five times.

    The ratio is the median of neighbours' ratios: so it holds on a machine that others use too.
    """
    times = [(once(ours), once(theirs)) for _ in range(6)][1:]  # without the first, to warm up
    return statistics.median(a for a, _ in times), statistics.median(b / a for a, b in times)


def processor_time(work: Callable[[], Any]) -> float:
    """Seconds of a processor that a single run takes, with those of the commands it ran."""
    started = sum(os.times()[:4])
    work()
    return sum(os.times()[:4]) - started


def once(work: Callable[[], Any]) -> float:
    """Time of a single run, for work that takes long."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
