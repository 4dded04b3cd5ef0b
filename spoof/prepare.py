"""From recordings to the inputs of a recipe's network: decoded, cut, altered, kept, and split.

Inputs are kept in half precision. Their file names hold the SHA-256 of all that they depend on,
code included, so that recipes with the same input share them.
"""

import hashlib
import json
import math
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from augment.audio.files import shown
from augment.tempo import resample
from cqtnet import audio
from cqtnet.cache import code_hash, content_hash, kept_array
from cqtnet.errors import InputError, ManifestError, NoContentError
from cqtnet.progress import Workers
from cqtnet.tables import read_table
from spoof.data import (
    Samples,
    Utterance,
    file_blocks,
    joined,
    missing_class,
    segments,
    split_by_group,
)
from spoof.data.folders import is_fake_word
from spoof.features.spectra import COLUMNS
from spoof.recipes import LARGEST, Recipe

FORMAT = 2
"""Raised whenever this module changes what it keeps: old files are then unused."""
IN_MEMORY_BYTES = 2 << 30
"""Examples larger than that stay on disk and are read as they are needed."""
FEW_BYTES = 1 << 15
"""Inputs of a recording that are no larger stay in memory."""
FEW = 64
"""At most so many inputs are made in this process, without starting others."""

Indices = NDArray[np.intp]


@dataclass(frozen=True)
class Change:
    """What is done to whole recordings at their own rate before anything else, by its name."""

    name: str  # states what is done and how much: it is part of file names
    apply: Callable[[Samples, int], Samples]


@dataclass(frozen=True, eq=False)
class Examples:
    """Segments as inputs of a network, and where each comes from, (n,) each."""

    values: NDArray[np.float16]  # (m, *input_shape), perhaps on disk
    row: Indices  # of the values
    recording: Indices  # which of `recordings`
    segment: Indices  # number within the recording
    copy: Indices  # 0: the original; others are altered
    recordings: tuple[Utterance, ...]

    def __len__(self) -> int:
        return len(self.row)

    @cached_property
    def is_fake(self) -> NDArray[np.bool_]:
        """Which examples are synthetic, (n,)."""
        return np.array([r.is_fake for r in self.recordings], bool)[self.recording]

    @cached_property
    def segment_number(self) -> Indices:
        """A number (n,) for each segment of all recordings, from 0; copies share it."""
        longest = int(self.segment.max(initial=0)) + 1
        code = self.recording * longest + self.segment
        number: Indices = np.unique(code, return_inverse=True)[1]
        return number

    def inputs(self, at: Indices) -> NDArray[np.float16]:
        """The inputs (b, *input_shape) of the examples at these places (b,)."""
        return self.values[self.row[at]]

    def where(self, mask: NDArray[np.bool_]) -> Self:
        """The examples where `mask` (n,) is true; values and recordings are shared."""
        names = ("row", "recording", "segment", "copy")
        return replace(self, **{name: getattr(self, name)[mask] for name in names})


