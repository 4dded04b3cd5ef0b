"""`cqtnet eval protocol`: test sets made from recordings."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

if TYPE_CHECKING:
    from eval.protocols.plan import Plan
    from eval.protocols.write import Written

PATH = click.Path(path_type=Path)
SHOWN = 5
DRAWING = (
    "split",
    "fragments",
    "negatives",
    "seed",
    "limit",
    "against",
    "within",
)
"""Options that decide a draw; a plan has been drawn already."""


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


@click.command(
    epilog="""\b
Example:
  cqtnet eval protocol paper-tempo paper-pitch --audio music.tsv --out sets
  cqtnet eval protocol all --audio music/ --out sets --noise street/ --negatives 10
  cqtnet eval protocol sets/noise.plan.json --audio music/ --noise street/ --out again
"""
)
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option(
    "--audio", "source", type=PATH, required=True, help="Folder or list (.tsv, .csv) of recordings."
)
@click.option("--out", type=PATH, required=True, help="Folder for the sets.")
@click.option("--split", help="Rows of a list to take.  [default: devtest, if it has splits]")
@click.option("--fragments", default=3, show_default=True, help="Of each recording, at most.")
@click.option(
    "--negatives", type=Count(), default=1, show_default=True, help="Nontargets for each probe."
)
@click.option(
    "--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True, help="Of all chance."
)
@click.option("--limit", type=click.IntRange(1), help="Take so many recordings, at most.")
@click.option("--noise", type=PATH, help="Folder with recordings of noise.")
@click.option(
    "--against",
    type=click.Choice(["fragment", "recording"]),
    default="fragment",
    show_default=True,
    help="What a probe is compared with.",
)
@click.option("--within", is_flag=True, help="Write pairs inside one collection, too.")
@click.option("--workers", type=click.IntRange(1), help="Processes.  [default: one a processor]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def protocol(
    ctx: click.Context,
    /,
    names: tuple[str, ...],
    source: Path,
    out: Path,
    noise: Path | None,
    workers: int | None,
    as_json: bool,
    **drawing: Any,
) -> None:
    """Make test sets from recordings: files, and a list of trials NAME.csv for each.

    NAME is paper-tempo, paper-pitch, both, speed, noise, reverb, codec, crop, hard, other-part
    or same; `all` for these all; or a NAME.plan.json that was written before, whose set is then
    made again. Sets in one folder share their reference fragments. What is finished already is
    kept.
    """
    from eval.protocols.plan import read_plan
    from eval.protocols.write import write_sets

    _check_folders(out, source)
    workers = workers or os.cpu_count() or 1
    fresh, files = _sorted_out(names)
    given = [n for n in DRAWING if ctx.get_parameter_source(n) != ParameterSource.DEFAULT]
    if files and given:
        raise click.UsageError(f"a plan is drawn already: leave --{given[0]} out")
    plans = [read_plan(path) for path in files]
    if fresh:
        plans += _drawn(fresh, source, noise, workers=workers, **drawing)
    if len({plan.protocol for plan in plans}) < len(plans):
        raise click.UsageError("two of these are the same protocol; name each set once")
    root = source if source.is_dir() else source.parent
    with _progress("writing") as (on_start, on_recording):
        sets = write_sets(
            plans,
            root=root,
            out=out,
            noise_root=noise,
            workers=workers,
            on_start=on_start,
            on_recording=on_recording,
        )
    for plan in plans:
        _warn_of_skipped(plan)
    if as_json:
        click.echo(json.dumps([_as_record(written) for written in sets], indent=1))
        return
    for written in sets:
        click.echo(_as_words(written))


def _check_folders(out: Path, source: Path) -> None:
    """Raise where there are no recordings, or where the next call would take the sets for some."""
    from augment.errors import InputError

    if not source.exists():
        raise InputError(f"{source} does not exist; give a folder or a list of recordings")
    if source.is_dir() and out.resolve().is_relative_to(source.resolve()):
        raise InputError(f"{out} lies in the folder of recordings {source}; give one outside it")


def _sorted_out(names: tuple[str, ...]) -> tuple[list[str], list[Path]]:
    """Protocols to draw, each once, and plans to make again."""
    from augment.errors import InputError
    from eval.protocols.catalogue import PROTOCOLS

    fresh: list[str] = []
    files: list[Path] = []
    for name in names:
        if name == "all":
            fresh += PROTOCOLS
        elif name in PROTOCOLS:
            fresh.append(name)
        elif Path(name).is_file():
            files.append(Path(name))
        else:
            raise InputError(
                f"{name!r} is no protocol ({', '.join(PROTOCOLS)}, all) and no file of a plan"
            )
    return list(dict.fromkeys(fresh)), files


def _drawn(
    names: list[str],
    source: Path,
    noise: Path | None,
    *,
    workers: int,
    split: str | None,
    limit: int | None,
    seed: int,
    **options: Any,
) -> list["Plan"]:
    """A plan for each protocol over the recordings that are wanted."""
    from eval.protocols.draw import draw_plan
    from eval.protocols.survey import chosen_items, survey

    items = chosen_items(source, split=split, limit=limit, seed=seed)
    root = source if source.is_dir() else source.parent
    with _progress("looking at") as (on_start, on_recording):
        on_start(len(items))
        surveys, skipped = survey(items, root=root, workers=workers, on_recording=on_recording)
    return [
        draw_plan(surveys, name, seed=seed, noise_root=noise, skipped=skipped, **options)
        for name in names
    ]


def _warn_of_skipped(plan: "Plan") -> None:
    """Say on stderr which recordings a set leaves out, and why."""
    if not plan.skipped:
        return
    from cqtnet.audio import shown

    some = [f"{shown(name)}: {why}" for name, why in list(plan.skipped.items())[:SHOWN]]
    more = len(plan.skipped) - len(some)
    rest = f"; and {more} more, listed in {plan.protocol}.plan.json" if more else ""
    click.echo(
        f"cqtnet: warning: {plan.protocol} leaves {len(plan.skipped)} recordings out: "
        f"{'; '.join(some)}{rest}",
        err=True,
    )


def _as_words(written: "Written") -> str:
    plan = written.plan
    return (
        f"{plan.protocol}: {written.n_targets} target and {written.n_nontargets} nontarget trials, "
        f"{len(plan.probes)} probes of {len(plan.sources)} recordings → {written.csv}"
    )


def _as_record(written: "Written") -> dict[str, Any]:
    from eval.protocols.catalogue import PROTOCOLS

    plan = written.plan
    within = written.within_csv
    return {
        "protocol": plan.protocol,
        "question": PROTOCOLS[plan.protocol].question,
        "csv": str(written.csv),
        "within_csv": None if within is None else str(within),
        "recordings": len(plan.sources),
        "collections": len({source.collection for source in plan.sources}),
        "references": len(plan.references),
        "probes": len(plan.probes),
        "targets": written.n_targets,
        "nontargets": written.n_nontargets,
        "skipped": dict(plan.skipped),
    }


@contextmanager
def _progress(what: str) -> Iterator[tuple[Callable[[int], None], Callable[[], None]]]:
    """A bar on stderr: what to tell the number of recordings, and what to call after each."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as Remaining

    console = Console(stderr=True)
    columns = (TextColumn(f"{what} recordings"), BarColumn(), MofNCompleteColumn(), Remaining())
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        task = progress.add_task(what, total=None)
        yield (
            lambda total: progress.update(task, total=total),
            lambda: progress.advance(task),
        )
