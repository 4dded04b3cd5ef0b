"""Any data set, by its path: a layout is found, or named; here also those that are lists."""

import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from augment.audio.files import shown, told
from cqtnet.errors import InputError, ManifestError
from cqtnet.tables import read_list, read_table, refuse_twice
from spoof.data import Utterance, folders, missing_class
from spoof.data.folders import audio_below, is_fake_word, split_word


@dataclass(frozen=True)
class Layout:
    """How a data set lies on disk: what is expected, whether it is there, and its loader."""

    expected: str
    matches: Callable[[Path], bool]
    load: Callable[[Path], list[Utterance]]


def load_data(path: Path, *, layout: str | None = None) -> list[Utterance]:
    """Every utterance of a data set; its layout, one of `LAYOUTS`, is found where none is named.

    A ManifestError states what is wrong, such as a line that cannot be parsed, or a missing file.
    """
    if layout is not None and layout not in LAYOUTS:
        raise InputError(f"no layout is named {layout!r}; choose from {', '.join(LAYOUTS)}")
    if not path.exists():
        raise ManifestError(f"{shown(path)} is not there; give a folder or a list of recordings")
    if layout is None:
        layout = next((name for name, known in LAYOUTS.items() if known.matches(path)), None)
    if layout is None:
        content = "no text"
        if path.is_dir():
            names = [shown(folder.name) for folder in folders.subfolders(path)]
            more = f" and {len(names) - 8} more" if len(names) > 8 else ""
            content = f"the folders {', '.join(names[:8])}{more}" if names else "no folders"
        expected = "; ".join(f"{name}: {known.expected}" for name, known in LAYOUTS.items())
        raise ManifestError(f"{shown(path)} has no known layout. It holds {content}. {expected}")
    utterances = LAYOUTS[layout].load(path)
    if counts := missing_class(utterances):
        raise ManifestError(f"{shown(path)} holds {counts}; a detector needs both")
    return utterances


def _refuse_missing(missing: Sequence[tuple[str, Path]]) -> None:
    """Raise where lines name files that are not there: the first one, and how many."""
    if missing:
        place, path = missing[0]
        others = f", nor are {len(missing) - 1} other recordings" if len(missing) > 1 else ""
        raise ManifestError(f"{place}: {shown(path)} is not there{others}; get them, or drop them")


def load_table(path: Path) -> list[Utterance]:
    """The utterances of a table with a header, separated by tabs or commas.

    Needed: `file` (or `path`), relative to the table, and `label`, a word. Used if present:
    `split`, `system`, `speaker`, `group`, `collection` (or `repository`). Without a group it is the
    speaker, else the collection, else the file.
    """
    seen: dict[str, str] = {}
    missing = []
    utterances = []
    for line, row in read_table(path, needed=["label"], fold_case=True).dicts():
        utterance = _from_row(row, path.parent, place=f"{path}:{line}")
        name = os.path.normpath(utterance.path)
        refuse_twice(seen, name, f"{path}:{line}", told(name))
        if not os.path.isfile(name):
            missing.append((f"{path}:{line}", utterance.path))
        utterances.append(utterance)
    _refuse_missing(missing)
    return utterances


def _from_row(row: dict[str, str], folder: Path, *, place: str) -> Utterance:
    # `file` first: tables of gathered recordings keep in `path` where each came from.
    name = row.get("file") or row.get("path") or ""
    if not name:
        raise ManifestError(f"{place}: no file or path; name the recording")
    is_fake = is_fake_word(row["label"])
    if is_fake is None:
        is_digit = row["label"].strip().isdigit()
        why = ": in some data sets 1 is real, in others fake" if is_digit else ""
        raise ManifestError(
            f"{place}: label {told(row['label'])!r} is neither real nor fake{why}; write one of "
            f"{', '.join(folders.REAL_WORDS + folders.FAKE_WORDS)}"
        )
    split = split_word(row["split"]) if row.get("split", "").strip() else ""
    if split is None:
        word = told(row["split"])
        raise ManifestError(f"{place}: split {word!r} is unknown; write one of {folders.SPLITS}")
    speaker = row.get("speaker", "")
    collection = row.get("collection") or row.get("repository") or ""
    group = row.get("group") or speaker or collection or name
    system = row.get("system", "")
    return Utterance(folder / name, is_fake, group, speaker, system, split, collection)


# ASVspoof 2019, logical access: protocols of five columns beside folders of FLAC files.

PROTOCOLS = "ASVspoof2019_LA_cm_protocols"
ASVSPOOF_EXPECTED = (
    f"{PROTOCOLS} beside ASVspoof2019_LA_train/flac, …_dev/flac and …_eval/flac, "
    "or one of the protocols (.txt)"
)
SPLIT_OF_PART = {"train": "train", "dev": "valid", "eval": "test"}
PROTOCOL_NAME = re.compile(r".*\.cm\.(train|dev|eval)\..*", re.IGNORECASE)
PART_OF_LETTER = {"T": "train", "D": "dev", "E": "eval"}
"""LA_T_1138215 is of the training part, in whichever list it stands."""


