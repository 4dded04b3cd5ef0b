"""The progress bar of every command: on stderr, in terminals only, with the time left."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from augment.audio.files import told

if TYPE_CHECKING:
    from rich.progress import Progress

ESTIMATE_S = 600
"""Seconds of the past from which the time left is estimated."""
Listener = Callable[[str, float, float | None], None]
"""Called with what is done now, how much of it is done, and out of how much."""
_listeners: list[Listener] = []


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """While its block runs, `listener` hears what every bar of this process reports."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


class Bar:
    """One line of progress. It appears with the first report, so a refused call shows no bar."""

    def __init__(self, progress: "Progress", doing: str, total: float | None) -> None:
        self._progress = progress
        self._task = progress.add_task(doing, total=total)

    def advance(self, by: float = 1, *, doing: str | None = None) -> None:
        """Report more work done, and what is done now."""
        self._show()
        self._progress.update(self._task, advance=by, description=doing)
        self._tell()

    def update(
        self, done: float | None = None, total: float | None = None, *, doing: str | None = None
    ) -> None:
        """Report all work done so far, out of how much."""
        self._show()
        self._progress.update(self._task, completed=done, total=total, description=doing)
        self._tell()

    def print(self, line: str) -> None:
        """Write a line above the bar, also where stderr is no terminal."""
        line = told(line, most=1_000)
        self._progress.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def _tell(self) -> None:
        (task,) = self._progress.tasks
        for listener in _listeners:
            listener(task.description, task.completed, task.total)

    def _show(self) -> None:
        if not self._progress.disable:
            self._progress.start()


@contextmanager
def progress_bar(doing: str, total: float | None = None, *, quiet: bool = False) -> Iterator[Bar]:
    """A bar on stderr that goes when its block ends; `quiet` shows nothing at all.

    >>> with progress_bar("files", len(files)) as bar:
    ...     for file in files:
    ...         bar.advance()
    """
    from rich import progress as shown  # here, for it takes as long as the rest of `--help`
    from rich.console import Console

    console = Console(stderr=True, quiet=quiet)
    columns = (
        shown.TextColumn("{task.description}", markup=False), shown.BarColumn(),
        shown.MofNCompleteColumn(), shown.TimeElapsedColumn(), shown.TimeRemainingColumn(),
    )  # fmt: skip
    progress = shown.Progress(
        *columns, console=console, transient=True, speed_estimate_period=ESTIMATE_S,
        disable=not console.is_terminal,
    )  # fmt: skip
    try:
        yield Bar(progress, doing, total)
    finally:
        progress.stop()
