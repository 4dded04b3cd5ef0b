"""The page of a search: what an archive holds of a query, as a time line and a table."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from cqtnet import audio
from cqtnet import plotting as style
from verify.archive.results import ANSWERS, Match, SearchResult
from verify.archive.store import Store
from verify.report.language import say
from verify.report.page import render, write
from verify.report.pictures import colour_of, on_the_clock
from verify.words import plural

MOST_ROWS = 24
"""At most so many recordings have a row of their own in the picture, those heard longest."""


def write_search_report(
    path: Path, query: audio.StrPath, found: SearchResult, store: Store, *, command: str = ""
) -> None:
    """Write the page, whole or not at all.

    >>> write_search_report(Path("day.html"), "day.mp3", found, archive.store)
    """
    name = audio.shown(query)
    heard_s = sum(match.duration_s for match in found.matches)
    content = render(
        "search.html.j2", title=f"{say('Search')}: {Path(name).name}", query=name,
        sha256=audio.file_sha256(query), found=found, headline=ANSWERS[found.answer], store=store,
        rows=_rows(found.matches), heard_s=heard_s, time_line=draw_time_line(found),
        share=min(1.0, heard_s / max(found.duration_s, 1e-9)),
        command=command or shlex.join(["cqtnet", "search", str(store.folder), name]),
    )  # fmt: skip
    write(path, content)


def _rows(matches: Sequence[Match]) -> list[list[tuple[int, Match]]]:
    """Numbered matches by recording, in the order in which recordings are first heard."""
    rows: dict[int, list[tuple[int, Match]]] = {}
    for number, match in enumerate(matches, start=1):
        rows.setdefault(match.entry.id, []).append((number, match))
    return list(rows.values())


def draw_time_line(found: SearchResult) -> style.Picture | None:
    """A row for each recording, with a numbered bar where it is heard; None without matches."""
    if not found.matches:
        return None
    rows = _rows(found.matches)
    longest = sorted(rows, key=lambda own: -sum(match.duration_s for _, match in own))
    shown = [own for own in rows if own in longest[:MOST_ROWS]]
    figure = style.blank(0.9 + 0.3 * len(shown))
    axes = figure.subplots()
    style.dress(axes, xlabel=say("time in the query"))
    axes.set(xlim=(0, max(found.duration_s, 1e-3)), ylim=(len(shown) - 0.4, -0.6))
    for row, own in enumerate(shown):
        for number, match in own:
            start_s, end_s = match.query_start_s, match.query_end_s
            axes.barh(row, end_s - start_s, left=start_s, height=0.7, color=colour_of(row))
            is_narrow = end_s - start_s < found.duration_s / 40  # its number stands beside it
            axes.annotate(
                str(number), (end_s if is_narrow else (start_s + end_s) / 2, row),
                (3 if is_narrow else 0, 0), textcoords="offset points",
                ha="left" if is_narrow else "center", va="center", fontweight="bold",
                fontsize=style.SMALL_PT, color=style.INK if is_narrow else "white",
            )  # fmt: skip
    axes.set_yticks(range(len(shown)), [_short(own[0][1].path) for own in shown])
    on_the_clock(axes)
    count = plural(len(found.matches), "stretch", "stretches")
    return style.as_svg(figure, say(f"Bars along the query: {count} found."))


def _short(path: str) -> str:
    name = audio.shown(Path(path).name)
    return name if len(name) <= 28 else f"{name[:13]}…{name[-14:]}"
