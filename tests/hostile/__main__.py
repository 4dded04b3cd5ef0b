"""`python -m tests.hostile`: attacks of every kind, and a report of what became of them.

At full size it takes hours; the exit code is 1 if one of them succeeded. Which attacks are made
depends on the seed alone. The tests run a small size of each kind.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import click
import numpy as np

from cqtnet.files import written_whole
from cqtnet.tables import markdown_table
from tests.hostile import (
    Outcome,
    crafted,
    damages,
    full_disks,
    papers,
    playlists,
    processes,
    sounds,
)
from tests.hostile.attempts import Attack, attempts

COUNTS: dict[str, tuple[Attack, int, int]] = {
    "mutated audio files": (sounds.mutated_sound, 20_000, 10),
    "damaged streams, changes of format": (sounds.mutated_stream, 2_000, 10),
    "music of an archive in such streams": (sounds.heard_in_a_stream, 100, 60),
    "mutated weights and cards": (papers.mutated_weights, 2_500, 10),
    "mutated calibrations": (papers.mutated_calibration, 1_500, 10),
    "mutated calibrations of detectors": (papers.mutated_detector_calibration, 500, 10),
    "mutated plans": (papers.mutated_plan, 500, 10),
    "lists": (papers.odd_list, 5_000, 10),
    "playlists and addresses": (playlists.led_elsewhere, 300, 10),
    "crafted archives": (crafted.crafted_archive, 200, 10),
}
"""Attacks in a process that may die: how many at size 1, and the seconds that each may take."""


def parts(size: float, seed: int) -> dict[str, Callable[[Path], Outcome | None]]:
    """All kinds of attacks, at a size."""

    def n(count: int) -> int:
        return max(1, round(size * count))

    limits = np.unique(np.geomspace(700, 400_000, n(100)).astype(int)).tolist()
    rooms = (4096 * np.arange(n(100))).tolist()
    return {
        **{
            name: partial(attempts, attack, count=n(count), seed=seed, most_s=most_s)
            for name, (attack, count, most_s) in COUNTS.items()
        },
        "damages of an archive": partial(damages.damage_files, count=n(2_000), seed=seed),
        "kill -9": partial(processes.kill_writers, rounds=n(500), seed=seed),
        "files that may not grow": partial(full_disks.limit_file_sizes, limits=limits),
        "full disks": partial(full_disks.fill_disk, rooms=rooms),
        "four writers": partial(processes.race_writers, writers=4, rounds=n(100)),
        "reader beside a writer": partial(processes.read_beside_a_writer, rounds=n(100), seed=seed),
        "five searching beside a writer": partial(
            processes.search_beside_a_writer, readers=5, seconds=size * 600
        ),
    }


@click.command()
@click.option("--size", default=1.0, show_default=True, help="Share of the full size.")
@click.option("--seed", default=0, show_default=True)
@click.option("--only", multiple=True, help="Kinds, by a part of their names.")
@click.option("--report", type=click.Path(path_type=Path), help="Write the counts, in Markdown.")
def main(size: float, seed: int, only: tuple[str, ...], report: Path | None) -> None:
    """Attack the project in every way, and print what became of it; exit 1 if one succeeded."""
    rows = [["attack", "tried", "wrong", "what became of it", "seconds"]]
    wrong = 0
    for name, part in parts(size, seed).items():
        if only and not any(word in name for word in only):
            continue
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary) / "archive"
            folder.mkdir()
            outcome = part(folder)
        if outcome is None:
            click.echo(f"{name}: cannot be tried here")
            continue
        counts = ", ".join(f"{what} {n:,}" for what, n in sorted(outcome.counts.items()))
        click.echo(f"{name}: {outcome.tried} tried, {len(outcome.wrong)} wrong; {counts}")
        for line in outcome.wrong[:10]:
            click.echo(f"  {line}")
        wrong += len(outcome.wrong)
        seconds = f"{time.monotonic() - began:.0f}"
        rows.append([name, f"{outcome.tried:,}", f"{len(outcome.wrong):,}", counts, seconds])
        if report:
            with written_whole(report) as temporary_file:
                temporary_file.write_text(markdown_table(rows) + "\n")
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main(prog_name="python -m tests.hostile")
