"""`cqtnet dedupe`: recordings of an archive that are versions of each other, or hold each other."""

import sys
from pathlib import Path

import click

from cqtnet import commands as common


@common.command(
    "cqtnet dedupe archive/",
    "cqtnet dedupe archive/ --csv > pairs.csv",
    one_of=["--json --csv"],
)
@click.argument("archive", type=common.PATH)
@common.MIN_LR
@common.DEVICE
@common.JSON(help="Print a line of JSON for every pair.")
@common.CSV(help="Print a line of CSV for every stretch that two share.")
@common.progress_options
def dedupe(
    archive: Path, min_log_lr: float | None, device: str, as_json: bool, as_csv: bool
) -> None:
    """Group the recordings of ARCHIVE that share sound: copies, versions, excerpts, mixes.

    Each is searched for in the archive's index by its stored windows. Where another recording
    agrees, both are aligned, and what they share is printed with a likelihood ratio and its place
    in both. Copies are told from other renditions of one work. Files that cannot be read are
    named; then the exit code is 1.
    """
    from cqtnet.progress import progress_bar
    from verify import Archive
    from verify.archive.duplicates import Pair, duplicates, group_lines, grouped
    from verify.archive.listing import PAIR_COLUMNS, copies_lines, pair_rows

    pairs, failed = [], 0
    if as_csv:
        common.show_csv([PAIR_COLUMNS])
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
                    common.show(pair, in_a_line=True)
                elif as_csv:
                    common.show_csv(pair_rows(pair))
            else:
                common.complain(pair)
                failed += 1
        copies = copies_lines(opened.store.entries())
    if not as_json and not as_csv:
        click.echo("\n".join([*group_lines(grouped(pairs), pairs), *copies]))
    sys.exit(1 if failed else 0)
