"""`cqtnet eval score`: what a system says of a list of trials."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from eval.systems import SYSTEMS

if TYPE_CHECKING:
    from eval.metrics import OperatingPoint


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


# `cqtnet eval report`: figures, tables and pictures of score files.

FEWEST_RESAMPLES = 20


@click.command(
    epilog="""\b
Example:
  cqtnet eval report ours.csv baseline=mean-cqt.csv --out report

\b
`report` then holds report.md to read, report.json and report.csv for scripts, and the
pictures as PNG and SVG.
"""
)
@click.argument("scores", nargs=-1, required=True, metavar="[NAME=]SCORES.csv...")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder to write.")
@click.option("--force", is_flag=True, help="Replace a report that is there.")
@click.option("--threshold", type=float, help="Also errors and accuracy where `score` >= this.")
@click.option(
    "--operating-point",
    "points",
    multiple=True,
    metavar="P[,CM,CF]",
    help="Prior of a target, costs of miss and false alarm; repeatable.  [default: 0.5, 0.01]",
)
@click.option(
    "--false-alarm-rate",
    "rates",
    multiple=True,
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help="Misses at this rate of false alarms; repeatable.  [default: 0.01, 0.001, 0.0001]",
)
@click.option(
    "--resamples",
    type=click.IntRange(0, 100_000),
    default=1000,
    help="Recordings drawn anew so often for the 95 % intervals; 0: none.",
    show_default=True,
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--no-pictures", is_flag=True, help="Tables only.")
@click.option("--json", "as_json", is_flag=True, help="Print what report.json holds.")
def report(
    scores: tuple[str, ...],
    out: Path,
    force: bool,
    threshold: float | None,
    points: tuple[str, ...],
    rates: tuple[float, ...],
    resamples: int,
    seed: int,
    no_pictures: bool,
    as_json: bool,
) -> None:
    """Measure score files, one for each system: EER, DET, costs, Cllr, retrieval, by condition.

    A score file is a CSV with the columns reference, probe, label (1: same recording), condition,
    recording and score (higher: same), and optionally log_lr (natural logarithm). Any system's
    scores can be measured; intervals come from drawing recordings anew.
    """
    from cqtnet.errors import InputError
    from eval.report import Options, errors_table, page, read_report, system_names, write_report
    from eval.report_pictures import draw_pictures

    if 0 < resamples < FEWEST_RESAMPLES:
        raise InputError(
            f"{resamples} resamples make no 95 % interval; give {FEWEST_RESAMPLES} or more, or 0"
        )
    if (out / "report.json").exists() and not force:
        raise InputError(f"{out} holds a report already; use --force to replace it")
    defaults = Options()
    options = Options(
        operating_points=tuple(dict.fromkeys(map(_point, points))) or defaults.operating_points,
        false_alarm_rates=tuple(dict.fromkeys(rates)) or defaults.false_alarm_rates,
        threshold=threshold,
        resamples=resamples,
        seed=seed,
    )
    measured = read_report(system_names(scores), options=options)
    pictures = {} if no_pictures else draw_pictures(measured)
    write_report(out, measured, page=page(measured, pictures=pictures), pictures=pictures)
    if as_json:
        click.echo((out / "report.json").read_text(), nl=False)
    else:
        click.echo(errors_table(measured))
        click.echo(f"report: {out / 'report.md'}", err=True)


def _point(text: str) -> "OperatingPoint":
    """The operating point that `0.01` or `0.01,10,1` means."""
    from cqtnet.errors import InputError
    from eval.metrics import OperatingPoint

    try:
        numbers = [float(part) for part in text.split(",")]
        if len(numbers) not in (1, 3):
            raise ValueError
    except ValueError:
        raise InputError(
            f"operating point {text!r}; give the prior of a target, or prior, cost of a miss, "
            "cost of a false alarm: 0.01,10,1"
        ) from None
    return OperatingPoint(*numbers)
