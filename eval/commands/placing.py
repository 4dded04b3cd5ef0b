"""`cqtnet eval placing`: how exact place, tempo and pitch are."""

import json
from pathlib import Path

import click

PATH = click.Path(path_type=Path)


@click.command(
    epilog="""\b
Example:
  cqtnet eval score sets/hard.csv hard.csv --system comparison
  cqtnet eval placing hard.csv --truth sets
"""
)
@click.argument("scores", type=PATH, metavar="SCORES.csv")
@click.option("--truth", type=PATH, required=True, help="Folder of the sets: *.truth.jsonl.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def placing(scores: Path, truth: Path, as_json: bool) -> None:
    """Errors of place, tempo and pitch, by condition, of what `comparison` found.

    The place is wrong by the larger of the errors at the fragment's two ends. Matches are the
    targets that got a likelihood ratio above 1.
    """
    from eval.placing import placing as measured

    found = {name: errors.to_dict() for name, errors in measured(scores, truth).items()}
    if as_json:
        click.echo(json.dumps(found, indent=1))
        return
    click.echo("| condition | matches | place ms, median / 95 % | tempo % | cents |")
    click.echo("|---|---|---|---|---|")
    for name, row in found.items():
        pairs = [
            " / ".join("–" if row[f"{what}_{part}"] is None else f"{row[f'{what}_{part}']:.3g}"
                       for part in ("median", "p95"))
            for what in ("place_ms", "tempo_percent", "cents")
        ]  # fmt: skip
        click.echo(f"| {name} | {row['matches']} of {row['targets']} | " + " | ".join(pairs) + " |")
