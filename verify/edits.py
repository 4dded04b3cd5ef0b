"""Stretches in common read as edits, in words, and written as labels for audio editors.

The longest chain of stretches that keeps the order of B counts as what stayed in place. The other
stretches were moved, or taken from B a second time. What no stretch covers was inserted, in A, or
cut, in B; both at one join are a replacement.
"""

import csv
import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np

from cqtnet.cqt import FRAMES_PER_SECOND, SILENCE_LEVEL
from cqtnet.errors import InputError
from cqtnet.files import written_whole
from verify.features import Features
from verify.notebook import Brief
from verify.results import Stretch
from verify.words import clock, clock_span, plural

LEAST_FOREIGN_S = 0.08  # a shorter gap between two stretches in A is no insertion: they join
LEAST_GONE_S, LEAST_GONE_ELSEWHERE_S = 0.03, 0.15
"""A shorter gap in B is no cut, where the two stretches beside it join in A: it is exact; and
where they do not: each end is known to some 20 ms."""
LEAST_TRIMMED_S = 0.15  # a shorter beginning or end of B that A does not hold is no trim
SAME_PLACE_S = 0.1  # places in B that differ by less are the same place
TAKEN_AGAIN = 0.5  # share of a stretch that others must hold, too, if it is a repetition
MOST_NAMED = 6  # other places of a stretch
SUFFIXES = (".txt", ".csv")  # of labels: for Audacity and for Reaper
EditKind = Literal["cut", "inserted", "replaced", "repeated", "looped", "moved", "trimmed"]
"""What may have been done to B; trimmed: B begins earlier or goes on longer than what A holds."""

Span = tuple[float, float]
Label = tuple[float, float, str]
"""The name of a stretch of A, from one second to another, or of a moment: both are the same."""


@dataclass(frozen=True)
class Edit:
    """One thing that was done to B on the way to A.

    The times in A say where it is; both are the same where something of B is missing. The times
    in B say what is missing or was taken; both are the same where something foreign was inserted.
    """

    kind: EditKind
    a_start_s: float
    a_end_s: float
    b_start_s: float
    b_end_s: float
    words: str

    def to_dict(self) -> dict[str, Any]:
        """The edit as plain data, seconds to the millisecond."""
        return {k: round(v, 3) if isinstance(v, float) else v for k, v in asdict(self).items()}


@dataclass(frozen=True, repr=False)
class EditMap(Brief):
    """What A and B have in common, in the order of A, and what was done in between.

    >>> edit = found.edits.edits[0]
    >>> edit.kind, edit.b_start_s, edit.b_end_s
    ('cut', 5.0, 6.0)
    """

    a_duration_s: float
    b_duration_s: float
    stretches: tuple[Stretch, ...]
    edits: tuple[Edit, ...]

    @property
    def _brief(self) -> str:
        stretches = plural(len(self.stretches), "stretch", "stretches")
        kinds = ", ".join(edit.kind for edit in self.edits) or "none"
        return f"{self.common_s:.1f} s of A from B in {stretches}; edits: {kinds}"

    @property
    def is_identical(self) -> bool:
        """Whether A is B from beginning to end, at its tempo and pitch."""
        return bool(self.stretches) and not self.edits and not self.is_altered

    @property
    def is_altered(self) -> bool:
        """Whether some stretch has another tempo or pitch than in B."""
        return any(stretch.is_altered for stretch in self.stretches)

    @property
    def common_s(self) -> float:
        """Seconds of A that come from B."""
        return sum(stretch.duration_s for stretch in self.stretches)

    @property
    def used_s(self) -> float:
        """Seconds of B that A holds, each counted once."""
        used_s, until_s = 0.0, -math.inf
        for start_s, end_s in sorted((s.b_start_s, s.b_end_s) for s in self.stretches):
            used_s += max(0.0, end_s - max(start_s, until_s))
            until_s = max(until_s, end_s)
        return used_s

    def to_dict(self) -> dict[str, Any]:
        """The map as plain data, for JSON."""
        return {
            "a_duration_s": round(self.a_duration_s, 3),
            "b_duration_s": round(self.b_duration_s, 3),
            "common_s": round(self.common_s, 3),
            "stretches": [stretch.to_dict() for stretch in self.stretches],
            "edits": [edit.to_dict() for edit in self.edits],
        }


def read_edits(stretches: Sequence[Stretch], a: Features, b: Features) -> tuple[Edit, ...]:
    """What was done to B to make A of it, in the order of A; none without stretches."""
    if not stretches:
        return ()
    order = _chain(stretches)
    chain = [stretches[i] for i in order]
    edits = [*_out_of_order(stretches, order), *_overlaps(chain)]
    in_a = [(s.a_start_s, s.a_end_s) for s in stretches]
    in_b = [(s.b_start_s, s.b_end_s) for s in stretches]
    foreign = uncovered((a.start_s, a.end_s), in_a, LEAST_FOREIGN_S)
    gone = uncovered((b.start_s, b.end_s), in_b, LEAST_GONE_S)
    edits += _between(chain, foreign, gone, a, b)
    return tuple(sorted(_looped(edits), key=lambda e: (e.a_start_s, e.a_end_s, e.b_start_s)))


