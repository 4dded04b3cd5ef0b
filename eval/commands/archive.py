"""`cqtnet eval archive`: how well fragments are found in an archive."""

import csv
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import click

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
