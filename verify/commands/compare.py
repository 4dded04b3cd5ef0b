"""`cqtnet compare`: whether two recordings are the same, how sure, where, and altered how."""

import shlex
import sys
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cqtnet import commands as common
from cqtnet.errors import InputError, ManifestError
from verify.commands import CASE, LANGUAGE, case_of
from verify.words import clock, plural, ratio

if TYPE_CHECKING:
    from verify.calibration import Calibration
    from verify.comparison import Comparer
    from verify.recording import Recording
    from verify.report.language import Language
    from verify.report.page import Case, Part
    from verify.results import Comparison, Population
    from verify.words import Against

EXIT_CODES = {"same": 0, "rendition": 1, "different": 1, "insufficient": 3}
COLUMNS = (
    "a", "b", "verdict", "reasons", "lr", "log_lr", "against", "a_start_s", "a_end_s", "b_start_s",
    "b_end_s", "tempo", "shift_semitones", "alterations",
)  # fmt: skip
"""Of the CSV of comparisons."""
KEPT = 8
"""Recordings that are kept in memory for further pairs."""


@common.command(
    "cqtnet compare questioned.m4a reference.wav",
    "cqtnet compare questioned.m4a reference.wav --report case-17.html",
    "cqtnet compare --pairs pairs.csv --csv > results.csv",
    before="""\b
Exit codes: 0 same, 1 different or another rendition, 2 error, 3 insufficient evidence. Of
several pairs: 2 if one could not be compared, else 1 if one differs, else 3 if one is insufficient.

""",
    needs=dict.fromkeys(("--pdf", "--players", "--language", "--case", "--force"), "--report"),
    one_of=["--json --csv"],
)
@click.argument("files", nargs=-1, type=common.PATH, metavar="A B…")
@click.option("--pairs", type=common.PATH, help="A .csv with the columns a and b; - for stdin.")
@click.option(
    "--against",
    type=click.Choice(["rendition", "unrelated"]),
    default="rendition",
    show_default=True,
    help="unrelated: the case rules out that A is another rendition of B.",
)
@click.option(
    "--population", type=click.Choice(["music", "speech"]), help="What A and B are; else measured."
)
@common.MODEL
@common.DEVICE
@click.option(
    "--report", type=common.PATH, help="Write an HTML page of all pairs, for a case file."
)
@click.option("--pdf", is_flag=True, help="Write the page as PDF, too, beside the report.")
@click.option("--players", is_flag=True, help="Put sound into the page, to listen to.")
@LANGUAGE
@CASE
@common.FORCE
@common.JSON(help="Print a line of JSON for every pair.")
@common.CSV(help="Print a line of CSV for every pair.")
@common.progress_options
def compare(
    files: tuple[Path, ...], pairs: Path | None, against: "Against",
    population: "Population | None", model: str, device: str, report: Path | None, pdf: bool,
    players: bool, language: "Language | None", case_file: Path | None, force: bool,
    as_json: bool, as_csv: bool,
) -> None:  # fmt: skip
    """Say whether A and B are the same recording, and where and how they differ.

    A is the questioned recording, B the reference. Of several files, the first is compared with
    each of the others. Recordings may be of any length: a fragment is searched in a longer one.
    The verdict comes with a likelihood ratio: how many times more probable the findings are if a
    stretch of A is a stretch of B, altered or not, than if it is another rendition of the same
    work (another performance, take, synthesis or reading) or an unrelated recording.
    """
    from verify.comparison import Comparer

    listed = pairs_of(files, pairs)
    _check_report(report, pdf=pdf, force=force)
    case = case_of(case_file, (path for pair in listed for path in pair))
    comparer = Comparer.named(model, device=device, against=against, population=population)
    calibration = comparer.calibration
    parts: list[Part] = []
    problems: list[str] = []

    def draw(comparison: "Comparison", a: "Recording", b: "Recording") -> None:
        if report is not None:
            from verify.report.language import speaking
            from verify.report.page import part_of  # here, for matplotlib takes a second to load

            number = 1 + len(parts) if len(listed) > 1 else 0
            with speaking(language or "en"):
                part = part_of(comparison, a, b, calibration, audio=players, number=number)
            parts.append(part)

    codes = set()
    if as_csv:
        common.show_csv([COLUMNS])
    for (a, b), result in zip(listed, compared(comparer, listed, then=draw), strict=True):
        if isinstance(result, InputError):
            if len(listed) == 1:
                raise result
            common.complain(result)
            codes.add(2)
            problems.append(str(result))
            if as_csv:
                common.show_csv([[a, b, "error", str(result), *[""] * (len(COLUMNS) - 4)]])
            continue
        codes.add(EXIT_CODES[result.verdict])
        _show(result, as_json=as_json, as_csv=as_csv)
    if report is not None:
        from verify.report.language import speaking

        with speaking(language or "en"):
            _write_report(report, parts, calibration, problems, case, pdf=pdf)
    elif len(listed) == 1:
        _hint(*listed[0], is_open=3 in codes)
    sys.exit(next(code for code in (2, 1, 3, 0) if code in codes))