@dataclass(frozen=True)
class Preparer:
    """Makes examples: keeps them in a folder, shares the work, reports its progress."""

    cache: Path
    pool: Workers | None = None  # None: all work is done in this process
    report: Callable[[int, int], None] = lambda done, total: None  # of the inputs to be made
    read: dict[Path, NDArray[np.float16]] = field(default_factory=dict, repr=False)  # in memory

    def examples(
        self, utterances: Sequence[Utterance], recipe: Recipe, *, copies: int = 1,
        change: Change | None = None,
    ) -> Examples:  # fmt: skip
        """The segments of recordings; with `copies` above 1, altered ones of each as well."""
        recordings = joined(utterances) if recipe.joins else list(utterances)
        if not recordings:
            raise InputError("0 recordings to prepare; give some")
        if copies > 1 and not recipe.alter:
            raise InputError(f"{recipe.name} has no function that makes copies; train it without")
        tasks = _tasks(self.cache, recordings, recipe, copies, change)
        self._make([task for task in tasks if not task.file.exists()])
        lengths = [len(self._values(task)) for task in tasks]
        values = _empty((sum(lengths), *recipe.input_shape), self.cache)
        for task, end, length in zip(tasks, np.cumsum(lengths), lengths, strict=True):
            values[end - length : end] = self._values(task)
        number = np.repeat(np.arange(len(recordings)), copies)
        copy = np.tile(np.arange(copies), len(recordings))
        segment = np.concatenate([np.arange(length) for length in lengths])
        return Examples(
            values, np.arange(len(values)), np.repeat(number, lengths), segment,
            np.repeat(copy, lengths), tuple(recordings),
        )  # fmt: skip

    def _values(self, task: "_Task") -> NDArray[np.float16]:
        """The inputs of a task, from memory where they are few: folds need them again."""
        if task.file not in self.read:
            values = task.values()
            if values.nbytes > FEW_BYTES or len(self.read) * FEW_BYTES > IN_MEMORY_BYTES:
                return values
            self.read[task.file] = np.array(values)
        return self.read[task.file]

    def _make(self, tasks: Sequence["_Task"]) -> None:
        share = self.pool.results if self.pool and len(tasks) > FEW else map
        for done, notes in enumerate(share(_make, tasks), start=1):
            for note in notes:
                warnings.warn(note, audio.AudioWarning, stacklevel=3)
            self.report(done, len(tasks))


@dataclass(frozen=True)
class _Task:
    """The inputs of one recording, or of one altered copy of it, and their file."""

    recording: Utterance
    recipe: Recipe
    change: Change | None
    copy: int
    sha256: str  # of the recording
    file: Path

    def values(self) -> NDArray[np.float16]:
        """The inputs (segments, *input_shape), left on disk until they are read."""
        return kept_array(self.file, self.make, mapped=True)

    def make(self) -> NDArray[np.float16]:
        """The inputs, made anew."""
        recipe, name = self.recipe, self.recording.name
        inputs = []
        for number, segment in enumerate(self._segments()):
            if self.copy:
                rng = copy_rng(0, f"{self.sha256}/{number}", self.copy)
                segment = recipe.copy_of(segment, rng)
            inputs.append(recipe.input_of(segment, name=f"{name}, segment {number + 1}"))
        if not inputs:
            raise NoContentError(f"{name} has no samples; leave it out")
        return np.asarray(inputs, np.float16).reshape(-1, *recipe.input_shape)

    def _segments(self) -> Iterator[Samples]:
        """The segments of the recording."""
        recipe, paths, change = self.recipe, self.recording.paths, self.change
        if change is None:
            blocks = file_blocks(paths, recipe.rate_hz)
        else:
            blocks = (_changed(path, recipe.rate_hz, change) for path in paths)
        if recipe.segment_s is None:
            samples = np.concatenate([*blocks, np.zeros(0, np.float32)])
            yield from [samples] * bool(samples.size)
        else:
            yield from segments(
                blocks, rate_hz=recipe.rate_hz, length_s=recipe.segment_s, hop_s=recipe.hop_s
            )


def _tasks(
    cache: Path, recordings: Sequence[Utterance], recipe: Recipe, copies: int, change: Change | None
) -> list[_Task]:
    folder, own_copies = cache / input_key(recipe), ""
    if copies > 1:
        code = code_hash(recipe.alter.partition(":")[0], PACKAGES)
        own_copies = _short_hash([recipe.alter, code])
    tasks = []
    for recording in recordings:
        sha256 = recording_hash(recording)
        stem = sha256[:24] + (f"-{change.name}" if change else "")
        for copy in range(copies):
            file = folder / (f"{stem}-{own_copies}-{copy}.npy" if copy else f"{stem}.npy")
            tasks.append(_Task(recording, recipe, change, copy, sha256, file))
    return tasks


