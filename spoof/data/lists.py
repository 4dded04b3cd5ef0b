"""Lists in text files, read strictly: a wrong line is an error with its number."""

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

from cqtnet.audio.files import AUDIO_SUFFIXES, shown
from cqtnet.errors import ManifestError


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
