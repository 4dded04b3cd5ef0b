"""`cqtnet diff`: how one recording was made from another."""

import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cqtnet.commands import FORCE, JSON, PATH, command, progress_options, show
from cqtnet.errors import FragmentTooShortError
from cqtnet.files import refuse_overwrite
from verify.commands import CASE, LANGUAGE, case_of, check_report
from verify.words import clock, clock_span, plural

if TYPE_CHECKING:
    from verify.edits import EditMap
    from verify.features import Floats

SIGNS = {
    "cut": "-", "trimmed": "-", "inserted": "+", "replaced": "~", "repeated": "*", "looped": "*",
    "moved": ">",
}  # fmt: skip


@command(
    "cqtnet diff questioned.wav reference.wav --labels edits.txt --report edits.html",
    after="""
\b
Exit codes: 0 A is B from beginning to end, at its tempo and pitch; 1 it is not; 2 the input or
the call is wrong.
""",
    needs={"--force": "--labels --report", "--language": "--report", "--case": "--report"},
)
@click.argument("a", type=PATH, metavar="A")
@click.argument("b", type=PATH, metavar="B")
@click.option("--labels", type=PATH, help="Labels on A: .txt for Audacity, .csv for Reaper.")
@click.option("--report", type=PATH, help="Write an HTML page for a case file.")
@LANGUAGE
@CASE
@JSON(help="Print JSON.")
@FORCE
@progress_options
def diff(
    a: Path, b: Path, labels: Path | None, report: Path | None, case_file: Path | None,
    as_json: bool, force: bool,
) -> None:  # fmt: skip
    """Show how recording A was made from recording B: what is the same, and each edit.

    \b
    =  the same stretch of both      -  of B, not in A
    +  in A, not from B              ~  replaced
    >  moved here                    *  heard again

    Each stretch has its own tempo, from 0.48 to 2.08 times that of B, and its own pitch, up to 13
    semitones higher or lower.
    """  # noqa: D301
    from cqtnet import SAMPLE_RATE, audio
    from cqtnet.progress import working
    from verify.editmap import edit_map
    from verify.edits import check_suffix, write_labels
    from verify.features import Features, held
    from verify.waveform import left_db_of

    if labels is not None:
        check_suffix(labels)
        refuse_overwrite(labels, force=force)
    check_report(report, force=force)
    case = case_of(case_file, (a, b))
    before = [(path, audio.FileStatus.of(path)) for path in (a, b)]
    with working("comparing"):
        sounds = _samples(a), _samples(b)
        found = edit_map(*map(Features.of, sounds), left_db=left_db_of(*map(held, sounds)))
    a_s, b_s = (samples.size / SAMPLE_RATE for samples in sounds)
    found = replace(found, a_duration_s=a_s, b_duration_s=b_s)
    if labels is not None:
        write_labels(found, labels)
    if report is not None:
        from verify.report.page import write_diff  # here, for matplotlib takes a second to load

        write_diff(report, found, a, b, command=shlex.join(["cqtnet", *sys.argv[1:]]), case=case)
        click.echo(f"report: {report}", err=True)
    if as_json:
        files = {
            name: {"path": audio.shown(path), "sha256": audio.file_sha256(path)}
            for name, path in (("a", a), ("b", b))
        }
        for path, status in before:
            status.refuse_other(path)
        show({**files, "identical": found.is_identical, **found.to_dict()})
    else:
        click.echo("\n".join(_lines(a, b, found)))
    sys.exit(0 if found.is_identical else 1)


def _samples(path: Path) -> "Floats":
    """The samples of a file; an error if it is too short or silent."""
    from cqtnet import SAMPLE_RATE, audio
    from verify.editmap import LEAST_S

    samples = audio.load(path)
    audio.require_content(samples, name=audio.shown(path))
    duration_s = samples.size / SAMPLE_RATE
    if duration_s < LEAST_S:
        raise FragmentTooShortError(
            f"{audio.shown(path)}: {duration_s:.2f} s are too short to find edits in; give at "
            f"least {LEAST_S:g} s"
        )
    return samples


def _lines(a: Path, b: Path, found: "EditMap") -> list[str]:
    """The edit map as lines of text: both names, a summary, then stretches and edits."""
    from cqtnet import audio

    lines = [
        f"--- B {audio.shown(b)}  {clock(found.b_duration_s)}",
        f"+++ A {audio.shown(a)}  {clock(found.a_duration_s)}",
    ]
    if not found.stretches:
        return [*lines, "nothing in common was found"]
    if found.is_identical:
        return [*lines, "A is B from beginning to end", *_rows(found)]
    share = 100 * found.common_s / found.a_duration_s
    count = len(found.stretches)
    summary = (
        f"{plural(count, 'stretch', 'stretches')} of B {'is' if count == 1 else 'are'} in A, "
        f"{found.common_s:.2f} s ({share:.0f} % of A); {plural(len(found.edits), 'edit')}"
    )
    return [*lines, summary, *_rows(found)]


def _rows(found: "EditMap") -> list[str]:
    """A line for each stretch and edit, in the order of A."""
    from verify.edits import described

    altered = {(s.a_start_s, s.b_start_s): described(s) for s in found.stretches}
    spans = [  # of edits that say all of a stretch
        (edit.a_start_s, edit.a_end_s)
        for edit in found.edits
        if edit.kind in ("moved", "repeated", "looped")
    ]
    rows = [
        (s.a_start_s, s.a_end_s, "=", s.b_start_s, s.b_end_s, described(s))
        for s in found.stretches
        if not any(start_s <= s.a_start_s and s.a_end_s <= end_s for start_s, end_s in spans)
    ]
    for e in found.edits:
        how = altered.get((e.a_start_s, e.b_start_s), "")
        words = f"{e.kind}: {e.words}{', ' if how else ''}{how}"
        rows.append((e.a_start_s, e.a_end_s, SIGNS[e.kind], e.b_start_s, e.b_end_s, words))
    rows.sort(key=lambda row: row[:2])
    return [
        f"{sign} A {clock_span(a, a_end):<17}  B {clock_span(b, b_end):<17}  {words}".rstrip()
        for a, a_end, sign, b, b_end, words in rows
    ]
