"""The vocabulary of searching: what was found of a query in an archive, and what could not be."""

import math
from dataclasses import dataclass, replace
from typing import Any

from verify.archive.results import Entry
from verify.results import Line
from verify.words import Verdict, support_in_words, verdict_of


@dataclass(frozen=True)
class Match:
    """A stretch of a query that is a stretch of a recording of the archive."""

    entry: Entry
    path: str  # the file it was compared with
    log_lr: float  # natural logarithm, of the part where it was found
    evidence: float  # the same without bounds
    query_start_s: float
    query_end_s: float
    reference_start_s: float
    reference_end_s: float
    line: Line  # where it was found
    cosine: float  # of both there
    correlation: float  # along the line
    strength: float  # correlation times the root of the seconds: what matches are ranked by
    is_sure: bool = False  # whether the evidence is strong for an archive of that size

    @property
    def duration_s(self) -> float:
        """How long it lasts in the query."""
        return self.query_end_s - self.query_start_s

    @property
    def weight(self) -> float:
        """Correlation times the root of all the seconds: which of two explains a stretch."""
        return self.correlation * math.sqrt(max(0.0, self.duration_s))

    @property
    def tempo(self) -> float:
        """How much faster the query plays."""
        return self.line.tempo

    @property
    def shift_semitones(self) -> float:
        """How much higher the query sounds."""
        return self.line.shift_semitones

    @property
    def verdict(self) -> Verdict:
        """What the ratio alone allows to be said."""
        return verdict_of(self.log_lr)

    @property
    def support(self) -> str:
        """The ratio in the words of the ENFSI scale."""
        return support_in_words(self.log_lr)

    def moved(self, seconds: float) -> "Match":
        """The same on a clock of the query that shows so much more."""
        line = replace(self.line, offset_s=self.line.offset_s - seconds * self.line.tempo)
        return replace(
            self,
            query_start_s=self.query_start_s + seconds,
            query_end_s=self.query_end_s + seconds,
            line=line,
        )

    def to_dict(self) -> dict[str, Any]:
        """The match as plain data: seconds to the millisecond, pitch in semitones."""
        return {
            "id": self.entry.id,
            "path": self.path,
            "sha256": self.entry.sha256,
            "tags": list(self.entry.tags),
            "verdict": self.verdict,
            "is_sure": self.is_sure,
            "log_lr": round(self.log_lr, 4),
            "support": self.support,
            "query_start_s": round(self.query_start_s, 3),
            "query_end_s": round(self.query_end_s, 3),
            "reference_start_s": round(self.reference_start_s, 3),
            "reference_end_s": round(self.reference_end_s, 3),
            "tempo": round(self.tempo, 5),
            "shift_semitones": round(self.shift_semitones, 3) + 0.0,  # not -0.0
            "is_speed": self.line.is_speed,
            "cosine": round(self.cosine, 4),
            "correlation": round(self.correlation, 4),
        }


@dataclass(frozen=True)
class Unproven:
    """A recording that the query may be in, and why that could not be looked into."""

    entry: Entry
    query_s: float  # the moment of the query that resembles it
    reference_s: float
    cosine: float
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "id": self.entry.id,
            "paths": list(self.entry.paths),
            "sha256": self.entry.sha256,
            "query_s": round(self.query_s, 3),
            "reference_s": round(self.reference_s, 3),
            "cosine": round(self.cosine, 4),
            "reason": self.reason,
        }


@dataclass(frozen=True)
class Found:
    """All that was found of a query; no match means that it is not in the archive."""

    matches: tuple[Match, ...]  # of a short query best first, of a long one in its order
    unproven: tuple[Unproven, ...]
    duration_s: float  # of the query
    lack: str = ""  # why nothing could be sought, or nothing said: "holds nothing but silence"
    nearest: Match | None = None  # of a short query without a match: where to listen first

    @property
    def is_sure(self) -> bool:
        """Whether one of the matches is sure."""
        return any(match.is_sure for match in self.matches)

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "found": self.is_sure,
            "matches": [match.to_dict() for match in self.matches],
            "unproven": [candidate.to_dict() for candidate in self.unproven],
            "duration_s": round(self.duration_s, 3),
            "lack": self.lack,
            "nearest": None if self.nearest is None else _without_verdict(self.nearest),
        }


def _without_verdict(match: Match) -> dict[str, Any]:
    """What is known of a place that is no match, whatever its ratio would allow to be said."""
    return {k: v for k, v in match.to_dict().items() if k not in ("verdict", "support", "is_sure")}
