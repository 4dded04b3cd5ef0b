"""ASVspoof 2019, logical access: protocols of five columns beside folders of FLAC files."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from cqtnet.audio.files import shown
from cqtnet.errors import ManifestError
from spoof.data.files import Missing, audio_below, is_fake_word, list_text
from spoof.data.utterance import Utterance

LOOKS_FOR = (
    "ASVspoof2019_LA_cm_protocols beside ASVspoof2019_LA_train/flac, …_dev/flac and …_eval/flac, "
    "or one of the protocols (.txt)"
)
PROTOCOLS = "ASVspoof2019_LA_cm_protocols"
SPLITS = {"train": "train", "dev": "valid", "eval": "test"}
PROTOCOL_NAME = re.compile(r".*\.cm\.(train|dev|eval)\..*", re.IGNORECASE)
LETTERS = {"T": "train", "D": "dev", "E": "eval"}
"""LA_T_1138215 is of the training part, whatever list it stands in."""


class Line(NamedTuple):
    """A line of a protocol, `LA_0079 LA_T_1138215 - - bonafide`."""

    place: str  # file:line
    speaker: str
    utterance: str
    system: str
    is_fake: bool


def load_asvspoof(path: Path) -> list[Utterance]:
    """The utterances of all protocols of an LA folder, or of the one protocol that is given.

    train, dev and eval become train, valid and test. A speaker is a group. Utterances that a
    protocol names and that are not there are a ManifestError: the first, and how many.
    """
    folder = _audio_root(path)
    listed: dict[str, dict[str, Path]] = {}  # the files of each part by name
    missing = Missing()
    utterances = []
    for line in _lines_of_all([path] if path.is_file() else _protocols(path)):
        part = _part(line)
        if part not in listed:
            listed[part] = _files(_flac(folder, part))
        file = listed[part].get(line.utterance)
        if file is None:
            missing.add(line.place, _flac(folder, part) / f"{line.utterance}.flac")
        else:
            utterances.append(_utterance(line, file, part))
    missing.refuse()
    return utterances


def is_asvspoof(path: Path) -> bool:
    """Whether this is an LA folder, or a text file, which only a protocol can be here."""
    return path.is_file() or _protocol_folder(path) is not None


def protocol_lines(path: Path) -> Iterator[Line]:
    """The lines of a protocol; one that doesn't parse is a ManifestError with its number."""
    found = False
    for number, text in enumerate(list_text(path).splitlines(), start=1):
        if not text.strip():
            continue
        found = True
        place, fields = f"{path}:{number}", text.split()
        if len(fields) != 5:
            raise ManifestError(
                f"{place}: {len(fields)} columns where a protocol has five (speaker, file, -, "
                "system or -, bonafide or spoof); correct the line"
            )
        speaker, utterance, _, system, key = fields
        if key not in ("bonafide", "spoof"):
            raise ManifestError(
                f"{place}: {shown(key)!r} is neither bonafide nor spoof; correct it"
            )
        if key == "bonafide" and system != "-":
            raise ManifestError(f"{place}: bonafide, and made by {shown(system)}; correct one")
        yield Line(place, speaker, utterance, system.strip("-"), is_fake_word(key) is True)
    if not found:
        raise ManifestError(f"{path}:1: holds no line; give a protocol")


def _lines_of_all(protocols: Sequence[Path]) -> Iterator[Line]:
    """The lines of protocols; an utterance that stands there twice is a ManifestError."""
    seen: dict[str, str] = {}
    for line in (line for protocol in protocols for line in protocol_lines(protocol)):
        if line.utterance in seen:
            raise ManifestError(
                f"{line.place}: {shown(line.utterance)} stands at {seen[line.utterance]} already; "
                "give each utterance one line"
            )
        seen[line.utterance] = line.place
        yield line


def _utterance(line: Line, file: Path, part: str) -> Utterance:
    return Utterance(
        file,
        line.is_fake,
        group=line.speaker,
        speaker=line.speaker,
        system=line.system,
        split=SPLITS[part],
        collection=f"ASVspoof2019_LA_{part}",
    )


def _part(line: Line) -> str:
    """train, dev or eval: by the name of the protocol, else by the letter in the utterance's."""
    named = PROTOCOL_NAME.fullmatch(Path(line.place.rpartition(":")[0]).name)
    if named:
        return named[1].lower()
    letter = line.utterance.partition("_")[2][:1]
    if letter not in LETTERS:
        raise ManifestError(
            f"{line.place}: neither the list's name nor {shown(line.utterance)} says which part it "
            "is of; call the list like ASVspoof2019.LA.cm.train.trn.txt"
        )
    return LETTERS[letter]


def _protocol_folder(path: Path) -> Path | None:
    """The folder with protocols of an LA folder, of the one above it, or that folder itself."""
    if path.name == PROTOCOLS and path.is_dir():
        return path
    inside = (path / PROTOCOLS, path / "LA" / PROTOCOLS)
    return next((folder for folder in inside if folder.is_dir()), None)


def _protocols(path: Path) -> list[Path]:
    folder = _protocol_folder(path)
    if folder is None:
        raise ManifestError(f"{shown(path)}: no {LOOKS_FOR}")
    files = [file for file in sorted(folder.iterdir()) if PROTOCOL_NAME.fullmatch(file.name)]
    if not files:
        raise ManifestError(
            f"{shown(folder)} holds no protocol; looked for ASVspoof2019.LA.cm.train.trn.txt, "
            "…dev.trl.txt and …eval.trl.txt"
        )
    return files


def _audio_root(path: Path) -> Path:
    """The folder that holds ASVspoof2019_LA_train and so on."""
    if path.is_file():
        beside = any((path.parent / f"ASVspoof2019_LA_{part}").is_dir() for part in SPLITS)
        return path.parent if beside else path.parent.parent
    folder = _protocol_folder(path)
    return folder.parent if folder else path


def _flac(folder: Path, part: str) -> Path:
    return folder / f"ASVspoof2019_LA_{part}" / "flac"


def _files(folder: Path) -> dict[str, Path]:
    """The recordings of a folder by name; listed once, since asking for each takes a while."""
    return {file.stem: file for file in audio_below(folder)} if folder.is_dir() else {}
