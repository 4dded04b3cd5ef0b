"""`cqtnet index verify`: whether an archive is as it was written."""

import json
import sys
from pathlib import Path

import click


@click.command(
    epilog="""\b
Example:
  cqtnet index verify archive/ --read-audio

\b
Exit codes: 0 all is as it was written; 1 something is not; 2 the archive cannot be opened.
"""
)
@click.argument("archive", type=click.Path(path_type=Path))
@click.option("--read-audio", is_flag=True, help="Hash the recordings' files, too.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def verify(archive: Path, read_audio: bool, as_json: bool) -> None:
    """Read all of ARCHIVE and compare it with its checksums; with --read-audio its files, too."""
    from verify.archive.checking import check

    problems = check(archive, read_audio=read_audio)
    if as_json:
        click.echo(json.dumps([{"file": str(p.file), "what": p.what} for p in problems], indent=1))
    else:
        for problem in problems:
            click.echo(f"{problem.file}: {problem.what}")
        click.echo(f"{len(problems)} problems" if problems else "all is as it was written")
    if problems:
        sys.exit(1)
