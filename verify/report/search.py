"""A page on what an archive holds of a query: a time line, a table, and what it rests on."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from cqtnet import audio
from cqtnet.files import written_whole
from cqtnet.versions import versions
from verify.archive.disk.store import Store
from verify.archive.search.matches import Found, Match
from verify.archive.telling import tell_match
from verify.report import style
from verify.report.document import document
from verify.report.markup import Row, bullets, code, figure, number, paragraph, section, table, text
from verify.wording import clock, ratio, warped

MOST_ROWS = 24
"""Recordings that have a row of their own in the picture, those heard longest."""
METHOD = (
    "The query was heard moment by moment. A neural network turned its windows into embeddings, "
    "and the archive's most similar windows voted for places.",
    "At the best places the recordings' own files were read again and aligned with the query, at "
    "any tempo from 0.66 to 1.52 and any shift within 8 semitones; what was measured became a "
    "likelihood ratio, as in a comparison of two recordings.",
    "A ratio is of two recordings: how much more probable the findings are if the stretch is of "
    "that recording than if not. In a larger archive there is more that may resemble by chance; "
    "how often that happens is part of the archive's figures, not of the ratio.",
)


def write_search_report(
    path: Path, query: audio.StrPath, found: Found, store: Store, *, command: str = ""
) -> None:
    """Write the page, whole or not at all.

    >>> write_search_report(Path("day.html"), "day.mp3", found, archive.store)
    """
    sections = (
        _opening(query, found),
        section(
            "What is heard when",
            figure(_time_line(found), "Each row is a recording of the archive, each bar where it "
                   "is heard; the numbers are those of the table."),
            _matches(found.matches),
        ),
        _unproven(found),
        _archive(store),
        section("Method and limits", bullets(METHOD)),
        _again(query, store, command),
    )  # fmt: skip
    page = document(f"Search: {Path(audio.shown(query)).name}", sections)
    with written_whole(path) as temporary:
        temporary.write_text(page, encoding="utf-8")


def _opening(query: audio.StrPath, found: Found) -> str:
    if found.lack:
        title, verdict = "Nothing can be said of this recording", "insufficient"
    elif found.is_sure:
        title, verdict = "Found in the archive", "same"
    elif found.matches:
        title, verdict = "Perhaps in the archive", "insufficient"
    else:
        title, verdict = "Not in the archive", "different"
    parts = [
        '<p class="kicker">Search of an archive</p>',
        f"<h1>{text(title)}</h1>",
        f'<div class="verdict {verdict}">',
        paragraph(_extent(found)),
        paragraph(
            f"Nearest, and no match: {tell_match(found.nearest, word='beside')}."
            if found.nearest
            else ""
        ),
        paragraph(f"It {found.lack}." if found.lack else ""),
        "</div>",
        table(
            [
                ("Query", audio.shown(query)),
                ("SHA-256", audio.file_sha256(query)),
                ("Duration", clock(found.duration_s)),
            ]
        ),
    ]
    return "<header>\n" + "\n".join(part for part in parts if part) + "\n</header>"


def _extent(found: Found) -> str:
    if not found.matches:
        return ""
    heard_s = sum(match.duration_s for match in found.matches)
    share = min(1.0, heard_s / max(found.duration_s, 1e-9))
    held = len({match.entry.id for match in found.matches})
    return (
        f"{len(found.matches)} stretch{'es' if len(found.matches) > 1 else ''} of "
        f"{held} recording{'s' if held > 1 else ''}, {clock(heard_s)} in all: {share:.0%} of it."
    )


def _time_line(found: Found) -> style.Picture | None:
    if not found.matches:
        return None
    rows = _rows(found.matches)
    drawing = style.blank(0.9 + 0.3 * len(rows))
    axes = drawing.subplots()
    style.dress(axes, xlabel="time in the query")
    axes.set(xlim=(0, max(found.duration_s, 1e-3)), ylim=(len(rows) - 0.4, -0.6))
    for row, own in enumerate(rows.values()):
        colour = style.COLOURS[row % len(style.COLOURS)]
        for place, match in own:
            axes.barh(row, match.duration_s, left=match.query_start_s, height=0.7, color=colour)
            if match.duration_s > found.duration_s / 40:
                middle = (match.query_start_s + match.query_end_s) / 2
                axes.text(
                    middle, row, str(place), color="white", ha="center", va="center",
                    fontsize=style.SMALL_PT,
                )  # fmt: skip
    axes.set_yticks(range(len(rows)), [_short(own[0][1].path) for own in rows.values()])
    style.on_the_clock(axes)
    return style.as_svg(drawing, f"Bars along the query: {len(found.matches)} stretches found.")


def _rows(matches: Sequence[Match]) -> dict[int, list[tuple[int, Match]]]:
    """Numbered matches by recording: those heard longest, in the order they are first heard."""
    rows: dict[int, list[tuple[int, Match]]] = {}
    for place, match in enumerate(matches, start=1):
        rows.setdefault(match.entry.id, []).append((place, match))
    longest = sorted(rows, key=lambda key: -sum(match.duration_s for _, match in rows[key]))
    return {key: own for key, own in rows.items() if key in longest[:MOST_ROWS]}


def _short(path: str) -> str:
    name = audio.shown(Path(path).name)
    return name if len(name) <= 28 else f"{name[:13]}…{name[-14:]}"


def _matches(matches: Sequence[Match]) -> str:
    rows: list[Row] = [
        (
            str(place),
            f"{clock(match.query_start_s)}–{clock(match.query_end_s)}",
            audio.shown(match.path),
            f"{clock(match.reference_start_s)}–{clock(match.reference_end_s)}",
            f"{ratio(match.log_lr)} (ln {number(match.log_lr, digits=1)})",
            ", ".join(warped(match.line)) or "as there",
        )
        for place, match in enumerate(matches, start=1)
    ]
    head = ("", "in the query", "is of", "there", "likelihood ratio", "tempo and pitch")
    return table(rows, head=head) or paragraph("No stretch of it was found.")


def _unproven(found: Found) -> str:
    rows: list[Row] = [
        (
            clock(candidate.query_s),
            ", ".join(map(audio.shown, candidate.entry.paths)) or "no file",
            clock(candidate.reference_s),
            f"{candidate.cosine:.2f}",
            candidate.reason,
        )
        for candidate in found.unproven
    ]
    if not rows:
        return ""
    return section(
        "What could not be looked into",
        paragraph(
            "These resemble the query, but their sound could not be compared with it. They are "
            "neither found nor excluded."
        ),
        table(rows, head=("in the query", "perhaps of", "there", "cosine", "why not")),
    )


def _archive(store: Store) -> str:
    manifest = store.manifest
    rows = [
        ("Archive", str(store.folder)),
        ("Holds", f"{len(store):,} recordings, {store.duration_s / 3600:,.1f} h, "
                  f"{store.n_windows:,} windows of {manifest.window_s:g} s"),
        ("State", f"generation {store.generation}, made {manifest.created}"),
        ("Weights", f"SHA-256 {manifest.model_sha256}"),
    ]  # fmt: skip
    return section("The archive", table(rows))


def _again(query: audio.StrPath, store: Store, command: str) -> str:
    words = ["cqtnet", "search", str(store.folder), audio.shown(query)]
    software = ", ".join(f"{name} {version}" for name, version in versions().items() if version)
    return section("To do it again", code(command or shlex.join(words)), paragraph(software))
