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
from cqtnet.files import refuse_overwrite
from verify.commands import CASE, LANGUAGE, case_of, check_report
from verify.words import clock, plural, ratio

if TYPE_CHECKING:
    from verify.comparison import Comparer
    from verify.recording import Recording
    from verify.report.page import Case, Part
    from verify.results import Comparison, Population
    from verify.words import Against

EXIT_CODES = {"same": 0, "rendition": 1, "different": 1, "insufficient": 3}
COLUMNS = (
    "a", "b", "verdict", "reasons", "lr", "log_lr", "against", "a_start_s", "a_end_s", "b_start_s",
    "b_end_s", "tempo", "shift_semitones", "alterations",
)  # fmt: skip
"""Of the CSV of comparisons."""
KEPT = 8  # recordings that are kept in memory for further pairs


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
@click.option("--against", type=click.Choice(["rendition", "unrelated"]), default="rendition",
              show_default=True,
              help="unrelated: the case rules out that A is another rendition of B.")  # fmt: skip
@click.option("--population", type=click.Choice(["music", "speech"]),
              help="What A and B are; else measured.")  # fmt: skip
@common.MODEL
@common.DEVICE
@click.option("--report", type=common.PATH,
              help="Write an HTML page of all pairs, for a case file.")  # fmt: skip
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
    players: bool, case_file: Path | None, force: bool, as_json: bool, as_csv: bool,
) -> None:  # fmt: skip
    """Say whether A and B are the same recording, and where and how they differ.

    A is the questioned recording, B the reference. Of several files, the first is compared with
    each of the others. Recordings may be of any length: a fragment is searched in a longer one.
    The verdict comes with a likelihood ratio: how many times more probable the findings are if a
    stretch of A is a stretch of B, altered or not, than if it is another rendition of the same
    work (another performance, take, synthesis, reading or mix) or an unrelated recording.
    """
    from verify.comparison import Comparer

    listed = pairs_of(files, pairs)
    _check_report(report, pdf=pdf, force=force)
    case = case_of(case_file, (path for pair in listed for path in pair))
    comparer = Comparer.named(model, device=device, against=against, population=population)
    parts, problems, codes = list["Part"](), list[str](), set[int]()

    def draw(comparison: "Comparison", a: "Recording", b: "Recording") -> None:
        if report is not None:
            from verify.report.page import part_of  # here, for matplotlib takes a second to load

            number, known = 1 + len(parts) if len(listed) > 1 else 0, comparer.calibration
            parts.append(part_of(comparison, a, b, known, audio=players, number=number))

    if as_csv:
        common.show_csv([COLUMNS])
    for pair, result in zip(listed, compared(comparer, listed, then=draw), strict=True):
        if isinstance(result, InputError):
            if len(listed) == 1:
                raise result
            problems.append(str(result))
        codes.add(2 if isinstance(result, InputError) else EXIT_CODES[result.verdict])
        _show(pair, result, as_json=as_json, as_csv=as_csv)
    if report is not None:
        _write_report(report, parts, comparer, problems, case, pdf=pdf)
    elif len(listed) == 1:
        words = [str(path) for path in listed[0]]
        common.hint(shlex.join(["cqtnet", "compare", *words, "--report", "report.html"]))
        if 3 in codes:
            common.hint(shlex.join(["cqtnet", "diff", *words]) + "  # was A cut?")
    sys.exit(next(code for code in (2, 1, 3, 0) if code in codes))


def _show(
    pair: tuple[Path, Path], result: "Comparison | InputError", *, as_json: bool, as_csv: bool
) -> None:
    """Print a comparison, or why there is none, in the form that was asked for."""
    if isinstance(result, InputError):
        common.complain(result)
        if as_csv:
            common.show_csv([[*pair, "error", str(result), *[""] * (len(COLUMNS) - 4)]])
    elif as_csv:
        common.show_csv([row_of(result)])
    else:
        common.show(result if as_json else "\n".join(tell(result)), in_a_line=True)


def _check_report(report: Path | None, *, pdf: bool, force: bool) -> None:
    """Raise unless the report, if one is wanted, can be written, and as PDF, too."""
    check_report(report, force=force)
    if pdf and report is not None:
        from verify.report.page import check_pdf

        refuse_overwrite(report.with_suffix(".pdf"), force=force)
        check_pdf()


def _write_report(
    report: Path, parts: "list[Part]", comparer: "Comparer", problems: list[str],
    case: "Case | None", *, pdf: bool,
) -> None:  # fmt: skip
    """Write the page of all pairs, and the same as PDF; say where they lie."""
    from verify.report.page import page, write, write_pdf

    command = shlex.join(["cqtnet", *sys.argv[1:]])
    content = page(parts, comparer.calibration, command=command, problems=problems, case=case)
    write(report, content)
    click.echo(f"report: {report}", err=True)
    if pdf:
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
                recordings = []
                for path in (a, b):
                    if isinstance(recording := read(path), InputError):
                        raise recording
                    recordings.append(recording)
                found = comparer.compare(*recordings)
                then(found, *recordings)
            except InputError as error:
                yield error
            except OSError as error:
                yield InputError(f"{a} and {b} cannot be compared: {error}")
            else:
                yield found


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
    if comparison.ratios is not None:
        rendition, unrelated = comparison.ratios.rendition.value, comparison.ratios.unrelated.value
        low, high = map(ratio, comparison.deciding[0].interval)
        lines += [
            f"  ratios   {ratio(rendition)} against another rendition, {ratio(unrelated)} against "
            "an unrelated recording",
            f"  interval {low} to {high}, 95 % of the ratio that decides; sounds like "
            f"{comparison.population}",
        ]
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
        told = [edit for edit in edits.edits if edit.kind != "trimmed"] if edits else []
        lines += [f"  edit     {clock(edit.a_start_s)} of A: {edit.words}" for edit in told]
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
