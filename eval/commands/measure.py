"""What else `cqtnet eval` measures: alterations, archives, speed, calibrations, edits, validity."""

import math
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import asdict, astuple, fields, replace
from itertools import chain
from pathlib import Path
from typing import Any

import click
from click import Choice, FloatRange, IntRange, option

from cqtnet import commands as common
from cqtnet.errors import InputError
from cqtnet.files import refuse_overwrite
from cqtnet.tables import markdown_table, write_table
from eval import commands
from eval.bench import LONG, PARTS


@common.command("cqtnet eval alterations --audio music.tsv --split devtest --out alterations.json")
@commands.audio_option
@commands.split_option
@option("--limit", type=IntRange(2), default=20, show_default=True,
        help="Recordings to take, at most.")  # fmt: skip
@common.SEED
@common.OUT(required=True, help="The .json to write.")
@commands.workers_option
@commands.answer_options
@common.FORCE
def alterations(
    source: Path, split: str | None, limit: int, seed: int, out: Path, workers: int | None,
    as_json: bool, force: bool,
) -> None:  # fmt: skip
    """Change recordings in 25 ways, and count how often `cqtnet compare` names the change.

    Each change is made to 20 s of each recording, which is compared with the whole, as A and as B
    in turns. A claim is wrong if it neither names the change nor follows from it, or if it is
    about the other side. Nothing is said of pairs that are not found to be the same recording.
    """
    from eval.alterations import figures, judged
    from eval.protocols.survey import chosen_items

    commands.require_source(source)
    refuse_overwrite(out, force=force)
    items = chosen_items(source, split=split, limit=limit, seed=seed)
    done = judged(items, seed=seed, workers=workers)
    measured = figures(done)
    settings = {"split": split, "limit": limit, "seed": seed}
    record = _write_outcomes(out, settings, measured, map(asdict, done))
    rows = [["change", "pairs", "same", "heard", "named", "claims", "wrong", "pairs with wrong"]]
    for name, f in measured.items():
        named = "–" if f.named_share is None else f"{f.named} ({f.named_share:.0%})"
        cells = (f.pairs, f.same, f.heard, named, f.claims, f.wrong, f.wrong_pairs)
        rows.append([name, *map(str, cells)])
    common.show(record if as_json else markdown_table(rows))


def _write_outcomes(
    out: Path, settings: dict[str, Any], figures: Mapping[str, Any], outcomes: Iterable[Any]
) -> dict[str, Any]:
    """Write what a measurement gave; returned is all but the outcomes. Infinity becomes None."""
    from cqtnet.device import versions
    from cqtnet.files import write_json

    plain = {
        name: {key: None if value == math.inf else value for key, value in asdict(figure).items()}
        for name, figure in figures.items()
    }
    record = {"settings": {**settings, "versions": versions()}, "figures": plain}
    write_json(out, {**record, "outcomes": list(outcomes)})
    return record


@common.command(
    "cqtnet eval protocol paper-tempo hard --audio music/ --out sets",
    "cqtnet eval archive sets/paper-tempo.csv sets/hard.csv --audio music/",
    needs={"--force": "--out"},
)
@click.argument("trials", nargs=-1, required=True, type=common.PATH, metavar="TRIALS.csv…")
@commands.audio_option
@option("--split", help="Rows of a list to take.")
@option("--duration", "length_s", default=10.0, show_default=True, help="Seconds of each fragment.")
@option("--limit", type=IntRange(min=1), help="Fragments of each condition, at most.")
@common.MIN_LR
@option("--distractors", type=common.PATH,
        help="Folder of further recordings in the archives, or an archive of them.")  # fmt: skip
@option("--drawn", type=IntRange(min=0), default=0, metavar="N",
        help="Put in N windows more, drawn from the statistics of the distractors.")  # fmt: skip