def _show(found: "Comparison", *, as_json: bool, as_csv: bool) -> None:
    """Print a comparison in the form that was asked for."""
    if as_json:
        common.show(found, in_a_line=True)
    elif as_csv:
        common.show_csv([row_of(found)])
    else:
        common.show("\n".join(tell(found)))


def _hint(a: Path, b: Path, *, is_open: bool) -> None:
    """Tell what a reader may want to call next."""
    pair = [str(a), str(b)]
    common.hint(shlex.join(["cqtnet", "compare", *pair, "--report", "report.html"]))
    if is_open:
        common.hint(shlex.join(["cqtnet", "diff", *pair]) + "  # was A cut?")


def _check_report(report: Path | None, *, pdf: bool, force: bool) -> None:
    """Raise unless the report, if one is wanted, can be written."""
    from cqtnet.files import refuse_overwrite

    if report is not None:
        common.check_page(report)
        refuse_overwrite(report, force=force)
    if pdf and report is not None:
        from verify.report.page import check_pdf

        refuse_overwrite(report.with_suffix(".pdf"), force=force)
        check_pdf()


def _write_report(
    report: Path, parts: "list[Part]", calibration: "Calibration", problems: list[str],
    case: "Case | None", *, pdf: bool,
) -> None:  # fmt: skip
    """Write the page of all pairs, and the same as PDF; say where they lie."""
    from verify.report.page import page, write

    command = shlex.join(["cqtnet", *sys.argv[1:]])
    content = page(parts, calibration, command=command, problems=problems, case=case)
    write(report, content)
    click.echo(f"report: {report}", err=True)
    if pdf:
        from verify.report.page import write_pdf

        write_pdf(report.with_suffix(".pdf"), content, parts)
        click.echo(f"report: {report.with_suffix('.pdf')}", err=True)


def pairs_of(files: tuple[Path, ...], listed: Path | None) -> list[tuple[Path, Path]]:
    """The pairs to compare: the first file with each of the others, or those of a list."""
    if (listed is None) == (not files):
        raise InputError("give two files or more, or --pairs with a list of them, not both")
    if listed is not None:
        return read_pairs(listed)
    if len(files) < 2:
        raise InputError(f"only {files[0]} was given; give a second file to compare it with")
    return [(files[0], other) for other in files[1:]]


def read_pairs(path: Path) -> list[tuple[Path, Path]]:
    """Pairs of a table with the columns a and b; relative paths start from its folder."""
    from cqtnet.tables import read_table

    folder = Path() if str(path) == "-" else path.parent
    pairs = []
    for line, row in read_table(path, needed=["a", "b"]).dicts():
        if not row["a"] or not row["b"]:
            raise ManifestError(f"{path}:{line}: a or b is empty; fill it in")
        pairs.append((folder / row["a"], folder / row["b"]))
    return pairs


