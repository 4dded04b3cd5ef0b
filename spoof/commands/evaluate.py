"""`cqtnet spoof evaluate`: what a trained detector is worth."""

import json
from pathlib import Path

import click

from spoof.commands.options import PARTS, PATH, data_options, reading


@click.command(
    epilog="""\b
Example:
  cqtnet spoof evaluate runs/s4 --data LA --out reports/s4
"""
)
@click.argument("weights", metavar="RUN_OR_WEIGHTS")
@data_options
@click.option("--out", type=PATH, help="Folder for the report; none: figures on stdout alone.")
@click.option("--force", is_flag=True, help="Replace a report that is there.")
@click.option("--part", type=click.Choice(PARTS), default="auto", show_default=True)
@click.option(
    "--shortcuts",
    type=click.IntRange(0),
    default=200,
    show_default=True,
    help="Recordings of each class that the shortcut test changes; 0: none.",
)
@click.option("--resamples", type=click.IntRange(0), default=1000, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print what report.json holds.")
def evaluate(
    weights: str,
    data: Path,
    layout: str | None,
    cache: Path | None,
    workers: int | None,
    device: str,
    out: Path | None,
    force: bool,
    part: str,
    shortcuts: int,
    resamples: int,
    as_json: bool,
) -> None:
    """Measure a detector: the folder of a run, a .safetensors file, or shipped weights by name.

    Accuracy, precision, recall and F1 of either class, EER with its interval, ROC, DET and AUC, of
    recordings and of segments, by system and by collection; and the shortcut test: how many human
    recordings turn "synthetic" when they are re-encoded, narrowed or resampled. --part auto is
    the test part of the data it was trained on; of other data what they mark as such, or all.
    """
    from cqtnet.errors import InputError
    from spoof.checkpoint import load_trained
    from spoof.commands.progress import showing
    from spoof.evaluate import evaluate as measure
    from spoof.parts import known_part
    from spoof.report import page, write_report

    if out is not None and (out / "report.json").exists() and not force:
        raise InputError(f"{out} holds a report already; use --force to replace it")
    trained = load_trained(weights)
    if cache is None and (trained.path.parent / "cache").is_dir():
        cache = trained.path.parent / "cache"
    with (
        showing() as shown,
        reading(data, layout, cache=cache, workers=workers, told=shown.prepared) as (
            utterances,
            preparer,
        ),
    ):
        found = measure(
            trained,
            utterances,
            preparer,
            part=known_part(part),
            device=device,
            shortcuts=shortcuts,
            resamples=resamples,
        )
    if out is not None:
        click.echo(f"report: {write_report(out, found)}", err=True)
    if as_json:
        click.echo(json.dumps(found.to_dict(), indent=1))
    else:
        click.echo(page(found, pictures=[]), nl=False)
