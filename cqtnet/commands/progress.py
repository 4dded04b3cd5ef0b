"""The bar on stderr of commands that make many files."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn


@contextmanager
def progress_bar(doing: str, count: int) -> Iterator[Callable[[str], None]]:
    """A bar on stderr for `count` files; gives what to call with the name of each."""
    columns = (*Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeRemainingColumn())
    progress = Progress(*columns, console=Console(stderr=True))
    task = progress.add_task(doing, total=count)

    def advance(name: str) -> None:
        progress.start()  # only now: a refused order shows its error and no empty bar
        progress.update(task, advance=1, description=name)

    try:
        yield advance
    finally:
        if progress.live.is_started:
            progress.stop()