def _chain(stretches: Sequence[Stretch]) -> list[int]:
    """Indices of the longest chain of stretches, in seconds, that goes forward in B."""
    total = [s.duration_s for s in stretches]
    came_from = [-1] * len(stretches)
    for i, stretch in enumerate(stretches):
        for j in range(i):
            before = stretches[j]
            forward = (
                before.b_start_s <= stretch.b_start_s + SAME_PLACE_S
                and before.b_end_s < stretch.b_end_s
                # More than half of the stretch must be new, not what the one before it holds.
                and stretch.b_end_s - before.b_end_s > before.b_end_s - stretch.b_start_s
            )
            if forward and total[j] + stretch.duration_s > total[i]:
                total[i], came_from[i] = total[j] + stretch.duration_s, j
    index = int(np.argmax(total))
    chain = []
    while index >= 0:
        chain.append(index)
        index = came_from[index]
    return chain[::-1]


def _out_of_order(stretches: Sequence[Stretch], order: Sequence[int]) -> Iterator[Edit]:
    """The stretches outside the chain, as moved or repeated."""
    counted = [stretches[i] for i in order]
    for i, stretch in enumerate(stretches):
        if i in order:
            continue
        span = (stretch.b_start_s, stretch.b_end_s)
        new = uncovered(span, [(s.b_start_s, s.b_end_s) for s in counted], 0.0)
        is_new = sum(end - start for start, end in new) > (1 - TAKEN_AGAIN) * (span[1] - span[0])
        counted.append(stretch)
        kind: EditKind = "moved" if is_new else "repeated"
        again = f"B {clock_span(*span)} is heard again"
        moved = f"{stretch.duration_s:.2f} s moved here from B {clock_span(*span)}"
        yield Edit(kind, stretch.a_start_s, stretch.a_end_s, *span, moved if is_new else again)


def _overlaps(chain: Sequence[Stretch]) -> Iterator[Edit]:
    """What a stretch of the chain plays again of the one before it."""
    for before, after in pairwise(chain):
        again_s = before.b_end_s - after.b_start_s
        joined = after.a_start_s - before.a_end_s < LEAST_FOREIGN_S
        if again_s > (LEAST_GONE_S if joined else LEAST_GONE_ELSEWHERE_S):
            span = (after.b_start_s, before.b_end_s)
            end_s = min(after.a_end_s, after.line.to_a(before.b_end_s))
            again = f"B {clock_span(*span)} is heard again"
            yield Edit("repeated", after.a_start_s, end_s, *span, again)


def uncovered(whole: Span, taken: Sequence[Span], least_s: float) -> list[Span]:
    """The gaps that other spans leave in a span, in order; none as short as `least_s`."""
    gaps = []
    position_s = whole[0]
    for start_s, end_s in [*sorted(taken), (whole[1], whole[1])]:
        start_s = min(start_s, whole[1])
        if start_s - position_s > least_s:
            gaps.append((position_s, start_s))
        position_s = max(position_s, end_s)
    return gaps


def _between(
    chain: Sequence[Stretch], foreign: list[Span], gone: list[Span], a: Features, b: Features
) -> Iterator[Edit]:
    """What was inserted, cut or replaced: first join by join, then all that lies elsewhere."""
    for before, after in pairwise(chain):
        here_a = [s for s in foreign if before.a_end_s <= sum(s) / 2 <= after.a_start_s]
        here_b = [s for s in gone if before.b_end_s <= sum(s) / 2 <= after.b_start_s]
        foreign = [span for span in foreign if span not in here_a]
        gone = [span for span in gone if span not in here_b]
        joined = after.a_start_s - before.a_end_s < LEAST_FOREIGN_S
        exact = (before.b_end_s, after.b_start_s) if joined else None  # no other stretch between
        here_b = [s for s in here_b if s == exact or s[1] - s[0] > LEAST_GONE_ELSEWHERE_S]
        if len(here_a) == 1 and len(here_b) == 1:
            yield _replaced(here_a[0], here_b[0], a)
            continue
        yield from (_inserted(span, before.b_end_s, a) for span in here_a)
        yield from (_cut(span, before.a_end_s, b) for span in here_b)
    first, last = chain[0], chain[-1]
    for span in foreign:
        yield _inserted(span, first.b_start_s if span[0] < first.a_start_s else last.b_end_s, a)
    for span in gone:
        if span[1] - span[0] > LEAST_TRIMMED_S:
            yield _trimmed(span, first, last)


def _is_silent(features: Features, span: Span) -> bool:
    first, end = (round((second - features.start_s) * FRAMES_PER_SECOND) for second in span)
    level = features.level[first : max(end, first + 1)]
    return bool(level.size) and float(np.median(level)) < SILENCE_LEVEL


