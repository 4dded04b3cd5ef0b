"""The MIDI files of a folder or a zip, each known by the hash of its content."""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from cqtnet.errors import InputError
from cqtnet.music.midi import LARGEST_BYTES

SUFFIXES = (".mid", ".midi")


@dataclass(frozen=True, slots=True)
class MidiFile:
    """A file: the first 12 digits of its content's SHA-256, its name in the source, its bytes."""

    id: str
    name: str
    read: Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class MidiFiles:
    """What a source holds: files of different content, by their ids, and what was left out."""

    files: tuple[MidiFile, ...]
    left_out: dict[str, str]
    """Name → why."""


@contextmanager
def open_midi(source: Path) -> Iterator[MidiFiles]:
    """The MIDI files below a folder or in a zip, which can be read until the block is left.

    Nothing is unpacked: a file of a zip is read into memory when it is its turn.
    """
    if source.is_dir():
        paths = (path for path in source.rglob("*") if path.is_file())
        readers = {str(path.relative_to(source)): partial(_read_file, path) for path in paths}
        yield _index(readers, source)
        return
    try:
        archive = zipfile.ZipFile(source)
    except (OSError, zipfile.BadZipFile) as error:
        raise InputError(
            f"{source} is neither a folder nor a readable zip: {error}; give one with MIDI files"
        ) from error
    with archive:
        members = (member for member in archive.infolist() if not member.is_dir())
        readers = {member.filename: partial(_read_member, archive, member) for member in members}
        yield _index(readers, source)


def _index(readers: Mapping[str, Callable[[], bytes]], source: Path) -> MidiFiles:
    """The files that can be read, the first by name of those with the same content."""
    names = sorted(name for name in readers if name.lower().endswith(SUFFIXES))
    if not names:
        raise InputError(f"{source} holds no MIDI files; give a folder or a zip of .mid or .midi")
    found: dict[str, MidiFile] = {}
    left_out = {}
    for name in names:
        try:
            content = readers[name]()
        except (OSError, InputError):
            left_out[name] = "unreadable"
            continue
        digest = hashlib.sha256(content).hexdigest()[:12]
        if len(content) > LARGEST_BYTES:
            left_out[name] = f"above {LARGEST_BYTES} bytes"
        elif digest in found:
            left_out[name] = "the same as another"
        else:
            found[digest] = MidiFile(digest, name, readers[name])
    if not found:
        raise InputError(f"none of the {len(names)} MIDI files of {source} can be read; mend them")
    return MidiFiles(tuple(found[digest] for digest in sorted(found)), left_out)


def _read_file(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(LARGEST_BYTES + 1)


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    try:
        with archive.open(member) as file:
            return file.read(LARGEST_BYTES + 1)
    # RuntimeError is what zipfile raises for a password, NotImplementedError for odd packing.
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        raise InputError(f"{member.filename} cannot be unpacked: {error}; mend the zip") from error
