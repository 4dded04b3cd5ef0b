"""What the pictures of a report show: which part of each recording, and the stretches in common."""

from collections.abc import Iterable
from dataclasses import dataclass

from verify.comparison import Comparison
from verify.recording import Recording
from verify.report.style import COLOURS
from verify.results import Line, Stretch

Span = tuple[float, float]

MOST_S = 300.0
"""Of longer recordings, so much is shown."""
MARGIN = 0.15
"""How much is shown on both sides of what is in common, as a share of it."""


@dataclass(frozen=True)
class View:
    """What is shown of A and B."""

    a: Recording
    b: Recording
    a_s: Span
    b_s: Span
    stretches: tuple[Stretch, ...]  # found in common; none where the verdict is not "same"
    line: Line | None  # the way A was made from B, or where they are least unlike

    def colour(self, number: int) -> str:
        """The colour of a stretch by its number, from 0."""
        return COLOURS[number % len(COLOURS)]

    @property
    def is_whole(self) -> bool:
        """Whether both recordings are shown from beginning to end."""
        spans = ((self.a_s, self.a), (self.b_s, self.b))
        return all(end - start >= x.duration_s for (start, end), x in spans)


def view_of(comparison: Comparison, a: Recording, b: Recording) -> View:
    """What is worth showing of a comparison."""
    stretches = _stretches(comparison)
    alignment = comparison.evidence.alignment if comparison.evidence else None
    line = alignment.line if alignment else None
    if stretches:
        line = max(stretches, key=lambda s: s.duration_s).line
    spans = [(s.a_start_s, s.a_end_s, s.b_start_s, s.b_end_s) for s in stretches]
    if alignment and not spans:
        spans = [(alignment.a_start_s, alignment.a_end_s, alignment.b_start_s, alignment.b_end_s)]
    return View(
        a,
        b,
        _span((span[:2] for span in spans), a.duration_s),
        _span((span[2:] for span in spans), b.duration_s),
        stretches,
        line,
    )


def _stretches(comparison: Comparison) -> tuple[Stretch, ...]:
    if comparison.edits is not None and comparison.edits.stretches:
        return comparison.edits.stretches
    found = comparison.evidence.alignment if comparison.evidence else None
    if comparison.verdict != "same" or found is None:
        return ()
    return (found,)


def _span(spans: Iterable[Span], duration_s: float) -> Span:
    """All of a recording; of a long one, what lies around the spans."""
    if duration_s <= MOST_S:
        return 0.0, duration_s
    times = [second for span in spans for second in span] or [0.0]
    first, last = min(times), max(times)
    room = max(MARGIN * (last - first), (MOST_S / 5 - (last - first)) / 2)
    start_s = max(0.0, min(first - room, duration_s - MOST_S / 5))
    return start_s, min(duration_s, last + room, start_s + MOST_S)
