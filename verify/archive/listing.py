"""What a user names, as files; and archives, recordings and matches as lines of text."""

import glob
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cqtnet import audio
from cqtnet.errors import InputError
from cqtnet.tables import read_list
from verify.archive.index.cache import read_info
from verify.archive.index.milvus import milvus_uri
from verify.archive.results import Entry, Match, SearchResult
from verify.archive.store import Store
from verify.words import changes_in_words, clock, plural, ratio

if TYPE_CHECKING:
    from verify.archive.duplicates import Pair

MOST_OF_IT = 0.8
"""Share of a match that fits elsewhere from which it need not be said which part does."""
COLUMNS = (  # of the CSV of matches
    "query", "answer", "id", "path", "verdict", "lr", "log_lr", "query_start_s", "query_end_s",
    "reference_start_s", "reference_end_s", "tempo", "shift_semitones",
)  # fmt: skip
PAIR_COLUMNS = (  # of the CSV of pairs
    "relation", "a_id", "a_path", "b_id", "b_path", "verdict", "lr", "log_lr", "a_start_s",
    "a_end_s", "b_start_s", "b_end_s", "tempo", "shift_semitones",
)  # fmt: skip
ENTRY_COLUMNS = ("id", "duration_s", "path", "tags", "sha256")  # of the CSV of recordings


def audio_files(names: Iterable[str], *, passed_over: Counter[str] | None = None) -> Iterator[str]:
    """The audio files that names mean: files, folders, patterns, and - for a list on stdin.

    A name of no file comes back last, as it is: whoever reads it says what is wrong. `passed_over`
    as for `find_audio`.
    """
    wrong: list[str] = []

    def readable() -> Iterator[str]:
        for name in _expanded(names):
            if os.path.isfile(name) or os.path.isdir(name):
                yield name
            else:
                wrong.append(name)

    for path in audio.find_audio(readable(), passed_over=passed_over):
        yield os.fspath(path)
    yield from wrong


def passed_over_line(passed_over: Counter[str]) -> str:
    """Which files in folders were left out, and how to take them."""
    kinds = ", ".join(
        f"{count:,} {suffix or 'without an ending'}" for suffix, count in passed_over.most_common()
    )
    ending = passed_over.most_common(1)[0][0]
    return (
        f"{plural(passed_over.total(), 'file')} passed over (not audio by the ending): "
        f"{kinds}; name them to have them tried, as with '**/*{ending}'"
    )


def _expanded(names: Iterable[str]) -> Iterator[str]:
    for name in names:
        if name == "-":
            lines = read_list(Path("-")).split("\n")
            yield from (line for text in lines if (line := text.rstrip("\r")))
        elif glob.has_magic(name) and not os.path.lexists(name):
            found = sorted(glob.glob(name, recursive=True))
            if not found:
                raise InputError(f"no file matches {name}; check the pattern, or put it in quotes")
            yield from found
        else:
            yield name


def entry_line(entry: Entry) -> str:
    """A recording in a line."""
    tags = "".join(f"  #{audio.told(tag)}" for tag in entry.tags)
    return f"{entry.id:>7}  {clock(entry.duration_s):>11}  {_names(entry)}{tags}"


def _names(entry: Entry) -> str:
    return ", ".join(map(audio.shown, entry.paths)) or "no file"


def entry_rows(entry: Entry) -> Iterator[list[Any]]:
    """A recording as rows with the columns `ENTRY_COLUMNS`, one for each of its files."""
    tags = " ".join(map(audio.told, entry.tags))
    for path in entry.paths or ("",):
        yield [entry.id, entry.duration_s, audio.shown(path), tags, entry.sha256]


def copies_lines(entries: Iterable[Entry]) -> list[str]:
    """Recordings that several files hold, byte for byte."""
    copied = [entry_line(entry) for entry in entries if len(entry.paths) > 1]
    head = f"in several files with the same bytes: {plural(len(copied), 'recording')}"
    return [head, *copied] if copied else []


def describe(store: Store) -> dict[str, Any]:
    """What an archive is and holds, as plain data."""
    manifest, uri = store.manifest, milvus_uri(store)
    index = None if uri else read_info(store)
    named = ("created", "model", "model_sha256", "window_s", "hop_s", "dimension")
    plain: dict[str, Any] = {
        "archive": os.fspath(store.folder),
        **{name: getattr(manifest, name) for name in named},
        "recordings": len(store),
        "duration_s": round(store.duration_s, 3),
        "windows": store.n_windows,
        "bytes": sum(path.stat().st_size for path in store.folder.rglob("*") if path.is_file()),
        "index": {"kind": "milvus", "uri": uri} if uri else None,
    }
    if index is not None:
        plain["index"] = {
            "kind": index.plan.kind,
            "reason": index.plan.reason,
            "windows": index.n_windows,
            "bytes": index.n_bytes,
            "recall": index.recall,
            "queries": index.queries,
            "up_to_date": index.generation == store.generation,
        }
    return plain


