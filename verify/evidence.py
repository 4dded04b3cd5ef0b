"""What speaks for two recordings being the same: found by the embedding, proved by alignment."""

from dataclasses import dataclass
from typing import Protocol

from cqtnet.embed import Embedder, Trace
from cqtnet.model import MINIMUM_S
from verify.align import refine, search
from verify.cosine import Hit, aligned_cosine, best_hits
from verify.features import Content, Features
from verify.results import Alignment

WHOLE_SEARCH_S = 90.0
"""Recordings up to this length are also laid on each other whole, at every place at once."""
WINDOWS_S = (20.0, 10.0, 5.0)
"""Windows by which places are found: two recordings may have but seconds in common."""
PLACES = 3
"""Places by window length that are looked at closely."""
REFINED = 8
"""Alignments that are made exact, the strongest ones."""
ROOM = 0.6
"""How much more of B is looked at on both sides of a place, in windows: for other tempi."""


@dataclass(frozen=True)
class Evidence:
    """What was found of A in B."""

    similarity: Hit  # the paper's score, and where
    alignment: Alignment | None  # None: too little in common to be measured
    aligned_cosine: float  # of the stretches that the alignment puts beside each other
    content_a: Content  # of those stretches
    content_b: Content

    @property
    def strength(self) -> float:
        """What alignments are ranked by: correlation times the root of the seconds in common."""
        return self.alignment.strength if self.alignment else 0.0


class Heard(Protocol):
    """What is asked of a recording, or of a part of one, with its beginning as second 0."""

    @property
    def trace(self) -> Trace:
        """What the trunk saw of it."""

    @property
    def duration_s(self) -> float:
        """How long it lasts."""

    def features(self, start_s: float = ..., end_s: float = ...) -> Features:
        """What alignment sees of a stretch, which is cut to what there is."""


def gather(embedder: Embedder, a: Heard, b: Heard) -> Evidence:
    """The evidence in two recordings; the shorter is sought in the longer.

    >>> gather(embedder, Recording.read("a.wav", embedder), Recording.read("b.wav", embedder))
    """
    shorter_s, longer_s = sorted((a.duration_s, b.duration_s))
    window_s = shorter_s if shorter_s <= 1.5 * WINDOWS_S[0] else WINDOWS_S[0]
    best = _places(embedder, a, b, window_s)
    pairs = []
    if longer_s <= WHOLE_SEARCH_S:
        pairs.append((a.features(), b.features()))
    if longer_s > WHOLE_SEARCH_S or window_s < shorter_s:
        pairs += [_around(a, b, place) for place in best]
    for length_s in WINDOWS_S:
        if MINIMUM_S <= length_s < window_s:
            pairs += [_around(a, b, place) for place in _places(embedder, a, b, length_s)]
    return _strongest(embedder, a.trace, b.trace, best[0], pairs)


def _places(embedder: Embedder, a: Heard, b: Heard, window_s: float) -> list[Hit]:
    """Where windows of A resemble windows of B most."""
    hop_a_s = max(1.0, window_s / 2)  # its moments are sought in B, which has a window every second
    return best_hits(embedder, a.trace, b.trace, window_s=window_s, hop_a_s=hop_a_s, count=PLACES)


def _strongest(
    embedder: Embedder,
    a: Trace,
    b: Trace,
    best: Hit,
    pairs: list[tuple[Features, Features]],
) -> Evidence:
    """The evidence of the strongest alignment in pairs of stretches."""
    peaks = [(peak, *parts) for parts in pairs for peak in search(*parts)]
    peaks.sort(key=lambda found: -found[0].strength)
    found = [
        (alignment, part_a, part_b)
        for peak, part_a, part_b in peaks[:REFINED]
        if (alignment := refine(part_a, part_b, peak.line)) is not None
    ]
    if not found:
        part_a, part_b = pairs[0]
        return Evidence(best, None, best.cosine, part_a.content, part_b.content)
    alignment, part_a, part_b = max(found, key=lambda f: f[0].strength)
    stretch_a = (alignment.a_start_s, alignment.a_end_s)
    stretch_b = (alignment.b_start_s, alignment.b_end_s)
    cosine = aligned_cosine(embedder, a, b, stretch_a, stretch_b)
    return Evidence(best, alignment, cosine, part_a.content, part_b.content)


def _around(a: Heard, b: Heard, place: Hit) -> tuple[Features, Features]:
    """The window of A, and of B what lies around the place where it resembles it."""
    room_s = ROOM * place.window_s
    return (
        a.features(place.start_a_s, place.start_a_s + place.window_s),
        b.features(place.start_b_s - room_s, place.start_b_s + place.window_s + room_s),
    )
