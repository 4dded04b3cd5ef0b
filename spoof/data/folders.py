"""Plain folders: `real/` and `fake/`, and above them, if at all, train, valid and test."""

import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cqtnet.audio.files import shown
from cqtnet.errors import ManifestError
from spoof.data.files import (
    FAKE_WORDS,
    REAL_WORDS,
    SPLIT_WORDS,
    audio_below,
    is_fake_word,
    split_word,
    subfolders,
)
from spoof.data.utterance import DataWarning, Utterance

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

    Folders may be called by any of the words in `spoof.data.files`, in capitals or not. A folder
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


# Fake-or-Real (York University, 2019): `for-norm/for-norm/{training,…}/{real,fake}`.

FAKE_OR_REAL_LOOKS_FOR = (
    "for-norm, for-2sec, for-rerec or for-original, with training/real, training/fake, …"
)
VERSION = re.compile(r"for-(norm|original|2sec|2seconds|rerec|rerecorded)", re.IGNORECASE)
SPLITS = {"training", "validation", "testing"}


def load_fake_or_real(root: Path) -> list[Utterance]:
    """The utterances of one version of Fake-or-Real, given with or without its outer folders.

    A file is called after all that was done to it, `file123.wav_16k.wav_norm.wav_mono.wav`. What
    stands before the first dot is its recording, and so its group; every folder counts its own,
    so the folder is part of the group. Neither speakers nor systems are named.
    """
    version = version_folder(root)
    return [
        Utterance(
            path,
            part.is_fake,
            group="/".join((place, *between, path.name.split(".")[0])),
            split=part.split,
            collection=version.name,
        )
        for part in required_parts(version, looks_for=FAKE_OR_REAL_LOOKS_FOR)
        for place in [part.folder.relative_to(version).as_posix()]
        for path, between in recordings(part)
    ]


def is_fake_or_real(root: Path) -> bool:
    """Whether a folder is Fake-or-Real or one of its versions."""
    versions = _versions(root)
    if versions:
        return len(versions) > 1 or bool(parts(version_folder(root)))
    found = parts(root)
    splits = {part.folder.parent.name for part in found}
    return splits >= SPLITS or bool(found and VERSION.fullmatch(root.name))


def version_folder(root: Path) -> Path:
    """The folder with the splits or labels of one version: `for-norm/for-norm` for `for-norm`."""
    found = _versions(root)
    while found:
        if len(found) > 1:
            names = ", ".join(folder.name for folder in found)
            raise ManifestError(
                f"{shown(root)} holds {names}: the same recordings, made ready in several ways; "
                "give one of them"
            )
        root = found[0]
        found = _versions(root)
    return root


def _versions(root: Path) -> list[Path]:
    children = subfolders(root) if root.is_dir() else []
    return [child for child in children if VERSION.fullmatch(child.name)]


# DEEP-VOICE (Bird and Lotfi 2023): `AUDIO/{REAL,FAKE}`, eight voices turned into each other.

DEEP_VOICE_LOOKS_FOR = "AUDIO/REAL and AUDIO/FAKE, with names like Obama-to-Biden.wav in FAKE"
CONVERSION = re.compile(r"(?P<source>.+?)-to-(?P<voice>.+)", re.IGNORECASE)
ORIGINAL = re.compile(r"-original$", re.IGNORECASE)
SYSTEM = "RVC"
"""Retrieval-based voice conversion made all of its fakes."""


def load_deep_voice(root: Path) -> list[Utterance]:
    """The utterances of DEEP-VOICE; `root` is its folder, or AUDIO itself.

    `Obama-to-Biden.wav` is Obama's recording in Biden's voice. Its group is `obama`, the speaker
    of the recording that it was made from: it has that recording's words, pauses and background,
    and who hears both on two sides of a split recognises them. Its voice, `speaker`, is Biden's,
    who has a group of his own. To keep voices apart too would join all eight speakers to one
    group, as each was turned into every other, and leave no split at all. So a voice may be
    heard on both sides; what is gained by knowing one is small, since each voice is heard both
    real and fake.
    """
    return [
        _utterance(path, part)
        for part in required_parts(audio_folder(root), looks_for=DEEP_VOICE_LOOKS_FOR)
        for path, _ in recordings(part)
    ]


def is_deep_voice(root: Path) -> bool:
    """Whether a folder is DEEP-VOICE: by the name AUDIO, or by the names of all its fakes."""
    folder = audio_folder(root)
    found = [part for part in parts(folder) if not part.split]
    if len({part.is_fake for part in found}) < 2:
        return False
    fakes = next(part for part in found if part.is_fake)
    return folder.name.casefold() == "audio" or all(
        CONVERSION.fullmatch(path.stem) for path, _ in recordings(fakes)
    )


def audio_folder(root: Path) -> Path:
    """The folder with REAL and FAKE: the one given, or AUDIO or KAGGLE/AUDIO in it."""
    inside = (root / "AUDIO", root / "KAGGLE" / "AUDIO")
    return next((folder for folder in inside if folder.is_dir()), root)


def _utterance(path: Path, part: Part) -> Utterance:
    if not part.is_fake:
        name = ORIGINAL.sub("", path.stem).casefold()
        return Utterance(path, False, group=name, speaker=name, split=part.split)
    names = CONVERSION.fullmatch(path.stem)
    if names is None:
        raise ManifestError(
            f"{shown(path)} does not say whose recording it was made from; call it "
            "SOURCE-to-VOICE, or load it as plain folders"
        )
    source, voice = names["source"].casefold(), names["voice"].casefold()
    return Utterance(path, True, group=source, speaker=voice, system=SYSTEM, split=part.split)
