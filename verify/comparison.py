"""Two recordings compared: the evidence is gathered, weighed and put into a `Comparison`."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from cqtnet.audio import Source
from cqtnet.device import one_thread
from cqtnet.embed import Embedder, Trace
from cqtnet.preset import MINIMUM_S
from verify.align import Candidate, hits_along, other_places, refine, search
from verify.alterations import find_alterations
from verify.calibration import Calibration, load_calibration, persistence, population_of
from verify.copytest import copy_test
from verify.editmap import edit_map
from verify.edits import SAME_PLACE_S, EditMap
from verify.features import Content, Features, Floats
from verify.follow import same_line
from verify.notebook import Brief
from verify.recording import Hit, Recording, best_hits, stretch_vector
from verify.results import Alignment, Comparison, Evidence, Population, Ratios, Stretch
from verify.waveform import compare_waveforms, left_db_of, with_places
from verify.words import Against, decision

LEAST_PROOF = 0.3  # correlation from which noise is the same noise; of different noise it is 0.1
LEAST_LIKENESS = 0.12
"""If correlation and coherence are both lower, A is not tested as a copy. Most unrelated pairs have
lower ones, and 7 of the 5,127 copies that were scored for the calibration."""
SHARED_S, SHARED_PART = 6.0, 0.4
"""Two recordings that have less in common, in seconds and as a part of each, may hold one jingle,
sample or ringtone: that makes them no copies of each other."""
WHOLE_SEARCH_S = 90.0  # recordings up to this length are also aligned whole, everywhere at once
WINDOWS_S = (20.0, 10.0, 5.0)  # lengths of the windows of hits; there may be only seconds in common
NEAR_S = 30.0  # so much of a long recording is looked at on both sides of what it has in common
HITS = 3  # that are aligned, for each window length
REFINED = 8  # so many of the strongest alignments are made exact
THROUGHOUT = 0.9  # share of the shorter recording, and of its pieces, on one line that is enough
UNEVEN = 0.2
"""If a larger share of its pieces agree less than half as much as its best tenth, something may be
cut out: shorter windows are tried, too."""
NEAR_LINE_S = 0.06  # how far from the line a piece is looked for then
ROOM = 0.6  # how much more of B is aligned on both sides of a hit, in windows: for other tempi

Parts = tuple[Features, Features]
Found = tuple[Alignment, Features, Features]  # the stretches it was found in, too


def compare(a: "Source", b: "Source", *, model: str | Path = "default") -> Comparison:
    """The verdict on two recordings, with what it rests on.

    `a` is the questioned recording and `b` the reference: each a path, a file open for reading
    bytes, or samples and their rate, as `(samples, 44100)`. Samples are of shape (n,) or
    (channels, n), floats in -1 to 1 or 16- or 32-bit integers. `model` is the name of shipped
    weights, or the path of others.

    What cannot be used as a recording is an InputError (a ValueError). What an examiner must know
    about a file, as that its end is missing, is an AudioWarning. For many pairs, make a `Comparer`
    once: it loads the network once.

    >>> found = compare("questioned.m4a", "reference.wav")
    >>> found.verdict, found.log_lr
    ('same', 6.58)
    """
    return Comparer.named(model).compare(a, b)


@dataclass(frozen=True, repr=False)
class Comparer(Brief):
    """A network and its calibration, ready to compare recordings.

    >>> comparer = Comparer.named("default", population="speech")
    >>> recording = comparer.read("questioned.m4a")
    >>> comparer.compare(recording, "one.wav").verdict
    'same'
    """

    embedder: Embedder
    calibration: Calibration
    against: Against = "rendition"  # "unrelated": the case rules another rendition out
    population: Population | None = None  # None: it is measured

    @property
    def _brief(self) -> str:
        return f"{self.embedder!r}, against {self.against}, population {self.population}"

    @classmethod
    def named(
        cls, name: str | Path = "default", *, device: str = "auto", against: Against = "rendition",
        population: Population | None = None,
    ) -> "Comparer":  # fmt: skip
        """The comparer of shipped weights, or of weights at a path: the same bits every time.

        `device` is "auto", "cpu" or "cuda". With `against="unrelated"` the case itself rules out
        that A and B are two renditions of one work. `population` says what the recordings are like,
        "music" or "speech"; without it, that is measured. A WeightsError (an InputError) where
        there are no such weights.
        """
        embedder = Embedder.named(name, device=device, deterministic=True)
        return cls(embedder, load_calibration(name, embedder.sha256), against, population)

    def read(self, source: "Source") -> Recording:
        """A recording, ready to be compared with several; a source as for `verify.compare`."""
        return Recording.read(source, self.embedder)

    @one_thread()  # its arrays are small: half the processor time, and sooner done
    def compare(self, a: "Source | Recording", b: "Source | Recording") -> Comparison:
        """The verdict on two recordings, with what it rests on; sources as for `verify.compare`."""
        with ThreadPoolExecutor(2) as pool:
            both = pool.map(lambda x: x if isinstance(x, Recording) else self.read(x), (a, b))
            first, second = both
        problems = [f"{name} {x.problem}" for name, x in (("A", first), ("B", second)) if x.problem]
        if problems:
            return replace(self._open(first, second, None), reasons=tuple(problems))
        found = self._decided(first, second, gather(self.embedder, first, second))
        if first.item.sha256 == second.item.sha256:
            return replace(found, verdict="same", identity="files", reasons=())
        one, other = first.sound, second.sound
        if one is not None and other is not None and np.array_equal(one, other):
            return replace(found, verdict="same", identity="sound", reasons=())
        return found

    def _open(self, a: Recording, b: Recording, evidence: Evidence | None) -> Comparison:
        """A comparison that decides nothing yet."""
        population = self.population or population_of(persistence(evidence) if evidence else 0.0)
        return Comparison(
            a.item, b.item, "insufficient", None, self.against, population, (), evidence, None,
            None, self.calibration.cosine_threshold, self.embedder.sha256,
        )  # fmt: skip

    def _decided(self, a: Recording, b: Recording, evidence: Evidence) -> Comparison:
        """The comparison of two recordings by their evidence."""
        found = self._open(a, b, evidence)
        if reasons := reasons_against(evidence):
            return replace(found, reasons=reasons)
        ratios = self.calibration.ratios(evidence, self.population)
        verdict = ratios.verdict(self.against)
        if verdict == "insufficient":
            return replace(found, ratios=ratios, reasons=(_undecided(ratios, self.against),))
        decided = replace(found, verdict=verdict, ratios=ratios)
        if verdict != "same" or evidence.alignment is None:
            return decided
        others = _others(a, b, evidence.alignment)
        best, waveform, places = with_places(a.samples, b.samples, evidence.alignment, others)
        near_a = a.whole or a.features(best.a_start_s - NEAR_S, best.a_end_s + NEAR_S)
        near_b = b.whole or b.features(best.b_start_s - NEAR_S, best.b_end_s + NEAR_S)
        left_db = left_db_of(a.samples, b.samples)
        near = edit_map(near_a, near_b, line=best.line, left_db=left_db)
        if on_line := _on_line(best, near):  # it is cut to where A follows its line
            best = replace(best, a_start_s=on_line[0].a_start_s, a_end_s=on_line[-1].a_end_s)
        edits = near if a.whole and b.whole else None
        evidence = replace(evidence, alignment=best)
        shared_s = max(best.duration_s, edits.used_s if edits else 0.0)
        heard_s = (x.whole.content.heard_s if x.whole else x.duration_s for x in (a, b))
        if shared_s < min(SHARED_S, SHARED_PART * min(heard_s)):
            reason = (
                f"only {best.place_in_words}, and the rest of both differs: a jingle, a sample or "
                "a ringtone may be in both"
            )
            return replace(found, evidence=evidence, reasons=(reason,))
        unbroken = max(_on_line(best, near), key=lambda s: s.duration_s, default=best)
        heard = replace(best, a_start_s=unbroken.a_start_s, a_end_s=unbroken.a_end_s)
        return replace(
            decided, evidence=evidence, waveform=waveform, edits=edits, places=places,
            alterations=find_alterations(a.samples, b.samples, heard, waveform),
        )  # fmt: skip


def _on_line(best: Alignment, edits: EditMap) -> list[Stretch]:
    """The stretches of the map that lie on the line of an alignment, within it."""
    return [
        s
        for s in edits.stretches
        if same_line(s.line, best.line, (s.a_start_s + s.a_end_s) / 2, within_s=SAME_PLACE_S)
        and min(s.a_end_s, best.a_end_s) > max(s.a_start_s, best.a_start_s)
    ]


def _others(a: Recording, b: Recording, best: Alignment) -> list[Alignment]:
    """Other places where the same stretch of the shorter recording fits in the longer one."""
    if a.whole is None or b.whole is None:
        return []
    if a.duration_s > b.duration_s:
        return [place.swapped for place in other_places(b.whole, a.whole, best.swapped)]
    return other_places(a.whole, b.whole, best)


def _undecided(ratios: Ratios, against: Against) -> str:
    """Why the ratios allow no verdict."""
    if against == "rendition" and decision(ratios.unrelated.value) > 0:
        return (
            "A may be the same recording or another rendition of it; the findings leave both open"
        )
    return "the findings are about as probable under either proposition"


def reasons_against(evidence: Evidence) -> tuple[str, ...]:
    """Why the ratio may not be stated; none where it may."""
    reasons = [
        f"{name} holds {problem} where they were compared"
        for name, content in (("A", evidence.content_a), ("B", evidence.content_b))
        if (problem := _problem(content, evidence))
    ]
    alignment = evidence.alignment
    if alignment is None:
        reasons.append("too little of A and B can be laid side by side")
    elif evidence.copy is None and max(alignment.correlation, alignment.coherence) > LEAST_LIKENESS:
        reasons.append("what A and B share holds too little sound to tell a copy by")
    return tuple(reasons)


def _problem(content: Content, evidence: Evidence) -> str:
    """Why a stretch cannot tell recordings apart; empty where it can."""
    proof = evidence.alignment.correlation if evidence.alignment else 0.0
    problems = (
        (content.is_silent, "silence"),
        (content.is_steady, "nothing but steady tones"),
        (content.is_simple, "sound so simple that many recordings hold the like"),
        (
            content.is_noise and proof < LEAST_PROOF,
            "nothing but steady noise",
        ),  # the same one tells
    )
    return next((problem for is_there, problem in problems if is_there), "")


class Comparable(Protocol):
    """What `gather` needs of a recording, or of a part of one that starts at second 0."""

    @property
    def trace(self) -> Trace:
        """The output of the network's trunk."""

    @property
    def duration_s(self) -> float:
        """Its length."""

    def features(self, start_s: float = ..., end_s: float = ...) -> Features:
        """The features of a stretch, which is cut to what there is."""

    def samples(self, start_s: float, end_s: float) -> Floats:
        """The samples of a stretch, which is cut to what there is."""


