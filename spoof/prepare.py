"""From recordings to what a recipe's network is given: decoded, cut, changed, and kept.

What is made of a recording is kept in half precision under the SHA-256 of its bytes and of all
that went into it, code included, so that recipes with the same input share it and a second run
finds it there.
"""

import hashlib
import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from augment.tempo import resample
from cqtnet import audio
from cqtnet.cache import content_hash
from cqtnet.errors import InputError, NoContentError
from cqtnet.files import written_whole
from eval.processes import Workers
from spoof.copies import copy_rng
from spoof.data.rows import NAMES, Rows, read_rows
from spoof.data.segments import Joined, joined, joined_segments, segments
from spoof.data.utterance import Utterance
from spoof.recipes.recipe import Recipe, Samples

MOST = float(np.finfo(np.float16).max)
IN_MEMORY_BYTES = 2 << 30
"""More than that stays on disk and is read as it is needed."""
FEW = 64
"""So few recordings are made sooner than other processes are started."""


@dataclass(frozen=True)
class Change:
    """What is done to whole recordings at their own rate before anything else, by its name."""

    name: str  # of what is done and how much; files are kept under it
    apply: Callable[[Samples, int], Samples]


@dataclass(frozen=True, eq=False)
class Examples:
    """Segments as a network is given them, and where each comes from, (n,) each."""

    values: NDArray[np.float16]  # (m, *input_shape), perhaps on disk
    row: NDArray[np.intp]  # of the values
    recording: NDArray[np.intp]  # which of `recordings`
    segment: NDArray[np.intp]  # number within the recording
    copy: NDArray[np.intp]  # 0: as recorded; others are altered
    recordings: tuple[Joined, ...]

    def __len__(self) -> int:
        return len(self.row)

    @cached_property
    def is_fake(self) -> NDArray[np.bool_]:
        """Which examples are synthetic, (n,)."""
        return np.array([r.is_fake for r in self.recordings], bool)[self.recording]

    def inputs(self, at: NDArray[np.intp]) -> NDArray[np.float16]:
        """The inputs (b, *input_shape) of the examples at these places (b,)."""
        return self.values[self.row[at]]

    def where(self, mask: NDArray[np.bool_]) -> Self:
        """The examples where `mask` (n,) is true; values and recordings are shared."""
        names = ("row", "recording", "segment", "copy")
        return replace(self, **{name: getattr(self, name)[mask] for name in names})


@dataclass(frozen=True)
class Preparer:
    """Where what is made is kept, which processes share the work, and who is told how far it is."""

    cache: Path
    pool: Workers | None = None  # None: all is made in this process
    told: Callable[[int, int], None] = lambda done, of: None  # how many of those that lack

    def examples(
        self,
        utterances: Sequence[Utterance],
        recipe: Recipe,
        *,
        copies: int = 1,
        change: Change | None = None,
    ) -> Examples:
        """The segments of recordings; with `copies` above 1, altered ones of each as well.

        Recordings too short for a recipe that skips them have none, and are left out.
        """
        recordings = as_recordings(utterances, joins=recipe.joins)
        if not recordings:
            raise InputError("0 recordings to prepare; give some")
        if copies > 1 and recipe.alter is None:
            raise InputError(f"{recipe.name} says of no way to make copies; train it without")
        tasks = [_task(self.cache, r, recipe, copies, change) for r in recordings]
        self._make([task for task in tasks if task.missing()])
        files = [(n, copy, file) for n, task in enumerate(tasks)
                 for copy, file in enumerate(task.files)]  # fmt: skip
        found = _gathered(files, tuple(recordings), recipe, self.cache)
        if not len(found):
            raise InputError(
                f"{len(recordings)} recordings hold no segment of {recipe.segment_s:g} s, and "
                f"{recipe.name} skips what is shorter; give longer ones"
            )
        return found

    def _make(self, tasks: Sequence["_Task"]) -> None:
        pool = self.pool if len(tasks) > FEW else None
        made = pool.each(_make, tasks) if pool else map(_make, tasks)
        for done, notes in enumerate(made, start=1):
            for note in notes:
                warnings.warn(note, audio.AudioWarning, stacklevel=3)
            self.told(done, len(tasks))


