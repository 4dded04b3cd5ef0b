"""From a place where a query may lie to evidence: a first look, alignment, what the network says.

The first look needs only what the archive keeps. Where it agrees, the recording is read again
around the place. Alignment and the network see a stretch of sound on either side, and compute
what they need when it is asked for.
"""

import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from threading import Lock
from typing import Any, TypeVar
from weakref import finalize

import numpy as np

from cqtnet import SAMPLE_RATE, audio
from cqtnet.embed import Embedder, Trace
from cqtnet.errors import FragmentTooShortError, InputError, NoContentError
from verify.align import FASTEST, SAME_CANDIDATE_S, SLOWEST, Candidate, Sought, all_tempi, refine
from verify.archive.keeping import NO_ROOTS, PIECE_S, ROW_S, Sketch, unpacked
from verify.archive.results import Entry, Match
from verify.archive.store import Store
from verify.calibration import Calibration
from verify.comparison import gather, reasons_against
from verify.features import Features, Floats, Values
from verify.results import Alignment

T = TypeVar("T")
_NOTHING = np.zeros(0, np.float32)

KEPT_EXCERPTS = 24  # with what was computed of them: 2 MB each, of half a minute
GRID_S = 5.0  # excerpts begin and end on this grid, so that the same one is asked for again
GRID = round(GRID_S * SAMPLE_RATE)
HELD = 120  # blocks of `GRID_S` that are kept of one recording, the latest: ten minutes
HELD_OF_ALL = 360  # blocks that are kept of all recordings: half an hour, 160 MB
MOST_OPEN = 64  # files that are kept open
SKIPPED = 12 * GRID
"""Samples from which on it is faster to seek, where a file allows that, than to read on."""
TEMPO_ROOM = 1.55  # so many times a query's length is looked at in a recording, for other tempi
SLACK_S = 4.0  # how much more is looked at at both ends, for the hop of the index
LOOKED_AT, LEAST_LIKELY = 3, 0.5
"""Candidates of an alignment that are made exact, at most; and by this share of the strongest."""
GLANCED_TEMPI = np.exp(0.083 * np.arange(-5, 6))
"""Tempi of a glance, 0.66 to 1.51: the same agrees mostly twice as much as what is not."""
EXTREME_TEMPI = np.exp(0.083 * np.array([-8, -7, -6, 6, 7, 8]))
"""0.51 to 1.94, at the likelier places."""
KEPT_ROWS = 512  # rows of sketches that are kept, unpacked: 27 MB


class once(cached_property[T]):
    """A cached property; that of Python 3.11 lets one thread compute at a time, for all sounds."""

    def __get__(self, instance: Any, owner: type | None = None) -> T:  # type: ignore[override]
        value = instance.__dict__[self.func.__name__] = self.func(instance)
        return value


@dataclass(frozen=True)
class Sound:
    """A stretch of a query or of a recording: mono samples (n,) at 22,050 Hz."""

    start_s: float
    samples: Floats
    embedder: Embedder
    whole: "Sound | None" = None  # what it is a part of
    path: str = ""  # of a recording's file, which it is from

    @property
    def duration_s(self) -> float:
        """How long it lasts."""
        return self.samples.size / SAMPLE_RATE

    @property
    def end_s(self) -> float:
        """Where it ends."""
        return self.start_s + self.duration_s

    @once
    def features(self) -> Features:
        """What alignment sees of it, on the clock of its recording."""
        return Features.of(self.samples, start_s=self.start_s)

    @once
    def trace(self) -> Trace | None:
        """What the network sees of it, from second 0 on; None where there is nothing to see."""
        try:
            return self.embedder.trace(self.samples)
        except (FragmentTooShortError, NoContentError):
            return None

    @once
    def sketch(self) -> Sketch:
        """What a first look sees of it, on the clock of its recording."""
        if self.whole is not None:
            return self.whole.sketch.part(self.start_s, self.end_s)
        return Sketch.of(self.trace.roots if self.trace else NO_ROOTS, start_s=self.start_s)

    def part(self, start_s: float, end_s: float) -> "Sound":
        """What lies between two times, cut to what there is."""
        first, last = (
            min(self.samples.size, max(0, round((second - self.start_s) * SAMPLE_RATE)))
            for second in (start_s, end_s)
        )
        start_s = self.start_s + first / SAMPLE_RATE
        return Sound(start_s, self.samples[first:last], self.embedder, self, self.path)


