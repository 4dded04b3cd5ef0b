"""`python -m tests.hostile`: tries to break archives, and prints what became of it.

With `--kills 200 --damages 2000 --limits 200 --rounds 100` it takes a quarter of an hour. The exit
code is 1 if one broke. The tests run a short version of each part.
"""

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np

from tests.hostile import Outcome
from tests.hostile.damages import damage_files
from tests.hostile.full_disks import fill_disk, limit_file_sizes
from tests.hostile.processes import kill_writers, race_writers, read_beside_a_writer


@click.command()
@click.option("--kills", default=200, show_default=True)
@click.option("--damages", default=2000, show_default=True)
@click.option("--limits", default=200, show_default=True, help="Sizes at which a disk is full.")
@click.option("--rounds", default=100, show_default=True, help="Of several processes at once.")
def main(kills: int, damages: int, limits: int, rounds: int) -> None:
    """Try to break archives, and print what became of them; exit 1 if one broke."""
    sizes = np.unique(np.geomspace(1, 400_000, limits).astype(int)).tolist()
    rooms = (4096 * np.arange(limits)).tolist()
    parts: dict[str, Callable[[Path], Outcome | None]] = {
        "kill -9": lambda folder: kill_writers(folder, kills),
        "damaged files": lambda folder: damage_files(folder, damages),
        "files that may not grow": lambda folder: limit_file_sizes(folder, sizes),
        "full disk": lambda folder: fill_disk(folder, rooms),
        "four writers": lambda folder: race_writers(folder, 4, rounds),
        "reader beside a writer": lambda folder: read_beside_a_writer(folder, rounds),
    }
    wrong = 0
    for name, part in parts.items():
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary) / "archive"
            folder.mkdir()
            outcome = part(folder)
        if outcome is None:
            click.echo(f"{name}: cannot be tried here")
            continue
        counts = ", ".join(f"{what} {n}" for what, n in sorted(outcome.counts.items()))
        click.echo(f"{name}: {outcome.tried} tried, {len(outcome.wrong)} wrong; {counts}")
        for line in outcome.wrong[:10]:
            click.echo(f"  {line}")
        wrong += len(outcome.wrong)
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main(prog_name="python -m tests.hostile")
