"""The values of archives: recordings, their windows and how these are numbered, and matches."""

import hashlib
import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from cqtnet.errors import ArchiveError
from cqtnet.schema import checked, parse_json
from verify import words
from verify.notebook import Brief
from verify.results import Alignment, Line
from verify.waveform import Place

Answer = Literal["found", "perhaps", "unconfirmed", "absent", "nothing"]
"""Of a search; "nothing" where nothing can be said, "unconfirmed" where a file is away."""
MOST_ROWS = 20  # matches that a notebook shows of a search, at most; their number is told
ANSWERS: dict[Answer, str] = {
    "nothing": "Nothing can be said of this recording",
    "found": "Found in the archive",
    "perhaps": "Perhaps in the archive",
    "unconfirmed": "Not confirmed: what is most like it could not be compared",
    "absent": "Not in the archive",
}
Vectors = NDArray[np.float32]
Ids = NDArray[np.int64]

WINDOWS_PER_RECORDING = 1 << 20  # numbers for each recording: two months at a hop of 5 s

MAX_DIMENSION = 1 << 16
LENGTH_TOLERANCE = 2e-3  # of a vector's length, 1; rounding to 16 bits changes it by at most 5e-4


@dataclass(frozen=True)
class Manifest:
    """What all vectors of an archive have in common, fixed when it is made."""

    model: str
    model_sha256: str
    dimension: int
    window_s: float
    hop_s: float
    created: str = ""  # UTC, ISO 8601; filled in when the archive is made

    def __post_init__(self) -> None:
        for name in ("window_s", "hop_s"):
            value = getattr(self, name)
            if not (isinstance(value, float | int) and math.isfinite(value) and value > 0):
                self._refuse(name, "it is a number of seconds above 0")
        if not (isinstance(self.dimension, int) and 1 <= self.dimension <= MAX_DIMENSION):
            self._refuse("dimension", f"it is in 1..{MAX_DIMENSION}")
        if not re.fullmatch("[0-9a-f]{64}", str(self.model_sha256)):
            self._refuse("model_sha256", "it has 64 hexadecimal digits")

    @classmethod
    def from_json(cls, text: str) -> "Manifest":
        """The manifest that was stored."""
        return checked(cls, parse_json(text), "the manifest")

    def to_json(self) -> str:
        """The manifest as it is stored."""
        return json.dumps(asdict(self), sort_keys=True)

    def digest(self) -> str:
        """Hexadecimal SHA-256 of all that it says; tells archives apart."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    def _refuse(self, name: str, rule: str) -> None:
        raise ArchiveError(f"an archive cannot have the {name} {getattr(self, name)!r}; {rule}")


@dataclass(frozen=True)
class NewRecording:
    """A recording that is to be added to an archive."""

    path: str
    sha256: str
    size: int  # bytes of the file
    modified_ns: int  # when the file was changed last
    duration_s: float
    tags: tuple[str, ...]
    vectors: Vectors  # (n, dimension), of length 1: of its windows that hold more than silence
    start_s: NDArray[np.float64]  # (n,) of these windows
    sketch: tuple[bytes, ...] = ()  # rows of `verify.archive.keeping`
    sound: tuple[bytes, ...] = ()  # pieces of `verify.archive.keeping`

    def check(self, manifest: Manifest) -> None:
        """Raise unless it can be a recording of an archive with this manifest."""
        longest_s = WINDOWS_PER_RECORDING * manifest.hop_s + manifest.window_s
        if not 0 <= self.duration_s <= longest_s:  # false for NaN
            self._refuse(f"its duration of {self.duration_s:g} s is not in 0..{longest_s:,.0f} s")
        if not re.fullmatch("[0-9a-f]{64}", self.sha256):
            self._refuse(f"its SHA-256 {self.sha256!r} has not 64 hexadecimal digits")
        if not (0 <= self.size < 1 << 63 and abs(self.modified_ns) < 1 << 63):
            self._refuse(f"its size {self.size} or its time of change {self.modified_ns} is none")
        vectors, start_s, count = self.vectors, self.start_s, len(self.start_s)
        if vectors.shape != (count, manifest.dimension) or start_s.ndim != 1:
            self._refuse(
                f"its vectors have shape {vectors.shape} with {count} starts; "
                f"this archive takes ({count}, {manifest.dimension})"
            )
        if count >= WINDOWS_PER_RECORDING:
            self._refuse(f"it has {count:,} windows; up to {WINDOWS_PER_RECORDING - 1:,} fit")
        lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
        far = np.flatnonzero(~(np.abs(lengths - 1) <= LENGTH_TOLERANCE))  # NaN is far
        if len(far):
            self._refuse(f"the vector of window {far[0]} has length {lengths[far[0]]:g}, not 1")
        inside = (start_s >= 0) & (start_s <= self.duration_s)  # false for NaN
        if not inside.all() or not (np.diff(start_s) > 0).all():
            rule = f"one after the other in 0..{self.duration_s:g} s"
            self._refuse(f"its windows do not begin {rule}")

    def _refuse(self, why: str) -> None:
        raise ArchiveError(f"{self.path} cannot be added: {why}")


@dataclass(frozen=True, repr=False)
class Entry(Brief):
    """A recording of an archive."""

    id: int  # never given to another one
    sha256: str
    paths: tuple[str, ...]  # where its bytes lie; several where there are copies
    duration_s: float
    tags: tuple[str, ...]
    added: str  # UTC, ISO 8601
    n_windows: int
    n_sketches: int = 0
    n_sounds: int = 0  # pieces of its sound that are kept; 0: none is

    @property
    def _brief(self) -> str:
        return f"{self.id}, {words.clock(self.duration_s)}, {', '.join(self.paths) or 'no file'}"

    def to_dict(self) -> dict[str, Any]:
        """The recording as plain data."""
        known = {name: value for name, value in vars(self).items() if not name.startswith("n_")}
        return {**known, "windows": self.n_windows, "keeps_sound": self.n_sounds > 0}


@dataclass(frozen=True)
class Hits:
    """The windows most similar to each of some vectors, best first."""

    cosines: Vectors  # (n, count); -inf where an index holds fewer
    ids: Ids  # (n, count); -1 there

    @classmethod
    def joined(cls, hits: "Sequence[Hits]") -> "Hits":
        """The hits of several searches, one below the other."""
        cosines, ids = zip(*((each.cosines, each.ids) for each in hits), strict=True)
        return cls(np.concatenate(cosines), np.concatenate(ids))


def window_ids(recording: int, count: int) -> Ids:
    """The numbers of a recording's windows, in order of time."""
    return recording * WINDOWS_PER_RECORDING + np.arange(count, dtype=np.int64)


