from pathlib import Path

import pytest

from cqtnet.errors import ManifestError
from spoof.data import load_data
from spoof.data.utterance import Utterance
from tests.spoof.trees import sounds, text

PROTOCOLS = "ASVspoof2019_LA_cm_protocols"
LISTS = {"train": "train.trn", "dev": "dev.trl", "eval": "eval.trl"}
LINES = {
    "train": ["LA_0079 LA_T_1138215 - - bonafide", "LA_0079 LA_T_1004644 - A01 spoof"],
    "dev": ["LA_0069 LA_D_1047731 - - bonafide", "LA_0070 LA_D_1105538 - A03 spoof"],
    "eval": ["LA_0039 LA_E_2834763 - A11 spoof", "LA_0014 LA_E_8877452 - - bonafide"],
}


def protocol(la: Path, part: str) -> Path:
    return la / PROTOCOLS / f"ASVspoof2019.LA.cm.{LISTS[part]}.txt"


def logical_access(la: Path) -> Path:
    for part, lines in LINES.items():
        text(protocol(la, part), "\n".join(lines) + "\n")
        names = [line.split()[1] for line in lines]
        sounds(la, *(f"ASVspoof2019_LA_{part}/flac/{name}.flac" for name in names))
    return la


@pytest.mark.parametrize("given", ["LA", "", f"LA/{PROTOCOLS}"])
def test_all_protocols_are_read_with_speaker_system_and_part(tmp_path: Path, given: str) -> None:
    la = logical_access(tmp_path / "LA")
    utterances = load_data(tmp_path / given)
    assert len(utterances) == 6
    assert (
        Utterance(
            la / "ASVspoof2019_LA_dev/flac/LA_D_1105538.flac",
            True,
            group="LA_0070",
            speaker="LA_0070",
            system="A03",
            split="valid",
            collection="ASVspoof2019_LA_dev",
        )
        in utterances
    )
    bonafide = {u.path.stem: (u.split, u.system) for u in utterances if not u.is_fake}
    assert bonafide == {
        "LA_T_1138215": ("train", ""),
        "LA_D_1047731": ("valid", ""),
        "LA_E_8877452": ("test", ""),
    }


def test_one_protocol_gives_its_part_alone(tmp_path: Path) -> None:
    la = logical_access(tmp_path)
    assert {u.split for u in load_data(protocol(la, "eval"))} == {"test"}


def test_a_list_of_another_name_takes_the_part_from_the_utterances(tmp_path: Path) -> None:
    la = logical_access(tmp_path)
    mine = text(la / "mine.txt", LINES["train"][0] + "\n\n" + LINES["eval"][0])
    assert {(u.path.stem, u.split) for u in load_data(mine)} == {
        ("LA_T_1138215", "train"),
        ("LA_E_2834763", "test"),
    }


def test_recordings_that_are_not_there_are_counted_and_the_first_named(tmp_path: Path) -> None:
    la = logical_access(tmp_path)
    for name in ("LA_D_1047731", "LA_D_1105538"):
        (la / f"ASVspoof2019_LA_dev/flac/{name}.flac").unlink()
    (la / "ASVspoof2019_LA_eval/flac/LA_E_8877452.flac").unlink()
    wanted = r"dev\.trl\.txt:1: .*LA_D_1047731\.flac is not there, nor are 2 other recordings"
    with pytest.raises(ManifestError, match=wanted):
        load_data(la)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("LA_0079 LA_T_7 - bonafide", r"train\.trn\.txt:3: 4 columns where a protocol has five"),
        ("LA_0079 LA_T_7 - - 1", r":3: '1' is neither bonafide nor spoof"),
        ("LA_0079 LA_T_7 - A01 bonafide", ":3: bonafide, and made by A01"),
        (LINES["train"][0], r":3: LA_T_1138215 stands at .*train\.trn\.txt:1 already"),
    ],
)
def test_a_line_that_does_not_parse_is_named(tmp_path: Path, line: str, message: str) -> None:
    la = logical_access(tmp_path)
    text(protocol(la, "train"), "\n".join([*LINES["train"], line]))
    with pytest.raises(ManifestError, match=message):
        load_data(la)


def test_an_utterance_in_two_protocols_is_refused(tmp_path: Path) -> None:
    la = logical_access(tmp_path)
    text(protocol(la, "dev"), "\n".join([*LINES["dev"], LINES["train"][0]]))
    with pytest.raises(ManifestError, match=r"train\.trn\.txt:1: LA_T_1138215 stands at .*dev"):
        load_data(la)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("", ":1: holds no line"),
        ("s u1 - - bonafide", "neither the list's name nor u1 says which part"),
        (LINES["train"][0], "1 real and no fake utterances; a detector is made from both"),
    ],
)
def test_a_list_that_says_too_little_is_refused(tmp_path: Path, lines: str, message: str) -> None:
    mine = text(logical_access(tmp_path) / "mine.txt", lines)
    with pytest.raises(ManifestError, match=message):
        load_data(mine)


def test_a_recording_in_place_of_a_protocol_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="is audio; give a folder or a list"):
        load_data(sounds(tmp_path, "a.flac") / "a.flac")


def test_a_folder_of_protocols_without_protocols_is_refused(tmp_path: Path) -> None:
    text(tmp_path / PROTOCOLS / "README.txt", "")
    with pytest.raises(ManifestError, match=r"holds no protocol; looked for ASVspoof2019\.LA"):
        load_data(tmp_path)
