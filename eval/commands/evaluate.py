"""The three steps of an evaluation: `cqtnet eval protocol`, `score` and `report`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click import Choice, FloatRange, IntRange, option
from click.core import ParameterSource

from cqtnet import commands as common
from cqtnet.errors import InputError
from eval import commands
from eval.systems import SYSTEMS, Settings

if TYPE_CHECKING:
    from eval.metrics import OperatingPoint
    from eval.protocols.plan import Plan
    from eval.trials import Trials

DRAWING = ("split", "fragments", "length_s", "negatives", "seed", "limit", "against", "within")
"""Options that decide what is drawn; a plan has been drawn already."""
SHOWN = 5  # recordings that a warning names


class Count(click.ParamType):  # type: ignore[type-arg]  # generic only since click 8.5
    """A whole number from 1 on, or `all`."""

    name = "K|all"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number, or `all` as it is."""
        if value == "all" or isinstance(value, int):
            return value
        if not value.isdecimal() or int(value) < 1:
            self.fail(f"{value!r} is neither a number from 1 on nor `all`", param, ctx)
        return int(value)


@common.command(
    "cqtnet eval protocol paper-tempo paper-pitch --audio music.tsv --out sets",
    "cqtnet eval protocol all --audio music/ --out sets --noise street/ --negatives 10",
    "cqtnet eval protocol sets/noise.plan.json --audio music/ --noise street/ --out again",
)
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@commands.audio_option
@common.OUT(required=True, help="Folder for the sets.")
@commands.split_option
@option("--fragments", default=3, show_default=True, help="Fragments of each recording, at most.")
@option("--duration", "length_s", type=FloatRange(0.5),
        help="Seconds of a fragment.  [default: 20, 10 for some sets]")  # fmt: skip
@option("--negatives", type=Count(), default=1, show_default=True,
        help="Nontargets for each probe.")  # fmt: skip
@common.SEED
@option("--limit", type=IntRange(1), help="Recordings to take, at most.")
@option("--noise", type=common.PATH, help="Folder with recordings of noise.")
@option("--references", "against", type=Choice(["fragment", "recording"]), default="fragment",
        show_default=True, help="What a probe is compared with.")  # fmt: skip
@option("--within", is_flag=True, help="Write pairs inside one collection, too.")
@commands.workers_option
@commands.answer_options
@click.pass_context
def protocol(
    ctx: click.Context, /, names: tuple[str, ...], source: Path, out: Path, noise: Path | None,
    workers: int | None, as_json: bool, **drawing: Any,
) -> None:  # fmt: skip
    """Make test sets from recordings: files, and a list of trials NAME.csv for each.

    NAME is paper-tempo, paper-pitch, both, speed, noise, reverb, codec, crop, hard, wide,
    speed-wide, slowed, device, phone, short, voice-over, other-part, rendition or same; `all` for
    all but two: voice-over needs voices (--noise), and rendition a list with a column `work`;
    its pairs inside one work go to rendition.within.csv. Or NAME is the NAME.plan.json of an
    earlier set, which is then made again. Sets in one folder share their reference fragments.
    Finished files are kept.
    """
    from eval.protocols.plan import read_plan
    from eval.protocols.write import write_sets

    commands.require_source(source)
    if source.is_dir() and out.resolve().is_relative_to(source.resolve()):
        raise InputError(f"{out} lies in the folder of recordings {source}; give one outside it")
    root = source if source.is_dir() else source.parent
    fresh, files = _fresh_and_planned(names)
    given = [n for n in DRAWING if ctx.get_parameter_source(n) != ParameterSource.DEFAULT]
    if files and given:
        (typed,) = (param.opts[-1] for param in ctx.command.params if param.name == given[0])
        raise click.UsageError(f"a plan is drawn already; leave out {typed}")
    plans = [read_plan(path) for path in files]
    if fresh:
        plans += _draw(fresh, source, root, noise, workers=workers, **drawing)
    if len({plan.protocol for plan in plans}) < len(plans):
        raise click.UsageError("two of these are the same protocol; name each set once")
    sets = write_sets(plans, root=root, out=out, noise_root=noise, workers=workers)
    for plan in plans:
        _warn_of_skipped(plan)
    records = list(map(_record, plans, sets))
    if as_json:
        common.show({"sets": records})
        return
    for of in records:
        click.echo(
            f"{of['protocol']}: {of['targets']} target and {of['nontargets']} nontarget trials, "
            f"{of['probes']} probes of {of['recordings']} recordings → {of['csv']}"
        )


