"""`cqtnet demo`: a first look on audio that it makes itself."""

from pathlib import Path

import click


@click.command(
    epilog="""\b
Example:
  cqtnet demo demo
"""
)
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--model", default="default", help="Shipped weights by name, or a path.")
@click.option("--force", is_flag=True, help="Use the folder though it exists.")
def demo(folder: Path, model: str, force: bool) -> None:
    """Make recordings in FOLDER and compare an altered fragment of one with each.

    They are the original, the same piece played by other sounds, and another piece.
    """
    from cqtnet.errors import InputError
    from cqtnet.files import make_folder
    from verify.commands.compare import tell
    from verify.comparison import Comparer
    from verify.demo import ALTERATION, FRAGMENT, run_demo

    if folder.exists() and not force:
        raise InputError(f"{folder} exists already; use --force to write into it")
    make_folder(folder)
    result = run_demo(folder, Comparer.named(model))
    click.echo(f"fragment.flac is {FRAGMENT[0]:g} to {FRAGMENT[1]:g} s of original.flac, altered:")
    for effect in ALTERATION.effects:
        click.echo(f"  {effect}")
    for name, comparison in result.comparisons.items():
        click.echo("\n" + "\n".join(tell(comparison)))
        click.echo(f"  report   {result.reports[name]}")
