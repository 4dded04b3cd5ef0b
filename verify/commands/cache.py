"""`cqtnet cache`: what was computed of long recordings."""

import click

from cqtnet.commands import command
from verify.words import plural


@command("cqtnet cache", "cqtnet cache --clear")
@click.option("--clear", is_flag=True, help="Forget all of it.")
def cache(clear: bool) -> None:
    """Print what is remembered of recordings above ten minutes, and where.

    `cqtnet compare` and `cqtnet diff` remember them, so that the next comparison with the same file
    takes a fraction of the time. At most 4 GB are kept, those used last. CQTNET_CACHE is another
    folder.
    """
    from verify.memory import Memory

    memory = Memory()
    count, n_bytes = memory.size()
    if clear:
        memory.clear()
    words = f"{plural(count, 'recording')}, {n_bytes / 1e6:,.1f} MB"
    click.echo(f"{memory.folder}: {words}{' forgotten' if clear else ''}")
