"""`cqtnet eval edits`: how well planted edits are found."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from eval.edits.figures import Figures, Outcome

PATH = click.Path(path_type=Path)


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
    from eval.edits.programme import draw_programmes
    from eval.edits.run import outcomes
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
    from eval.edits.figures import figures
    from eval.edits.plant import ALTERATIONS
    from eval.edits.run import rng_of_intervals

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
