"""Tables in text files: read strictly, so that a wrong line is an error with its number; and shown.

A table is a .csv or .tsv file in UTF-8 whose first line names the columns.
"""

import csv
import io
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from augment.audio.files import AUDIO_SUFFIXES, shown, told
from cqtnet.errors import ManifestError
from cqtnet.files import written_whole

MOST_COLUMNS = 1_000
MOST_LIST_BYTES = 1 << 30
MOST_ARRAY_BYTES = 1 << 30
"""Of a column as an array: each field takes 4 bytes for each character of the longest."""
FORMULA = re.compile(r"'*[=+\-@\t\r]")
"""How text begins that a spreadsheet would calculate, or that has its guard already."""


@dataclass(frozen=True)
class Table:
    """The rows of a table, each as long as the header."""

    path: Path
    columns: list[str]
    rows: list[list[str]]
    lines: list[int]  # the line of the file in which each row ends

    def column(self, name: str) -> list[str]:
        """The fields of one column."""
        at = self.columns.index(name)
        return [row[at] for row in self.rows]

    def dicts(self) -> Iterator[tuple[int, dict[str, str]]]:
        """The line number and the fields by column of every row."""
        for line, row in zip(self.lines, self.rows, strict=True):
            yield line, dict(zip(self.columns, row, strict=True))


def read_table(
    path: Path, *, needed: Sequence[str] = (), any_of: Sequence[str] = (), fold_case: bool = False,
    row_a_line: bool = False,
) -> Table:  # fmt: skip
    """The table in a file, or on standard input where the path is ``-``.

    Columns are separated by tabs in a .tsv and where the header holds a tab, else by commas. Blank
    lines are skipped. A table without the `needed` columns, all of the `any_of` columns, or rows,
    or with a row of another length, is a ManifestError. `fold_case` makes the names of the columns
    lower case. `row_a_line` refuses blank lines and fields with a line break.
    """
    text = read_list(path)
    header = text.partition("\n")[0]
    delimiter = "\t" if path.suffix == ".tsv" or "\t" in header else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows, lines = list[list[str]](), list[int]()
    try:
        columns = next(reader, [])
        if fold_case:
            columns = [name.strip().casefold() for name in columns]
        _check_columns(path, columns, needed, any_of)
        for row in reader:
            if row_a_line and reader.line_num != (line := len(rows) + 2):
                raise ManifestError(f"{path}:{line}: a field holds a line break; remove it")
            if not row and not row_a_line:
                continue
            if len(row) != len(columns):
                place, count = f"{path}:{reader.line_num}", f"{len(row)} fields"
                has = f"the header has {len(columns)}"
                raise ManifestError(f"{place}: {count} where {has}; correct it")
            rows.append([unguarded(cell) for cell in row])
            lines.append(reader.line_num)
    except csv.Error as error:
        raise ManifestError(f"{path}:{max(1, reader.line_num)}: {error}") from error
    if not rows:
        raise ManifestError(f"{path}:1: holds no row below its header; give a row for each item")
    _check_size(path, rows, lines)
    return Table(path, columns, rows, lines)


def read_list(path: Path) -> str:
    """The text of a list; a recording or anything else in its place is a ManifestError."""
    if path.suffix.lower() in AUDIO_SUFFIXES and path.is_file():
        raise ManifestError(f"{shown(path)} is audio; give a folder or a list of recordings")
    try:
        with nullcontext(sys.stdin.buffer) if str(path) == "-" else path.open("rb") as file:
            data = file.read(MOST_LIST_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a name that no file system takes
        reason = error.strerror if isinstance(error, OSError) else error
        raise ManifestError(f"{shown(path)} cannot be read: {reason}; give a list") from error
    if len(data) > MOST_LIST_BYTES:
        raise ManifestError(f"{shown(path)} is larger than {MOST_LIST_BYTES >> 30} GB; divide it")
    text = data.decode("utf-8-sig", errors="surrogateescape")
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise ManifestError(f"{shown(path)}:{line}: holds a NUL; give a list in plain text, UTF-8")
    return text


def write_table(path: Path, rows: Iterable[Iterable[object]]) -> None:
    """Write rows, the first one the header, as .csv or .tsv, whole or not at all."""
    delimiter = "\t" if path.suffix == ".tsv" else ","
    with (
        written_whole(path) as temporary,
        # Names of files need not be UTF-8.
        temporary.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file,
    ):
        writer = csv.writer(file, delimiter=delimiter, lineterminator="\n")
        writer.writerows([guarded(cell) for cell in row] for row in rows)


def guarded(cell: object) -> object:
    """A cell that no spreadsheet takes for a formula; `unguarded` gives its text back."""
    text = str(cell)
    return f"'{text}" if FORMULA.match(text) and not _is_number(text) else cell


def unguarded(cell: str) -> str:
    """A cell as it was before `guarded`."""
    return cell[1:] if cell[:1] == "'" and FORMULA.match(cell) else cell


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _check_size(path: Path, rows: Sequence[Sequence[str]], lines: Sequence[int]) -> None:
    """Raise where one long field would make the array of its column too large."""
    for column in zip(*rows, strict=True):
        lengths = [len(cell) for cell in column]
        longest = max(lengths)
        if 4 * longest * len(rows) > MOST_ARRAY_BYTES:
            raise ManifestError(
                f"{path}:{lines[lengths.index(longest)]}: a field of {longest:,} characters is too "
                f"long for a list of {len(rows):,} rows; shorten it"
            )


def _check_columns(
    path: Path, columns: Sequence[str], needed: Sequence[str], any_of: Sequence[str]
) -> None:
    if len(columns) > MOST_COLUMNS:
        raise ManifestError(
            f"{path}:1: {len(columns):,} columns, the limit is {MOST_COLUMNS:,}; leave some out"
        )
    if len(columns) == 1 and ";" in columns[0]:
        raise ManifestError(f"{path}:1: columns are separated by semicolons; use commas or tabs")
    missing = [name for name in needed if name not in columns]
    if missing or (any_of and not set(any_of) & set(columns)):
        wanted = ", ".join(missing) or " or ".join(any_of)
        found = told(", ".join(columns)) or "nothing"
        raise ManifestError(f"{path}:1: no column {wanted}; found {found}")
    if twice := sorted({name for name in columns if columns.count(name) > 1}):
        names = told(", ".join(twice))
        raise ManifestError(f"{path}:1: column {names} appears twice; rename one")


def refuse_twice(seen: dict[Any, str], key: object, place: str, what: str) -> None:
    """Raise where a list has the same again; `seen` keeps the place, file:line, of each."""
    if (first := seen.setdefault(key, place)) != place:
        path, _, line = first.rpartition(":")
        where = f"on line {line}" if place.startswith(f"{path}:") else f"at {first}"
        raise ManifestError(f"{place}: {what} stands {where} already; remove one")


def markdown_table(rows: Sequence[Sequence[str]]) -> str:
    """Rows as a Markdown table, the first one as its heading, in columns as wide as they need."""
    cells = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [f"| {' | '.join(map(str.ljust, row, widths))} |" for row in cells]
    rule = f"|{'|'.join('-' * (width + 2) for width in widths)}|"
    return "\n".join([lines[0], rule, *lines[1:]])
