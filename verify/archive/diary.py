"""What was heard at which time of day, and the sum of each day."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from cqtnet import audio
from verify.archive.listing import match_line
from verify.archive.results import Match
from verify.archive.timeline import Event
from verify.words import clock, plural


@dataclass
class Heard:
    """How often a recording was heard on a day, and how long in all."""

    match: Match
    times: int = 0
    seconds: float = 0.0


@dataclass
class Diary:
    """Events of sound that arrives, on the clock of a place; days end at its midnight.

    >>> diary = Diary(datetime.now().astimezone())
    >>> for event in monitor(searcher, blocks):
    ...     print(diary.line(event), *diary.summaries(event.at_s))
    """

    start: datetime  # of the first sample, with its zone
    _days: dict[date, dict[int, Heard]] = field(default_factory=dict)

    def at(self, second: float) -> datetime:
        """The time of day of a second of the sound."""
        return (self.start + timedelta(seconds=second)).replace(microsecond=0)

    def note(self, event: Event) -> None:
        """Count a match that has ended, on the day on which it began."""
        if event.kind == "ended":
            match = event.match
            day = self._days.setdefault(self.at(match.query_start_s).date(), {})
            heard = day.setdefault(match.entry.id, Heard(match))
            heard.times += 1
            heard.seconds += match.duration_s

    def line(self, event: Event) -> str:
        """An event in a line."""
        match = event.match
        second = match.query_start_s if event.kind == "began" else match.query_end_s
        return f"{self.at(second).isoformat()} {event.kind:<6} {match_line(match)}"

    def plain(self, event: Event) -> dict[str, Any]:
        """An event as plain data; `start` and `end` are times of day."""
        match = event.match
        return {
            "event": event.kind,
            "at_s": round(event.at_s, 3),
            "start": self.at(match.query_start_s).isoformat(),
            "end": self.at(match.query_end_s).isoformat(),
            **match.to_dict(),
        }

    def summaries(self, second: float | None = None) -> Iterator[tuple[date, list[Heard]]]:
        """The days that are over by a second, or all; each once, what was heard longest first."""
        today = None if second is None else self.at(second).date()
        for day in sorted(self._days):
            if today is None or day < today:
                yield day, sorted(self._days.pop(day).values(), key=lambda one: -one.seconds)


def summary_lines(day: date, heard: list[Heard]) -> list[str]:
    """What was heard on a day, as lines of text."""
    times, seconds = sum(one.times for one in heard), sum(one.seconds for one in heard)
    count = plural(len(heard), "recording")
    head = f"{day.isoformat()} summary {plural(times, 'match', 'matches')} of {count}"
    return [f"{head}, {clock(seconds)} in all"] + [
        f"  {one.times:>4} ×  {clock(one.seconds):>11}  {audio.shown(one.match.path)}"
        for one in heard
    ]


def summary_plain(day: date, heard: list[Heard]) -> dict[str, Any]:
    """The same as plain data."""
    recordings = [
        {"id": one.match.entry.id, "path": one.match.path, "times": one.times,
         "seconds": round(one.seconds, 3)}
        for one in heard
    ]  # fmt: skip
    return {"event": "summary", "day": day.isoformat(), "recordings": recordings}
