"""What was found in an archive, as lines of text and as a table."""

import csv
import io
from collections.abc import Sequence

from cqtnet import audio
from verify.archive.duplicates import Pair
from verify.archive.listing import line
from verify.archive.results import Entry
from verify.archive.search.matches import Found, Match
from verify.words import changes_in_words, clock, ratio

COLUMNS = (
    "query", "id", "path", "log_lr", "query_start_s", "query_end_s", "reference_start_s",
    "reference_end_s", "tempo", "shift_semitones",
)  # fmt: skip


def tell_found(query: audio.StrPath, found: Found, *, n_recordings: int) -> list[str]:
    """The lines on one query, the answer first."""
    name = audio.shown(query)
    if found.lack:
        head = f"{name}: NOTHING CAN BE SAID: it {found.lack}"
    elif found.matches:
        held = len({match.entry.id for match in found.matches})
        word = "FOUND" if found.is_sure else "PERHAPS"
        head = f"{name}: {word} in {held} of {n_recordings:,} recordings"
    else:
        head = f"{name}: NOT IN THE ARCHIVE of {n_recordings:,} recordings"
    lines = [head, *(f"  {tell_match(match)}" for match in found.matches)]
    if found.nearest is not None:
        lines.append(f"  nearest, and no match: {tell_match(found.nearest, word='beside')}")
    for candidate in found.unproven:
        paths = ", ".join(map(audio.shown, candidate.entry.paths)) or "no file"
        lines.append(
            f"  perhaps at {clock(candidate.reference_s)} of {paths} (cosine "
            f"{candidate.cosine:.2f}), which could not be compared: {candidate.reason}"
        )
    return lines


def tell_match(match: Match, *, word: str = "is") -> str:
    """A match in a line; `word` stands between its two stretches."""
    change = ", ".join(changes_in_words(match.line)) or "tempo and pitch as there"
    return (
        f"{clock(match.query_start_s)}–{clock(match.query_end_s)} {word} "
        f"{clock(match.reference_start_s)}–{clock(match.reference_end_s)} of "
        f"{audio.shown(match.path)}  LR {ratio(match.log_lr)}  {change}"
    )


def tell_groups(groups: Sequence[Sequence[Entry]], pairs: Sequence[Pair]) -> list[str]:
    """Groups of recordings with something in common, and what each two of them have."""
    if not groups:
        return ["no two recordings have anything in common"]
    lines = []
    for number, group in enumerate(groups, start=1):
        lines.append(f"group {number}: {len(group)} recordings")
        lines += [line(entry) for entry in group]
        own = {entry.id for entry in group}
        for pair in pairs:
            if pair.a.id in own:
                lines.append(f"  A {pair.a.id}, B {pair.b.id}: {pair.relation}")
                lines += [f"    A {tell_match(match)}" for match in pair.matches]
    return lines


def as_rows(query: audio.StrPath, found: Found) -> str:
    """The matches as lines of CSV, with the columns `COLUMNS`."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, extrasaction="ignore", lineterminator="\n")
    for match in found.matches:
        writer.writerow({"query": audio.shown(query), **match.to_dict()})
    return text.getvalue()
