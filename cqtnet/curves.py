"""Curves of a training run as a picture."""

from collections.abc import Sequence
from itertools import cycle
from pathlib import Path

from cqtnet.files import written_whole


def draw_curves(history: Sequence[dict[str, float]], path: Path) -> None:
    """Write a PNG: loss and learning rate above, validation EER by condition below."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 7), layout="constrained")
    FigureCanvasAgg(figure)
    loss_axes, eer_axes = figure.subplots(2, 1, sharex=True)
    steps = [row["step"] for row in history]
    (loss_line,) = loss_axes.plot(steps, [row["loss"] for row in history], "k-", label="loss")
    rate_axes = loss_axes.twinx()
    (rate_line,) = rate_axes.plot(
        steps, [row["lr"] for row in history], "0.5", linestyle=":", label="learning rate"
    )
    loss_axes.set(ylabel="training loss, mean of the epoch")
    rate_axes.set(ylabel="learning rate")
    loss_axes.legend(handles=[loss_line, rate_line])
    names = [key for key in history[0] if key.startswith("eer_")]
    for name, style in zip(names, cycle(["-", "--", "-.", ":", (0, (5, 1))]), strict=False):
        eers = [100 * row[name] for row in history]
        eer_axes.plot(steps, eers, linestyle=style, marker=".", label=name.removeprefix("eer_"))
    eer_axes.set(xlabel="step", ylabel="EER of held-out recordings, %", ylim=(0, None))
    eer_axes.legend(title="alteration")
    for axes in (loss_axes, eer_axes):
        axes.grid(alpha=0.3)
    with written_whole(path) as temporary:
        figure.savefig(temporary, dpi=120)