def gather(
    embedder: Embedder, a: Comparable, b: Comparable, *, known: Alignment | None = None
) -> Evidence:
    """The evidence in two recordings; the shorter one is searched in the longer one.

    Where all of the shorter one lies on a `known` alignment, nothing is searched.
    """
    order_a, order_b = ((x.duration_s, x.trace.levels.tobytes()) for x in (a, b))
    if order_a > order_b:  # so that the answer is the same for A and B and for B and A
        return gather(embedder, b, a, known=known and known.swapped).swapped
    window_s = a.duration_s if a.duration_s <= 1.5 * WINDOWS_S[0] else WINDOWS_S[0]
    hits = _hits(embedder, a, b, window_s)
    alignment, part_a, part_b = (
        (known, a.features(), b.features())
        if known is not None and _holds_throughout(known, a.duration_s)
        else _searched(embedder, a, b, hits)
    )
    if alignment is None:
        return Evidence(hits[0], None, hits[0].cosine, part_a.content, part_b.content)
    one, other = (
        stretch_vector(embedder, x.trace, at.a_start_s, at.a_end_s)
        for x, at in ((a, alignment), (b, alignment.swapped))
    )
    cosine = float(one @ other)
    evidence = Evidence(hits[0], alignment, cosine, part_a.content, part_b.content)
    if max(alignment.correlation, alignment.coherence) < LEAST_LIKENESS:
        return evidence
    waveform = compare_waveforms(a.samples, b.samples, alignment)
    copy = copy_test(a.samples, b.samples, alignment)
    return replace(evidence, copy=copy, waveform=waveform.correlation if waveform else 0.0)


