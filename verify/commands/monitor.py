"""`cqtnet monitor`: which recordings of an archive are in sound that arrives."""

import json
from datetime import datetime
from pathlib import Path

import click


@click.command(
    epilog="""\b
Example:
  cqtnet monitor archive/ --input https://radio.example/stream.mp3 --json >> log.jsonl
  arecord -f cd -t raw | cqtnet monitor archive/ --raw s16le:44100:2
  cqtnet monitor archive/ --input hw:0 --container alsa
"""
)
@click.argument("archive", type=click.Path(path_type=Path))
@click.option("--input", "source", default="-", help="File, URL, device, or - for stdin.")
@click.option("--container", help="Kind of device or of stream, as FFmpeg names it: alsa, pulse.")
@click.option("--raw", metavar="FORMAT:RATE:CHANNELS", help="Bare samples, as s16le:44100:2.")
@click.option("--start", type=click.DateTime(["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S"]),
              help="Time of day of the first sample.  [default: now]")  # fmt: skip
@click.option("--begins/--no-begins", default=True, show_default=True,
              help="Print a match when it begins, too.")  # fmt: skip
@click.option("--min-log-lr", type=float, help="Least natural-log ratio of a match.")
@click.option("--give-up", "give_up_s", default=300.0, show_default=True,
              help="End when a URL is silent for so many seconds.")  # fmt: skip
@click.option("--device", default="auto", help="auto, cpu, cuda or cuda:1.", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="A line of JSON for each.")
def monitor(
    archive: Path, source: str, container: str | None, raw: str | None, start: datetime | None,
    begins: bool, min_log_lr: float | None, give_up_s: float, device: str, as_json: bool,
) -> None:  # fmt: skip
    """Print each recording of ARCHIVE that is in a stream: when it begins, and when it has ended.

    The first report comes within seconds of its beginning and may change; the one at its end is
    final. Each has its time of day, with the zone, and seconds of the stream. When a day is over,
    and at the end, comes a summary of what was heard. A URL that drops out is connected to again,
    and silence stands for what was lost. Memory stays the same however long it runs.
    """
    from datetime import UTC

    from cqtnet.audio.live import live
    from verify.archive import Archive
    from verify.archive.diary import Diary, summary_lines, summary_plain
    from verify.archive.search import monitor as matches_in

    with Archive.open(archive, device=device) as opened:
        searcher = opened.searcher(min_log_lr=min_log_lr)
        diary = Diary((start or datetime.now()).astimezone())
        blocks = live(
            source,
            container=container,
            raw=raw,
            give_up_s=give_up_s,
            on_message=lambda text: click.echo(f"cqtnet: {text}", err=True),
        )

        def summarise(second: float | None) -> None:
            for day, heard in diary.summaries(second):
                lines = (
                    [json.dumps(summary_plain(day, heard))]
                    if as_json
                    else summary_lines(day, heard)
                )
                click.echo("\n".join(lines))

        for event in matches_in(searcher, blocks, begins=begins):
            summarise(event.match.query_start_s)
            diary.note(event)
            told = {"told": datetime.now(UTC).isoformat(timespec="seconds")}
            click.echo(json.dumps(diary.plain(event) | told) if as_json else diary.line(event))
        summarise(None)