def recording_of(windows: Ids) -> Ids:
    """Which recording each window belongs to."""
    return windows // WINDOWS_PER_RECORDING


def row_of(windows: Ids) -> Ids:
    """Which window of its recording each is."""
    return windows % WINDOWS_PER_RECORDING


@dataclass(frozen=True, repr=False)
class Match(Brief):
    """A stretch of a query that is a stretch of a recording of the archive.

    Times with `query` are those of the query, times with `reference` those of the recording.

    >>> match = archive.search("fragment.wav").matches[0]
    >>> match.path, match.reference_start_s, match.tempo
    ('/music/song.wav', 20.0, 1.1)
    """

    entry: Entry
    path: str  # the file it was compared with
    log_lr: float  # natural logarithm, of the part where it was found
    evidence: float  # against an unrelated recording, without bounds: whether it is a match
    query_start_s: float
    query_end_s: float
    reference_start_s: float
    reference_end_s: float
    line: Line  # where it was found
    cosine: float  # of both there
    correlation: float  # along the line
    strength: float  # correlation times the root of the seconds: what matches are ranked by
    is_sure: bool = False  # whether the evidence is strong for an archive of that size
    verdict: words.Verdict = "insufficient"  # what the ratios of that part allow to be said
    against: words.Against = "rendition"  # what the ratio weighs the same recording against
    hit_cosine: float = 1.0  # of the windows by which it was found in the index
    alignment: Alignment | None = None  # of the part where it was found
    places: tuple[Place, ...] = ()  # other places of the recording where that part fits

    @property
    def _brief(self) -> str:
        return (
            f"{words.clock_span(self.query_start_s, self.query_end_s)} is "
            f"{words.clock_span(self.reference_start_s, self.reference_end_s)} of {self.path}, "
            f"{self.verdict}, LR {words.ratio(self.log_lr)}"
        )

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
    def support(self) -> str:
        """The ratio in the words of the ENFSI scale."""
        return words.support_in_words(self.log_lr, *words.PROPOSITIONS[self.against])

    def to_dict(self) -> dict[str, Any]:
        """The match as plain data: seconds to the millisecond, pitch in semitones."""
        return {
            "id": self.entry.id,
            "path": self.path,
            "sha256": self.entry.sha256,
            "tags": list(self.entry.tags),
            "verdict": self.verdict,
            "is_sure": self.is_sure,
            "lr": round(math.exp(self.log_lr), 6),
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
            "places": [place.to_dict() for place in self.places],
        }


