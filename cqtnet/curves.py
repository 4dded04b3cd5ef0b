"""Curves of a training run as a picture."""

from collections.abc import Sequence
from pathlib import Path

from cqtnet.files import written_whole


def draw_curves(history: Sequence[dict[str, float]], path: Path) -> None:
    """Write a PNG: loss and learning rate above, validation EER by condition below."""
    from cqtnet import plotting  # here, for matplotlib takes a second to load

    figure = plotting.blank(6.2)
    losses, eers = figure.subplots(2, 1, sharex=True)
    steps = [row["step"] for row in history]
    plotting.dress(losses, ylabel="training loss, mean of the epoch")
    (loss,) = losses.plot(steps, [row["loss"] for row in history], color=plotting.INK)
    rates = losses.twinx()
    (rate,) = rates.plot(steps, [row["lr"] for row in history], color=plotting.PALE, ls=":")
    rates.set_ylabel("learning rate", fontsize=plotting.SMALL_PT)
    plotting.dress(eers, xlabel="step", ylabel="EER of held-out recordings, %")
    rows: list[plotting.Row] = [(loss, "loss"), (rate, "learning rate")]
    names = [key for key in history[0] if key.startswith("eer_")]
    for name, look in zip(names, plotting.looks(len(names)), strict=True):
        values = [100 * row[name] for row in history]
        eers.plot(steps, values, color=look.colour, ls=look.dashes, marker=".")
        rows.append((look.handle(), f"EER with {name.removeprefix('eer_')}"))
    eers.set_ylim(0, None)
    plotting.legend_below(figure, rows)
    with written_whole(path) as temporary:
        figure.savefig(temporary, format="png")
