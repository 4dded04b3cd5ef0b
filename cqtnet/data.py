"""Recordings to learn from: manifests, folders and splits."""

import hashlib
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

from cqtnet import audio
from cqtnet.errors import ManifestError
from cqtnet.tables import Table, read_table, refuse_twice

SPLITS = ("train", "valid", "test", "devtest")


@dataclass(frozen=True)
class Item:
    """A recording: its file, its name, its split, and its collection, held out as a whole."""

    path: Path
    recording: str
    split: str
    collection: str
    work: str = ""  # the piece or text; other recordings of it are renditions


def read_items(source: Path, *, validation_share: float = 0.1) -> list[Item]:
    """Recordings of a manifest (.tsv or .csv) or of a folder, each with its split.

    Where none is marked `valid`, whole collections (folders, for a folder) with about
    `validation_share` of the training recordings become the validation part.
    """
    items = list_items(source)
    splits = {item.split for item in items}
    if "train" not in splits:
        raise ManifestError(f"{source} lists no recording to train on; mark some `train`")
    return items if "valid" in splits else hold_out(items, share=validation_share)


def list_items(source: Path) -> list[Item]:
    """Recordings of a manifest with the splits it gives, or of a folder, all `train`."""
    return list(_read_folder(source) if source.is_dir() else _read_manifest(source))


def has_splits(source: Path) -> bool:
    """Whether a manifest gives the split of any recording; a folder never does."""
    return not source.is_dir() and any(row.get("split") for _, row in _rows(source).dicts())


def hold_out(items: Sequence[Item], *, share: float) -> list[Item]:
    """The items, with whole collections of the training ones moved to `valid`."""
    sizes = Counter(item.collection for item in items if item.split == "train")
    wanted = share * sizes.total()
    chosen: set[str] = set()
    n_chosen = 0
    hashes = {n: hashlib.sha256(n.encode("utf-8", "surrogateescape")).digest() for n in sizes}
    for collection in sorted(sizes, key=hashes.__getitem__):
        # Two at least, or there would be no pairs of different recordings to judge by.
        if n_chosen + sizes[collection] <= wanted or len(chosen) < 2 < len(sizes):
            chosen.add(collection)
            n_chosen += sizes[collection]
    return [
        replace(i, split="valid") if i.split == "train" and i.collection in chosen else i
        for i in items
    ]


def spread(items: Iterable[Item], limit: int | None) -> list[Item]:
    """At most `limit` of the items, from as many collections as possible, in turns."""
    turns: dict[str, Iterator[int]] = defaultdict(count)
    return sorted(items, key=lambda item: next(turns[item.collection]))[:limit]


def _read_folder(folder: Path) -> Iterator[Item]:
    """Every audio file below the folder; those of a folder in it are one collection."""
    if not (paths := sorted(audio.find_audio([folder]))):
        raise ManifestError(f"{folder} holds no audio; give a folder with recordings")
    for path in paths:
        name = path.relative_to(folder)
        # What lies directly in the folder has nothing in common: most folders are flat.
        collection = name if name.parent == Path() else name.parent
        yield Item(path, str(name), "train", str(collection))


def _read_manifest(path: Path) -> Iterator[Item]:
    """Rows of a manifest, strictly: a wrong one is an error with its line number."""
    seen: dict[str, str] = {}
    for line, row in _rows(path).dicts():
        name = row.get("file") or row.get("path") or ""
        recording = row.get("id") or row.get("recording") or name
        split = row.get("split") or "train"
        file = path.parent / name
        place = f"{path}:{line}"
        if not name or not os.path.isfile(file):
            found = audio.told(name) or "no path"
            raise ManifestError(f"{place}: {found!r} is not a file; correct it")
        if split not in SPLITS:
            known = ", ".join(SPLITS)
            raise ManifestError(f"{place}: split {audio.told(split)!r}; use one of {known}")
        refuse_twice(seen, recording, place, f"recording {audio.told(recording)!r}")
        collection = row.get("collection") or row.get("repository") or recording
        yield Item(file, recording, split, collection, row.get("work") or "")


def _rows(path: Path) -> Table:
    return read_table(path, any_of=("file", "path"))
