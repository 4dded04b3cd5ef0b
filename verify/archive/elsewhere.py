"""Where else in its recording a match fits: music repeats itself.

What the archive keeps says where to look; only there the recording is read.
"""

from dataclasses import dataclass, replace
from functools import cached_property

from verify.align import other_places
from verify.archive.proof import Place, References, Sound, UnreadableError
from verify.archive.results import Entry, Match
from verify.features import Features, Floats
from verify.waveform import with_places

WHOLE_S = 120.0
"""Up to this length all of a recording is looked at, for what repeats itself does so often."""


@dataclass(frozen=True)
class _Whole:
    """A recording of the archive in which other places are looked for: read only where they are."""

    references: References
    entry: Entry
    start_s: float = 0.0

    @property
    def duration_s(self) -> float:
        """How long it lasts."""
        return self.entry.duration_s

    @cached_property
    def coarse(self) -> Floats:
        """Its coarse changes, as the archive keeps them."""
        return self.references.sketch(self.entry.id, 0.0, self.duration_s).coarse

    def part(self, start_s: float, end_s: float) -> Features:
        """What alignment sees of a stretch."""
        return self._sound(start_s, end_s).features.part(start_s, end_s)

    def samples(self, start_s: float, end_s: float) -> Floats:
        """The samples of a stretch."""
        return self._sound(start_s, end_s).part(start_s, end_s).samples

    def _sound(self, start_s: float, end_s: float) -> Sound:
        """A stretch, or all of a short recording."""
        if self.duration_s <= WHOLE_S:
            start_s, end_s = 0.0, self.duration_s
        return self.references.excerpt(self.entry.id, start_s, end_s).sound


def with_other_places(place: Place, match: Match) -> Match:
    """The match with the other places of its recording where the moment fits as well."""
    best, entry = match.alignment, match.entry
    if best is None or not entry.n_sketches:
        return match
    whole, moment = _Whole(place.references, entry), place.moment
    try:
        others = other_places(moment.features, whole, best)
        if not others:
            return match
        best, _, places = with_places(
            lambda start_s, end_s: moment.part(start_s, end_s).samples, whole.samples, best, others
        )
    except UnreadableError:
        return match
    start_s, end_s = best.b_start_s, best.b_end_s
    return replace(
        match, query_start_s=best.a_start_s, query_end_s=best.a_end_s, reference_start_s=start_s,
        reference_end_s=end_s, line=best.line, alignment=best, places=places,
    )  # fmt: skip
