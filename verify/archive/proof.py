"""From a place where a query may lie to evidence: alignment first, then what the network says.

The recording of the archive is read again around the place. Alignment and the network see a
stretch of sound on either side, and compute what they need when it is asked for.
"""

import math
import os
import warnings
from collections import OrderedDict
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from cqtnet import SAMPLE_RATE, audio
from cqtnet.embed import Embedder, Trace
from cqtnet.errors import FragmentTooShortError, InputError, NoContentError
from verify.align import FASTEST, SLOWEST, Candidate, refine, search
from verify.archive.results import Entry, Match
from verify.archive.store import Store
from verify.calibration import Calibration
from verify.comparison import gather, reasons_against
from verify.features import Features, Floats
from verify.results import Alignment

KEPT_EXCERPTS = 24
"""Excerpts that are kept with what was computed of them: 2 MB each, of half a minute."""
WHOLE_S = 120.0
"""Recordings up to this length are decoded whole, and kept for further excerpts."""
KEPT_WHOLE_S = 1800.0
"""How long all recordings that are kept whole may be together: 160 MB."""
GRID_S = 5.0
"""Excerpts begin and end on this grid, so that the same one is asked for again."""
LOOKED_AT = 3
"""Candidates of an alignment that are made exact."""


@dataclass(frozen=True)
class Sound:
    """A stretch of a query or of a recording: mono samples (n,) at 22,050 Hz."""

    start_s: float
    samples: Floats
    embedder: Embedder

    @property
    def duration_s(self) -> float:
        """How long it lasts."""
        return self.samples.size / SAMPLE_RATE

    @property
    def end_s(self) -> float:
        """Where it ends."""
        return self.start_s + self.duration_s

    @cached_property
    def features(self) -> Features:
        """What alignment sees of it, on the clock of its recording."""
        return Features.of(self.samples, start_s=self.start_s)

    @cached_property
    def trace(self) -> Trace | None:
        """What the network sees of it, from second 0 on; None where there is nothing to see."""
        try:
            return self.embedder.trace(self.samples)
        except (FragmentTooShortError, NoContentError):
            return None

    def part(self, start_s: float, end_s: float) -> "Sound":
        """What lies between two times, cut to what there is."""
        first, last = (
            min(self.samples.size, max(0, round((second - self.start_s) * SAMPLE_RATE)))
            for second in (start_s, end_s)
        )
        start_s = self.start_s + first / SAMPLE_RATE
        return Sound(start_s, self.samples[first:last], self.embedder)


class UnreadableError(InputError):
    """A file of the archive that cannot be compared with; says why."""


@dataclass(frozen=True)
class Excerpt:
    """A stretch of a recording, read from its file."""

    entry: Entry
    path: str
    sound: Sound


class References:
    """The recordings of an archive, as far as their files are where and what they were."""

    def __init__(self, store: Store, embedder: Embedder) -> None:
        self._store, self._embedder = store, embedder
        self._paths: dict[int, str] = {}  # found to be as they were
        self._excerpts: OrderedDict[tuple[int, float, float], Excerpt] = OrderedDict()
        self._whole: OrderedDict[int, Sound] = OrderedDict()

    def excerpt(self, recording: int, start_s: float, end_s: float) -> Excerpt:
        """A stretch of a recording that holds at least this one, or what there is of it."""
        entry = self._store.entry(recording)
        first_s = max(0.0, math.floor(start_s / GRID_S) * GRID_S)
        last_s = min(entry.duration_s, math.ceil(end_s / GRID_S) * GRID_S)
        key = recording, first_s, last_s
        if key not in self._excerpts:
            self._excerpts[key] = self._read(entry, first_s, last_s)
        self._excerpts.move_to_end(key)
        while len(self._excerpts) > KEPT_EXCERPTS:
            self._excerpts.popitem(last=False)
        return self._excerpts[key]

    def _read(self, entry: Entry, first_s: float, last_s: float) -> Excerpt:
        path = self._path(entry)
        if entry.duration_s > WHOLE_S:
            return Excerpt(entry, path, self._decoded(entry, path, first_s, last_s - first_s))
        if entry.id not in self._whole:
            self._whole[entry.id] = self._decoded(entry, path, 0.0, None)
        self._whole.move_to_end(entry.id)
        sound = self._whole[entry.id]
        while sum(whole.duration_s for whole in self._whole.values()) > KEPT_WHOLE_S:
            self._whole.popitem(last=False)
        return Excerpt(entry, path, sound.part(first_s, last_s))

    def _decoded(self, entry: Entry, path: str, start_s: float, duration_s: float | None) -> Sound:
        try:
            with warnings.catch_warnings():  # they were given when it was added
                warnings.simplefilter("ignore", audio.AudioWarning)
                samples = audio.load(path, start_s=start_s, duration_s=duration_s)
        except (InputError, OSError) as error:
            self._paths.pop(entry.id, None)
            raise UnreadableError(f"{path} cannot be read any more: {error}") from error
        return Sound(start_s, samples, self._embedder)

    def _path(self, entry: Entry) -> str:
        """A file that holds a recording as it was added."""
        if entry.id not in self._paths:
            problems = []
            for path in entry.paths:
                problem = self._problem(entry, path)
                if not problem:
                    self._paths[entry.id] = path
                    break
                problems.append(problem)
            else:
                raise UnreadableError("; ".join(problems) or "the archive knows no file of it")
        return self._paths[entry.id]

    def _problem(self, entry: Entry, path: str) -> str:
        """Why a file is not what was added; empty where it is."""
        try:
            status = Path(os.fsdecode(path)).stat()
        except OSError as error:
            return f"{path} cannot be opened: {error.strerror}"
        known = self._store.by_path(path)
        if known is not None and known[1:] == (status.st_size, status.st_mtime_ns):
            return ""
        if audio.file_sha256(path) == entry.sha256:  # copied or touched, but the same bytes
            return ""
        return f"{path} is not the file that was added; add it again"