@dataclass(frozen=True, repr=False)
class Unproven(Brief):
    """A recording that the query may be in, and why that could not be looked into."""

    entry: Entry
    query_s: float  # the moment of the query that resembles it
    reference_s: float
    cosine: float
    reason: str

    @property
    def _brief(self) -> str:
        return f"cosine {self.cosine:.2f}, {self.reason}, recording {self.entry._brief}"

    def contests(self, match: Match) -> bool:
        """Whether the query may be in this recording rather than where the match says."""
        inside = match.query_start_s <= self.query_s <= match.query_end_s
        return inside and self.cosine >= match.hit_cosine

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


@dataclass(frozen=True, repr=False)
class SearchResult(Brief):
    """All that was found of a query; no match means that it is not in the archive.

    `answer` is "found", "perhaps", "unconfirmed", "absent" or "nothing".

    >>> archive.search("fragment.wav")
    <SearchResult: Found in the archive; 1 match; 0:00.00–0:10.00 is 0:20.00–0:30.00 of /music/…>
    """

    matches: tuple[Match, ...]  # of a short query best first, of a long one in its order
    unproven: tuple[Unproven, ...]
    duration_s: float  # of the query
    problem: str = ""  # why it could not be searched for: "holds nothing but silence"
    nearest: Match | None = None  # of a short query without a match: where to listen first
    renditions: tuple[Match, ...] = ()  # of a short query: where other renditions of it lie

    def __iter__(self) -> Iterator[Match]:
        return iter(self.matches)

    @property
    def _brief(self) -> str:
        return "; ".join([
            ANSWERS[self.answer], words.plural(len(self.matches), "match", "matches"),
            *(match._brief for match in self.matches[:1]),
        ])  # fmt: skip

    def _repr_html_(self) -> str:
        from verify.report.page import table_html  # here, for matplotlib takes a second to load

        head = ("in the query", "is of", "there", "verdict", "likelihood ratio", "tempo and pitch")
        rows = [
            (
                words.clock_span(match.query_start_s, match.query_end_s), match.path,
                words.clock_span(match.reference_start_s, match.reference_end_s),
                words.HEADLINES[match.verdict], words.ratio(match.log_lr),
                ", ".join(words.changes_in_words(match.line)) or "as there",
            )
            for match in self.matches[:MOST_ROWS]
        ]  # fmt: skip
        said = f"{ANSWERS[self.answer]}: it {self.problem}" if self.problem else self._brief
        return table_html([("Answer", said)]) + table_html(rows, head)

    def _is_contested(self, match: Match) -> bool:
        return any(other.contests(match) for other in self.unproven)

    @property
    def is_sure(self) -> bool:
        """Whether one of the matches is sure, and nothing unproven is more like its stretch."""
        return any(match.is_sure and not self._is_contested(match) for match in self.matches)

    @property
    def answer(self) -> Answer:
        """What is to be said of the query."""
        if self.problem and not self.matches:
            return "nothing"
        if self.is_sure:
            return "found"
        if self.unproven and all(map(self._is_contested, self.matches)):
            return "unconfirmed"
        return "perhaps" if self.matches else "absent"

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        nearest = self.nearest.to_dict() if self.nearest else {}
        for name in ("verdict", "support", "is_sure"):
            nearest.pop(name, None)  # it is no match, whatever its ratio would allow to be said
        return {
            "answer": self.answer,
            "matches": [match.to_dict() for match in self.matches],
            "unproven": [candidate.to_dict() for candidate in self.unproven],
            "duration_s": round(self.duration_s, 3),
            "reasons": [self.problem] if self.problem else [],
            "renditions": [match.to_dict() for match in self.renditions],
            "nearest": nearest or None,
        }