def _make(task: _Task) -> list[str]:
    """Make and keep the inputs, and return the warnings about the recording."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", audio.AudioWarning)
        task.values()
    notes = [str(w.message) for w in caught if issubclass(w.category, audio.AudioWarning)]
    return notes if task.copy == 0 else []  # each copy would warn of the same


def _changed(path: Path, rate_hz: int, change: Change) -> Samples:
    """Samples at `rate_hz` of a file, changed at its own rate."""
    own_hz = audio.probe(path).sample_rate
    samples = audio.load(path, sample_rate=own_hz)
    return resample(change.apply(samples, own_hz), own_hz, rate_hz) if samples.size else samples


def _empty(shape: tuple[int, ...], folder: Path) -> NDArray[np.float16]:
    """An array without values; where it is large, in a nameless file that goes with it."""
    if 2 * math.prod(shape) <= IN_MEMORY_BYTES:
        return np.empty(shape, np.float16)
    with tempfile.TemporaryFile(dir=folder) as file:
        return np.memmap(file, np.float16, "w+", shape=shape)


def recording_hash(recording: Utterance) -> str:
    """SHA-256 of a recording's content."""
    hashes = [content_hash(path) for path in recording.paths]
    return hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest()


def copy_rng(seed: int, segment: str, copy: int) -> np.random.Generator:
    """The random generator of one copy, by its seed, the name of its segment, and its number."""
    text = f"{seed}\0{copy}\0{segment}".encode("utf-8", "surrogateescape")
    return np.random.default_rng(int.from_bytes(hashlib.sha256(text).digest()))


# Names of what is kept: they differ wherever anything differs that it depends on, code included.

PACKAGES = ("augment", "cqtnet", "verify", "eval", "spoof")


def input_key(recipe: Recipe) -> str:
    """A name for how a recipe makes inputs of recordings."""
    feature: Any = recipe.feature
    while isinstance(feature, partial):
        feature = feature.func
    code = [code_hash(module, PACKAGES) for module in (feature.__module__, segments.__module__)]
    return _short_hash([FORMAT, recipe.input_dict(), *code])


def _short_hash(content: Any) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:12]


# The part of the data that a network learns from, is chosen by, or is judged by.
#
# By group, no recording and no speaker is on two sides. By segment, as the sources did, segments
# of one recording are, and figures are partly memory: it is here to show how much.

SplitBy = Literal["group", "segment"]
Part = Literal["train", "valid", "test"]
PartOrAll = Literal["auto", "train", "valid", "test", "all"]
"""A part or all; `auto` depends on whether the detector was trained on the data."""
VALID, TEST = 0.1, 0.2
"""Shares that are held out, where the data set marks no parts."""


def part_examples(
    part: Part, utterances: Sequence[Utterance], recipe: Recipe, preparer: Preparer, *,
    split_by: SplitBy = "group", seed: int = 0, copies: int = 1,
) -> Examples:  # fmt: skip
    """The examples of one part, with altered copies where they are asked for."""
    if split_by == "group":
        if len(utterances) > 1 and len({u.path for u in utterances}) == 1:
            raise InputError(
                f"{utterances[0].path} does not state which recordings its rows are of, so that "
                "only rows can be split; use --split-by segment"
            )
        return preparer.examples(members(utterances, part, seed=seed), recipe, copies=copies)
    examples = preparer.examples(utterances, recipe, copies=copies)
    return examples.where(segment_parts(examples, seed=seed) == part)


def members(utterances: Sequence[Utterance], part: Part, *, seed: int = 0) -> list[Utterance]:
    """The utterances of one part, split by group; an empty part is an error."""
    split = split_by_group(utterances, valid=VALID, test=TEST, seed=seed)
    chosen: list[Utterance] = getattr(split.require(part), part)
    return chosen