def description_lines(plain: dict[str, Any]) -> list[str]:
    """What `describe` returns, as lines of text."""
    hours = plain["duration_s"] / 3600
    lines = [
        f"{plain['archive']}: {plural(plain['recordings'], 'recording')}, {hours:,.1f} h, "
        f"{plain['windows']:,} windows of {plain['window_s']:g} s every {plain['hop_s']:g} s",
        f"model    {audio.told(plain['model'])}, {plain['dimension']} numbers a window, SHA-256 "
        f"{plain['model_sha256'][:12]}…",
        f"on disk  {plain['bytes'] / 1e6:,.1f} MB"
        + (f", {plain['bytes'] / 1e6 / hours:.2f} MB an hour" if hours else ""),
    ]
    index = plain["index"]
    if index is None:
        return [*lines, "index    none is kept: every window is read"]
    if index["kind"] == "milvus":
        return [*lines, f"index    in Milvus, {audio.told(index['uri'])}"]
    recall = "every window is read"
    if index["recall"] is not None:
        recall = f"finds the nearest window in {index['recall']:.2%} of {index['queries']:,} tries"
    state = "" if index["up_to_date"] else "; it catches up when it is opened"
    about = f"{index['kind']} ({index['reason']}), {index['bytes'] / 1e6:,.1f} MB"
    return [*lines, f"index    {about}, {recall}{state}"]


def result_lines(
    query: audio.StrPath, result: SearchResult, *, n_recordings: int, renditions: bool = False
) -> list[str]:
    """What was found of one query, as lines of text, the answer first."""
    held = len({match.entry.id for match in result.matches})
    heads = {
        "nothing": f"NOTHING CAN BE SAID: it {result.problem}",
        "found": f"FOUND in {held} of {n_recordings:,} recordings",
        "perhaps": f"PERHAPS in {held} of {n_recordings:,} recordings",
        "unconfirmed": "NOT CONFIRMED: what is most like it could not be compared",
        "absent": f"NOT IN THE ARCHIVE of {n_recordings:,} recordings",
    }
    matches = [f"  {match_line(match)}" for match in result.matches]
    unproven = [
        f"  perhaps at {clock(one.reference_s)} of {_names(one.entry)} (cosine "
        f"{one.cosine:.2f}), which could not be compared: {one.reason}"
        for one in result.unproven
    ]
    lines = [f"{audio.shown(query)}: {heads[result.answer]}"]
    lines += unproven + matches if result.answer == "unconfirmed" else matches
    if renditions:
        lines += [f"  another rendition: {match_line(m, word='is of')}" for m in result.renditions]
    elif result.renditions:
        count = plural(len(result.renditions), "other rendition")
        lines.append(f"  {count}; --renditions lists them")
    if result.nearest is not None:
        lines.append(f"  nearest, and no match: {match_line(result.nearest, word='beside')}")
    return lines if result.answer == "unconfirmed" else lines + unproven


def match_line(match: Match, *, word: str = "is") -> str:
    """A match in a line; `word` stands between its two stretches."""
    change = ", ".join(changes_in_words(match.line)) or "tempo and pitch as there"
    words = (
        f"{clock(match.query_start_s)}–{clock(match.query_end_s)} {word} "
        f"{clock(match.reference_start_s)}–{clock(match.reference_end_s)} of "
        f"{audio.shown(match.path)}  LR {ratio(match.log_lr)}  {change}"
    )
    for is_equal, where in ((True, "also at"), (False, "similar at")):  # else it fits there, too
        places = [place.alignment for place in match.places if place.is_equal == is_equal]
        if places:
            words += f"; {where} {', '.join(clock(place.b_start_s) for place in places)}"
            start_s, end_s = places[0].a_start_s, places[0].a_end_s
            if end_s - start_s < MOST_OF_IT * match.duration_s:
                words += f" (what lasts from {clock(start_s)} to {clock(end_s)})"
    return words


def match_rows(query: audio.StrPath, result: SearchResult) -> Iterator[list[Any]]:
    """The matches as rows with the columns `COLUMNS`; one without a match where there are none."""
    about = {"query": audio.shown(query), "answer": result.answer}
    for match in result.matches or [None]:
        row = {**about, **(match.to_dict() if match else {})}
        yield [row.get(name, "") for name in COLUMNS]


def pair_rows(pair: "Pair") -> Iterator[list[Any]]:
    """What two recordings share as rows with the columns `PAIR_COLUMNS`."""
    about: dict[str, Any] = {"relation": pair.relation}
    for side, entry in (("a", pair.a), ("b", pair.b)):
        about |= {f"{side}_id": entry.id, f"{side}_path": audio.shown((entry.paths or ("",))[0])}
    for match in pair.matches:
        row = {**about, **match.to_dict()}
        row |= {f"a_{end}_s": row[f"query_{end}_s"] for end in ("start", "end")}
        row |= {f"b_{end}_s": row[f"reference_{end}_s"] for end in ("start", "end")}
        yield [row[name] for name in PAIR_COLUMNS]