def load_asvspoof(path: Path) -> list[Utterance]:
    """The utterances of all protocols of an LA folder, or of the one protocol that is given.

    train, dev and eval become train, valid and test. A speaker is a group.
    """
    protocols, root = _protocols(path)
    files: dict[str, dict[str, Path]] = {}  # of each part by name: one listing is fast
    seen: dict[str, str] = {}
    missing, utterances = [], []
    for place, (speaker, name, _, system, key) in _protocol_lines(protocols):
        refuse_twice(seen, name, place, told(name))
        part = _part(name, place)
        flac = root / f"ASVspoof2019_LA_{part}" / "flac"
        if part not in files:
            below = audio_below(flac) if flac.is_dir() else ()
            files[part] = {file.stem: file for file in below}
        file = files[part].get(name, flac / f"{name}.flac")
        if name not in files[part]:
            missing.append((place, file))
        labels = (key == "spoof", speaker, speaker, system.strip("-"), SPLIT_OF_PART[part])
        utterances.append(Utterance(file, *labels, f"ASVspoof2019_LA_{part}"))
    _refuse_missing(missing)
    return utterances


def _protocol_lines(protocols: Sequence[Path]) -> Iterator[tuple[str, list[str]]]:
    """The place, file:line, and the fields of each line, `LA_0079 LA_T_1138215 - - bonafide`."""
    for path in protocols:
        lines = [(n, t.split()) for n, t in enumerate(read_list(path).splitlines(), start=1)]
        if not any(fields for _, fields in lines):
            raise ManifestError(f"{path}:1: holds no line; give a protocol")
        for place, fields in ((f"{path}:{n}", fields) for n, fields in lines if fields):
            if len(fields) != 5:
                raise ManifestError(
                    f"{place}: {len(fields)} columns where a protocol has five (speaker, file, -, "
                    "system or -, bonafide or spoof); correct the line"
                )
            system, key = told(fields[3]), told(fields[4])
            if key not in ("bonafide", "spoof"):
                raise ManifestError(f"{place}: {key!r} is neither bonafide nor spoof; correct it")
            if key == "bonafide" and system != "-":
                raise ManifestError(f"{place}: bonafide, and made by {system}; correct one")
            yield place, fields


def _part(name: str, place: str) -> str:
    """train, dev or eval: by the name of the protocol, else by the letter in the utterance's."""
    named = PROTOCOL_NAME.fullmatch(Path(place.rpartition(":")[0]).name)
    letter = name.partition("_")[2][:1]
    if not named and letter not in PART_OF_LETTER:
        raise ManifestError(
            f"{place}: neither the list's name nor {shown(name)} states the part; call the list "
            "like ASVspoof2019.LA.cm.train.trn.txt"
        )
    return named[1].lower() if named else PART_OF_LETTER[letter]


def _protocol_folder(path: Path) -> Path | None:
    """The folder with protocols of an LA folder, of the one above it, or that folder itself."""
    if path.name == PROTOCOLS and path.is_dir():
        return path
    inside = (path / PROTOCOLS, path / "LA" / PROTOCOLS)
    return next((folder for folder in inside if folder.is_dir()), None)


def _protocols(path: Path) -> tuple[list[Path], Path]:
    """The protocols, and the folder that holds ASVspoof2019_LA_train and so on."""
    if path.is_file():
        beside = any((path.parent / f"ASVspoof2019_LA_{part}").is_dir() for part in SPLIT_OF_PART)
        return [path], path.parent if beside else path.parent.parent
    folder = _protocol_folder(path)
    if folder is None:
        raise ManifestError(f"{shown(path)}: no {ASVSPOOF_EXPECTED}")
    files = [file for file in sorted(folder.iterdir()) if PROTOCOL_NAME.fullmatch(file.name)]
    if not files:
        raise ManifestError(
            f"{shown(folder)} holds no protocol; looked for ASVspoof2019.LA.cm.train.trn.txt, "
            "…dev.trl.txt and …eval.trl.txt"
        )
    return files, folder.parent


LAYOUTS: dict[str, Layout] = {
    "table": Layout("a .csv or .tsv file with the columns file (or path) and label",
                    lambda path: path.suffix.lower() in (".csv", ".tsv") and path.is_file(),
                    load_table),
    # Of text files, which come after tables, only protocols are left.
    "asvspoof": Layout(ASVSPOOF_EXPECTED,
                       lambda path: bool(path.is_file() or _protocol_folder(path)), load_asvspoof),
    "deep-voice": Layout(folders.DEEP_VOICE_EXPECTED, folders.is_deep_voice,
                         folders.load_deep_voice),
    "fake-or-real": Layout(folders.FAKE_OR_REAL_EXPECTED, folders.is_fake_or_real,
                           folders.load_fake_or_real),
    "folders": Layout(folders.FOLDERS_EXPECTED, lambda path: bool(folders.parts(path)),
                      folders.load_folders),
}  # fmt: skip
"""Layouts by name, in the order in which they are tried: `folders` comes last, it fits most."""
