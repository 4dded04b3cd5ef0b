"""`cqtnet index add`: recordings taken into an archive."""

import json
import sys
from pathlib import Path

import click


@click.command(
    epilog="""\b
Example:
  cqtnet index add archive/ recordings/ --tag 1998
  find /mnt -name '*.wav' | cqtnet index add archive/ -
"""
)
@click.argument("archive", type=click.Path(path_type=Path))
@click.argument("paths", nargs=-1, required=True, metavar="PATHS…")
@click.option("--tag", "tags", multiple=True, help="Note it with every recording; repeatable.")
@click.option("--model", default="default", help="Of a new archive: shipped weights, or a path.")
@click.option("--rehash", is_flag=True, help="Read files again whose size and time are the same.")
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    help="Files read at once.  [default: one a processor]",
)
@click.option("--ray", "cluster", help="Read by a Ray cluster: its address, auto, or local.")
@click.option("--device", default="auto", help="auto, cpu, cuda or cuda:1.", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
def add(
    archive: Path,
    paths: tuple[str, ...],
    tags: tuple[str, ...],
    model: str,
    rehash: bool,
    jobs: int | None,
    cluster: str | None,
    device: str,
    as_json: bool,
) -> None:
    """Add files, folders and patterns to ARCHIVE, which is made where there is none.

    PATHS may be - for a list on stdin, a line each. Files that are in the archive as they are now
    are passed over, moved ones are recognised by their bytes, and a run that was interrupted goes
    on when it is started again. Files that cannot be used are listed at the end; then the exit
    code is 1.
    """
    from cqtnet.errors import InputError
    from verify.archive import Archive
    from verify.archive.listing import listed
    from verify.archive.progress import adding

    files = list(listed(paths))
    if not files:
        raise InputError(f"no audio in {', '.join(paths)}; give files or folders")
    with Archive.open_or_create(archive, model=model, device=device) as opened:
        with adding(files) as told:
            summary = opened.add(
                files, tags=tags, jobs=jobs, rehash=rehash, cluster=cluster, told=told
            )
        n_recordings = len(opened)
    if as_json:
        click.echo(json.dumps(summary.to_dict(), indent=1))
    else:
        click.echo(f"{summary.sentence()}; {archive} holds {n_recordings:,} recordings")
    for reason in summary.failed.values():
        click.echo(f"cqtnet: {reason}", err=True)
    if summary.failed:
        sys.exit(1)
