"""From a place where a query may lie to evidence: alignment first, then what the network says."""

import math
from dataclasses import dataclass, replace
from functools import cached_property

from cqtnet.embed import Trace
from verify.align import FASTEST, SLOWEST, Candidate, refine, search
from verify.archive.search.matches import Match
from verify.archive.search.references import Excerpt
from verify.archive.search.sound import Sound
from verify.calibration import Calibration
from verify.comparison import reasons_against
from verify.evidence import gather
from verify.features import Features
from verify.results import Alignment

LOOKED_AT = 3
"""Peaks of an alignment that are made exact."""


@dataclass(frozen=True)
class Place:
    """Where a moment is most like an excerpt."""

    moment: Sound
    excerpt: Excerpt
    peaks: list[Candidate]

    @property
    def promise(self) -> float:
        """How much both agree, before it is made exact."""
        return self.peaks[0].strength if self.peaks else 0.0

    @cached_property
    def alignment(self) -> Alignment | None:
        """Where exactly both agree most, at a tempo that is sought; None where they nowhere do."""
        a, b = self.moment.features, self.excerpt.sound.features
        refined = (refine(a, b, peak.line) for peak in self.peaks)
        found = [one for one in refined if one and SLOWEST <= one.line.tempo <= FASTEST]
        return max(found, key=lambda one: one.strength, default=None)

    @property
    def strength(self) -> float:
        """How much both agree there."""
        return self.alignment.strength if self.alignment else 0.0


def look(moment: Sound, excerpt: Excerpt) -> Place:
    """Where a moment is most like an excerpt, at any tempo and pitch."""
    peaks = search(moment.features, excerpt.sound.features, count=LOOKED_AT)
    return Place(moment, excerpt, peaks)


def prove(calibration: Calibration, place: Place) -> Match | str:
    """The match at a place with what speaks for it, whatever that is; or why none can be stated."""
    a, b = _Part.of(place.moment), _Part.of(place.excerpt.sound)
    if a is None or b is None:
        return "too little of both can be laid side by side"
    evidence = gather(place.moment.embedder, a, b)
    reasons = reasons_against(evidence)
    if reasons:
        return "; ".join(reasons)
    assert evidence.alignment is not None
    alignment = _moved(evidence.alignment, place.moment.start_s, place.excerpt.sound.start_s)
    score = calibration.score(evidence)
    return Match(
        place.excerpt.entry,
        place.excerpt.path,
        calibration.log_lr(score),
        calibration.slope * score + calibration.offset,
        alignment.a_start_s,
        alignment.a_end_s,
        alignment.b_start_s,
        alignment.b_end_s,
        alignment.line,
        evidence.similarity.cosine,
        alignment.correlation,
        alignment.strength,
    )


@dataclass(frozen=True)
class _Part:
    """A sound as a recording of its own, with its beginning as second 0."""

    trace: Trace
    duration_s: float
    whole: Features

    @classmethod
    def of(cls, sound: Sound) -> "_Part | None":
        """None where there is nothing to see."""
        if sound.trace is None:
            return None
        return cls(sound.trace, sound.duration_s, replace(sound.features, start_s=0.0))

    def features(self, start_s: float = 0.0, end_s: float = math.inf) -> Features:
        """What alignment sees of a stretch."""
        return self.whole.part(start_s, min(end_s, self.duration_s))


def _moved(found: Alignment, a_start_s: float, b_start_s: float) -> Alignment:
    """An alignment on the clocks of the recordings that both parts are of."""
    offset_s = found.line.offset_s + b_start_s - found.line.tempo * a_start_s
    return replace(
        found,
        a_start_s=found.a_start_s + a_start_s,
        a_end_s=found.a_end_s + a_start_s,
        line=replace(found.line, offset_s=offset_s),
    )
