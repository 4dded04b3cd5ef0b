"""A query of any length, sought in an archive."""

import math
import warnings
from collections.abc import Sequence

from cqtnet import audio
from cqtnet.model import MINIMUM_S
from verify.archive.search.matches import Found, Match
from verify.archive.search.searcher import Searcher
from verify.archive.search.sound import Sound
from verify.archive.search.timeline import BRISK, THOROUGH, Timeline, chunks, overlap
from verify.archive.search.tracks import Track
from verify.features import Content

SHORT_S = 15.0
"""A query up to this length is one moment: every recording that holds it is given."""
THOROUGH_S = 120.0
"""Up to this length moments are looked at more closely than in a longer one."""
SAME_STRETCH = 0.5
"""Of two matches that share so much of the shorter one, the stronger is given."""


def search(searcher: Searcher, path: audio.StrPath) -> Found:
    """What an archive holds of the recording in a file.

    Of a short query, all recordings that hold it, best first; of a long one, one for each
    stretch, in the order of the query.

    >>> search(searcher, "questioned.m4a").matches[0].entry.paths
    ('/music/original.wav',)
    """
    matches: list[Match] = []
    end_s = 0.0
    with audio.stream(path) as blocks:
        care = THOROUGH if (blocks.expected_s or math.inf) <= THOROUGH_S else BRISK
        timeline = Timeline(searcher, care=care)
        for chunk, first, last in chunks(blocks, searcher.comparer.embedder):
            if first and last and chunk.duration_s <= SHORT_S:
                return short(searcher, chunk)
            news = timeline.hear(chunk, first=first, last=last)
            matches += [each.match for each in news if each.kind == "ended"]
            end_s = chunk.end_s
        for note in blocks.notes:
            warnings.warn(f"{audio.shown(path)}: {note}", audio.AudioWarning, stacklevel=2)
    unproven = tuple(timeline.unproven.values())
    return Found(tuple(resolved(matches)), unproven, end_s, timeline.lack)


def short(searcher: Searcher, moment: Sound) -> Found:
    """All recordings of an archive that hold a moment, best first."""
    lack = ""
    if moment.duration_s < MINIMUM_S:
        lack = f"lasts less than the {MINIMUM_S:g} s that can be sought"
    elif moment.trace is None:
        lack = "holds nothing but silence"
    if lack:
        return Found((), (), moment.duration_s, lack)
    outcome = searcher.locate(moment)
    tracks = [Track(match, searcher.references) for match in outcome.matches]
    for track in tracks:
        track.go_on(moment.features)
        track.trace_back([moment.features])
    if not tracks:
        lack = _lack(moment.features.content)
    matches = tuple(track.found() for track in tracks)
    nearest = None if matches else outcome.nearest
    return Found(matches, tuple(outcome.unproven), moment.duration_s, lack, nearest)


def resolved(matches: Sequence[Match]) -> list[Match]:
    """The matches in the order of the query, of several for one stretch the strongest."""
    kept: list[Match] = []
    for match in sorted(matches, key=lambda one: -one.weight):
        if all(overlap(match, other) <= SAME_STRETCH for other in kept):
            kept.append(match)
    return sorted(kept, key=lambda match: match.query_start_s)


def _lack(content: Content) -> str:
    """What keeps a moment from being recognised anywhere; empty where nothing does."""
    if content.is_silent:
        return "holds nothing but silence"
    if content.is_steady:
        return "holds nothing but steady tones"
    return "holds nothing but steady noise" if content.is_noise else ""
