"""Folders of millions of recordings, read once and without asking after every file."""

import os
from collections.abc import Iterator
from pathlib import Path

from cqtnet.audio.files import AUDIO_SUFFIXES, unreadable


def audio_below(folder: Path) -> Iterator[Path]:
    """Recordings in a folder and below, by suffix, always in the same order.

    Hidden files are passed over: macOS leaves a `._name.wav` beside every file that it packs.
    Links are followed; a folder that is met twice is read once, so a loop ends.
    """
    seen: set[tuple[int, int]] = set()
    waiting = [str(folder)]
    while waiting:
        current = waiting.pop()
        entries = _entries(current)
        status = os.stat(current)
        if (status.st_dev, status.st_ino) in seen:
            continue
        seen.add((status.st_dev, status.st_ino))
        for entry in entries:
            if os.path.splitext(entry.name)[1].lower() in AUDIO_SUFFIXES and entry.is_file():
                yield Path(entry.path)
        waiting += [entry.path for entry in reversed(entries) if entry.is_dir()]


def subfolders(folder: Path) -> list[Path]:
    """The folders in a folder, in order of their names; hidden ones are passed over."""
    return [Path(entry.path) for entry in _entries(str(folder)) if entry.is_dir()]


def _entries(folder: str) -> list[os.DirEntry[str]]:
    """What a folder shows, in order of the names."""
    try:
        with os.scandir(folder) as entries:
            shown = [entry for entry in entries if not entry.name.startswith(".")]
    except OSError as error:
        raise unreadable(folder, error) from error
    return sorted(shown, key=lambda entry: entry.name)
