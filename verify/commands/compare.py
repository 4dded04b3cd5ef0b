"""`cqtnet compare`: whether two recordings are the same, how sure, where, and altered how."""

import shlex
import sys
from pathlib import Path

import click

EXIT_CODES = {"same": 0, "different": 1, "insufficient": 3}
PATH = click.Path(path_type=Path)


@click.command(
    epilog="""\b
Exit codes: 0 same, 1 different, 2 error, 3 insufficient evidence. Of several pairs: 2 if one
could not be compared, else 1 if one differs, else 3 if one is insufficient.

\b
Example:
  cqtnet compare questioned.m4a reference.wav
  cqtnet compare questioned.m4a reference.wav --report case-17.html
  cqtnet compare --pairs pairs.csv --json > results.jsonl
"""
)
@click.argument("files", nargs=-1, type=PATH, metavar="A B…")
@click.option("--pairs", type=PATH, help="A .csv with the columns a and b; - for stdin.")
@click.option("--model", default="default", help="Shipped weights by name, or a path.")
@click.option("--device", default="auto", help="auto, cpu, cuda or cuda:1.", show_default=True)
@click.option("--report", type=PATH, help="Write a page on it, .html, for a case file.")
@click.option("--players", is_flag=True, help="Put the stretches into the page, to listen to.")
@click.option("--force", is_flag=True, help="Replace the report if it exists.")
@click.option("--json", "as_json", is_flag=True, help="A line of JSON for every pair.")
def compare(
    files: tuple[Path, ...],
    pairs: Path | None,
    model: str,
    device: str,
    report: Path | None,
    players: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Say whether A and B are the same recording, and where and how they differ.

    A is the questioned recording, B the reference; of several files, the first is compared with
    each of the others. Recordings may be of any length: a fragment is sought in a longer one.
    The verdict comes with a likelihood ratio: how many times more probable the findings are if a
    stretch of A is a stretch of B, altered or not, than if they are different recordings.
    """
    from cqtnet.errors import InputError
    from cqtnet.files import refuse_overwrite
    from verify.comparison import Comparer
    from verify.pairs import Page, as_line, compared, pairs_of
    from verify.telling import tell

    listed = pairs_of(files, pairs)
    page = None
    if report is not None:
        if len(listed) != 1:
            raise InputError(f"a report is of one pair, not of {len(listed)}; give two files")
        refuse_overwrite(report, force=force)
        page = Page(report, command=shlex.join(["cqtnet", *sys.argv[1:]]), players=players)
    comparer = Comparer.named(model, device=device)
    codes = set()
    for result in compared(comparer, listed, page=page):
        if isinstance(result, InputError):
            if len(listed) == 1:
                raise result
            click.echo(f"cqtnet: {result}", err=True)
            codes.add(2)
            continue
        codes.add(EXIT_CODES[result.verdict])
        click.echo(as_line(result) if as_json else "\n".join(tell(result)))
    sys.exit(next(code for code in (2, 1, 3, 0) if code in codes))
