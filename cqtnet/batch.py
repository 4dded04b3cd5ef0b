"""Many files embedded into one .npz, with progress on stderr."""

import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cqtnet import audio
from cqtnet.embed import Embedder, Embeddings, check_windows
from cqtnet.errors import InputError, NotAudioError
from cqtnet.files import written_whole


@dataclass(frozen=True)
class Summary:
    """What was embedded, and what could not be."""

    files: tuple[str, ...]
    failed: dict[str, str]  # file → why
    n_windows: int
    duration_s: float
    elapsed_s: float

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def embed_files(
    paths: Sequence[Path], out: Path, embedder: Embedder, *, window_s: float, hop_s: float
) -> Summary:
    """Embed every audio file of `paths` and write `out`; files that fail are listed."""
    check_windows(window_s=window_s, hop_s=hop_s)
    started = time.monotonic()
    files = list(audio.find_audio(paths))
    if not files:
        raise NotAudioError(
            f"no audio in {', '.join(map(audio.shown, paths))}; give files or folders"
        )
    done: dict[str, Embeddings] = {}
    failed: dict[str, str] = {}
    duration_s = 0.0
    console = Console(stderr=True)
    for path in _with_progress(files, console):
        try:
            trace = embedder.trace_file(path)
            done[str(path)] = embedder.windows(trace, window_s=window_s, hop_s=hop_s)
            duration_s += trace.duration_s
        except InputError as error:
            if len(files) == 1:
                raise
            failed[os.fspath(path)] = str(error)
            console.print(f"cqtnet: {error}", style="red", markup=False, soft_wrap=True)
    if not done:
        raise InputError(f"none of {len(files)} files could be embedded; see the lines above")
    _write(out, done, embedder)
    n_windows = sum(len(e.vectors) for e in done.values())
    return Summary(tuple(done), failed, n_windows, duration_s, time.monotonic() - started)


def _with_progress(files: Sequence[Path], console: Console) -> Iterable[Path]:
    columns = (TextColumn("embedding"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        yield from progress.track(files)


def _write(out: Path, done: dict[str, Embeddings], embedder: Embedder) -> None:
    parts = list(done.values())
    with written_whole(out) as temporary, temporary.open("wb") as file:
        np.savez(
            file,
            vectors=np.concatenate([p.vectors for p in parts]),
            start_s=np.concatenate([p.start_s for p in parts]),
            level=np.concatenate([p.level for p in parts]),
            end_s=np.concatenate([p.end_s for p in parts]),
            file_index=np.repeat(np.arange(len(parts)), [len(p.vectors) for p in parts]),
            files=np.array(list(done)),
            model=np.array(embedder.sha256),
        )
