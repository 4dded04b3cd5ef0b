"""A file made ready for an archive: its bytes' digest and the vectors of its windows."""

import os
from dataclasses import dataclass

from cqtnet import audio
from cqtnet.embed import Embedder
from cqtnet.errors import InputError
from verify.archive.results import NewRecording, Windows


@dataclass(frozen=True)
class FileStatus:
    """What tells, without reading it, that a file is as it was."""

    size: int
    modified_ns: int

    @classmethod
    def of(cls, path: str) -> "FileStatus":
        """The status of a file as it is now."""
        try:
            found = os.stat(path)
        except OSError as error:
            raise audio.unreadable(path, error) from error
        return cls(found.st_size, found.st_mtime_ns)


def extract(
    path: str,
    embedder: Embedder,
    *,
    window_s: float,
    hop_s: float,
    sha256: str = "",
    tags: tuple[str, ...] = (),
) -> NewRecording:
    """What an archive keeps of a file; a silent, short or changing one is an error.

    `sha256` is that of its bytes, where it is known already. Windows of silence are left out.
    """
    before = FileStatus.of(path)
    sha256 = sha256 or audio.file_sha256(path)
    trace = embedder.trace_file(path)
    windows = embedder.windows(trace, window_s=window_s, hop_s=hop_s)
    heard = windows.has_content
    if FileStatus.of(path) != before:
        raise InputError(f"{audio.shown(path)} was changed while it was read; add it again")
    return NewRecording(
        path,
        sha256,
        before.size,
        before.modified_ns,
        trace.duration_s,
        tags,
        Windows(windows.vectors[heard], windows.start_s[heard]),
    )
