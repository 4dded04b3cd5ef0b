"""Progress on stderr: a bar with the time left in terminals; and work spread over processes.

The processes end with the process that started them.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from contextvars import ContextVar
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Literal, TypeVar

from augment.audio.files import told
from cqtnet.files import Closing

if TYPE_CHECKING:
    from rich.progress import Progress

PROCESSORS = os.cpu_count() or 1  # processes that share work where nobody says how many
ESTIMATE_S = 600  # seconds of the past from which the time left is estimated
Listener = Callable[[str, float, float | None], None]
"""Called with what is done now, how much of it is done, and out of how much."""
_listeners: list[Listener] = []
Task = TypeVar("Task")
Result = TypeVar("Result")
Talk = Literal["bars", "nothing", "lines"]
"""What is shown: bars in terminals, nothing at all, or also lines where there is no terminal."""
_talk: ContextVar[Talk] = ContextVar("talk", default="bars")
_screen: ContextVar["Progress | None"] = ContextVar("screen", default=None)
"""The bars that are on the screen; those within them are further lines."""


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """While its block runs, `listener` hears what every bar of this process reports."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


@contextmanager
def talking(talk: Talk) -> Iterator[None]:
    """While its block runs, progress is shown so."""
    before = _talk.get()
    _talk.set(talk)
    try:
        yield
    finally:
        _talk.set(before)


def is_shown() -> bool:
    """Whether a person watches: stderr is a terminal, and not to be quiet."""
    return _talk.get() != "nothing" and sys.stderr is not None and sys.stderr.isatty()


class Bar:
    """One line of progress. It appears with the first report, so a refused call shows no bar."""

    def __init__(self, screen: "Progress | None", doing: str, total: float | None) -> None:
        self._screen, self._first, self._doing, self._done = screen, doing, "", 0.0
        self._total = total
        self._task = screen.add_task(doing, total=total, visible=False) if screen else None

    def advance(self, by: float = 1, *, doing: str | None = None) -> None:
        """Report more work done, and what is done now."""
        self.update(self._done + by, doing=doing)

    def update(
        self, done: float | None = None, total: float | None = None, *, doing: str | None = None
    ) -> None:
        """Report all work done so far, out of how much."""
        doing = doing or self._doing or self._first
        if doing != self._doing and self._screen is None:
            self.print(doing)
        self._doing, self._total = doing, self._total if total is None else total
        self._done = self._done if done is None else done
        if self._screen is not None and self._task is not None:
            self._screen.start()
            self._screen.update(
                self._task, completed=self._done, total=self._total, description=doing, visible=True
            )
        for listener in _listeners:
            listener(doing, self._done, self._total)

    def print(self, line: str) -> None:
        """Write a line above the bar; where there is no terminal, only if lines are wanted."""
        line = told(line, most=1_000)
        if self._screen is not None:
            self._screen.console.print(line, markup=False, highlight=False, soft_wrap=True)
        elif _talk.get() == "lines":
            print(line, file=sys.stderr, flush=True)

    def hide(self) -> None:
        """Take the line from the screen."""
        if self._screen is not None and self._task is not None:
            self._screen.remove_task(self._task)


@contextmanager
def progress_bar(doing: str, total: float | None = None) -> Iterator[Bar]:
    """A bar on stderr that goes when its block ends."""
    outer = _screen.get()
    screen = _rich() if outer is None and is_shown() else outer
    _screen.set(screen)
    bar = Bar(screen, doing, total)
    try:
        yield bar
    finally:
        _screen.set(outer)
        bar.hide()
        if screen is not None and outer is None:
            screen.stop()


@contextmanager
def working(doing: str) -> Iterator[Bar]:
    """The same for work whose length is not known: it shows at once what is done."""
    with progress_bar(doing) as bar:
        bar.update()
        yield bar


def _rich() -> "Progress":
    """A display that disappears at its end."""
    from rich import progress as shown  # here, for it takes as long as the rest of `--help`
    from rich.console import Console

    return shown.Progress(
        shown.TextColumn("{task.description}", markup=False), shown.BarColumn(),
        shown.MofNCompleteColumn(), shown.TimeElapsedColumn(), shown.TimeRemainingColumn(),
        console=Console(stderr=True), transient=True, speed_estimate_period=ESTIMATE_S,
        redirect_stdout=sys.stdout.isatty(),  # else answers would go where the bars are
    )  # fmt: skip


class Workers(Closing):
    """Processes that share work, one a processor if not told; one worker works in this process."""

    def __init__(self, count: int | None = None) -> None:
        self.count = count or PROCESSORS
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
