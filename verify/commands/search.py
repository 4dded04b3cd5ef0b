"""`cqtnet search`: where recordings, or parts of them, lie in an archive."""

import shlex
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cqtnet import commands as common
from cqtnet.errors import InputError
from verify.commands import LANGUAGE

if TYPE_CHECKING:
    from cqtnet.progress import Bar
    from verify.archive.results import SearchResult
    from verify.archive.searcher import Searcher


@common.command(
    "cqtnet search archive/ fragment.wav",
    "cqtnet search archive/ broadcast.mp3 --report broadcast.html",
    "cqtnet search archive/ clips/ --csv > found.csv",
    before="""\b
Exit codes: 0 found; 1 not in the archive; 2 error; 3 perhaps, not confirmed (what is most like it
is away), or nothing can be said of it (silence, too short). Of several queries: 2 if one could not
be read, else 1 if one was not found, else 3.

""",
    needs=dict.fromkeys(("--force", "--language"), "--report"),
    one_of=["--json --csv --renditions"],
)
@click.argument("archive", type=common.PATH)
@click.argument("queries", nargs=-1, required=True, metavar="QUERY…")
@click.option("-k", "--limit", type=click.IntRange(min=1), help="Matches to print, at most.")
@click.option("--renditions", is_flag=True, help="List other renditions of a short query, too.")
@common.MIN_LR
@click.option("--report", type=common.PATH, help="Write a page, .html, of one query.")
@LANGUAGE
@common.FORCE
@common.DEVICE
@common.JSON(help="Print a line of JSON for every query.")
@common.CSV(help="Print a line of CSV for every match.")
@common.progress_options
def search(
    archive: Path, queries: tuple[str, ...], limit: int | None, renditions: bool,
    min_log_lr: float | None, report: Path | None, force: bool, device: str, as_json: bool,
    as_csv: bool,
) -> None:  # fmt: skip
    """Find where the recordings QUERY… lie in ARCHIVE, at any tempo and pitch.

    For a query of up to two minutes, every recording that holds a stretch of it is printed; up to
    15 s, the surest first. For a longer one, a mix or a day of broadcast, each stretch is printed
    once, with the surest recording. The network finds candidates; each is then aligned and weighed
    as `cqtnet compare` does, so that a match has a likelihood ratio. FOUND is a copy; another
    performance, take or synthesis of the query is no match, and listed with --renditions. A match
    with a ratio below 10, or one that may be either, is printed as PERHAPS; above two hours of
    archive that limit rises. What is most like the query, but whose file is away or has changed, is
    NOT CONFIRMED and listed first.
    """
    from cqtnet.progress import working
    from verify import Archive
    from verify.archive.listing import COLUMNS, audio_files, match_rows, result_lines

    files, codes = list(audio_files(queries)), set[int]()
    if report is not None:
        common.check_page(report)
    rule = "a report is of one query, not of {}; give one file"
    common.check_files(files, queries, report, rule, force=force)
    with Archive.open(archive, device=device) as opened, working("searching") as bar:
        searcher = opened.searcher(min_log_lr=min_log_lr)
        if as_csv:
            common.show_csv([COLUMNS])
        for file, result in _found(searcher, files, limit, bar):
            if result is None:
                codes.add(2)
                continue
            codes.add({"found": 0, "absent": 1}.get(result.answer, 3))
            if as_json:
                common.show({"query": file, **result.to_dict()}, in_a_line=True)
            elif as_csv:
                common.show_csv(match_rows(file, result))
            else:
                lines = result_lines(file, result, n_recordings=len(opened), renditions=renditions)
                click.echo("\n".join(lines))
            if report is not None:
                from verify.report.search import write_search_report  # which loads matplotlib

                write_search_report(report, file, result, opened.store)
                click.echo(f"report: {report}", err=True)
    if report is None and len(files) == 1:
        words = ["cqtnet", "search", str(archive), *files, "--report", "report.html"]
        common.hint(shlex.join(words))
    sys.exit(next(code for code in (2, 1, 3, 0) if code in codes))


def _found(
    searcher: "Searcher", files: list[str], limit: int | None, bar: "Bar"
) -> Iterator[tuple[str, "SearchResult | None"]]:
    """Each file with what is found; None of one among several that cannot be searched for."""
    from verify.archive.search import search as search_file

    for number, file in enumerate(files):
        bar.update(number, len(files) if len(files) > 1 else None, doing=f"searching {file}")
        try:
            result = search_file(searcher, file)
            yield file, replace(result, matches=result.matches[:limit])
        except InputError as error:
            if len(files) == 1:
                raise
            common.complain(error)
            yield file, None
