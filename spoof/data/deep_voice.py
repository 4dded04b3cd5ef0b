"""DEEP-VOICE (Bird and Lotfi 2023): `AUDIO/{REAL,FAKE}`, eight voices turned into each other."""

import re
from pathlib import Path

from cqtnet.audio.files import shown
from cqtnet.errors import ManifestError
from spoof.data.folders import Part, parts, recordings, required_parts
from spoof.data.utterance import Utterance

LOOKS_FOR = "AUDIO/REAL and AUDIO/FAKE, with names like Obama-to-Biden.wav in FAKE"
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
        for part in required_parts(audio_folder(root), looks_for=LOOKS_FOR)
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
