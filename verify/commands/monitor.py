"""`cqtnet monitor`: which recordings of an archive are in sound that arrives, and when."""

import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cqtnet import SAMPLE_RATE
from cqtnet.commands import DEVICE, JSON, MIN_LR, PATH, command, complain, show
from cqtnet.errors import NotAudioError
from verify.words import clock, plural

if TYPE_CHECKING:
    from cqtnet.audio.live import Samples
    from verify.archive.results import Match
    from verify.archive.timeline import Event


def _moment(_: click.Context, __: click.Parameter, text: str | None) -> datetime | None:
    """A time of day in its zone, or in that of this machine."""
    try:
        moment = datetime.fromisoformat(text) if text else None
        return moment.astimezone() if moment and not moment.tzinfo else moment
    except ValueError as error:
        example = "2026-05-01T06:00:00, or with a zone 2026-05-01T06:00:00+02:00"
        raise click.BadParameter(f"{text!r} is no date with a time; write {example}") from error


@command(
    "cqtnet monitor archive/ --input https://radio.example/stream.mp3 --json >> log.jsonl",
    "arecord -f cd -t raw | cqtnet monitor archive/ --raw s16le:44100:2",
    "cqtnet monitor archive/ --input hw:0 --container alsa",
)
@click.argument("archive", type=PATH)
@click.option("--input", "source", default="-", show_default=True,
              help="File, URL, device, or - for stdin.")  # fmt: skip
@click.option("--container",
              help="Kind of device or of stream, as FFmpeg names it: alsa, pulse.")  # fmt: skip
@click.option("--raw", metavar="FORMAT:RATE:CHANNELS", help="Bare samples, as s16le:44100:2.")
@click.option("--start", metavar="TIME", callback=_moment,
              help="Time of day of the first sample, as 2026-05-01T06:00:00 or "
              "2026-05-01T06:00:00+02:00.  [default: now]")  # fmt: skip
@click.option("--begins/--no-begins", default=True, show_default=True,
              help="Print a match when it begins, too.")  # fmt: skip
@MIN_LR
@click.option("--give-up", "give_up_s", default=300.0, show_default=True,
              help="End when a URL is silent for so many seconds.")  # fmt: skip
@DEVICE
@JSON(help="Print a line of JSON for each.")
def monitor(
    archive: Path, source: str, container: str | None, raw: str | None, start: datetime | None,
    begins: bool, min_log_lr: float | None, give_up_s: float, device: str, as_json: bool,
) -> None:  # fmt: skip
    """Print each recording of ARCHIVE that is in a stream: when it begins, and when it has ended.

    The first report comes within seconds of its beginning and may change; the one at its end is
    final. Each has its time of day, with the zone, and seconds of the stream. When a day is over,
    and at the end, comes a summary of what was heard; also after Ctrl-C, and SIGTERM. A URL that
    drops out is connected to again, and silence stands for what was lost. Memory stays the same
    however long it runs.
    """
    from cqtnet.audio.live import live
    from verify import Archive
    from verify.archive.search import monitor as matches_in

    with Archive.open(archive, device=device) as opened:
        searcher = opened.searcher(min_log_lr=min_log_lr)
        diary = Diary(start or datetime.now().astimezone())
        blocks = live(
            source, container=container, raw=raw, give_up_s=give_up_s, on_message=complain
        )

        def summarise(second: float, *, ends: bool = False) -> None:
            for day, heard in diary.summaries(second, ends=ends):
                plain = summary_plain(day, heard)
                show(plain if as_json else "\n".join(summary_lines(day, heard)), in_a_line=True)

        with signals_end(blocks, summarise) as sound:
            for event in matches_in(searcher, sound, begins=begins):
                diary.note(event)
                told = {"told": datetime.now(UTC).isoformat(timespec="seconds")}
                show(diary.plain(event) | told if as_json else diary.line(event), in_a_line=True)
            summarise(sound.seconds, ends=True)
            complain(f"listened to {clock(sound.seconds)} of sound")


OnSecond = Callable[[float], None]
STALL_S = 2.0  # for so long a signal waits for the block that is due; then it ends the wait


