from pathlib import Path

import pytest

from cqtnet.errors import ManifestError
from spoof.data import load_data
from spoof.data.utterance import Utterance
from tests.spoof.trees import sounds, text


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return sounds(tmp_path, "a.wav", "b.wav", "deep/c.wav")


def test_every_column_is_used(root: Path) -> None:
    table = text(
        root / "list.csv",
        "path,Label,split,system,speaker,group,collection\n"
        "a.wav,Real,train,,ann,take 1,studio\n"
        "b.wav,spoof,dev,Tacotron,bob,,web\n",
    )
    assert load_data(table) == [
        Utterance(root / "a.wav", False, "take 1", "ann", "", "train", "studio"),
        Utterance(root / "b.wav", True, "bob", "bob", "Tacotron", "valid", "web"),
    ]


def test_a_list_of_gathered_recordings_is_grouped_by_repository(root: Path) -> None:
    table = text(
        root / "speech.tsv",
        "id\tsplit\tlabel\tfile\tduration_s\tsystem\trepository\tpath\n"
        "1\tdevtest\treal\ta.wav\t4.00\t\towner/demo\twavs/x, y.wav\n"
        "2\ttrain\tsynth\tdeep/c.wav\t4.00\tVITS\towner/vits\twavs/z.wav\n",
    )
    assert load_data(table) == [
        Utterance(root / "a.wav", False, "owner/demo", "", "", "test", "owner/demo"),
        Utterance(root / "deep/c.wav", True, "owner/vits", "", "VITS", "train", "owner/vits"),
    ]


def test_a_recording_without_group_speaker_and_collection_is_its_own_group(root: Path) -> None:
    table = text(root / "list.csv", "file,label\na.wav,human\nb.wav,deepfake\n")
    assert [(u.group, u.split) for u in load_data(table)] == [("a.wav", ""), ("b.wav", "")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("file,label\na.wav,real\nb.wav,1\n", r"list\.csv:3: label '1' says neither: in some data"),
        ("file,label\na.wav,robot\n", r":2: label 'robot' says neither; write one of real, bona"),
        ("file\na.wav\n", r":1: no column label; found file"),
        ("file;label\na.wav;real\n", r":1: no column label; found file;label"),
        ("name,label\na.wav,real\n", r":2: no file or path"),
        ("file,label,split\na.wav,real,later\n", r":2: split 'later' is unknown; write one of tr"),
        ("file,label\na.wav\n", r":2: 1 fields where the header has 2"),
        ("file,label,label\na.wav,real,real\n", r":1: column label stands there twice"),
        ("file,label\na.wav,real\ndeep/../a.wav,fake\n", r":3: .*a\.wav stands on line 2 already"),
        ("file,label\na.wav,real\nx.wav,fake\ny.wav,fake\n", r":3: .*x\.wav is not there, nor ar"),
        ("file,label\na.wav,real\nb.wav,bonafide\n", "2 real and no fake utterances"),
        ("file,label\n", ":1: holds no row"),
        ("", ":1: no column label; found nothing"),
        ('file,label\n"a.wav,real\n', "list.csv:2: unexpected end of data"),
    ],
)
def test_a_wrong_table_is_refused_with_its_line(root: Path, content: str, message: str) -> None:
    with pytest.raises(ManifestError, match=message):
        load_data(text(root / "list.csv", content))


def test_a_table_that_is_no_text_is_refused(root: Path) -> None:
    (root / "list.csv").write_bytes(b"file,label\n\0\0")
    with pytest.raises(ManifestError, match="no text in UTF-8"):
        load_data(root / "list.csv")


def test_a_folder_in_place_of_a_table_is_refused(root: Path) -> None:
    with pytest.raises(ManifestError, match="cannot be read: Is a directory"):
        load_data(root, layout="table")