@option("--archives", type=common.PATH, help="Folder in which to keep the archives.")
@commands.workers_option
@common.OUT(help="Write every answer to a .csv.")
@common.FORCE
@commands.answer_options
def archive(
    trials: tuple[Path, ...], source: Path, split: str | None, length_s: float, limit: int | None,
    archives: Path | None, out: Path | None, force: bool, as_json: bool, **options: Any,
) -> None:  # fmt: skip
    """Search for the fragments of TRIALS in an archive with their recordings, and in one without.

    The table says how often the right recording is ranked first, how often it is also called a
    match, and how often another one is, in each archive. The second archive leaves out the whole
    collection of a fragment, since pieces of one collection may share sounds.
    """
    from cqtnet.data import list_items
    from eval.archives import Answer, figures, measure, queries_of
    from eval.bootstrap import Figure
    from eval.metrics.table import shown

    if out is not None:
        refuse_overwrite(out, force=force)
    items = [item for item in list_items(source) if split is None or item.split == split]
    queries = queries_of(trials, length_s=length_s, limit=limit)
    with tempfile.TemporaryDirectory() as temporary:
        answers = measure(items, queries, archives or Path(temporary), **options)
    if out is not None:
        columns = [field.name for field in fields(Answer)]
        write_table(out, [columns, *(astuple(answer) for answer in answers)])
    measured = figures(answers)
    head = "condition|queries|first %|found %|another found %|foreign|found %|s"
    rows = [head.split("|")]
    for name, row in measured.items():
        *cells, elapsed_s = (
            shown(replace(cell, bound=False), in_percent=True) if isinstance(cell, Figure) else cell
            for cell in row.values()
        )
        rows.append([name, *map(str, cells), f"{elapsed_s:.2f}"])
    common.show({"conditions": measured} if as_json else markdown_table(rows))


@common.command(
    "cqtnet eval bench --only frontend --quick",
    "cqtnet eval bench --audio recordings/",
    needs={"--audfprint": "--audio"},
)
@option("--only", type=Choice(PARTS + LONG), multiple=True, help="Measure these parts only.")
@option("--audio", type=common.PATH, help="Measure a folder of your own files instead.")
@option("--audfprint", type=common.PATH, help="A folder with the sources of audfprint, to add and "
        "search the same files.")  # fmt: skip
@option("--quick", is_flag=True, help="Small sizes: to try it out, not to quote.")
@commands.answer_options
def bench(
    only: tuple[str, ...], audio: Path | None, audfprint: Path | None, quick: bool, as_json: bool
) -> None:
    """Measure speed and memory, each against a named baseline of the same run.

    With --audio, files of a folder are decoded beside the commands ffmpeg and fpcalc (where they
    are installed), put into an archive, searched for, and compared with each other. audfprint
    needs the packages docopt, joblib and psutil. Machines differ and are noisy: quote the ratios.
    """
    from cqtnet.device import versions
    from eval.bench import measurements

    parts = [measurements(name, quick=quick) for name in only or PARTS]
    if audio is not None:
        from eval.bench.archive import measure_files

        parts = [measure_files(audio, quick=quick, audfprint=audfprint)]
    lines = []
    for measurement in chain.from_iterable(parts):
        lines.append(measurement)
        if not as_json:
            click.echo(measurement.line())
    if as_json:
        common.show({"versions": versions(), "measurements": lines})


@common.command(
    "cqtnet eval score sets/all.csv same.csv --system alignment",
    "cqtnet eval score sets/rendition.within.csv works.csv --system alignment",
    "cqtnet eval calibrate same.csv --rendition-scores works.csv --audio music.tsv \\\n"
    "      --audio works.tsv --out mine.calibration.json",
)
@click.argument("scores", nargs=-1, required=True, type=common.PATH, metavar="SCORES.csv...")
@option("--rendition-scores", "renditions", type=common.PATH, multiple=True, required=True, help=
        "Scores whose nontargets are other renditions of the work; again for more.")  # fmt: skip
@option("--audio", "lists", type=common.PATH, multiple=True, required=True,
        help="A list that trials were made from; again for more.")  # fmt: skip
