"""The progress bar of every command, on stderr, in terminals only; and work spread over processes.

The processes end with the process that started them.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, TypeVar

from augment.audio.files import told
from cqtnet.files import Closing

if TYPE_CHECKING:
    from rich.progress import Progress

ESTIMATE_S = 600
"""Seconds of the past from which the time left is estimated."""
Listener = Callable[[str, float, float | None], None]
"""Called with what is done now, how much of it is done, and out of how much."""
_listeners: list[Listener] = []
Task = TypeVar("Task")
Result = TypeVar("Result")


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


class Workers(Closing):
    """Processes that share work, one a processor if not told; one worker works in this process."""

    def __init__(self, count: int | None = None) -> None:
        self.count = count or os.cpu_count() or 1
        self._pool: ProcessPoolExecutor | None = None

    def each(
        self, function: Callable[[Task], Result], tasks: Sequence[Task], *, doing: str
    ) -> Iterator[Result]:
        """The function's result for each task, in the order in which tasks end; with a bar."""
        with progress_bar(doing, len(tasks)) as bar:
            for result in self.results(function, tasks):
                yield result
                bar.advance()

    def results(self, work: Callable[[Task], Result], tasks: Sequence[Task]) -> Iterator[Result]:
        """The same without a bar."""
        if self.count == 1 or (self._pool is None and len(tasks) < 2):
            yield from map(work, tasks)
            return
        if self._pool is None:
            # Spawned, not forked: the caller may hold threads, and a fork would copy their locks.
            self._pool = ProcessPoolExecutor(
                min(self.count, len(tasks)), get_context("spawn"), initializer=_start_worker
            )
        try:
            for future in as_completed([self._pool.submit(work, task) for task in tasks]):
                yield future.result()
        except BrokenProcessPool as error:
            raise ChildProcessError(
                "a worker process ended abruptly, perhaps for lack of memory; try fewer workers"
            ) from error

    def close(self) -> None:
        """End the processes; tasks that have not begun are dropped."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)


def in_processes(
    function: Callable[[Task], Result], tasks: Sequence[Task], *, workers: int | None, doing: str
) -> Iterator[Result]:
    """The function's result for each task, in the order in which tasks end; with a bar."""
    with Workers(workers) as processes:
        yield from processes.each(function, tasks, doing=doing)


def _start_worker() -> None:
    for library in ("OMP", "OPENBLAS", "MKL"):  # they read this when they load, which is later
        os.environ[f"{library}_NUM_THREADS"] = "1"  # every processor has a worker already
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent stops us, and reports
    threading.Thread(target=end_with_parent, daemon=True).start()


def end_with_parent() -> None:
    """Wait for the parent, and end with it: a worker would wait for work forever."""
    parent = parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)
