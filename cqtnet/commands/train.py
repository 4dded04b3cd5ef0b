"""`cqtnet train`: train the network on a folder or a manifest of recordings."""

import math
import os
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click import FloatRange, IntRange, option

from cqtnet import commands as common
from cqtnet.errors import ManifestError

if TYPE_CHECKING:
    from cqtnet.data import Item
    from cqtnet.train import StepReport, TrainConfig
    from cqtnet.views import Verdict


@common.command(
    "cqtnet music pieces --count 40 --duration 45",
    "cqtnet train pieces/manifest.tsv --out runs/first --preset tiny --epochs 2",
)
@click.argument("source", type=common.PATH)
@common.OUT(required=True, help="Folder of the run.")
@option("--recipe", default="default", help="default or paper.", show_default=True)
@option("--preset", help="default, paper or tiny.  [default: the recipe's name]")
@option("--begin-with", help="Weights to begin with instead of random ones: default, paper, a file "
        "or a run's folder.")  # fmt: skip
@option("--epochs", type=IntRange(1), help="Instead of the recipe's.")
@option("--batch", type=IntRange(2), help="Fragments of the longest length in a step, per device.")
@option("--lr", type=FloatRange(0, min_open=True), help="Instead of the recipe's.")
@option("--waveform-share", type=FloatRange(0, 1), help="Instead of the recipe's.")
@option("--set", "assignments", multiple=True, metavar="NAME=VALUE",
        help="Any field of the recipe, or preset.FIELD: --set temperature=0.1 "
        "--set preset.head=gem.")  # fmt: skip
@option("--validation", type=FloatRange(0, 0.9), default=0.1, help="Share of collections held out.",
        show_default=True)  # fmt: skip
@option("--noise", type=common.PATH, help="Folder with background noise.")
@option(
    "--cache", type=common.PATH, help="Folder for what is made of recordings.  [default: OUT/cache]"
)
@common.SEED
@common.DEVICE
@common.PRECISION
@option("--jobs", "workers", type=IntRange(0), help="Processes that alter waveforms.  [default: "
        "one for each processor but one, at most 16]")  # fmt: skip
@common.JSON(help="Print the result as JSON.")
@common.progress_options
@option("--resume", is_flag=True, help="Go on where the run in OUT stopped.")
@option("--stop-after", "stop_after_min", type=FloatRange(0), default=math.inf,
        help="Minutes; the run stops at the end of an epoch, and --resume goes on.")  # fmt: skip
def train(
    source: Path, out: Path, recipe: str, preset: str | None, begin_with: str | None,
    validation: float, noise: Path | None, cache: Path | None, workers: int | None, as_json: bool,
    stop_after_min: float, assignments: tuple[str, ...], **given: Any,
) -> None:  # fmt: skip
    """Train on SOURCE, a folder or a manifest, every recording its own class.

    A manifest is a .tsv or .csv with the columns `path` (or `file`), and optionally `id`,
    `split` (train, valid; others are left out) and `collection` (or `repository`): recordings
    of one collection may hold the same music, so they are never a pair of different ones.

    Several GPUs: torchrun --nproc-per-node N --no-python cqtnet train …
    """
    from cqtnet.audio import find_audio
    from cqtnet.checkpoint import BEST, FINAL, load_weights
    from cqtnet.data import read_items
    from cqtnet.preset import find_preset
    from cqtnet.recipes import changed, find_recipe
    from cqtnet.runstate import is_main
    from cqtnet.train import TrainConfig

    changes = {key: given.pop(key) for key in ("epochs", "batch", "lr", "waveform_share")}
    of_preset = [text for text in assignments if text.startswith("preset.")]
    chosen = changed(
        find_recipe(recipe, **{k: v for k, v in changes.items() if v is not None}),
        [text for text in assignments if text not in of_preset],
    )
    noise_files = tuple(find_audio([noise])) if noise else ()
    if noise and not noise_files:
        raise ManifestError(f"{noise} holds no audio; give a folder with background noise")
    first = load_weights(begin_with) if begin_with else None
    if first and (preset or of_preset):
        raise click.UsageError("the weights of --begin-with have their preset; leave yours out")
    network = changed(
        first.preset if first else find_preset(preset or recipe),
        [text.removeprefix("preset.") for text in of_preset],
    )
    workers = max(1, min(16, (os.cpu_count() or 1) - 1)) if workers is None else workers
    given |= {"workers": workers, "noise": noise_files, "begin_with": first}
    given["stop_after_s"] = 60 * stop_after_min
    config = TrainConfig(out, cache or out / "cache", network, chosen, **given)
    verdict = _train(read_items(source, validation_share=validation), config)
    weights = out / FINAL if (out / FINAL).exists() else out / BEST
    if is_main() and as_json:
        common.show({"weights": weights, "validation_eer": verdict and verdict.eer})
    elif is_main() and verdict is not None:
        eers = ", ".join(f"{name} {100 * eer:.2f} %" for name, eer in verdict.eer.items())
        click.echo(f"validation EER: {eers} → {weights}")


def _train(items: "list[Item]", config: "TrainConfig") -> "Verdict | None":
    """Train with a progress bar: loss, learning rate, fragments per second; EERs every epoch."""
    from cqtnet.progress import progress_bar, talking
    from cqtnet.runstate import is_main
    from cqtnet.train import train

    losses: list[float] = []
    with (
        nullcontext() if is_main() else talking("nothing"),
        progress_bar("preparing the recordings") as bar,
    ):

        def show(report: "StepReport") -> None:
            losses[:] = [*losses[-49:], report.loss]
            text = (
                f"loss {sum(losses) / len(losses):.3f}  lr {report.lr:.1e}  "
                f"{report.fragments_per_s:.0f} fragments/s"
            )
            bar.update(report.step, report.n_steps, doing=f"training  {text}")
            if report.verdict:
                eers = "  ".join(f"{n} {100 * e:.2f}" for n, e in report.verdict.eer.items())
                separation = report.verdict.separation
                bar.print(f"step {report.step}  {text}  EER %: {eers}  separation {separation:.2f}")

        bar.update()
        return train(items, config, on_step=show)
