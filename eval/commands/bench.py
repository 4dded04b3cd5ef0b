"""`cqtnet eval bench`: measured speed and memory."""

import json
from dataclasses import asdict

import click

PARTS = (
    "startup", "frontend", "embedding", "training", "comparison", "archive", "scoring",
    "metrics", "memory",
)  # fmt: skip
LONG = ("archive-index",)
"""Measured only where named: a million windows, 6 GB of disk, half an hour."""


@click.command(
    epilog="""\b
Example:
  cqtnet eval bench --only frontend --quick
"""
)
@click.option(
    "--only", type=click.Choice(PARTS + LONG), multiple=True, help="Measure these parts only."
)
@click.option("--quick", is_flag=True, help="Small sizes: a look, not a figure to quote.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, versions included.")
def bench(only: tuple[str, ...], quick: bool, as_json: bool) -> None:
    """Measure speed and memory, each against a named baseline of the same run.

    Machines differ and are noisy: quote the ratios.
    """
    from cqtnet.versions import versions
    from eval.bench.parts import MEASURES

    lines = []
    for name in only or PARTS:
        for measurement in MEASURES[name](quick=quick):
            lines.append(measurement)
            if not as_json:
                click.echo(measurement.line())
    if as_json:
        content = {"versions": versions(), "measurements": [asdict(line) for line in lines]}
        click.echo(json.dumps(content, indent=1))
