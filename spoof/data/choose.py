"""Any data set, by its path: the layout is found, or named."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cqtnet.audio.files import shown
from cqtnet.errors import InputError, ManifestError
from spoof.data import asvspoof, deep_voice, fake_or_real, folders, table
from spoof.data.utterance import Utterance, missing_class
from spoof.data.walk import subfolders

FOLDERS_SHOWN = 8


@dataclass(frozen=True)
class Layout:
    """How a data set lies on disk: what is looked for, whether it is there, and its loader."""

    looks_for: str
    matches: Callable[[Path], bool]
    load: Callable[[Path], list[Utterance]]


LAYOUTS: dict[str, Layout] = {
    "table": Layout(table.LOOKS_FOR, table.is_table, table.load_table),
    "asvspoof": Layout(asvspoof.LOOKS_FOR, asvspoof.is_asvspoof, asvspoof.load_asvspoof),
    "deep-voice": Layout(
        deep_voice.LOOKS_FOR, deep_voice.is_deep_voice, deep_voice.load_deep_voice
    ),
    "fake-or-real": Layout(
        fake_or_real.LOOKS_FOR, fake_or_real.is_fake_or_real, fake_or_real.load_fake_or_real
    ),
    "folders": Layout(
        folders.LOOKS_FOR, lambda path: bool(folders.parts(path)), folders.load_folders
    ),
}
"""Layouts by name, in the order in which they are tried: `folders` would take most for its own."""


def load_data(path: Path, *, layout: str | None = None) -> list[Utterance]:
    """Every utterance of a data set; its layout, one of `LAYOUTS`, is found where none is named.

    Whatever doesn't fit is a ManifestError: no layout, a line that doesn't parse, recordings
    that are not there, only real or only fake ones.

    >>> utterances = load_data(Path("for-norm"))
    >>> utterances[0].is_fake, utterances[0].split
    (True, 'test')
    """
    if layout is not None and layout not in LAYOUTS:
        raise InputError(f"no layout is named {layout!r}; choose from {', '.join(LAYOUTS)}")
    if not path.exists():
        raise ManifestError(f"{shown(path)} is not there; give a folder or a list of recordings")
    utterances = LAYOUTS[layout or _found(path)].load(path)
    lacking = missing_class(utterances)
    if lacking:
        raise ManifestError(f"{shown(path)} holds {lacking}; a detector is made from both")
    return utterances


def _found(path: Path) -> str:
    """The first layout that fits."""
    for name, layout in LAYOUTS.items():
        if layout.matches(path):
            return name
    wanted = "; ".join(f"{name}: {layout.looks_for}" for name, layout in LAYOUTS.items())
    raise ManifestError(
        f"{shown(path)} has no layout known here. It holds {_inside(path)}. {wanted}"
    )


def _inside(path: Path) -> str:
    """The folders in a folder, in words."""
    if not path.is_dir():
        return "no text"
    names = [shown(folder.name) for folder in subfolders(path)]
    more = f" and {len(names) - FOLDERS_SHOWN} more" if len(names) > FOLDERS_SHOWN else ""
    return f"the folders {', '.join(names[:FOLDERS_SHOWN])}{more}" if names else "no folders"
