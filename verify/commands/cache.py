"""`cqtnet cache`: what was computed of long recordings."""

import click

from cqtnet.commands import JSON, command, show
from verify.words import plural


@command("cqtnet cache", "cqtnet cache --clear")
@click.option("--clear", is_flag=True, help="Forget all of it.")
@JSON(help="Print JSON.")
def cache(clear: bool, as_json: bool) -> None:
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
    plain = {"folder": memory.folder, "recordings": count, "bytes": n_bytes, "cleared": clear}
    show(plain if as_json else f"{memory.folder}: {words}{' forgotten' if clear else ''}")
