"""Work spread over processes, which end with the process that started them."""

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from typing import Self, TypeVar

from cqtnet.progress import progress_bar

Task = TypeVar("Task")
Result = TypeVar("Result")


class Workers:
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

    def results(
        self, function: Callable[[Task], Result], tasks: Sequence[Task]
    ) -> Iterator[Result]:
        """The same without a bar."""
        if self.count == 1 or (self._pool is None and len(tasks) < 2):
            yield from map(function, tasks)
            return
        if self._pool is None:
            # Spawned, not forked: the caller may hold threads, and a fork would copy their locks.
            self._pool = ProcessPoolExecutor(
                min(self.count, len(tasks)), get_context("spawn"), initializer=_start_worker
            )
        try:
            for future in as_completed([self._pool.submit(function, task) for task in tasks]):
                yield future.result()
        except BrokenProcessPool as error:
            raise ChildProcessError(
                "a worker process ended abruptly, perhaps for lack of memory; try fewer workers"
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
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
