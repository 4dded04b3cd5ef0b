"""`cqtnet eval score`: what a system says of a list of trials."""

import json
from pathlib import Path

import click

from eval.systems import SYSTEMS

PATH = click.Path(path_type=Path)


@click.command(
    epilog="""\b
Example:
  cqtnet eval score sets/paper-tempo.csv scores/tempo.csv
  cqtnet eval score sets/paper-tempo.csv scores/tempo-dtw.csv --system chroma-dtw
"""
)
@click.argument("trials", type=PATH, metavar="TRIALS.csv")
@click.argument("scores", type=PATH, metavar="SCORES.csv")
@click.option("--system", type=click.Choice(tuple(SYSTEMS)), default="embedding", show_default=True)
@click.option("--model", default="default", help="Shipped weights by name, or a path.")
@click.option("--workers", type=click.IntRange(1), help="Processes.  [default: one a processor]")
@click.option("--cache", type=PATH, help="Folder to keep what is computed of each file.")
@click.option("--device", default="auto", help="auto, cpu, cuda or cuda:1.", show_default=True)
@click.option(
    "--precision",
    type=click.Choice(["auto", "float32", "bfloat16"]),
    default="auto",
    help="What the network computes in.",
    show_default=True,
)
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
@click.option("--force", is_flag=True, help="Replace the scores if they exist.")
def score(
    trials: Path,
    scores: Path,
    system: str,
    model: str,
    workers: int | None,
    cache: Path | None,
    device: str,
    precision: str,
    as_json: bool,
    force: bool,
) -> None:
    """Score every pair of TRIALS.csv: its columns and `score`, higher for the same recording.

    `embedding` is the cosine of the network's embeddings, at the best place where one recording
    is longer; `comparison` is the calibrated score of `cqtnet compare`, `alignment` what that is
    made of, before calibration; `mean-cqt` and `chroma-dtw` are baselines without a network.
    Beside the scores, SCORES.json says how they were made. Each file is decoded once. A run that
    was stopped goes on when it is started again. A file that cannot be used is an error that names
    its trial.
    """
    from eval.scoring import score_trials
    from eval.systems.interface import Settings

    done = score_trials(
        trials,
        scores,
        system=system,
        settings=Settings(model, device, precision),  # type: ignore[arg-type]
        workers=workers,
        cache=cache,
        force=force,
    )
    if as_json:
        click.echo(json.dumps(done, indent=1))
    else:
        click.echo(
            f"{done['trials']} trials of {done['files']} files by {system} → {scores}  "
            f"({done['seconds']:.0f} s)"
        )
