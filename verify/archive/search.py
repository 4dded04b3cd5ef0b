"""A recording of any length, or sound that arrives, searched for in an archive."""

import math
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing

import numpy as np

from augment.audio.decode import Samples, ahead
from cqtnet import audio
from cqtnet.device import one_thread
from cqtnet.preset import MINIMUM_S
from verify.archive.proof import Sound
from verify.archive.results import Match, SearchResult
from verify.archive.searcher import Searcher
from verify.archive.timeline import (
    BRISK,
    THOROUGH,
    Event,
    Timeline,
    chunks,
    events,
    overlap,
)
from verify.archive.track import Track
from verify.features import Content

SHORT_S = 15.0  # a query up to this length is one moment: every recording that holds it is given
THOROUGH_S = 120.0  # up to this length moments are looked at more closely than in a longer one
CHUNKS_AHEAD = 2  # chunks that are read and prepared while one is searched for
SAME_STRETCH = 0.5  # of two matches that share so much of the shorter one, the stronger is given


def search(searcher: Searcher, source: audio.Source) -> SearchResult:
    """What an archive holds of a recording.

    Of a query of up to two minutes all recordings that hold a stretch; of one of up to 15 s the
    best comes first. Of a longer one, one recording for each stretch, in the order of the query.
    """
    path = audio.file_of(source)
    with audio.stream(path) as blocks:
        result = _searched(searcher, blocks)
        for note in blocks.notes:
            warnings.warn(f"{audio.shown(path)}: {note}", audio.AudioWarning, stacklevel=2)
    return result


def _searched(searcher: Searcher, blocks: audio.AudioStream) -> SearchResult:
    matches: list[Match] = []
    end_s = 0.0
    care = THOROUGH if (blocks.expected_s or math.inf) <= THOROUGH_S else BRISK
    timeline = Timeline(searcher, care=care)
    made = chunks(blocks, searcher.comparer.embedder)
    prepared = ((timeline.prepared(chunk), first, last) for chunk, first, last in made)
    with one_thread(), closing(ahead(prepared, CHUNKS_AHEAD)) as ready:
        for chunk, first, last in ready:
            if first and last and chunk.duration_s <= SHORT_S:
                return search_moment(searcher, chunk)
            told = timeline.advance(chunk, first=first, last=last)
            matches += [event.match for event in told if event.kind == "ended"]
            end_s = chunk.end_s
    unproven = tuple(timeline.unproven.values())
    problem = "" if timeline.has_content else "holds nothing but silence"
    given = tuple(in_order(matches) if care.every else strongest(matches))
    return SearchResult(given, unproven, end_s, problem)


def search_moment(searcher: Searcher, moment: Sound) -> SearchResult:
    """All recordings of an archive that hold a moment, best first."""
    duration_s = moment.duration_s
    if duration_s < MINIMUM_S:
        problem = f"lasts less than the {MINIMUM_S:g} s that can be searched for"
        return SearchResult((), (), duration_s, problem)
    if moment.trace is None:
        return SearchResult((), (), duration_s, "holds nothing but silence")
    outcome = searcher.locate(moment)
    tracks = [Track(match, searcher.references) for match in outcome.matches]
    for track in tracks:
        track.follow(moment.features)
        track.follow_back([moment.features])
    matches, unproven = tuple(track.as_match() for track in tracks), tuple(outcome.unproven)
    problem = "" if matches else _content_problem(moment.features.content)
    nearest = None if matches else outcome.nearest
    renditions = tuple(outcome.renditions)
    return SearchResult(matches, unproven, duration_s, problem, nearest, renditions)


def monitor(
    searcher: Searcher, blocks: Iterable[Samples], *, begins: bool = False
) -> Iterator[Event]:
    """Each match in sound that arrives, once it has ended; with `begins` also when it began.

    `blocks` are mono samples at 22,050 Hz, of any size, as they arrive; memory stays the same.
    Times are those of the stream: second 0 is its first sample. Where sound was lost, give zeros
    for it, and the times that follow stay right; a match that goes on after at most half a minute
    is still one. Samples that are not finite are taken as silence. A match is mostly reported
    within 8 s of its beginning, and at most `timeline.LATENCY_S` after its end. Of several
    recordings that match one stretch, each is reported.

    >>> for event in monitor(searcher, blocks):
    ...     print(event.match.path, event.match.query_start_s, event.match.query_end_s)
    """
    for event in events(searcher, map(_finite, blocks)):
        if begins or event.kind == "ended":
            yield event


def strongest(matches: Sequence[Match]) -> list[Match]:
    """The matches in the order of the query, of several for one stretch the strongest."""
    kept: list[Match] = []
    for match in sorted(matches, key=lambda one: -one.weight):
        if all(overlap(match, other) <= SAME_STRETCH for other in kept):
            kept.append(match)
    return in_order(kept)


def in_order(matches: Iterable[Match]) -> list[Match]:
    """The matches in the order of the query."""
    return sorted(matches, key=lambda match: (match.query_start_s, -match.weight))


def _content_problem(content: Content) -> str:
    """What keeps a moment from being recognised anywhere; empty where nothing does."""
    if content.is_silent:
        return "holds nothing but silence"
    if content.is_steady:
        return "holds nothing but steady tones"
    return "holds nothing but steady noise" if content.is_noise else ""


def _finite(block: Samples) -> Samples:
    """A copy of a block with zeros where it is not finite."""
    return np.nan_to_num(block, nan=0.0, posinf=0.0, neginf=0.0).astype(np.float32, copy=False)