@common.OUT(required=True, help="NAME.calibration.json beside NAME's weights.")
@option("--unrelated-from", type=common.PATH, help="An older calibration of these weights: its "
        "ratios against unrelated recordings stay, the third is learned.")  # fmt: skip
@option("--sources", default="", help="What the recordings are, in words.")
@commands.answer_options
@common.FORCE
def calibrate(
    scores: tuple[Path, ...], renditions: tuple[Path, ...], lists: tuple[Path, ...], out: Path,
    unrelated_from: Path | None, sources: str, as_json: bool, force: bool,
) -> None:  # fmt: skip
    """Learn likelihood ratios for `cqtnet compare` from scores of the system `alignment`.

    The nontargets of SCORES.csv are unrelated recordings. Use recordings that the network was not
    trained on, and that the result is not judged by. The figures on how good the ratios are come
    from collections that were not learned from.
    """
    from cqtnet.progress import working
    from eval.calibrate import calibrate as learn

    if not out.name.endswith(".calibration.json"):
        raise InputError(f"{out} does not end in .calibration.json; name it after the weights")
    refuse_overwrite(out, force=force)
    with working("learning"):
        calibration = learn(scores, renditions, lists, sources=sources, older=unrelated_from)
    calibration.save(out)
    if as_json:
        common.show(calibration)
        return
    data = calibration.data
    head = "ratio trials pairs EER% Cllr minCllr music speech misleading ln_LR"
    rows = [head.split()]
    for weighed, known in calibration.regressions.items():
        of = data[weighed]
        each = [" + ".join(f"{n:,}" for n in of[key]) for key in ("trials", "pairs", "misleading")]
        kinds = ("cllr", "min_cllr", "cllr_music", "cllr_speech")
        costs = [f"{of[key]:.4f}" if key in of else "-" for key in kinds]
        bounds = f"{known.least:.1f} to {known.most:.1f}"
        rows.append([weighed, *each[:2], f"{100 * of['eer']:.2f}", *costs, each[2], bounds])
    click.echo(f"{data['recordings']} recordings, {data['collections']} collections → {out}")
    click.echo(markdown_table(rows))


@common.command("cqtnet eval edits --audio music.tsv --split devtest --count 200 --out edits.json")
@commands.audio_option
@commands.split_option
@option("--count", type=IntRange(1), default=100, show_default=True, help="Edited recordings.")
@option("--form", type=Choice(["plain", "loops", "song"]), default="plain", show_default=True,
        help="Make them of loops, or like a song with choruses.")  # fmt: skip
@common.SEED
@common.OUT(required=True, help="The .json to write.")
@commands.workers_option
@commands.answer_options
@common.FORCE
def edits(
    source: Path, split: str | None, count: int, form: str, seed: int, out: Path,
    workers: int | None, as_json: bool, force: bool,
) -> None:  # fmt: skip
    """Plant 1 to 5 edits in recordings of 60 to 120 s, and count the stretches that are found.

    Edits are cuts, insertions of foreign material, moves and repetitions of 3 to 12 s. A quarter
    of the edited recordings is left as it is, a quarter each is also changed in tempo and pitch,
    coded as MP3, or mixed with noise at 20 dB. A stretch is found if its start and end are within
    250 ms in both recordings. Shorter recordings are played one after another.

    In loops and songs there are 1 or 2 cuts and insertions. Also, a fragment of 8 s is looked for
    in each: a place is told rightly if the same sound, sample for sample, lies there.
    """
    from eval.edits import figures_by_group, hits, outcomes
    from eval.planting import draw_programmes
    from eval.protocols.survey import chosen_items

    commands.require_source(source)
    refuse_overwrite(out, force=force)
    items = chosen_items(source, split=split)
    programmes = draw_programmes(items, count=count, seed=seed, form=form)
    done = outcomes(programmes, seed=seed, workers=workers)
    measured = figures_by_group(done, seed=seed)
    settings = {"split": split, "count": count, "form": form, "seed": seed}
    counted = ({**asdict(o), "hits": hits(o.truth, o.found)} for o in done)
    record = _write_outcomes(out, settings, measured, counted)
    lines = [f"{name:<16} {f.line()}" for name, f in measured.items()]
    common.show(record if as_json else "\n".join(lines))


