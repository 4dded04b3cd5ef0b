"""How far preparing and training have come, on stderr."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from spoof.train import Step


class Showing:
    """A bar for recordings that are made ready, one for epochs, and a line for each epoch."""

    def __init__(self, progress: Progress, console: Console) -> None:
        self._progress, self._console = progress, console
        self._preparing = progress.add_task("preparing", total=None, visible=False)
        self._learning = progress.add_task("training", total=None, visible=False)

    def prepared(self, done: int, of: int) -> None:
        """So many of the recordings that lack are ready."""
        self._progress.update(
            self._preparing, completed=done, total=of, visible=done < of, description="preparing"
        )

    def learned(self, step: "Step", name: str = "training") -> None:
        """A batch is learned, or an epoch is over."""
        done = step.epoch * step.n_batches + (0 if step.row else step.batch)
        words = f"{name}  epoch {step.epoch + (not step.row)}  loss {step.loss:.3f}"
        self._progress.update(
            self._learning,
            completed=done,
            total=step.n_epochs * step.n_batches,
            visible=done < step.n_epochs * step.n_batches,
            description=words,
        )
        if step.row:
            self._console.print(f"{name}  {line_of(step.row)}", highlight=False, soft_wrap=True)


def line_of(row: dict[str, float]) -> str:
    """An epoch's figures in a line."""
    eer = f"  EER {100 * row['valid_eer']:.1f} %" if "valid_eer" in row else ""
    return (
        f"epoch {row['epoch']:.0f}  loss {row['loss']:.4f}  accuracy {100 * row['accuracy']:.1f} %"
        f"  held out: loss {row['valid_loss']:.4f}  accuracy {100 * row['valid_accuracy']:.1f} %"
        f"{eer}  {row['seconds']:.1f} s"
    )


@contextmanager
def showing() -> Iterator[Showing]:
    """Bars on stderr while it lasts; lines alone where that is no terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
               TimeRemainingColumn())  # fmt: skip
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        yield Showing(progress, console)
