"""Data sets in folders: `real/` and `fake/`, Fake-or-Real, DEEP-VOICE; and the words they use."""

import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cqtnet.audio import find_audio, shown
from cqtnet.errors import ManifestError
from spoof.data import DataWarning, Utterance

REAL_WORDS = ("real", "bonafide", "genuine", "human")
FAKE_WORDS = ("fake", "spoof", "synth", "synthetic", "deepfake")
SPLIT_WORDS = {
    "train": ("train", "training", "trn"),
    "valid": ("valid", "validation", "val", "dev", "development"),
    "test": ("test", "testing", "eval", "evaluation", "devtest"),
}
SPLITS = ", ".join(word for words in SPLIT_WORDS.values() for word in words)
_IS_FAKE = {**dict.fromkeys(REAL_WORDS, False), **dict.fromkeys(FAKE_WORDS, True)}
_SPLIT = {word: split for split, words in SPLIT_WORDS.items() for word in words}


def is_fake_word(word: str) -> bool | None:
    """Whether a word means fake (True) or real (False); None where it means neither, such as "1".

    >>> is_fake_word("Bona-Fide"), is_fake_word("SPOOF")
    (False, True)
    """
    return _IS_FAKE.get(word.strip().casefold().replace("-", "").replace("_", ""))


def split_word(word: str) -> str | None:
    """The side of a split that a word means: train, valid or test; None where it means none."""
    return _SPLIT.get(word.strip().casefold())


def audio_below(folder: Path) -> Iterator[Path]:
    """Audio files in a folder and below, always in the same order, without hidden ones."""
    for path in find_audio([folder]):
        if not any(part.startswith(".") for part in path.relative_to(folder).parts):
            yield path


def subfolders(folder: Path) -> list[Path]:
    """The folders in a folder, sorted by name, without hidden ones; none where it is no folder."""
    inside = sorted(folder.iterdir()) if folder.is_dir() else ()
    return [path for path in inside if path.is_dir() and not path.name.startswith(".")]


# Plain folders: `real/` and `fake/`, perhaps inside train, valid and test.

FOLDERS_EXPECTED = "folders real/ and fake/, or both in each of train/, valid/ and test/"


@dataclass(frozen=True)
class Part:
    """A folder whose files share a label and a side of the split ("": not stated)."""

    folder: Path
    is_fake: bool
    split: str = ""

    def files(self) -> list[Path]:
        """The audio files in the folder and below; none is a ManifestError."""
        files = list(audio_below(self.folder))
        if not files:
            raise ManifestError(f"{shown(self.folder)} holds no audio; put recordings there")
        return files


def parts(root: Path) -> list[Part]:
    """The labelled folders in a folder, or in its split folders; empty where it has none."""
    direct = _labelled(root, "")
    splits = [(child, split_word(child.name)) for child in subfolders(root)]
    nested = [part for child, split in splits if split for part in _labelled(child, split)]
    if direct and nested:
        raise ManifestError(
            f"{shown(root)} holds {direct[0].folder.name} beside {nested[0].folder.parent.name}, "
            "labels beside a split; give a folder with one of them"
        )
    return direct or nested


def _files(root: Path, expected: str) -> Iterator[tuple[Path, Part]]:
    """The files of the labelled folders; a ManifestError unless there are both labels."""
    labelled = parts(root)
    if not labelled:
        raise ManifestError(
            f"{shown(root)}: no {expected}; real may be {', '.join(REAL_WORDS)}, "
            f"fake {', '.join(FAKE_WORDS)}, splits {SPLITS}, in capitals or not"
        )
    for part in labelled:
        if not any(p.split == part.split and p.is_fake != part.is_fake for p in labelled):
            wanted = " or ".join(REAL_WORDS if part.is_fake else FAKE_WORDS)
            raise ManifestError(f"{shown(part.folder)} has no folder {wanted} beside it; add it")
    if labelled[0].split:
        used = {part.folder.parent for part in labelled}
        for child in subfolders(root):
            if split_word(child.name) and child not in used:
                message = f"{shown(child)} is left out: it has no folders of real and fake"
                warnings.warn(message, DataWarning, stacklevel=3)
    for part in labelled:
        yield from ((path, part) for path in part.files())


def load_folders(root: Path) -> list[Utterance]:
    """The utterances of plain folders, real/ and fake/, by themselves or per split.

    A folder inside them (`real/speaker1/`, `fake/tacotron/`) is the group and the collection of the
    files below it, in real and fake alike. A file outside such folders is grouped by its name
    without suffix, so that real/7.wav and its copy fake/7.wav stay together.
    """
    utterances = []
    for path, part in _files(root, FOLDERS_EXPECTED):
        folder, *below = path.relative_to(part.folder).parts
        collection = folder if below else ""
        if split_word(collection):
            raise ManifestError(
                f"{shown(path)}: a folder {collection} below the label; put the labels below "
                "the split, as in train/real"
            )
        labels: dict[str, Any] = {"split": part.split, "collection": collection}
        group = collection or f"{part.split}/{path.stem}"
        utterances.append(Utterance(path, part.is_fake, group, **labels))
    return utterances


