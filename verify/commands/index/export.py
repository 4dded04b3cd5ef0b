"""`cqtnet index export`: an archive's windows for other programs."""

from pathlib import Path

import click


@click.command(
    epilog="""\b
Example:
  cqtnet index export archive/ windows.npz
"""
)
@click.argument("archive", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace the file if it exists.")
def export(archive: Path, out: Path, force: bool) -> None:
    """Write the windows of ARCHIVE to OUT: .npz for numpy, or .parquet (needs pyarrow).

    Each window has `vector` (float16), `recording`, `start_s`, and by recording `path`, `sha256`
    and `duration_s`.
    """
    from cqtnet.files import refuse_overwrite
    from verify.archive.disk.store import Store
    from verify.archive.exporting import check_suffix, export_windows

    check_suffix(out)
    refuse_overwrite(out, force=force)
    with Store.open(archive) as store:
        export_windows(store, out)
        click.echo(f"{store.n_windows:,} windows of {len(store):,} recordings → {out}")