def compared(
    comparer: "Comparer", pairs: list[tuple[Path, Path]], *,
    then: "Callable[[Comparison, Recording, Recording], object]" = lambda *_: None,
) -> Iterator["Comparison | InputError"]:  # fmt: skip
    """The comparison of each pair, or why there is none; each file is read once.

    `then` is called with each comparison and its recordings.
    """
    from cqtnet.audio import shown
    from cqtnet.progress import progress_bar

    @lru_cache(maxsize=KEPT)
    def read(path: Path) -> "Recording | InputError":
        try:
            return comparer.read(path)
        except InputError as error:
            return error  # kept as well: a file that cannot be used is tried once
        except OSError as error:
            return InputError(f"{path} cannot be read: {error}")

    with progress_bar("comparing", len(pairs) if len(pairs) > 1 else None) as bar:
        for number, (a, b) in enumerate(pairs):
            bar.update(number, doing=f"comparing {shown(a.name)}, {shown(b.name)}")
            try:
                first = _used(read(a))
                second = _used(read(b))
                found = comparer.compare(first, second)
                then(found, first, second)
            except InputError as error:
                yield error
            except OSError as error:
                yield InputError(f"{a} and {b} cannot be compared: {error}")
            else:
                yield found


def _used(recording: "Recording | InputError") -> "Recording":
    if isinstance(recording, InputError):
        raise recording
    return recording


def ratio_lines(comparison: "Comparison") -> list[str]:
    """Both ratios of the same recording, and how sure they are; none where none is stated."""
    if comparison.ratios is None:
        return []
    unrelated, rendition = comparison.ratios.unrelated.value, comparison.ratios.rendition.value
    low, high = map(ratio, comparison.deciding[0].interval)
    return [
        f"ratios   {ratio(rendition)} against another rendition, {ratio(unrelated)} against an "
        "unrelated recording",
        f"interval {low} to {high}, 95 % of the ratio that decides; sounds like "
        f"{comparison.population}",
    ]


def row_of(comparison: "Comparison") -> list[object]:
    """A comparison as a row with the columns `COLUMNS`."""
    plain = comparison.to_dict()
    row = {**plain, **(plain["alignment"] or {})}
    row |= {"a": plain["a"]["path"], "b": plain["b"]["path"]}
    row["reasons"] = "; ".join(comparison.reasons)
    row["alterations"] = "; ".join(one.sentence for one in comparison.alterations)
    return [row.get(name, "") for name in COLUMNS]


def tell(comparison: "Comparison") -> list[str]:
    """A comparison as lines of text: the verdict first, then what it rests on."""
    lines = [comparison.headline, *(f"  because {reason}" for reason in comparison.reasons)]
    lines += [f"  A  {comparison.a.path}", f"  B  {comparison.b.path}"]
    if comparison.evidence is None:
        return lines
    lines += [f"  {line}" for line in ratio_lines(comparison)]
    alignment = comparison.alignment if comparison.verdict in ("same", "rendition") else None
    if alignment is not None and comparison.verdict == "rendition":
        lines.append(f"  follows  {alignment.place_in_words.replace(' is ', ' follows ')}")
    elif alignment is not None:
        lines.append(f"  where    {alignment.place_in_words}")
        lines += [f"           {comparison.places_in_words}"] if comparison.places else []
        edits = comparison.edits
        if edits is not None and len(edits.stretches) > 1:
            n = plural(len(edits.stretches), "stretch", "stretches")
            lines.append(f"           in all, {edits.common_s:.1f} s of A come from B, in {n}")
        lines.append(f"  altered  {comparison.line_in_words}")
        lines += [f"           {one.sentence}" for one in comparison.alterations]
        lines += [
            f"  edit     {clock(edit.a_start_s)} of A: {edit.words}"
            for edit in (comparison.edits.edits if comparison.edits else ())
            if edit.kind != "trimmed"
        ]
    cosine = comparison.evidence.similarity.cosine
    side = "above" if cosine >= comparison.cosine_threshold else "below"
    lines.append(
        f"  cosine   {cosine:.3f}, {side} the threshold {comparison.cosine_threshold:.3f} "
        "at which that score alone errs equally often either way"
    )
    if alignment is not None:
        lines.append(
            f"  aligned  correlation {alignment.correlation:.2f}, pieces within "
            f"{1000 * alignment.residual_s:.1f} ms of one line over {alignment.duration_s:.1f} s"
        )
    return lines
