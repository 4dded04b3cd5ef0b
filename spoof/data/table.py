"""A table of recordings: a CSV or TSV file with a row for each."""

import os
from pathlib import Path

from cqtnet.audio.files import shown
from cqtnet.errors import ManifestError
from spoof.data.lists import Missing, table_rows
from spoof.data.utterance import Utterance
from spoof.data.words import FAKE_WORDS, REAL_WORDS, SPLIT_WORDS, is_fake_word, split_word

LOOKS_FOR = "a .csv or .tsv file with the columns file (or path) and label"
SUFFIXES = (".csv", ".tsv")


def load_table(path: Path) -> list[Utterance]:
    """The utterances of a table with a header, its columns split at tabs or commas.

    Needed: `file` (or `path`), which is relative to the table, and `label`. Used where they are
    there: `split`, `system`, `speaker`, `group`, `collection` (or `repository`). Without a group
    it is the speaker, else the collection, else the file. Labels are words, never numbers.
    """
    seen: dict[str, int] = {}
    missing = Missing()
    utterances = []
    for number, row in table_rows(path, needed=("label",)):
        utterance = _utterance(row, table=path, line=number)
        name = os.path.normpath(utterance.path)
        if name in seen:
            raise ManifestError(
                f"{path}:{number}: {shown(name)} stands on line {seen[name]} already; give each "
                "recording one row"
            )
        seen[name] = number
        if not os.path.isfile(name):
            missing.add(f"{path}:{number}", utterance.path)
        utterances.append(utterance)
    missing.refuse()
    return utterances


def is_table(path: Path) -> bool:
    """Whether this is a table, by its suffix."""
    return path.suffix.lower() in SUFFIXES and path.is_file()


def _utterance(row: dict[str, str], *, table: Path, line: int) -> Utterance:
    # `file` first: tables of gathered recordings keep where each came from in `path`.
    name = row.get("file") or row.get("path") or ""
    if not name:
        raise ManifestError(f"{table}:{line}: no file or path; name the recording")
    speaker = row.get("speaker", "")
    collection = row.get("collection") or row.get("repository") or ""
    return Utterance(
        table.parent / name,
        _is_fake(row["label"], place=f"{table}:{line}"),
        group=row.get("group") or speaker or collection or name,
        speaker=speaker,
        system=row.get("system", ""),
        split=_split(row.get("split", ""), place=f"{table}:{line}"),
        collection=collection,
    )


def _is_fake(label: str, *, place: str) -> bool:
    found = is_fake_word(label)
    if found is None:
        why = ": in some data sets 1 is real, in others fake" if label.strip().isdigit() else ""
        raise ManifestError(
            f"{place}: label {shown(label)!r} says neither{why}; write one of "
            f"{', '.join(REAL_WORDS + FAKE_WORDS)}"
        )
    return found


def _split(word: str, *, place: str) -> str:
    found = split_word(word) if word.strip() else ""
    if found is None:
        words = ", ".join(word for words in SPLIT_WORDS.values() for word in words)
        raise ManifestError(f"{place}: split {shown(word)!r} is unknown; write one of {words}")
    return found