class UnreadableError(InputError):
    """A file of the archive that cannot be compared with; says why."""


class References:
    """The recordings of an archive, as far as their files are where and what they were."""

    def __init__(self, store: Store, embedder: Embedder) -> None:
        self._store, self._embedder = store, embedder
        self._paths: dict[int, str] = {}  # found to be as they were
        self._excerpts = lru_cache(KEPT_EXCERPTS)(self._read)
        self._rows = lru_cache(KEPT_ROWS)(self._row)
        self._readings: OrderedDict[str, _Reading] = OrderedDict()
        self._lock = Lock()
        self._one_at_a_time = [Lock() for _ in range(MOST_OPEN)]  # reads a recording's file

    def excerpt(self, recording: int, start_s: float, end_s: float) -> Sound:
        """A stretch of a recording that holds at least this one, or what there is of it."""
        first_s = max(0.0, math.floor(start_s / GRID_S) * GRID_S)
        last_s = min(self._store.entry(recording).duration_s, math.ceil(end_s / GRID_S) * GRID_S)
        with self._one_at_a_time[recording % len(self._one_at_a_time)]:
            # Not a wider one that is kept: answers would depend on what was asked before.
            return self._excerpts(recording, first_s, last_s)

    def sketch(self, recording: int, start_s: float, end_s: float) -> Sketch:
        """What a first look sees of a stretch of a recording; from its file where none is kept."""
        n_rows = self._store.entry(recording).n_sketches
        if not n_rows:
            return self.excerpt(recording, start_s, end_s).sketch
        first = min(max(0, int(start_s / ROW_S)), n_rows - 1)
        last = min(max(first, int(end_s / ROW_S)), n_rows - 1)
        rows = [self._rows(recording, row).coarse for row in range(first, last + 1)]
        return Sketch(np.concatenate(rows, axis=1), first * ROW_S).part(start_s, end_s)

    def _row(self, recording: int, row: int) -> Sketch:
        try:
            return Sketch.unpacked(self._store.sketch(recording, row, 1))
        except ValueError as error:
            raise UnreadableError(f"what is kept of it is damaged: {error}") from error

    def _read(self, recording: int, first_s: float, last_s: float) -> Sound:
        entry = self._store.entry(recording)
        try:
            return self._from_file(entry, first_s, last_s)
        except UnreadableError:
            if not entry.n_sounds:
                raise
        first = int(first_s // PIECE_S)  # of what the archive keeps itself
        pieces = self._store.sound(entry.id, first, math.ceil(last_s / PIECE_S) - first)
        try:
            samples, path = unpacked(pieces), (*entry.paths, "")[0]
        except ValueError as error:
            raise UnreadableError(f"what is kept of it is damaged: {error}") from error
        sound = Sound(float(first * PIECE_S), samples, self._embedder, path=path)
        return sound.part(first_s, last_s)

    def _from_file(self, entry: Entry, first_s: float, last_s: float) -> Sound:
        path = self._path(entry)
        try:
            reading = self._readings.pop(path, None) or _Reading(path)
            samples = reading.stretch(round(first_s * SAMPLE_RATE), round(last_s * SAMPLE_RATE))
        except (InputError, OSError) as error:
            self._paths.pop(entry.id, None)
            text = f"{audio.shown(path)} cannot be read any more: {error}"
            raise UnreadableError(text) from error
        with self._lock:
            self._readings[path] = reading
            n_held = sum(len(one.held) for one in self._readings.values())
            while len(self._readings) > MOST_OPEN or n_held > HELD_OF_ALL:
                n_held -= len(self._readings.popitem(last=False)[1].held)
        return Sound(first_s, samples, self._embedder, path=path)

    def _path(self, entry: Entry) -> str:
        """A file that holds a recording as it was added."""
        if entry.id in self._paths:
            return self._paths[entry.id]
        problems = []
        for path in entry.paths:
            try:
                known = self._store.by_path(path)
                is_as_noted = known is not None and known[1:] == audio.FileStatus.of(path).noted
                if is_as_noted or audio.file_sha256(path) == entry.sha256:  # touched, or a copy
                    self._paths[entry.id] = path
                    return path
                what = f"{audio.shown(path)} is not the file that was added; add it again"
            except (InputError, OSError) as error:
                what = str(error)
            problems.append(what)
        raise UnreadableError("; ".join(problems) or "the archive knows no file of it")


class _Reading:
    """A file that was read up to some place; what is asked for next mostly follows, or was held."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._close: Callable[[], object] = lambda: None
        self._open(0)

    def stretch(self, first: int, last: int) -> Floats:
        """The samples from the number `first` up to `last`, or what there is of them."""
        if first < self._first:
            self._open(first)
        elif first > self._end + SKIPPED:
            self._open(first, only_if_it_seeks=True)
        while self._end < last and (block := next(self._blocks, None)) is not None:
            self.held.append(block)
            self._end += block.size
            if len(self.held) > HELD and self._first + GRID <= first:
                del self.held[0]
                self._first += GRID
        skipped = (first - self._first) // GRID
        held = self.held[skipped : (last - self._first) // GRID + 1]
        begin = first - self._first - skipped * GRID
        return np.concatenate(held)[begin : begin + last - first] if held else _NOTHING

    def _open(self, first: int, *, only_if_it_seeks: bool = False) -> None:
        """Go on from a sample, or from the first one where the file does not allow that."""
        blocks = audio.stream(self._path, start_s=first / SAMPLE_RATE, block_s=GRID_S)
        if blocks.begins_s == 0 and first > 0:
            blocks.close()
            if only_if_it_seeks:
                return
            first, blocks = 0, audio.stream(self._path, block_s=GRID_S)
        self._close()
        self._close = finalize(self, blocks.close)  # at the latest when nobody holds it any more
        self._blocks, self.held = blocks, list[Floats]()
        self._first = self._end = first


@dataclass(frozen=True)
class Point:
    """A moment of the query and one of a recording that are alike: the middles of two windows."""

    query_s: float
    reference_s: float
    cosine: float


@dataclass(frozen=True)
class Place:
    """A stretch of a recording where a moment may lie, and where in it both are most alike."""

    moment: Sound
    references: References
    recording: int
    point: Point
    stretch_s: tuple[float, float]  # of the recording
    candidates: list[Candidate]  # by a first look

    @property
    def promise(self) -> float:
        """How much both agree, before it is made exact."""
        return self.candidates[0].strength if self.candidates else 0.0

    def is_at(self, other: "Place") -> bool:
        """Whether both are one place, as far as a first look shows."""
        if self.recording != other.recording or not self.candidates or not other.candidates:
            return False
        middle_s = (self.moment.start_s + self.moment.end_s) / 2
        here_s, there_s = (one.candidates[0].line.to_b(middle_s) for one in (self, other))
        return bool(abs(here_s - there_s) <= SAME_CANDIDATE_S)

    @cached_property
    def excerpt(self) -> Sound:
        """The stretch, read from its file."""
        return self.references.excerpt(self.recording, *self.stretch_s)

    @cached_property
    def alignment(self) -> Alignment | None:
        """Where exactly both agree most, at any tempo that is tried; None where they do nowhere."""
        a, b = self.moment.features, self.excerpt.features
        likely = (one for one in self.candidates if one.strength >= LEAST_LIKELY * self.promise)
        refined = (refine(a, b, candidate.line) for candidate in likely)
        found = [one for one in refined if one and SLOWEST <= one.line.tempo <= FASTEST]
        return max(found, key=lambda one: one.strength, default=None)

    @property
    def strength(self) -> float:
        """How much both agree there."""
        return self.alignment.strength if self.alignment else 0.0


class Looking:
    """A moment that is looked for at places of recordings, by what the archive keeps of them."""

    def __init__(self, moment: Sound, references: References) -> None:
        self._moment, self._references = moment, references

    def glance(self, recording: int, point: Point, *, widely: bool) -> float:
        """How much both agree around a point at a few tempi: little where they are not the same."""
        sought = self._widely if widely else self._roughly
        found, _ = self._search(sought, recording, point, count=1)
        return found[0].strength if found else 0.0

    def look(self, recording: int, point: Point) -> Place:
        """Where both are most alike around a point, at any tempo and pitch."""
        found, stretch_s = self._search(self._closely, recording, point, count=LOOKED_AT)
        return Place(self._moment, self._references, recording, point, stretch_s, found)

    @cached_property
    def _roughly(self) -> Sought:
        return self._at(GLANCED_TEMPI)

    @cached_property
    def _widely(self) -> Sought:
        return self._at(np.concatenate([GLANCED_TEMPI, EXTREME_TEMPI]))

    @cached_property
    def _closely(self) -> Sought:
        return self._at(all_tempi(self._moment.duration_s))

    def _at(self, tempi: Values) -> Sought:
        room_s = TEMPO_ROOM * self._moment.duration_s + 2 * SLACK_S
        return Sought(self._moment.sketch, tempi, room_s=room_s)

    def _search(
        self, sought: Sought, recording: int, point: Point, *, count: int
    ) -> tuple[list[Candidate], tuple[float, float]]:
        start_s, end_s = stretch_around(point, self._moment.start_s, self._moment.end_s)
        kept = self._references.sketch(recording, start_s, end_s)
        found = sought.search(kept, start_s=start_s, end_s=end_s, count=count)
        return found, (start_s, end_s)


def stretch_around(point: Point, start_s: float, end_s: float) -> tuple[float, float]:
    """The stretch of a recording in which a stretch of a query may lie, at any tempo."""
    before_s, after_s = TEMPO_ROOM * (point.query_s - start_s), TEMPO_ROOM * (end_s - point.query_s)
    return point.reference_s - before_s - SLACK_S, point.reference_s + after_s + SLACK_S


def prove(calibration: Calibration, place: Place, entry: Entry) -> Match | None:
    """The match at a place of a recording, however small its ratio; None where it has none."""
    a, b = _Part.of(place.moment), _Part.of(place.excerpt)
    if a is None or b is None:
        return None
    starts_s = place.moment.start_s, place.excerpt.start_s
    known = place.alignment and _shifted(place.alignment, -starts_s[0], -starts_s[1])
    evidence = gather(place.moment.embedder, a, b, known=known)
    if evidence.alignment is None or reasons_against(evidence):
        return None
    alignment = _shifted(evidence.alignment, *starts_s)
    ratios = calibration.ratios(evidence)
    decides, against = ratios.deciding()
    return Match(
        entry, place.excerpt.path, decides.value, ratios.unrelated.unbounded,
        alignment.a_start_s, alignment.a_end_s, alignment.b_start_s, alignment.b_end_s,
        alignment.line, evidence.similarity.cosine, alignment.correlation, alignment.strength,
        verdict=ratios.verdict(), against=against, hit_cosine=place.point.cosine,
        alignment=alignment,
    )  # fmt: skip


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
    line, begin_s = replace(found.line, offset_s=offset_s), found.a_start_s + a_start_s
    return replace(found, a_start_s=begin_s, a_end_s=found.a_end_s + a_start_s, line=line)
