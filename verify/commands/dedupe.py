"""`cqtnet dedupe`: recordings of an archive that are versions of each other, or hold each other."""

import json
import sys
from pathlib import Path

import click


@click.command(
    epilog="""\b
Example:
  cqtnet dedupe archive/ --json > pairs.jsonl
"""
)
@click.argument("archive", type=click.Path(path_type=Path))
@click.option("--min-log-lr", type=float, help="Natural-log ratio from which a match is told.")
@click.option("--device", default="auto", help="auto, cpu, cuda or cuda:1.", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="A line of JSON for every pair.")
def dedupe(archive: Path, min_log_lr: float | None, device: str, as_json: bool) -> None:
    """Group the recordings of ARCHIVE that share sound: copies, versions, excerpts, mixes.

    Each is sought in the archive's index by its stored windows; where another recording agrees,
    both are aligned, and what is told has a likelihood ratio and places in both. Files that
    cannot be read are named; then the exit code is 1.
    """
    from rich.console import Console
    from rich.progress import Progress

    from verify.archive import Archive
    from verify.archive.duplicates import Pair, duplicates, grouped
    from verify.archive.telling import tell_groups

    pairs, failed = [], 0
    console = Console(stderr=True)
    with (
        Archive.open(archive, device=device) as opened,
        Progress(console=console, transient=True, disable=not console.is_terminal) as progress,
    ):
        task = progress.add_task("comparing", total=len(opened))
        for pair in duplicates(
            opened,
            min_log_lr=min_log_lr,
            told=lambda done, of: progress.update(task, completed=done, total=of),
        ):
            if isinstance(pair, Pair):
                pairs.append(pair)
                if as_json:
                    click.echo(json.dumps(pair.to_dict()))
            else:
                click.echo(f"cqtnet: {pair}", err=True)
                failed += 1
    if not as_json:
        click.echo("\n".join(tell_groups(grouped(pairs), pairs)))
    sys.exit(1 if failed else 0)