def _replaced(a_span: Span, b_span: Span, a: Features) -> Edit:
    what = "silence" if _is_silent(a, a_span) else "something else"
    gone_s, put_in_s = (end_s - start_s for start_s, end_s in (b_span, a_span))
    words = f"{gone_s:.2f} s of B replaced by {put_in_s:.2f} s of {what}"
    return Edit("replaced", *a_span, *b_span, words)


def _inserted(span: Span, at_b_s: float, a: Features) -> Edit:
    what = "silence" if _is_silent(a, span) else "sound"
    words = f"{span[1] - span[0]:.2f} s of {what} that is not from B"
    return Edit("inserted", *span, at_b_s, at_b_s, words)


def _cut(span: Span, at_a_s: float, b: Features) -> Edit:
    what = " (silence)" if _is_silent(b, span) else ""
    return Edit("cut", at_a_s, at_a_s, *span, f"{span[1] - span[0]:.2f} s of B are missing{what}")


def _trimmed(span: Span, first: Stretch, last: Stretch) -> Edit:
    length, at_s = f"{span[1] - span[0]:.2f} s", first.a_start_s
    if sum(span) / 2 < first.b_start_s:
        return Edit("trimmed", at_s, at_s, *span, f"B begins {length} earlier")
    return Edit("trimmed", last.a_end_s, last.a_end_s, *span, f"B goes on {length} longer")


def _looped(edits: Sequence[Edit]) -> list[Edit]:
    """The edits, where repetitions of one stretch of B that follow each other are one loop."""
    kept: list[Edit] = []
    for edit in sorted(edits, key=lambda e: e.a_start_s):
        before = kept[-1] if kept else None
        if (
            before is not None
            and edit.kind == "repeated"
            and before.kind in ("repeated", "looped")
            and abs(edit.a_start_s - before.a_end_s) < SAME_PLACE_S
            and abs(edit.b_start_s - before.b_start_s) < SAME_PLACE_S
            and abs(edit.b_end_s - before.b_end_s) < SAME_PLACE_S
        ):
            times = round((edit.a_end_s - before.a_start_s) / (edit.a_end_s - edit.a_start_s))
            span = clock_span(before.b_start_s, before.b_end_s)
            words = f"B {span} is heard {times} times more"
            kept[-1] = replace(before, kind="looped", a_end_s=edit.a_end_s, words=words)
        else:
            kept.append(edit)
    return kept


def labels(edit_map: EditMap) -> list[Label]:
    """A label for each stretch and each edit, in the order of A."""
    found = [(s.a_start_s, s.a_end_s, _name(s)) for s in edit_map.stretches]
    found += [(e.a_start_s, e.a_end_s, f"{e.kind}: {e.words}") for e in edit_map.edits]
    return sorted(found, key=lambda label: label[:2])


def described(stretch: Stretch) -> str:
    """What is to be said of a stretch: its tempo and pitch, and where else it could be."""
    line, said = stretch.line, []
    if stretch.is_altered:
        said.append(f"{'speed' if line.is_speed else 'tempo'} ×{line.tempo:.4f}")
    if stretch.is_altered and not line.is_speed:
        said.append(f"pitch {line.shift_semitones:+z.2f} semitones")
    if stretch.also_b_s:
        said.append(f"could also be B {also_in_words(stretch)}")
    return ", ".join(said)


def also_in_words(stretch: Stretch) -> str:
    """Where else in B a stretch could begin; empty where nowhere else."""
    more = len(stretch.also_b_s) - MOST_NAMED
    named = " or ".join(map(clock, stretch.also_b_s[:MOST_NAMED]))
    return f"{named} or {more} more" if more > 0 else named


def check_suffix(path: Path) -> None:
    """Raise unless labels can be written to a file of that name."""
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(
            f"{path}: labels are .txt (Audacity) or .csv (Reaper), not {path.suffix or 'without'!r}"
        )


def write_labels(edit_map: EditMap, path: Path) -> None:
    """Write labels for Audacity (.txt), or regions and markers for Reaper (.csv)."""
    check_suffix(path)
    found = labels(edit_map)
    text = "".join(f"{start_s:.6f}\t{end_s:.6f}\t{name}\n" for start_s, end_s, name in found)
    with written_whole(path) as temporary:
        text = text if path.suffix.lower() == ".txt" else _reaper(found)
        temporary.write_text(text, encoding="utf-8")


def _name(stretch: Stretch) -> str:
    """Where a stretch is in B, and how it was altered."""
    name = f"B {clock(stretch.b_start_s)}–{clock(stretch.b_end_s)}"
    return f"{name}, {words}" if (words := described(stretch)) else name


def _reaper(found: list[Label]) -> str:
    """Rows as the region and marker manager reads them."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["#", "Name", "Start", "End", "Length"])
    for number, (start_s, end_s, name) in enumerate(found, 1):
        if end_s > start_s:
            times = [f"{time_s:.3f}" for time_s in (start_s, end_s, end_s - start_s)]
            rows.writerow([f"R{number}", name, *times])
        else:
            rows.writerow([f"M{number}", name, f"{start_s:.3f}", "", ""])
    return text.getvalue()
