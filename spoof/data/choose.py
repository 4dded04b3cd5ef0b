"""Any data set, by its path: the layout is found, or named."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cqtnet.audio.files import shown
from cqtnet.errors import InputError, ManifestError
from spoof.data import asvspoof, folders
from spoof.data.files import (
    FAKE_WORDS,
    REAL_WORDS,
    SPLIT_WORDS,
    Missing,
    is_fake_word,
    split_word,
    subfolders,
    table_rows,
)
from spoof.data.utterance import Utterance, missing_class

# A table of recordings: a CSV or TSV file with a row for each.

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


# Any data set, by its path: the layout is found, or named.

FOLDERS_SHOWN = 8


@dataclass(frozen=True)
class Layout:
    """How a data set lies on disk: what is looked for, whether it is there, and its loader."""

    looks_for: str
    matches: Callable[[Path], bool]
    load: Callable[[Path], list[Utterance]]


LAYOUTS: dict[str, Layout] = {
    "table": Layout(LOOKS_FOR, is_table, load_table),
    "asvspoof": Layout(asvspoof.LOOKS_FOR, asvspoof.is_asvspoof, asvspoof.load_asvspoof),
    "deep-voice": Layout(
        folders.DEEP_VOICE_LOOKS_FOR, folders.is_deep_voice, folders.load_deep_voice
    ),
    "fake-or-real": Layout(
        folders.FAKE_OR_REAL_LOOKS_FOR, folders.is_fake_or_real, folders.load_fake_or_real
    ),
    "folders": Layout(
        folders.LOOKS_FOR, lambda path: bool(folders.parts(path)), folders.load_folders
    ),
}
"""Layouts by name, in the order in which they are tried: `folders` would take most for its own."""


def load_data(path: Path, *, layout: str | None = None) -> list[Utterance]:
    """Every utterance of a data set; its layout, one of `LAYOUTS`, is found where none is named.

    Whatever doesn't fit is a ManifestError: no layout, a line that doesn't parse, recordings
    that are not there, only real or only fake ones.

    >>> utterances = load_data(Path("for-norm"))
    >>> utterances[0].is_fake, utterances[0].split
    (True, 'test')
    """
    if layout is not None and layout not in LAYOUTS:
        raise InputError(f"no layout is named {layout!r}; choose from {', '.join(LAYOUTS)}")
    if not path.exists():
        raise ManifestError(f"{shown(path)} is not there; give a folder or a list of recordings")
    utterances = LAYOUTS[layout or _found(path)].load(path)
    lacking = missing_class(utterances)
    if lacking:
        raise ManifestError(f"{shown(path)} holds {lacking}; a detector is made from both")
    return utterances


def _found(path: Path) -> str:
    """The first layout that fits."""
    for name, layout in LAYOUTS.items():
        if layout.matches(path):
            return name
    wanted = "; ".join(f"{name}: {layout.looks_for}" for name, layout in LAYOUTS.items())
    raise ManifestError(
        f"{shown(path)} has no layout known here. It holds {_inside(path)}. {wanted}"
    )


def _inside(path: Path) -> str:
    """The folders in a folder, in words."""
    if not path.is_dir():
        return "no text"
    names = [shown(folder.name) for folder in subfolders(path)]
    more = f" and {len(names) - FOLDERS_SHOWN} more" if len(names) > FOLDERS_SHOWN else ""
    return f"the folders {', '.join(names[:FOLDERS_SHOWN])}{more}" if names else "no folders"