def segment_parts(examples: Examples, *, seed: int) -> NDArray[np.str_]:
    """The part (n,) of each example, drawn by segment; copies of a segment share its part."""
    number = examples.segment_number
    count = int(number.max()) + 1
    share = (np.random.default_rng([seed, count]).permutation(count) + 0.5) / count
    part = np.where(share < TEST, "test", np.where(share < TEST + VALID, "valid", "train"))
    return part[number]


def data_hash(utterances: Sequence[Utterance]) -> str:
    """SHA-256 of all recordings' contents, classes, groups and parts: names a data set."""
    lines = sorted(
        f"{content_hash(u.path)}\t{u.is_fake}\t{u.group}\t{u.split}\n" for u in utterances
    )
    return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


# DEEP-VOICE's table of features in place of recordings: each row is an example.
HEAD_BYTES = 4096
"""The header of a table is within so many bytes."""


@dataclass(frozen=True)
class RowPreparer(Preparer):
    """Gives rows in place of decoded recordings; an utterance's group is the number of its row."""

    rows: NDArray[np.float32] = field(kw_only=True)  # (n, 26)

    def examples(
        self, utterances: Sequence[Utterance], recipe: Recipe, *, copies: int = 1,
        change: Change | None = None,
    ) -> Examples:  # fmt: skip
        """The rows of these recordings."""
        if recipe.input_shape != (len(COLUMNS),):
            raise InputError(
                f"{recipe.name} takes {recipe.input_shape} and a row is {len(COLUMNS)} numbers; "
                "use a recipe on rows, such as s2-ann@rows, or give the recordings themselves"
            )
        if copies > 1 or change is not None:
            raise InputError("rows cannot be altered; give the recordings themselves")
        values = self.rows[np.array([int(u.group) for u in utterances], np.intp)]
        largest = float(np.abs(values).max(initial=0))
        if not largest <= LARGEST:
            raise InputError(f"a row holds {largest:g}, the limit is {LARGEST:g}; leave it out")
        place, zeros = np.arange(len(values)), np.zeros(len(values), np.intp)
        halves = values.astype(np.float16)
        return Examples(halves, place, place, zeros, zeros, tuple(utterances))


def is_row_table(path: Path) -> bool:
    """Whether a file is a table of features, by its header."""
    if path.suffix.lower() != ".csv" or not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES).splitlines()[:1]
    columns = head[0].decode("utf-8-sig", "replace").lower().split(",") if head else []
    return set(COLUMNS) <= {column.strip().strip('"') for column in columns}


def read_row_table(path: Path, preparer: Preparer) -> tuple[list[Utterance], RowPreparer]:
    """Each row of `DATASET-balanced.csv` as a recording of its own, and their preparer.

    The table does not state which recording a row comes from: rows can only be split one by one.
    """
    rows: list[list[float]] = []
    utterances: list[Utterance] = []
    collection = shown(path.stem)
    for line, row in read_table(path, needed=[*COLUMNS, "label"], fold_case=True).dicts():
        is_fake = is_fake_word(row["label"])
        if is_fake is None:
            raise ManifestError(
                f"{path}:{line}: LABEL {shown(row['label'])!r} is neither FAKE nor REAL; correct it"
            )
        group = str(len(utterances))
        utterances.append(Utterance(path, is_fake, group, collection=collection))
        rows.append([_number(row, name, place=f"{path}:{line}") for name in COLUMNS])
    if missing_class(utterances):
        only = "FAKE" if utterances and utterances[0].is_fake else "REAL"
        raise ManifestError(f"{path}: all {len(rows)} rows are {only}; give rows of both kinds")
    return utterances, RowPreparer(preparer.cache, rows=np.array(rows, np.float32))


def _number(row: dict[str, str], name: str, *, place: str) -> float:
    try:
        number = float(row[name])
    except ValueError:
        number = math.nan
    if not abs(number) <= float(np.finfo(np.float32).max):
        raise ManifestError(f"{place}: {name} {shown(row[name])!r} is not a number; correct it")
    return number