@common.command(
    "cqtnet eval score sets/hard.csv hard.csv --system comparison",
    "cqtnet eval placing hard.csv --truth sets",
)
@click.argument("scores", type=common.PATH, metavar="SCORES.csv")
@option("--truth", type=common.PATH, required=True, help="Folder of the sets: *.truth.jsonl.")
@commands.answer_options
def placing(scores: Path, truth: Path, as_json: bool) -> None:
    """Errors of place, tempo and pitch, by condition, in the scores of `comparison`.

    The error of the place is the larger of those at the fragment's two ends. Matches are the
    targets with a likelihood ratio above 1.
    """
    from eval.calibrate import placing as measured

    errors = measured(scores, truth)
    rows = [["condition", "matches", "place ms, median / 95 %", "tempo %", "cents"]]
    for name, row in errors.items():
        pairs = []
        for what in ("place_ms", "tempo_percent", "cents"):
            values = (row[f"{what}_{part}"] for part in ("median", "p95"))
            pairs.append(" / ".join("–" if v is None else f"{v:.3g}" for v in values))
        rows.append([name, f"{row['matches']} of {row['targets']}", *pairs])
    common.show({"conditions": errors} if as_json else markdown_table(rows))


@common.command(
    "cqtnet eval score sets/hard.csv hard.csv --system comparison",
    "cqtnet eval score sets/rendition.within.csv works.csv --system comparison",
    "cqtnet eval validate hard.csv works.csv --out validation",
)
@click.argument("scores", nargs=-1, required=True, type=common.PATH, metavar="SCORES.csv...")
@common.OUT(required=True, help="Folder to write.")
@option("--max-cllr", type=FloatRange(0), default=0.15, show_default=True,
        help="Criterion: the highest Cllr.")  # fmt: skip
@option("--max-misleading", type=FloatRange(0, 1), default=0.01, show_default=True, help=
        "Criterion: the highest share of ratios that mislead, of each kind of pairs.")  # fmt: skip
@common.RESAMPLES
@common.SEED
@commands.answer_options
@common.FORCE
def validate(
    scores: tuple[Path, ...], out: Path, max_cllr: float, max_misleading: float, as_json: bool,
    force: bool, **options: Any,
) -> None:  # fmt: skip
    """Validate the likelihood ratios of `comparison` on scores with a known answer.

    Nontargets of conditions that end in -within are renditions of the target's work, as in
    rendition.within.csv; all others are unrelated recordings. The folder gets validation.html to
    read and validation.json for scripts. The exit code is 0 whether the criterion is met or not.
    """
    from cqtnet.progress import working
    from eval.metrics.table import shown
    from eval.validate import OTHERS, Criterion, write_validation
    from eval.validate import validate as validated
    from verify.words import ratio

    refuse_overwrite(out / "validation.json", force=force)
    with working("measuring"):
        validation = validated(scores, Criterion(max_cllr, max_misleading), **options)
        write_validation(out, validation)
    if as_json:
        common.show(validation)
        return
    rows = [["same against", "copies + others", "Cllr", "misleading %", "supported", "criterion"]]
    for one in validation.tested:
        group, of = one.groups[0], one.groups[0].figures.get
        rates = " + ".join(shown(of(key), in_percent=True) for key in ("miss", "false_alarm"))
        limits = " to ".join(map(ratio, one.support.strictest)) if one.support else "–"
        answer = {True: "met", False: "not met", None: "not tested"}[group.passed]
        counts = f"{group.same:,} + {group.other:,}"
        rows.append([OTHERS[one.against], counts, shown(of("cllr")), rates, limits, answer])
    click.echo(markdown_table(rows))
    click.echo(f"validation: {out / 'validation.html'}", err=True)