def as_recordings(utterances: Sequence[Utterance], *, joins: bool) -> list[Joined]:
    """What is scored as one: each utterance, or all of a speaker and class that are joined."""
    if joins:
        return joined(utterances)
    return [
        Joined((u.path,), u.is_fake, u.group, u.speaker, u.system, u.split, u.collection)
        for u in utterances
    ]


def name_of(recording: Joined) -> str:
    """A recording as errors and lists name it: its file, or the first of several."""
    more = f" and {len(recording.paths) - 1} more" if len(recording.paths) > 1 else ""
    return audio.shown(recording.paths[0]) + more


def recording_hash(recording: Joined) -> str:
    """SHA-256 that names what a recording holds."""
    hashes = [content_hash(path) for path in recording.paths]
    return hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest()


def cut(samples: Samples, recipe: Recipe) -> Samples:
    """The segments (n, length) of samples at the recipe's rate; one where it does not cut."""
    if recipe.segment_s is None:
        return samples[None]
    return segments(
        samples,
        rate_hz=recipe.rate_hz,
        length_s=recipe.segment_s,
        hop_s=recipe.hop_s,
        short=recipe.short,
    )


@dataclass(frozen=True)
class _Task:
    """What is to be made of one recording, and where each copy of it is kept."""

    recording: Joined
    sha256: str
    recipe: Recipe
    change: Change | None
    files: tuple[Path, ...]  # by number of the copy

    def missing(self) -> list[int]:
        """The copies that are not there."""
        return [copy for copy, file in enumerate(self.files) if not file.exists()]


def _task(
    cache: Path, recording: Joined, recipe: Recipe, copies: int, change: Change | None
) -> _Task:
    sha256 = recording_hash(recording)
    folder = cache / f"{recipe.input_key()}"
    stem = sha256[:24] + (f"-{change.name}" if change else "")
    names = [stem, *(f"{stem}-{recipe.alter_key()}-{copy}" for copy in range(1, copies))]
    return _Task(recording, sha256, recipe, change, tuple(folder / f"{n}.npy" for n in names))


def _make(task: _Task) -> list[str]:
    """Make and keep what lacks; what is to be known about the files comes back."""
    recipe, missing = task.recipe, task.missing()
    values: dict[int, list[Samples]] = {copy: [] for copy in missing}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", audio.AudioWarning)
        for number, piece in enumerate(_pieces(task)):
            for copy in missing:
                values[copy].append(_input(task, copy, number, piece))
    for copy, made in values.items():
        if not made and recipe.short != "skip":
            raise NoContentError(f"{name_of(task.recording)} has no samples; leave it out")
        shape = (len(made), *recipe.input_shape)
        with written_whole(task.files[copy]) as temporary:
            np.save(temporary, np.asarray(made, np.float16).reshape(shape))
    return [str(w.message) for w in caught if issubclass(w.category, audio.AudioWarning)]


def _pieces(task: _Task) -> Iterator[Samples]:
    """The segments of a recording; where nothing stands against it, as they are decoded."""
    recipe, change = task.recipe, task.change
    if change is None and recipe.segment_s is not None and recipe.hop_s is None:
        yield from joined_segments(
            task.recording, rate_hz=recipe.rate_hz, length_s=recipe.segment_s, short=recipe.short
        )
        return
    parts = [_changed(path, recipe.rate_hz, change) for path in task.recording.paths]
    samples = np.concatenate(parts)
    if samples.size:
        yield from cut(samples, recipe)


def _changed(path: Path, rate_hz: int, change: Change | None) -> Samples:
    """Samples at `rate_hz` of a file, changed at its own rate."""
    if change is None:
        return audio.load(path, sample_rate=rate_hz)
    own_hz = audio.probe(path).sample_rate
    samples = audio.load(path, sample_rate=own_hz)
    return resample(change.apply(samples, own_hz), own_hz, rate_hz) if samples.size else samples


def _input(task: _Task, copy: int, number: int, piece: Samples) -> Samples:
    """What the network is given of one segment."""
    recipe = task.recipe
    if copy:
        assert recipe.alter is not None
        rng = copy_rng(0, f"{task.sha256}/{number}", copy)
        piece = recipe.alter(piece, recipe.rate_hz, rng)
    return checked_input(piece, recipe, name=f"{name_of(task.recording)}, segment {number + 1}")


