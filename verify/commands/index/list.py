"""`cqtnet index list`: the recordings of an archive."""

import json
from dataclasses import asdict
from pathlib import Path

import click


@click.command(
    name="list",
    epilog="""\b
Example:
  cqtnet index list archive/ --text 1998 --json
""",
)
@click.argument("archive", type=click.Path(path_type=Path))
@click.option("--text", help="Only those with this text in a path.")
@click.option("--tag", help="Only those with this tag.")
@click.option("--json", "as_json", is_flag=True, help="A line of JSON for each.")
def list_(archive: Path, text: str | None, tag: str | None, as_json: bool) -> None:
    """List the recordings of ARCHIVE: number, duration, paths, tags."""
    from verify.archive.disk.store import Store
    from verify.archive.listing import line

    with Store.open(archive, check=False) as store:
        for entry in store.entries(text=text, tag=tag):
            click.echo(json.dumps(asdict(entry)) if as_json else line(entry))
