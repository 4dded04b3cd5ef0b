"""Edit maps as labels for audio editors: on the time of A, to listen to each place."""

import csv
import io
from dataclasses import dataclass
from pathlib import Path

from cqtnet.errors import InputError
from cqtnet.files import written_whole
from verify.edits import EditMap
from verify.results import Stretch
from verify.wording import clock

SUFFIXES = (".txt", ".csv")


@dataclass(frozen=True)
class Label:
    """A stretch of A, or a moment where both times are the same, and its name."""

    start_s: float
    end_s: float
    name: str


def labels(edit_map: EditMap) -> list[Label]:
    """A label for each stretch and each edit, in the order of A."""
    found = [Label(s.a_start_s, s.a_end_s, stretch_name(s)) for s in edit_map.stretches]
    found += [Label(e.a_start_s, e.a_end_s, f"{e.kind}: {e.words}") for e in edit_map.edits]
    return sorted(found, key=lambda label: (label.start_s, label.end_s))


def stretch_name(stretch: Stretch) -> str:
    """What is heard in a stretch: where in B, and how it was altered."""
    name = f"B {clock(stretch.b_start_s)}–{clock(stretch.b_end_s)}"
    return f"{name}, {altered}" if (altered := alteration(stretch)) else name


def alteration(stretch: Stretch) -> str:
    """Tempo and pitch of a stretch in words; nothing where they are those of B."""
    if not stretch.is_altered:
        return ""
    line = stretch.line
    if line.is_speed:
        return f"speed ×{line.tempo:.4f}"
    return f"tempo ×{line.tempo:.4f}, pitch {line.shift_semitones:+.2f} semitones"


def check_suffix(path: Path) -> None:
    """Raise unless labels can be written to a file of that name."""
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(
            f"{path}: labels are .txt (Audacity) or .csv (Reaper), not {path.suffix or 'without'!r}"
        )


def write_labels(edit_map: EditMap, path: Path) -> None:
    """Write the labels: of Audacity (.txt) or regions and markers of Reaper (.csv)."""
    check_suffix(path)
    as_text = _audacity if path.suffix.lower() == ".txt" else _reaper
    with written_whole(path) as temporary:
        temporary.write_text(as_text(labels(edit_map)), encoding="utf-8")


def _audacity(found: list[Label]) -> str:
    return "".join(f"{x.start_s:.6f}\t{x.end_s:.6f}\t{x.name}\n" for x in found)


def _reaper(found: list[Label]) -> str:
    """Rows as the region and marker manager reads them."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["#", "Name", "Start", "End", "Length"])
    for number, label in enumerate(found, 1):
        if label.end_s > label.start_s:
            times = [f"{t:.3f}" for t in (label.start_s, label.end_s, label.end_s - label.start_s)]
            rows.writerow([f"R{number}", label.name, *times])
        else:
            rows.writerow([f"M{number}", label.name, f"{label.start_s:.3f}", "", ""])
    return text.getvalue()
