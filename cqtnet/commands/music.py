"""`cqtnet music`: write a collection of composed pieces and the list of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from cqtnet.music.collection import Collection, Order


@click.command()
@click.argument("out_dir", type=click.Path(file_okay=False, path_type=Path))
@click.option("--count", default=10, show_default=True, help="Number of pieces.")
@click.option("--seed", default=0, show_default=True, help="Seed of the first piece.")
@click.option("--duration", default=60.0, show_default=True, help="Length of each piece in s.")
@click.option(
    "--format",
    "file_format",
    type=click.Choice(["flac", "wav", "ogg"]),
    default="flac",
    show_default=True,
    help="Kind of file.",
)
@click.option("--sample-rate", default=22050, show_default=True, help="Samples per second.")
@click.option(
    "--validation",
    default=0.2,
    show_default=True,
    help="Share of the pieces, the last ones, that the list marks as split valid.",
)
@click.option("--jobs", default=1, show_default=True, help="Processes that work at once.")
@click.option("--force", is_flag=True, help="Overwrite files that exist.")
@click.option("--resume", is_flag=True, help="Keep files that exist, write only the others.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def music(
    out_dir: Path,
    count: int,
    seed: int,
    duration: float,
    file_format: str,
    sample_rate: int,
    validation: float,
    jobs: int,
    force: bool,
    resume: bool,
    as_json: bool,
) -> None:
    """Write COUNT composed pieces of music to OUT_DIR, with a list of them.

    The pieces are made by rule and by seed, so nobody owns them: music for demonstrations,
    tests and archives of any size. The same seed, duration and rate give the same samples.
    OUT_DIR/manifest.tsv lists path, id, split, repository, title, key, tempo and duration.

    \b
    Example:
      cqtnet music pieces --count 3 --duration 20
    """  # noqa: D301  click needs the escape itself, not a raw string
    from cqtnet.music.collection import Order, write_collection
    from cqtnet.progress import progress_bar

    order = Order(count, seed, duration, sample_rate, file_format, validation)
    with progress_bar("composing", count) as bar:
        collection = write_collection(
            out_dir,
            order,
            jobs=jobs,
            force=force,
            resume=resume,
            on_piece=lambda name: bar.advance(doing=name),
        )
    if as_json:
        click.echo(_as_json(order, collection))
        return
    kept = f", {collection.kept} kept" if collection.kept else ""
    click.echo(
        f"{collection.written} pieces of {duration:g} s written{kept}: {collection.manifest}"
    )


def _as_json(order: Order, collection: Collection) -> str:
    """The result as one JSON object."""
    splits = [row["split"] for row in collection.rows]
    return json.dumps(
        {
            "manifest": str(collection.manifest),
            "count": len(splits),
            "written": collection.written,
            "kept": collection.kept,
            "train": splits.count("train"),
            "valid": splits.count("valid"),
            "duration_s": order.duration_s,
            "sample_rate": order.sample_rate,
            "format": order.file_format,
        }
    )
