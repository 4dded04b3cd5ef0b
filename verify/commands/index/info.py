"""`cqtnet index info`: what an archive is and holds."""

import json
from pathlib import Path

import click


@click.command(
    epilog="""\b
Example:
  cqtnet index info archive/
"""
)
@click.argument("archive", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def info(archive: Path, as_json: bool) -> None:
    """Tell what ARCHIVE holds: recordings, hours, windows, model, index and its recall."""
    from verify.archive.disk.store import Store
    from verify.archive.listing import account, told

    with Store.open(archive, check=False) as store:
        found = account(store)
    click.echo(json.dumps(found, indent=1) if as_json else "\n".join(told(found)))
