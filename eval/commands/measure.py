"""`cqtnet eval archive`: how well fragments are found in an archive."""

import csv
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from eval.edits import Figures, Outcome


PATH = click.Path(path_type=Path)


@click.command(
    epilog="""\b
Example:
  cqtnet eval protocol paper-tempo hard --audio music/ --out sets
  cqtnet eval archive sets/paper-tempo.csv sets/hard.csv --audio music/
"""
)
@click.argument("trials", nargs=-1, required=True, type=PATH, metavar="TRIALS.csv…")
@click.option("--audio", type=PATH, required=True, help="Folder or list the sets were made from.")
@click.option("--split", help="Rows of a list to take.")
@click.option("--length", "length_s", default=10.0, help="Seconds of each fragment.",
              show_default=True)  # fmt: skip
@click.option("--limit", type=click.IntRange(min=1), help="Fragments of each condition.")
@click.option("--min-log-lr", type=float, help="Natural-log ratio from which a match counts.")
@click.option(
    "--distractors",
    type=PATH,
    help="Folder of recordings that the archives hold besides, or an archive of them.",
)
@click.option("--archives", type=PATH, help="Folder in which the archives are kept.")
@click.option("--workers", type=click.IntRange(min=1), default=os.cpu_count(), help="Processes.")
@click.option("--out", type=PATH, help="Write every answer to a .csv.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def archive(
    trials: tuple[Path, ...],
    audio: Path,
    split: str | None,
    length_s: float,
    limit: int | None,
    min_log_lr: float | None,
    distractors: Path | None,
    archives: Path | None,
    workers: int,
    out: Path | None,
    as_json: bool,
) -> None:
    """Seek the fragments of TRIALS in an archive of all recordings, and in ones without theirs.

    Told are how often the right recording is ranked first, how often it is called a match as well,
    and how often another is where the right one is not there: then its whole collection is not,
    for pieces of one may share sounds.
    """
    from rich.console import Console
    from rich.progress import Progress

    from cqtnet.data import list_items
    from eval.archives import figures, measure, queries_of, rows

    items = [item for item in list_items(audio) if split is None or item.split == split]
    queries = queries_of(trials, length_s=length_s, limit=limit)
    console = Console(stderr=True)
    with (
        tempfile.TemporaryDirectory() as temporary,
        Progress(console=console, transient=True, disable=not console.is_terminal) as progress,
    ):
        task = progress.add_task("searching", total=None)
        answers = measure(
            items,
            queries,
            archives or Path(temporary),
            distractors=distractors,
            min_log_lr=min_log_lr,
            workers=workers,
            told=lambda done, of: progress.update(task, completed=done, total=of),
        )
    if out is not None:
        _write(out, rows(answers))
    found = figures(answers)
    click.echo(json.dumps(found, indent=1) if as_json else "\n".join(_table(found)))


def _write(out: Path, answers: list[dict[str, Any]]) -> None:
    from cqtnet.files import written_whole

    with written_whole(out) as path, path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(answers[0]))
        writer.writeheader()
        writer.writerows(answers)


