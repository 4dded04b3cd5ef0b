"""Options that several commands have, and what becomes of them."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from spoof.data.utterance import Utterance
    from spoof.prepare import Preparer

PATH = click.Path(path_type=Path)
LAYOUT_NAMES = ("asvspoof", "deep-voice", "fake-or-real", "folders", "table")
PARTS = ("auto", "train", "valid", "test", "all")

DATA = (
    click.option(
        "--data",
        required=True,
        type=PATH,
        help="A data set's folder, one with real/ and fake/, a table of recordings, or "
        "DEEP-VOICE's of features.",
    ),
    click.option("--layout", type=click.Choice(LAYOUT_NAMES), help="Default: found by itself."),
    click.option("--cache", type=PATH, help="Folder for what is made of recordings, to share."),
    click.option(
        "--workers",
        type=click.IntRange(1),
        help="Processes that read recordings.  [default: all cores but one, 16 at most]",
    ),
    click.option("--device", default="auto", help="auto, cpu, cuda or cuda:1.", show_default=True),
)


def data_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say which recordings are meant, and how they are made ready."""
    for option in reversed(DATA):
        command = option(command)
    return command


@contextmanager
def reading(
    data: Path,
    layout: str | None,
    *,
    cache: Path | None,
    workers: int | None,
    told: Callable[[int, int], None],
) -> "Iterator[tuple[list[Utterance], Preparer]]":
    """The recordings of a data set, and what makes them ready.

    What is made is kept in the folder `cache`; without one, in one that does not last.
    """
    from eval.processes import Workers
    from spoof.data import load_data
    from spoof.prepare import Preparer
    from spoof.row_table import is_row_table, read_row_table

    count = workers or max(1, min(16, (os.cpu_count() or 1) - 1))
    kept = TemporaryDirectory() if cache is None else nullcontext(os.fspath(cache))
    with kept as folder, Workers(count) as pool:
        preparer = Preparer(Path(folder), pool, told)
        if layout is None and is_row_table(data):
            yield read_row_table(data, preparer)
        else:
            yield load_data(data, layout=layout), preparer