def _labelled(root: Path, split: str) -> list[Part]:
    labels = [(folder, is_fake_word(folder.name)) for folder in subfolders(root)]
    return [Part(folder, label, split) for folder, label in labels if label is not None]


# Fake-or-Real (York University, 2019): `for-norm/for-norm/{training,…}/{real,fake}`.

FAKE_OR_REAL_EXPECTED = (
    "for-norm, for-2sec, for-rerec or for-original, with training/real, training/fake, …"
)
VERSION = re.compile(r"for-(norm|original|2sec|2seconds|rerec|rerecorded)", re.IGNORECASE)


def load_fake_or_real(root: Path) -> list[Utterance]:
    """The utterances of one version of Fake-or-Real, given with or without its outer folders.

    A file name lists all processing steps, `file123.wav_16k.wav_norm.wav_mono.wav`. Its group is
    the folder, which has its own numbers, and the part before the first dot.
    """
    version = _version_folder(root)
    utterances = []
    for path, part in _files(version, FAKE_OR_REAL_EXPECTED):
        group = (path.parent / path.name.split(".")[0]).relative_to(version).as_posix()
        labels: dict[str, Any] = {"split": part.split, "collection": version.name}
        utterances.append(Utterance(path, part.is_fake, group, **labels))
    return utterances


def is_fake_or_real(root: Path) -> bool:
    """Whether a folder is Fake-or-Real or one of its versions."""
    versions = _versions(root)
    if versions:
        return len(versions) > 1 or bool(parts(_version_folder(root)))
    labelled = parts(root)
    splits = {part.folder.parent.name for part in labelled}
    return splits >= {"training", "validation", "testing"} or bool(
        labelled and VERSION.fullmatch(root.name)
    )


def _version_folder(root: Path) -> Path:
    """The folder with the splits or labels of one version: `for-norm/for-norm` for `for-norm`."""
    while versions := _versions(root):
        if len(versions) > 1:
            names = ", ".join(folder.name for folder in versions)
            raise ManifestError(
                f"{shown(root)} holds {names}: the same recordings, prepared in several ways; "
                "give one of them"
            )
        root = versions[0]
    return root


def _versions(root: Path) -> list[Path]:
    return [child for child in subfolders(root) if VERSION.fullmatch(child.name)]


# DEEP-VOICE (Bird and Lotfi 2023): `AUDIO/{REAL,FAKE}`, eight voices turned into each other.

DEEP_VOICE_EXPECTED = "AUDIO/REAL and AUDIO/FAKE, with names like Obama-to-Biden.wav in FAKE"
CONVERSION = re.compile(r"(?P<source>.+?)-to-(?P<voice>.+)", re.IGNORECASE)


def load_deep_voice(root: Path) -> list[Utterance]:
    """The utterances of DEEP-VOICE; `root` is its folder, or AUDIO itself.

    `Obama-to-Biden.wav` is Obama's recording in Biden's voice. Its group is `obama`: it has that
    recording's words, pauses and background, which a network could recognise. Its voice, `speaker`,
    is Biden's. A voice may be on both sides of a split, for each was turned into every other.
    """
    utterances = []
    for path, part in _files(_audio_folder(root), DEEP_VOICE_EXPECTED):
        split = part.split
        if not part.is_fake:
            name = path.stem.casefold().removesuffix("-original")
            utterances.append(Utterance(path, False, group=name, speaker=name, split=split))
            continue
        names = CONVERSION.fullmatch(path.stem)
        if names is None:
            raise ManifestError(
                f"{shown(path)} does not name the recording that it was made from; call it "
                "SOURCE-to-VOICE, or load it as plain folders"
            )
        source, voice = names["source"].casefold(), names["voice"].casefold()
        # Retrieval-based voice conversion (RVC) made all fakes of this data set.
        utterances.append(Utterance(path, True, source, voice, system="RVC", split=split))
    return utterances


def is_deep_voice(root: Path) -> bool:
    """Whether a folder is DEEP-VOICE: by the name AUDIO, or by the names of all its fakes."""
    folder = _audio_folder(root)
    unsplit = [part for part in parts(folder) if not part.split]
    if len({part.is_fake for part in unsplit}) < 2:
        return False
    fakes = next(part for part in unsplit if part.is_fake)
    return folder.name.casefold() == "audio" or all(
        CONVERSION.fullmatch(path.stem) for path in fakes.files()
    )


def _audio_folder(root: Path) -> Path:
    """The folder with REAL and FAKE: the one given, or AUDIO or KAGGLE/AUDIO in it."""
    inside = (root / "AUDIO", root / "KAGGLE" / "AUDIO")
    return next((folder for folder in inside if folder.is_dir()), root)
