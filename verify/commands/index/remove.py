"""`cqtnet index remove`: recordings taken out of an archive."""

from pathlib import Path

import click


@click.command(
    epilog="""\b
Example:
  cqtnet index remove archive/ --id 17 --id 18
  cqtnet index remove archive/ --path recordings/one.wav
  cqtnet index remove archive/ --tag 1998
"""
)
@click.argument("archive", type=click.Path(path_type=Path))
@click.option("--id", "numbers", type=int, multiple=True, help="By number; repeatable.")
@click.option("--path", "paths", multiple=True, help="By path; repeatable.")
@click.option("--text", help="All with this text in a path.")
@click.option("--tag", help="All with this tag.")
@click.option("--dry-run", is_flag=True, help="Only list what would be removed.")
def remove(
    archive: Path,
    numbers: tuple[int, ...],
    paths: tuple[str, ...],
    text: str | None,
    tag: str | None,
    dry_run: bool,
) -> None:
    """Remove recordings from ARCHIVE for good; their files are neither needed nor touched.

    With both, --text and --tag, recordings must have both. `cqtnet index compact` gives the room
    back.
    """
    from verify.archive import Archive
    from verify.archive.listing import line

    with Archive.open(archive, write=not dry_run) as opened:
        found = opened.select(numbers=numbers, paths=paths, text=text, tag=tag)
        if not dry_run:
            opened.remove([entry.id for entry in found])
    for entry in found:
        click.echo(line(entry))
    click.echo(f"{len(found)} {'would be' if dry_run else 'were'} removed", err=True)
