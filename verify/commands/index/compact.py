"""`cqtnet index compact`: the room of removed recordings given back."""

from pathlib import Path

import click


@click.command(
    epilog="""\b
Example:
  cqtnet index compact archive/
"""
)
@click.argument("archive", type=click.Path(path_type=Path))
def compact(archive: Path) -> None:
    """Give back the room in ARCHIVE that removed recordings took up."""
    from verify.archive.disk.store import Store

    with Store.open(archive, write=True) as store:
        click.echo(f"{store.compact() / 1e6:,.1f} MB given back")
