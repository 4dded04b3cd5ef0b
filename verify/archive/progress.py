"""How far the adding of many files has come, on stderr."""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from verify.archive.adding import Step
from verify.archive.archive import Told


@contextmanager
def adding(files: Sequence[str]) -> Iterator[Told]:
    """What is to be told of each file; shows hours, speed and time left, by bytes of files."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    n_bytes = sum(os.path.getsize(file) for file in files if os.path.isfile(file))
    started, read_s, n_files = time.monotonic(), 0.0, 0
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        task = progress.add_task("reading", total=n_bytes)

        def tell(step: Step) -> None:
            nonlocal read_s, n_files
            read_s, n_files = read_s + step.duration_s, n_files + 1
            speed = read_s / (time.monotonic() - started)
            words = f"{n_files:,} files, {read_s / 3600:.1f} h, {speed:.0f} × real time"
            progress.update(task, advance=step.size, description=words)

        yield tell
