"""Plain folders: `real/` and `fake/`, and above them, if at all, train, valid and test."""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cqtnet.audio.files import shown
from cqtnet.errors import ManifestError
from spoof.data.utterance import DataWarning, Utterance
from spoof.data.walk import audio_below, subfolders
from spoof.data.words import FAKE_WORDS, REAL_WORDS, SPLIT_WORDS, is_fake_word, split_word

LOOKS_FOR = "folders real/ and fake/, or both in each of train/, valid/ and test/"


@dataclass(frozen=True)
class Part:
    """A folder whose recordings share a label and a side of the split ("": not said)."""

    folder: Path
    is_fake: bool
    split: str = ""


def parts(root: Path) -> list[Part]:
    """The labelled folders in a folder, or in its split folders; empty where it has none."""
    children = subfolders(root) if root.is_dir() else []
    direct = _labelled(children, split="")
    splits = {child: split_word(child.name) for child in children}
    nested = [
        part
        for child, split in splits.items()
        if split
        for part in _labelled(subfolders(child), split=split)
    ]
    if direct and nested:
        raise ManifestError(
            f"{shown(root)} holds {direct[0].folder.name} beside {nested[0].folder.parent.name}, "
            "labels beside a split; give a folder with one of them"
        )
    return direct or nested


def required_parts(root: Path, *, looks_for: str = LOOKS_FOR) -> list[Part]:
    """The labelled folders in a folder; a ManifestError where there are none, or one alone."""
    found = parts(root)
    if not found:
        raise ManifestError(f"{shown(root)}: no {looks_for}; {_words()}")
    for part in found:
        if not any(p.split == part.split and p.is_fake != part.is_fake for p in found):
            words = REAL_WORDS if part.is_fake else FAKE_WORDS
            raise ManifestError(
                f"{shown(part.folder)} has no folder {' or '.join(words)} beside it; add it"
            )
    if found[0].split:
        for child in subfolders(root):
            if split_word(child.name) and child not in {part.folder.parent for part in found}:
                message = f"{shown(child)} is left out: it does not say what is real and what fake"
                warnings.warn(message, DataWarning, stacklevel=3)
    return found


def recordings(part: Part) -> Iterator[tuple[Path, tuple[str, ...]]]:
    """Each recording of a part with the names of the folders between, as ("speaker1",)."""
    depth = len(part.folder.parts)
    found = False
    for path in audio_below(part.folder):
        found = True
        yield path, path.parts[depth:-1]
    if not found:
        raise ManifestError(f"{shown(part.folder)} holds no audio; put recordings there")


def load_folders(root: Path) -> list[Utterance]:
    """The utterances of plain folders, real/ and fake/, by themselves or per split.

    Folders may be called by any of the words in `spoof.data.words`, in capitals or not. A folder
    in them (`real/speaker1/`, `fake/tacotron/`) is the group and the collection of what is below,
    in real and fake alike. What lies there without a folder is grouped by its name without
    suffix, so that real/7.wav and its copy fake/7.wav stay together.
    """
    return [
        Utterance(
            path,
            part.is_fake,
            group=between[0] if between else f"{part.split}/{path.stem}",
            split=part.split,
            collection=between[0] if between else "",
        )
        for part in required_parts(root)
        for path, between in _checked(recordings(part))
    ]


def _labelled(folders: Sequence[Path], *, split: str) -> list[Part]:
    labels = [(folder, is_fake_word(folder.name)) for folder in folders]
    return [Part(folder, label, split) for folder, label in labels if label is not None]


def _checked(
    found: Iterator[tuple[Path, tuple[str, ...]]],
) -> Iterator[tuple[Path, tuple[str, ...]]]:
    """The recordings, after making sure that no split was put below its labels."""
    for path, between in found:
        if between and split_word(between[0]):
            raise ManifestError(
                f"{shown(path)}: a folder {between[0]} below the label; put the labels below "
                "the split, as in train/real"
            )
        yield path, between


def _words() -> str:
    """The words that folders may be called by."""
    splits = ", ".join(word for words in SPLIT_WORDS.values() for word in words)
    return (
        f"real may be {', '.join(REAL_WORDS)}, fake {', '.join(FAKE_WORDS)}, splits {splits}, in "
        "capitals or not"
    )
