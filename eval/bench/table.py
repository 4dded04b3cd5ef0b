"""One measured line, and how many become a table or JSON."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Measurement:
    """A figure with its unit, and the ratio to a baseline where there is one."""

    name: str
    value: float
    unit: str
    baseline: str = ""
    ratio: float | None = None  # how many times better than the baseline
    promise: str = ""  # what the project promises, in words

    def line(self) -> str:
        """The measurement as one line of a table."""
        ratio = f"{self.ratio:8.1f}× {self.baseline}" if self.ratio is not None else ""
        promise = f"  (promised: {self.promise})" if self.promise else ""
        value = f"{self.value:,.0f}" if self.value >= 100 else f"{self.value:.3g}"
        return f"{self.name:52} {value:>7} {self.unit:12}{ratio}{promise}".rstrip()


def seconds(work: Callable[[], Any], *, repeats: int = 5) -> float:
    """Median time of a few runs, after one to warm up."""
    work()
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def once(work: Callable[[], Any]) -> float:
    """Time of a single run, for work that takes long."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