def _searched(
    embedder: Embedder, a: Comparable, b: Comparable, hits: list[Hit]
) -> tuple[Alignment | None, Features, Features]:
    """The strongest alignment of A, the shorter one, in B, and the stretches it was found in."""
    window_s, pairs = hits[0].window_s, []
    if b.duration_s <= WHOLE_SEARCH_S:
        pairs.append((a.features(), b.features()))
    if b.duration_s > WHOLE_SEARCH_S or window_s < a.duration_s:
        pairs += [_around(a, b, hit) for hit in hits]
    candidates = _candidates(pairs)
    found = _strongest(candidates[:1])
    if found is None or not _holds_throughout(found[0], a.duration_s) or _is_uneven(*found):
        for length_s in WINDOWS_S:
            if MINIMUM_S <= length_s < window_s:
                hits_here = _hits(embedder, a, b, length_s)
                candidates += _candidates([_around(a, b, hit) for hit in hits_here])
        candidates.sort(key=lambda candidate: -candidate[0].strength)
        found = _strongest(candidates[:REFINED])
    return found or (None, *pairs[0])


def _hits(embedder: Embedder, a: Comparable, b: Comparable, window_s: float) -> list[Hit]:
    """The windows of A and of B that resemble each other most."""
    hop_a_s = max(1.0, window_s / 2)  # a window of B starts every second
    return best_hits(embedder, a.trace, b.trace, window_s=window_s, hop_a_s=hop_a_s, count=HITS)