def checked_input(piece: Samples, recipe: Recipe, *, name: str) -> Samples:
    """What the recipe's feature makes of a segment: of the right shape, finite."""
    values = recipe.feature(piece)
    if values.shape != recipe.input_shape:
        raise InputError(
            f"{name}: {piece.size / recipe.rate_hz:.2f} s give an input of {values.shape} where "
            f"{recipe.name} takes {recipe.input_shape}; give a longer recording"
        )
    largest = float(np.abs(values).max(initial=0))
    if not largest <= MOST:
        raise InputError(f"{name}: the feature of {recipe.name} is {largest} there; leave it out")
    return values


def _gathered(
    files: Sequence[tuple[int, int, Path]],
    recordings: tuple[Joined, ...],
    recipe: Recipe,
    cache: Path,
) -> Examples:
    """What is kept of recordings and copies as one array, on disk where it is large."""
    lengths = [len(_kept(file)) for _, _, file in files]
    shape = (sum(lengths), *recipe.input_shape)
    in_memory = 2 * math.prod(shape) <= IN_MEMORY_BYTES
    values = np.empty(shape, np.float16) if in_memory else _on_disk(shape, cache / "values.npy")
    starts = np.cumsum([0, *lengths])
    for start, length, (_, _, file) in zip(starts, lengths, files, strict=False):
        values[start : start + length] = _kept(file)
    return Examples(
        values,
        np.arange(len(values)),
        np.repeat(np.array([n for n, _, _ in files], np.intp), lengths),
        np.concatenate([np.arange(length) for length in lengths]).astype(np.intp),
        np.repeat(np.array([copy for _, copy, _ in files], np.intp), lengths),
        recordings,
    )


def _kept(file: Path) -> NDArray[np.float16]:
    """What is kept in a file, left there until it is read."""
    try:
        made: NDArray[np.float16] = np.load(file, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{file} is damaged: {error}; remove it, it will be made anew") from error
    return made


def _on_disk(shape: tuple[int, ...], path: Path) -> NDArray[np.float16]:
    """Room for values in a file that lasts as long as somebody reads it."""
    values: NDArray[np.float16] = np.lib.format.open_memmap(
        path, mode="w+", dtype=np.float16, shape=shape
    )
    path.unlink()  # what is mapped stays there, and nothing is left behind
    return values


# DEEP-VOICE's table of features in place of recordings: each row is an example as it stands.

HEAD_BYTES = 4096


@dataclass(frozen=True)
class RowPreparer(Preparer):
    """Gives rows where others decode recordings; a recording's group is its row's number."""

    rows: Rows = field(kw_only=True)

    def examples(
        self,
        utterances: Sequence[Utterance],
        recipe: Recipe,
        *,
        copies: int = 1,
        change: Change | None = None,
    ) -> Examples:
        """The rows of these recordings."""
        if recipe.input_shape != (len(NAMES),):
            raise InputError(
                f"{recipe.name} takes {recipe.input_shape} and a row is {len(NAMES)} numbers; use "
                "a recipe on rows, such as s2-ann@rows, or give the recordings themselves"
            )
        if copies > 1 or change is not None:
            raise InputError("rows cannot be altered; give the recordings themselves")
        at = np.array([int(u.group) for u in utterances], np.intp)
        values = self.rows.values[at]
        largest = float(np.abs(values).max(initial=0))
        if not largest <= MOST:
            raise InputError(f"a row holds {largest:g}, the limit is {MOST:g}; leave it out")
        none = np.zeros(len(at), np.intp)
        recordings = tuple(as_recordings(utterances, joins=False))
        place = np.arange(len(at))
        return Examples(values.astype(np.float16), place, place, none, none, recordings)


def is_row_table(path: Path) -> bool:
    """Whether a file is a table of features, by its header."""
    if path.suffix.lower() != ".csv" or not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES).splitlines()[:1]
    columns = head[0].decode("utf-8-sig", "replace").lower().split(",") if head else []
    return set(NAMES) <= {column.strip().strip('"') for column in columns}


def read_row_table(path: Path, preparer: Preparer) -> tuple[list[Utterance], RowPreparer]:
    """Each row as a recording of its own, and what gives its numbers.

    >>> utterances, rows = read_row_table(Path("DATASET-balanced.csv"), Preparer(Path("cache")))
    """
    rows = read_rows(path)
    utterances = [
        Utterance(path, bool(is_fake), group=str(number), collection=audio.shown(path.stem))
        for number, is_fake in enumerate(rows.is_fake)
    ]
    return utterances, RowPreparer(preparer.cache, rows=rows)
