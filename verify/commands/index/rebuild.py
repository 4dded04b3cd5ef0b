"""`cqtnet index rebuild`: the index of an archive made anew."""

from pathlib import Path

import click


@click.command(
    epilog="""\b
Example:
  cqtnet index rebuild archive/ --kind compact
"""
)
@click.argument("archive", type=click.Path(path_type=Path))
@click.option(
    "--kind",
    type=click.Choice(["auto", "exact", "large", "compact"]),
    default="auto",
    show_default=True,
    help="exact reads every window; large and compact look into the likeliest lists.",
)
@click.option("--milvus", metavar="URI", help="Keep it in Milvus: http://host:19530, or a file.")
def rebuild(archive: Path, kind: str, milvus: str | None) -> None:
    """Make the index of ARCHIVE anew from its vectors, and measure its recall.

    With --milvus it is made there (a cluster, or a file of milvus-lite), and every later command
    uses it; MILVUS_TOKEN in the environment is sent along. Without, it is a file beside the
    archive again.
    """
    from verify.archive.backends import choice
    from verify.archive.backends.cache import IndexCache
    from verify.archive.disk.store import Store

    with Store.open(archive, write=True) as store:
        if milvus:
            with choice.open_in_milvus(store, milvus, rebuild=True) as there:
                click.echo(f"{len(there):,} windows at {milvus}")
            return
        choice.leave_milvus(store)
        index = IndexCache.built(store, wanted=kind, tell=lambda text: click.echo(text, err=True))  # type: ignore[arg-type]
        index.save()
    known = index.info
    recall = "" if known.recall is None else f", recall {known.recall:.3f} of {known.queries}"
    click.echo(
        f"{known.plan.kind}: {known.n_windows:,} windows, {known.n_bytes / 1e6:,.1f} MB{recall}"
    )
