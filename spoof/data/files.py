"""The words that data sets use for real, fake and the sides of a split."""

import csv
import io
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from cqtnet.audio.files import AUDIO_SUFFIXES, shown, unreadable
from cqtnet.errors import ManifestError

REAL_WORDS = ("real", "bonafide", "genuine", "human")
FAKE_WORDS = ("fake", "spoof", "synth", "synthetic", "deepfake")
SPLIT_WORDS = {
    "train": ("train", "training", "trn"),
    "valid": ("valid", "validation", "val", "dev", "development"),
    "test": ("test", "testing", "eval", "evaluation", "devtest"),
}

_IS_FAKE = {**dict.fromkeys(REAL_WORDS, False), **dict.fromkeys(FAKE_WORDS, True)}
_SPLIT = {word: split for split, words in SPLIT_WORDS.items() for word in words}


def is_fake_word(word: str) -> bool | None:
    """Whether a word means fake (True) or real (False); None where it says neither.

    Numbers say neither: some data sets write real = 1, others fake = 1.

    >>> is_fake_word("Bona-Fide"), is_fake_word("SPOOF"), is_fake_word("1")
    (False, True, None)
    """
    return _IS_FAKE.get(word.strip().casefold().replace("-", "").replace("_", ""))


def split_word(word: str) -> str | None:
    """The side of a split that a word means: train, valid or test; None where it means none.

    >>> split_word("validation"), split_word("devtest")
    ('valid', 'test')
    """
    return _SPLIT.get(word.strip().casefold())


# Folders of millions of recordings, read once and without asking after every file.


def audio_below(folder: Path) -> Iterator[Path]:
    """Recordings in a folder and below, by suffix, always in the same order.

    Hidden files are passed over: macOS leaves a `._name.wav` beside every file that it packs.
    Links are followed; a folder that is met twice is read once, so a loop ends.
    """
    seen: set[tuple[int, int]] = set()
    waiting = [str(folder)]
    while waiting:
        current = waiting.pop()
        entries = _entries(current)
        status = os.stat(current)
        if (status.st_dev, status.st_ino) in seen:
            continue
        seen.add((status.st_dev, status.st_ino))
        for entry in entries:
            if os.path.splitext(entry.name)[1].lower() in AUDIO_SUFFIXES and entry.is_file():
                yield Path(entry.path)
        waiting += [entry.path for entry in reversed(entries) if entry.is_dir()]


def subfolders(folder: Path) -> list[Path]:
    """The folders in a folder, in order of their names; hidden ones are passed over."""
    return [Path(entry.path) for entry in _entries(str(folder)) if entry.is_dir()]


def _entries(folder: str) -> list[os.DirEntry[str]]:
    """What a folder shows, in order of the names."""
    try:
        with os.scandir(folder) as entries:
            shown = [entry for entry in entries if not entry.name.startswith(".")]
    except OSError as error:
        raise unreadable(folder, error) from error
    return sorted(shown, key=lambda entry: entry.name)


# Lists in text files, read strictly: a wrong line is an error with its number.


def list_text(path: Path) -> str:
    """The text of a list; a recording or anything else in its place is a ManifestError."""
    if path.suffix.lower() in AUDIO_SUFFIXES:
        raise ManifestError(f"{shown(path)} is audio; give a folder or a list of recordings")
    try:
        text = path.read_text(encoding="utf-8-sig", errors="surrogateescape")
    except (OSError, ValueError) as error:  # ValueError: a name that no file system takes
        reason = error.strerror if isinstance(error, OSError) else error
        raise ManifestError(f"{shown(path)} cannot be read: {reason}; give a list") from error
    if "\0" in text:
        raise ManifestError(f"{shown(path)} is no text in UTF-8; give a list of recordings")
    return text


def table_rows(path: Path, *, needed: Sequence[str] = ()) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and columns of every row of a table with a header, split at tabs or commas.

    Column names come in small letters, whatever the file's. Every row has every column; a table
    without the `needed` ones, or without rows, is a ManifestError.
    """
    text = list_text(path)
    delimiter = "\t" if "\t" in text.partition("\n")[0] else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    found = False
    try:
        columns = [name.strip().casefold() for name in next(reader, [])]
        _check_columns(path, columns, needed)
        for row in reader:
            if not row:
                continue
            found = True
            if len(row) != len(columns):
                raise ManifestError(
                    f"{path}:{reader.line_num}: {len(row)} fields where the header has "
                    f"{len(columns)}; correct it"
                )
            yield reader.line_num, dict(zip(columns, row, strict=True))
    except csv.Error as error:
        raise ManifestError(f"{path}:{max(1, reader.line_num)}: {error}") from error
    if not found:
        raise ManifestError(f"{path}:1: holds no row; give one for each recording")


def _check_columns(path: Path, columns: Sequence[str], needed: Sequence[str]) -> None:
    missing = [name for name in needed if name not in columns]
    if missing:
        found = shown(", ".join(columns)) or "nothing"
        raise ManifestError(f"{path}:1: no column {', '.join(missing)}; found {found}")
    twice = sorted({name for name in columns if columns.count(name) > 1})
    if twice:
        raise ManifestError(f"{path}:1: column {', '.join(twice)} stands there twice; rename one")


class Missing:
    """Recordings that a list names and that are not there: the first, and how many."""

    def __init__(self) -> None:
        self.first, self.count = "", 0

    def add(self, place: str, path: Path) -> None:
        """Note a recording that the line at `place` (`file:line`) names."""
        self.first = self.first or f"{place}: {shown(path)} is not there"
        self.count += 1

    def refuse(self) -> None:
        """Raise where any was noted."""
        if self.count:
            others = f", nor are {self.count - 1} other recordings" if self.count > 1 else ""
            raise ManifestError(f"{self.first}{others}; get them, or leave their lines out")
