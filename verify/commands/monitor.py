"""`cqtnet monitor`: which recordings of an archive are in sound that arrives."""

import json
from pathlib import Path

import click


@click.command(
    epilog="""\b
Example:
  cqtnet monitor archive/ --input https://radio.example/stream.mp3 --json >> log.jsonl
  arecord -f cd | cqtnet monitor archive/
  cqtnet monitor archive/ --input hw:0 --container alsa
"""
)
@click.argument("archive", type=click.Path(path_type=Path))
@click.option("--input", "source", default="-", help="File, URL, device, or - for stdin.")
@click.option("--container", help="Kind of device or of stream, as FFmpeg names it: alsa, pulse.")
@click.option("--begins", is_flag=True, help="Print a match when it begins, too.")
@click.option("--min-log-lr", type=float, help="Least natural-log ratio of a match.")
@click.option("--give-up", "give_up_s", default=300.0, show_default=True,
              help="End when a URL is silent for so many seconds.")  # fmt: skip
@click.option("--device", default="auto", help="auto, cpu, cuda or cuda:1.", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="A line of JSON for each.")
def monitor(
    archive: Path,
    source: str,
    container: str | None,
    begins: bool,
    min_log_lr: float | None,
    give_up_s: float,
    device: str,
    as_json: bool,
) -> None:
    """Print each recording of ARCHIVE that is in a stream, once, when it has ended.

    Times are those of the stream, from its first sample on. It goes on until the input ends; a URL
    that drops out is connected to again, and silence stands for what was lost. Memory stays the
    same however long it runs.
    """
    from datetime import UTC, datetime

    from cqtnet.audio.live import live
    from verify.archive import Archive
    from verify.archive.listing import match_line
    from verify.archive.search import monitor as matches_in

    with Archive.open(archive, device=device) as opened:
        searcher = opened.searcher(min_log_lr=min_log_lr)
        blocks = live(
            source,
            container=container,
            give_up_s=give_up_s,
            on_message=lambda text: click.echo(f"cqtnet: {text}", err=True),
        )
        for event in matches_in(searcher, blocks, begins=begins):
            if as_json:
                now = datetime.now(UTC).isoformat(timespec="seconds")
                line = {"event": event.kind, "at_s": round(event.at_s, 3), "told": now}
                click.echo(json.dumps(line | event.match.to_dict()))
            else:
                click.echo(f"{event.kind:<6} {match_line(event.match)}")
