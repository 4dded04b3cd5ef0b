"""Several pairs of recordings, compared one after the other, each recording read once."""

import csv
import json
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from cqtnet.errors import InputError, ManifestError
from verify.comparison import Comparer, Comparison
from verify.recording import Recording

KEPT = 8
"""Recordings that are kept for further pairs."""

Pair = tuple[Path, Path]


def pairs_of(files: tuple[Path, ...], listed: Path | None) -> list[Pair]:
    """The pairs meant: the first file with each other one, or those of a list."""
    if (listed is None) == (not files):
        raise InputError("give either two files or more, or --pairs with a list of them")
    if listed is not None:
        return read_pairs(listed)
    if len(files) < 2:
        raise InputError(f"only {files[0]} was given; give a second file to compare it with")
    return [(files[0], other) for other in files[1:]]


def read_pairs(path: Path) -> list[Pair]:
    """Pairs of a .csv with the columns a and b; relative paths start from its folder."""
    from_stdin = str(path) == "-"
    folder = Path() if from_stdin else path.parent
    try:
        opened = nullcontext(sys.stdin) if from_stdin else path.open(newline="", encoding="utf-8")
        with opened as file:
            reader = csv.DictReader(file)
            if not {"a", "b"} <= set(reader.fieldnames or ()):
                raise ManifestError(f"{path}:1: lacks the columns a and b; put them into line 1")
            pairs = []
            for row in reader:
                if not row["a"] or not row["b"]:
                    raise ManifestError(f"{path}:{reader.line_num}: a or b is empty; fill it in")
                pairs.append((folder / row["a"], folder / row["b"]))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ManifestError(f"{path} cannot be read as a list of pairs: {error}") from error
    if not pairs:
        raise ManifestError(f"{path} lists no pairs; give a line for each")
    return pairs


@dataclass(frozen=True)
class Page:
    """A report that is to be written of a pair."""

    path: Path
    command: str  # that repeats it
    players: bool = False  # whether it holds sound


def compared(
    comparer: Comparer, pairs: list[Pair], *, page: Page | None = None
) -> Iterator[Comparison | InputError]:
    """The comparison of each pair, or why there is none; with a page on it where one is asked."""

    @lru_cache(maxsize=KEPT)
    def read(path: Path) -> Recording:
        return comparer.read(path)

    for a, b in pairs:
        try:
            first, second = read(a), read(b)
            found = comparer.compare(first, second)
            if page is not None:
                _write(page, comparer, found, first, second)
            yield found
        except InputError as error:
            yield error
        except OSError as error:
            yield InputError(f"{a} and {b} cannot be compared: {error}")


def _write(page: Page, comparer: Comparer, found: Comparison, a: Recording, b: Recording) -> None:
    from verify.report import write_report  # here, for drawing takes a second to be loaded

    write_report(
        page.path,
        found,
        a,
        b,
        comparer.calibration,
        command=page.command,
        audio=page.players,
    )


def as_line(comparison: Comparison) -> str:
    """The comparison as one line of JSON."""
    return json.dumps(comparison.to_dict(), ensure_ascii=False)
