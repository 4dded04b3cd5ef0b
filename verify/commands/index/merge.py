"""`cqtnet index merge`: archives put into one."""

from pathlib import Path

import click


@click.command(
    epilog="""\b
Example:
  cqtnet index merge archive/ archive-of-may/ archive-of-june/
"""
)
@click.argument("archive", type=click.Path(path_type=Path))
@click.argument("others", nargs=-1, required=True, type=click.Path(path_type=Path))
def merge(archive: Path, others: tuple[Path, ...]) -> None:
    """Add all recordings of OTHERS to ARCHIVE; no audio is read, and OTHERS stay as they are.

    All must be made by one model, with one length and hop of windows. Recordings that are in
    ARCHIVE already keep their number and gain the paths of the others.
    """
    from verify.archive.merging import merge_into

    for other in others:
        added, known = merge_into(archive, other)
        click.echo(f"{other}: {added} recordings added, {known} were known")