def _table(conditions: dict[str, dict[str, Any]]) -> list[str]:
    lines = [
        "| condition | queries | first % | found % | another found % | foreign | found % | s |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, row in conditions.items():
        first, found, other = (_percent(row[key]) for key in ("top1", "found", "other_found"))
        lines.append(
            f"| {name} | {row['queries']} | {first} | {found} | {other} | {row['foreign']} "
            f"| {_percent(row['false_found'])} | {row['seconds']:.2f} |"
        )
    return lines


def _percent(figure: dict[str, float | None]) -> str:
    if figure["value"] is None:
        return "–"
    text = f"{100 * figure['value']:.4g}"
    if figure["low"] is None or figure["high"] is None:
        return text
    return f"{text} [{100 * figure['low']:.3g}, {100 * figure['high']:.3g}]"


# `cqtnet eval bench`: measured speed and memory.

PARTS = (
    "startup", "frontend", "embedding", "training", "comparison", "archive", "scoring",
    "metrics", "memory",
)  # fmt: skip
LONG = ("archive-index",)
"""Measured only where named: a million windows, 6 GB of disk, half an hour."""


@click.command(
    epilog="""\b
Example:
  cqtnet eval bench --only frontend --quick
"""
)
@click.option(
    "--only", type=click.Choice(PARTS + LONG), multiple=True, help="Measure these parts only."
)
@click.option("--quick", is_flag=True, help="Small sizes: a look, not a figure to quote.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, versions included.")
def bench(only: tuple[str, ...], quick: bool, as_json: bool) -> None:
    """Measure speed and memory, each against a named baseline of the same run.

    Machines differ and are noisy: quote the ratios.
    """
    from cqtnet.versions import versions
    from eval.bench.parts import MEASURES

    lines = []
    for name in only or PARTS:
        for measurement in MEASURES[name](quick=quick):
            lines.append(measurement)
            if not as_json:
                click.echo(measurement.line())
    if as_json:
        content = {"versions": versions(), "measurements": [asdict(line) for line in lines]}
        click.echo(json.dumps(content, indent=1))


# `cqtnet eval calibrate`: likelihood ratios for the comparison, from scored trials.


@click.command(
    epilog="""\b
Example:
  cqtnet eval score sets/all.csv held-out.csv --system alignment
  cqtnet eval calibrate held-out.csv --audio music.tsv --out mine.calibration.json
"""
)
@click.argument("scores", type=PATH, metavar="SCORES.csv")
@click.option("--audio", type=PATH, required=True, help="The list that the trials were made from.")
@click.option(
    "--out", type=PATH, required=True, help="NAME.calibration.json beside NAME's weights."
)
@click.option("--sources", default="", help="In words, what the recordings are.")
@click.option("--json", "as_json", is_flag=True, help="Print the calibration as JSON.")
@click.option("--force", is_flag=True, help="Replace the calibration if it exists.")
def calibrate(
    scores: Path, audio: Path, out: Path, sources: str, as_json: bool, force: bool
) -> None:
    """Learn likelihood ratios for `cqtnet compare` from SCORES.csv of the system `alignment`.

    The recordings must be none that the network was trained on, and none that the result is to
    be judged by. What is stated of a collection, to say how good the ratios are, is learned
    from the others.
    """
    from cqtnet.errors import InputError
    from cqtnet.files import refuse_overwrite
    from eval.calibrate import calibrate as learn

    if not out.name.endswith(".calibration.json"):
        raise InputError(f"{out} does not end in .calibration.json; name it after the weights")
    refuse_overwrite(out, force=force)
    found = learn(scores, audio, sources=sources)
    found.save(out)
    if as_json:
        click.echo(json.dumps(found.to_dict(), indent=1))
    else:
        data = found.data
        click.echo(
            f"{data['trials_same']:,} + {data['trials_different']:,} trials of "
            f"{data['recordings']} recordings, {data['collections']} collections → {out}\n"
            f"on collections not learned from: EER {data['eer']:.2%}, Cllr {data['cllr']:.4f}, "
            f"minCllr {data['min_cllr']:.4f}; ln LR from {found.least:.1f} to {found.most:.1f}"
        )


# `cqtnet eval edits`: how well planted edits are found.


@click.command(
    epilog="""\b
Example:
  cqtnet eval edits --audio music.tsv --split devtest --count 200 --out edits.json
"""
)
@click.option(
    "--audio", "source", type=PATH, required=True, help="Folder or list (.tsv, .csv) of recordings."
)
@click.option("--split", help="Rows of a list to take.  [default: devtest, if it has splits]")
@click.option(
    "--count", type=click.IntRange(1), default=100, show_default=True, help="Edited recordings."
)
@click.option(
    "--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True, help="Of all chance."
)
@click.option("--out", type=PATH, required=True, help="The .json to write.")
@click.option("--workers", type=click.IntRange(1), help="Processes.  [default: one a processor]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--force", is_flag=True, help="Replace the output if it exists.")
def edits(
    source: Path,
    split: str | None,
    count: int,
    seed: int,
    out: Path,
    workers: int | None,
    as_json: bool,
    force: bool,
) -> None:
    """Plant 1 to 5 edits in recordings of 60 to 120 s, and count the stretches that are found.

    Edits are cuts, insertions of foreign material, moves and repetitions of 3 to 12 s. A quarter
    of the edited recordings is left as it is, a quarter each is also changed in tempo and pitch,
    coded as MP3, or given noise at 20 dB. A stretch is found when its start and end are within
    250 ms in both recordings. Shorter recordings are played one after another.
    """
    from augment.errors import InputError
    from cqtnet.files import refuse_overwrite, write_json
    from cqtnet.versions import versions
    from eval.edits import outcomes
    from eval.planted import draw_programmes
    from eval.protocols.survey import chosen_items

    if not source.exists():
        raise InputError(f"{source} does not exist; give a folder or a list of recordings")
    refuse_overwrite(out, force=force)
    programmes = draw_programmes(chosen_items(source, split=split), count=count, seed=seed)
    done = []
    with _progress(count) as advance:
        for outcome in outcomes(programmes, seed=seed, workers=workers or os.cpu_count() or 1):
            done.append(outcome)
            advance()
    done.sort(key=lambda o: (o.recording, o.truth))
    summary = {name: f.to_dict() for name, f in _groups(done, seed).items()}
    settings = {"split": split, "count": count, "seed": seed, "versions": versions()}
    record = {"settings": settings, "figures": summary, "outcomes": [o.to_dict() for o in done]}
    write_json(out, record)
    if as_json:
        click.echo(json.dumps({"settings": settings, "figures": summary}, indent=1))
    else:
        click.echo("\n".join(_line(name, f) for name, f in _groups(done, seed).items()))


def _groups(done: list["Outcome"], seed: int) -> dict[str, "Figures"]:
    """The figures of all, of each alteration, and of those whose truth is the only one."""
    from eval.edits import figures, rng_of_intervals
    from eval.planted import ALTERATIONS

    groups: dict[str, list[Any]] = {"all": done}
    groups |= {name: [o for o in done if o.alteration == name] for name in ALTERATIONS}
    groups["unambiguous"] = [o for o in done if not o.is_ambiguous]
    return {
        name: figures(some, rng=rng_of_intervals(seed)) for name, some in groups.items() if some
    }


def _line(name: str, f: "Figures") -> str:
    ends = "" if f.f1.low is None else f" ({f.f1.low:.3f}–{f.f1.high:.3f})"
    return (
        f"{name:<16} {f.pairs:4d} pairs {f.stretches:5d} stretches  F1 {f.f1.value:.3f}{ends}  "
        f"boundary {1000 * f.boundary_median_s:.0f} ms, 95 % within "
        f"{1000 * f.boundary_95_s:.0f} ms  {f.seconds_median:.2f} s a pair"
    )


@contextmanager
def _progress(total: int) -> Iterator[Callable[[], None]]:
    """A bar on stderr, and what to call after each."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("edited recordings", total=total)
        yield lambda: progress.advance(task)


# `cqtnet eval placing`: how exact place, tempo and pitch are.


@click.command(
    epilog="""\b
Example:
  cqtnet eval score sets/hard.csv hard.csv --system comparison
  cqtnet eval placing hard.csv --truth sets
"""
)
@click.argument("scores", type=PATH, metavar="SCORES.csv")
@click.option("--truth", type=PATH, required=True, help="Folder of the sets: *.truth.jsonl.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def placing(scores: Path, truth: Path, as_json: bool) -> None:
    """Errors of place, tempo and pitch, by condition, of what `comparison` found.

    The place is wrong by the larger of the errors at the fragment's two ends. Matches are the
    targets that got a likelihood ratio above 1.
    """
    from eval.placing import placing as measured

    found = {name: errors.to_dict() for name, errors in measured(scores, truth).items()}
    if as_json:
        click.echo(json.dumps(found, indent=1))
        return
    click.echo("| condition | matches | place ms, median / 95 % | tempo % | cents |")
    click.echo("|---|---|---|---|---|")
    for name, row in found.items():
        pairs = [
            " / ".join("–" if row[f"{what}_{part}"] is None else f"{row[f'{what}_{part}']:.3g}"
                       for part in ("median", "p95"))
            for what in ("place_ms", "tempo_percent", "cents")
        ]  # fmt: skip
        click.echo(f"| {name} | {row['matches']} of {row['targets']} | " + " | ".join(pairs) + " |")