def _fresh_and_planned(names: tuple[str, ...]) -> tuple[list[str], list[Path]]:
    from eval.protocols.catalogue import PROTOCOLS, RENDITION, VOICE_OVER

    fresh, files = list[str](), list[Path]()
    for name in names:
        if name == "all":
            fresh += [n for n in PROTOCOLS if n not in (RENDITION, VOICE_OVER)]
        elif name in PROTOCOLS:
            fresh.append(name)
        elif Path(name).is_file():
            files.append(Path(name))
        else:
            raise InputError(
                f"{name!r} is neither a protocol ({', '.join(PROTOCOLS)}, all) nor a plan"
            )
    return list(dict.fromkeys(fresh)), files


def _draw(
    names: list[str], source: Path, root: Path, noise: Path | None, *, workers: int | None,
    split: str | None, limit: int | None, **drawing: Any,
) -> list["Plan"]:  # fmt: skip
    from eval.protocols.catalogue import RENDITION, draw_plan
    from eval.protocols.survey import by_work, chosen_items, survey

    items = chosen_items(source, split=split, limit=limit, seed=drawing["seed"])
    surveys, skipped = survey(items, root=root, workers=workers)
    plans = []
    for name in names:
        own, options = surveys, dict(drawing)
        if name == RENDITION:  # its pairs inside one work are what is asked for
            own, options["within"] = by_work(surveys, items), True
        plans.append(draw_plan(own, name, noise_root=noise, skipped=skipped, **options))
    return plans


def _warn_of_skipped(plan: "Plan") -> None:
    from cqtnet.audio import shown

    left_out = [f"{shown(name)}: {why}" for name, why in plan.skipped.items()]
    if (more := len(left_out) - SHOWN) > 0:
        left_out[SHOWN:] = [f"and {more} more, listed in {plan.protocol}.plan.json"]
    if left_out:
        what = f"warning: {plan.protocol} leaves {len(plan.skipped)} recordings out"
        common.complain(f"{what}: {'; '.join(left_out)}")


def _record(plan: "Plan", pairs: "Trials") -> dict[str, Any]:
    from eval.protocols.catalogue import PROTOCOLS

    return {
        "protocol": plan.protocol, "question": PROTOCOLS[plan.protocol].question,
        "csv": str(pairs.path),
        "within_csv": str(pairs.path.with_suffix(".within.csv")) if plan.within else None,
        "recordings": len(plan.sources),
        "collections": len({source.collection for source in plan.sources}),
        "references": len(plan.references), "probes": len(plan.probes),
        "targets": int(pairs.label.sum()), "nontargets": int((~pairs.label).sum()),
        "skipped": dict(plan.skipped),
    }  # fmt: skip


@common.command(
    "cqtnet eval score sets/paper-tempo.csv scores/tempo.csv",
    "cqtnet eval score sets/paper-tempo.csv scores/tempo-dtw.csv --system chroma-dtw",
)
@click.argument("trials", type=common.PATH, metavar="TRIALS.csv")
@click.argument("scores", type=common.PATH, metavar="SCORES.csv")
@option("--system", type=Choice(tuple(SYSTEMS)), default="embedding", show_default=True,
        help="What scores them.")  # fmt: skip