class Ending:
    """Sound that a signal ends, and a stream that is lost: what was heard before is still told."""

    def __init__(self, blocks: Iterable["Samples"], on_second: OnSecond) -> None:
        self.seconds = 0.0
        self.reason: BaseException | None = None
        self._blocks, self._on_second = blocks, on_second
        self._waits_since = 0.0  # on the monotonic clock; 0: works on a block

    def __iter__(self) -> Iterator["Samples"]:
        blocks = iter(self._blocks)
        try:
            while not self.reason:
                self._waits_since = time.monotonic()
                block = next(blocks, None)
                self._waits_since = 0.0
                if block is None:
                    return
                self.seconds += block.size / SAMPLE_RATE
                yield block
                self._on_second(self.seconds)
        except (NotAudioError, KeyboardInterrupt, SystemExit) as reason:
            if not self.seconds:
                raise
            self.reason = reason

    def end(self, number: int, _: object) -> None:
        """End after this block; at once where none comes, and at the second signal."""
        ends = KeyboardInterrupt() if number == signal.SIGINT else SystemExit(128 + number)
        is_first, self.reason = self.reason is None, self.reason or ends
        if not is_first or 0 < self._waits_since < time.monotonic() - STALL_S:
            raise self.reason


@contextmanager
def signals_end(
    blocks: Iterable["Samples"], on_second: OnSecond = lambda _: None
) -> Iterator[Ending]:
    """The blocks until a signal; what ended them is raised when all is told.

    `on_second` is told how much sound has gone by, after each block.
    """
    sound = Ending(blocks, on_second)
    before = {}
    with suppress(ValueError):  # only the main thread may
        before = {one: signal.signal(one, sound.end) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield sound
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
    if sound.reason:
        raise sound.reason


@dataclass
class Heard:
    """How often a recording was heard on a day, and how long in all."""

    match: "Match"
    times: int = 0
    seconds: float = 0.0


class Diary:
    """Events of sound that arrives, on the clock of a place; days end at its midnight."""

    def __init__(self, start: datetime) -> None:
        self.start = start  # of the first sample, with its zone
        self._day = start.date()  # that is summed up next
        self._days: dict[date, dict[int, Heard]] = {}

    def at(self, second: float) -> datetime:
        """The time of day of a second of the sound."""
        return (self.start + timedelta(seconds=second)).replace(microsecond=0)

    def note(self, event: "Event") -> None:
        """Count a match that has ended, on the day on which it ended."""
        if event.kind == "ended":
            match = event.match
            ended = max(self._day, self.at(match.query_end_s).date())
            heard = self._days.setdefault(ended, {}).setdefault(match.entry.id, Heard(match))
            heard.times += 1
            heard.seconds += match.duration_s

    def line(self, event: "Event") -> str:
        """An event in a line."""
        from verify.archive.listing import match_line

        match = event.match
        second = match.query_start_s if event.kind == "began" else match.query_end_s
        return f"{self.at(second).isoformat()} {event.kind:<6} {match_line(match)}"

    def plain(self, event: "Event") -> dict[str, Any]:
        """An event as plain data; `start` and `end` are times of day."""
        times_s = {"start": event.match.query_start_s, "end": event.match.query_end_s}
        times = {name: self.at(second).isoformat() for name, second in times_s.items()}
        plain = {"event": event.kind, "at_s": round(event.at_s, 3), **times}
        return {**plain, **event.match.to_dict()}

    def summaries(self, second: float, *, ends: bool = False) -> Iterator[tuple[date, list[Heard]]]:
        """Each day that is over by a second, what was heard longest first, or nothing.

        A day waits for matches that are told late. With `ends`, the day of the second is over, too.
        """
        from verify.archive.timeline import LATENCY_S

        until = self.at(second) + timedelta(days=1) if ends else self.at(second - LATENCY_S)
        while self._day < until.date():
            heard = self._days.pop(self._day, {}).values()
            yield self._day, sorted(heard, key=lambda one: -one.seconds)
            self._day += timedelta(days=1)


def summary_lines(day: date, heard: list[Heard]) -> list[str]:
    """What was heard on a day, as lines of text."""
    from cqtnet.audio import shown

    times, seconds = sum(one.times for one in heard), sum(one.seconds for one in heard)
    count = plural(len(heard), "recording")
    head = f"{day.isoformat()} summary {plural(times, 'match', 'matches')} of {count}"
    return [f"{head}, {clock(seconds)} in all"] + [
        f"  {one.times:>4} ×  {clock(one.seconds):>11}  {shown(one.match.path)}" for one in heard
    ]


def summary_plain(day: date, heard: list[Heard]) -> dict[str, Any]:
    """The same as plain data."""
    recordings = [
        {"id": one.match.entry.id, "path": one.match.path, "times": one.times,
         "duration_s": round(one.seconds, 3)}
        for one in heard
    ]  # fmt: skip
    return {"event": "summary", "day": day.isoformat(), "recordings": recordings}
