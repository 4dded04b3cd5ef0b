"""Fake-or-Real (York University, 2019): `for-norm/for-norm/{training,…}/{real,fake}`."""

import re
from pathlib import Path

from cqtnet.audio.files import shown
from cqtnet.errors import ManifestError
from spoof.data.folders import parts, recordings, required_parts
from spoof.data.utterance import Utterance
from spoof.data.walk import subfolders

LOOKS_FOR = "for-norm, for-2sec, for-rerec or for-original, with training/real, training/fake, …"
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
        for part in required_parts(version, looks_for=LOOKS_FOR)
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
