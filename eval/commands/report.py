"""`cqtnet eval report`: figures, tables and pictures of score files."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from eval.metrics import OperatingPoint

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
    from eval.report import Options, read_report, system_names, write_report
    from eval.report_pictures import draw_pictures
    from eval.report_table import errors_table, page

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
