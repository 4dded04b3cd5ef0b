"""`cqtnet dedupe`: recordings of an archive that are versions of each other, or hold each other."""

import json
import sys
from pathlib import Path

import click

from cqtnet.commands import DEVICE, JSON, PATH, command, complain


@command("cqtnet dedupe archive/ --json > pairs.jsonl")
@click.argument("archive", type=PATH)
@click.option("--min-log-lr", type=float, help="Least natural-log ratio of a match.")
@DEVICE
@JSON(help="A line of JSON for every pair.")
def dedupe(archive: Path, min_log_lr: float | None, device: str, as_json: bool) -> None:
    """Group the recordings of ARCHIVE that share sound: copies, versions, excerpts, mixes.

    Each is searched for in the archive's index by its stored windows. Where another recording
    agrees, both are aligned, and what they share is printed with a likelihood ratio and its place
    in both. Copies are told from other renditions of one work. Files that cannot be read are
    named; then the exit code is 1.
    """
    from cqtnet.progress import progress_bar
    from verify import Archive
    from verify.archive.duplicates import Pair, duplicates, group_lines, grouped

    pairs, failed = [], 0
    with (
        Archive.open(archive, device=device) as opened,
        progress_bar("comparing", len(opened)) as bar,
    ):
        found = duplicates(
            opened,
            min_log_lr=min_log_lr,
            on_progress=lambda entry: bar.advance(doing=f"number {entry.id}"),
        )
        for pair in found:
            if isinstance(pair, Pair):
                pairs.append(pair)
                if as_json:
                    click.echo(json.dumps(pair.to_dict()))
            else:
                complain(pair)
                failed += 1
    if not as_json:
        click.echo("\n".join(group_lines(grouped(pairs), pairs)))
    sys.exit(1 if failed else 0)