@common.MODEL
@commands.workers_option
@option("--cache", type=common.PATH, help="Folder to keep what is computed for each file.")
@common.DEVICE
@common.PRECISION
@option("--strict", is_flag=True, help="Stop if a file cannot be used; write no scores.")
@commands.answer_options
@common.FORCE
def score(
    trials: Path, scores: Path, model: str, device: str, precision: Any, as_json: bool,
    **options: Any,
) -> None:  # fmt: skip
    """Score every pair of TRIALS.csv: its columns and `score`, higher for the same recording.

    `embedding` is the cosine of the network's embeddings, at the best place if one recording is
    longer; `comparison` is the calibrated score of `cqtnet compare`, `alignment` its measures
    before calibration; `mean-cqt` and `chroma-dtw` are baselines without a network. Beside the
    scores, SCORES.json states how they were made. A run that was stopped goes on when it is started
    again. Trials with a file that cannot be used are left out and listed at the end; the exit code
    is then 1.
    """
    from eval.scoring import score_trials

    account = score_trials(trials, scores, settings=Settings(model, device, precision), **options)
    text = (
        f"{account['trials']} trials of {account['files']} files by {account['system']} → "
        f"{scores}  ({account['elapsed_s']:.0f} s)"
    )
    common.show(account if as_json else text)
    left_out = account["left_out"]
    if left_out["files"]:
        listed = "".join(f"\n  {line}" for line in left_out["files"])
        files = f"{len(left_out['files'])} files cannot be used:{listed}"
        common.complain(f"{left_out['trials']} trials are left out, for {files}")
        sys.exit(1)


@common.command(
    "cqtnet eval report ours.csv baseline=mean-cqt.csv --out report",
    after="""\n\b
`report` then holds report.md to read, report.json and report.csv for scripts, and the
pictures as PNG and SVG.
""",
)
@click.argument("scores", nargs=-1, required=True, metavar="[NAME=]SCORES.csv...")
@common.OUT(required=True, help="Folder to write.")
@common.FORCE
@option("--threshold", type=float, help="Also errors and accuracy where `score` >= this.")
@option("--operating-point", "points", multiple=True, metavar="P[,CM,CF]", help="Prior of a "
        "target, costs of miss and false alarm; repeatable.  [default: 0.5, 0.01]")  # fmt: skip
@option("--false-alarm-rate", "rates", type=FloatRange(0, 1, min_open=True, max_open=True),
        multiple=True, help="Misses at this rate of false alarms; repeatable.  "
        "[default: 0.01, 0.001, 0.0001]")  # fmt: skip
@common.RESAMPLES
@common.SEED
@option("--no-pictures", is_flag=True, help="Tables only.")
@commands.answer_options
def report(
    scores: tuple[str, ...], out: Path, force: bool, points: tuple[str, ...],
    rates: tuple[float, ...], no_pictures: bool, as_json: bool, **options: Any,
) -> None:  # fmt: skip
    """Measure score files, one for each system: EER, DET, costs, Cllr, retrieval, by condition.

    A score file is a CSV with the columns reference, probe, label (1: same recording), condition,
    recording and score (higher: same), and optionally log_lr (natural logarithm). The scores of any
    system can be measured. Intervals come from resampling the recordings.
    """
    from cqtnet.progress import working
    from cqtnet.schema import read_json
    from eval import report as made
    from eval.metrics import Options

    if (out / "report.json").exists() and not force:
        raise InputError(f"{out} holds a report already; use --force to replace it")
    operating_points = tuple(dict.fromkeys(map(_point, points))) or Options.operating_points
    rates = tuple(dict.fromkeys(rates)) or tuple(Options.false_alarm_rates)
    chosen = Options(operating_points, rates, **options)
    with working("measuring"):
        measured = made.read_report(made.system_names(scores), options=chosen)
    made.write_report(out, measured, {} if no_pictures else made.draw_pictures(measured))
    common.show(read_json(out / "report.json") if as_json else made.errors_table(measured))
    if not as_json:
        click.echo(f"report: {out / 'report.md'}", err=True)


def _point(text: str) -> "OperatingPoint":
    """The operating point in `0.01` or `0.01,10,1`."""
    from eval.metrics import OperatingPoint

    try:
        prior, *costs = map(float, text.split(","))
        if len(costs) not in (0, 2):
            raise ValueError
    except ValueError:
        raise InputError(
            f"operating point {text!r}; give the prior of a target, or prior, cost of a miss, "
            "cost of a false alarm: 0.01,10,1"
        ) from None
    return OperatingPoint(prior, *costs)