@dataclass(frozen=True)
class Place:
    """Where a moment is most like an excerpt."""

    moment: Sound
    excerpt: Excerpt
    candidates: list[Candidate]

    @property
    def promise(self) -> float:
        """How much both agree, before it is made exact."""
        return self.candidates[0].strength if self.candidates else 0.0

    @cached_property
    def alignment(self) -> Alignment | None:
        """Where exactly both agree most, at any tempo that is tried; None where they do nowhere."""
        a, b = self.moment.features, self.excerpt.sound.features
        refined = (refine(a, b, candidate.line) for candidate in self.candidates)
        found = [one for one in refined if one and SLOWEST <= one.line.tempo <= FASTEST]
        return max(found, key=lambda one: one.strength, default=None)

    @property
    def strength(self) -> float:
        """How much both agree there."""
        return self.alignment.strength if self.alignment else 0.0


def look(moment: Sound, excerpt: Excerpt) -> Place:
    """Where a moment is most like an excerpt, at any tempo and pitch."""
    candidates = search(moment.features, excerpt.sound.features, count=LOOKED_AT)
    return Place(moment, excerpt, candidates)


def prove(calibration: Calibration, place: Place) -> Match | None:
    """The match at a place with its ratio, however small; None where no ratio can be stated."""
    a, b = _Part.of(place.moment), _Part.of(place.excerpt.sound)
    if a is None or b is None:
        return None
    evidence = gather(place.moment.embedder, a, b)
    if evidence.alignment is None or reasons_against(evidence):
        return None
    alignment = _shifted(evidence.alignment, place.moment.start_s, place.excerpt.sound.start_s)
    ratios = calibration.ratios(evidence)
    decides, against = ratios.deciding()
    return Match(
        place.excerpt.entry,
        place.excerpt.path,
        decides.value,
        ratios.unrelated.unbounded,
        alignment.a_start_s,
        alignment.a_end_s,
        alignment.b_start_s,
        alignment.b_end_s,
        alignment.line,
        evidence.similarity.cosine,
        alignment.correlation,
        alignment.strength,
        verdict=ratios.verdict(),
        against=against,
    )


@dataclass(frozen=True)
class _Part:
    """A sound as a recording of its own, with its beginning as second 0."""

    trace: Trace
    sound: Sound
    whole: Features

    @classmethod
    def of(cls, sound: Sound) -> "_Part | None":
        """None where there is nothing to see."""
        if sound.trace is None:
            return None
        return cls(sound.trace, sound, replace(sound.features, start_s=0.0))

    @property
    def duration_s(self) -> float:
        """How long it lasts."""
        return self.sound.duration_s

    def samples(self, start_s: float, end_s: float) -> Floats:
        """The samples of a stretch."""
        return self.sound.part(start_s + self.sound.start_s, end_s + self.sound.start_s).samples

    def features(self, start_s: float = 0.0, end_s: float = math.inf) -> Features:
        """What alignment sees of a stretch."""
        return self.whole.part(start_s, min(end_s, self.duration_s))


def _shifted(found: Alignment, a_start_s: float, b_start_s: float) -> Alignment:
    """An alignment on the clocks of the recordings that both parts are of."""
    offset_s = found.line.offset_s + b_start_s - found.line.tempo * a_start_s
    return replace(
        found,
        a_start_s=found.a_start_s + a_start_s,
        a_end_s=found.a_end_s + a_start_s,
        line=replace(found.line, offset_s=offset_s),
    )