def _candidates(pairs: list[Parts]) -> list[tuple[Candidate, Features, Features]]:
    """The candidates in pairs of stretches, each with its pair, strongest first."""
    found = [(one, *parts) for parts in pairs for one in search(*parts)]
    return sorted(found, key=lambda candidate: -candidate[0].strength)


def _strongest(candidates: list[tuple[Candidate, Features, Features]]) -> Found | None:
    """The strongest alignment of candidates that are made exact."""
    exact = ((refine(a, b, candidate.line), a, b) for candidate, a, b in candidates)
    found = [(alignment, a, b) for alignment, a, b in exact if alignment is not None]
    return max(found, key=lambda one: one[0].strength, default=None)


def _holds_throughout(alignment: Alignment, shorter_s: float) -> bool:
    """Whether nearly all of the shorter recording, A, lies on one line: no part lies better."""
    is_long = alignment.duration_s > THROUGHOUT * shorter_s
    return is_long and min(alignment.inliers, 2 * alignment.correlation) > THROUGHOUT


def _is_uneven(alignment: Alignment, a: Features, b: Features) -> bool:
    """Whether some pieces agree much less than others: something may be cut out there."""
    hits = hits_along(a, b, alignment.line, reach_s=NEAR_LINE_S)
    if hits is None:
        return False
    return bool(np.mean(hits.correlation < 0.5 * np.quantile(hits.correlation, 0.9)) > UNEVEN)


def _around(a: Comparable, b: Comparable, hit: Hit) -> Parts:
    """The window of A, and the part of B around the window that resembles it."""
    a_s, b_s, room_s = hit.a_start_s, hit.b_start_s, ROOM * hit.window_s
    part_b = b.features(b_s - room_s, b_s + hit.window_s + room_s)
    return a.features(a_s, a_s + hit.window_s), part_b
