"""Training with its progress on stderr: loss, rate, throughput, time left, EER by epoch."""

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from cqtnet.data import Item
from cqtnet.runstate import is_main
from cqtnet.train import StepReport, TrainConfig, train
from cqtnet.validation import Verdict


def train_with_progress(items: list[Item], config: TrainConfig) -> Verdict | None:
    """Train, showing how it goes; the verdict that `train` returns."""
    columns = (
        TextColumn("training"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True, quiet=not is_main())
    smooth: list[float] = []
    with Progress(
        *columns, console=console, speed_estimate_period=600, disable=not console.is_terminal
    ) as progress:
        task = progress.add_task("preparing the recordings", total=None)

        def show(report: StepReport) -> None:
            smooth[:] = [*smooth[-49:], report.loss]
            text = (
                f"loss {sum(smooth) / len(smooth):.3f}  lr {report.lr:.1e}  "
                f"{report.fragments_per_s:.0f} fragments/s"
            )
            progress.update(task, completed=report.step, total=report.n_steps, description=text)
            if report.verdict:
                eers = "  ".join(f"{n} {100 * e:.2f}" for n, e in report.verdict.eer.items())
                separation = report.verdict.separation
                console.print(
                    f"step {report.step}  {text}  EER %: {eers}  separation {separation:.2f}"
                )

        return train(items, config, on_step=show)
