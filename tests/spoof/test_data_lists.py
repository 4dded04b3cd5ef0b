import pytest

from cqtnet.errors import InputError, ManifestError
from spoof.data import Utterance
from spoof.data.lists import LAYOUTS, load_data
from tests.spoof.material import text, tree


def test_a_folder_in_no_layout_lists_what_is_there_and_every_layout(tmp_path):
    tree(tmp_path, "clips/1.wav", "noise/1.wav")
    with pytest.raises(ManifestError) as refusal:
        load_data(tmp_path)
    message = str(refusal.value)
    assert "It holds the folders clips, noise." in message
    assert all(f"{name}: {layout.expected}" in message for name, layout in LAYOUTS.items())
    assert "\n" not in message
    with pytest.raises(ManifestError, match="It holds no folders"):
        load_data(tmp_path / "clips")
    with pytest.raises(InputError, match="'wavefake'; choose from table, asvspoof, deep-voice"):
        load_data(tmp_path, layout="wavefake")


@pytest.mark.parametrize(("layout", "message"), [
    ("table", "cannot be read: Is a directory"),
    ("asvspoof", "no ASVspoof2019_LA_cm_protocols beside"),
    ("deep-voice", "no AUDIO/REAL and AUDIO/FAKE, with names like Obama"),
    ("fake-or-real", "no for-norm, for-2sec, for-rerec or for-original"),
    ("folders", "no folders real/ and fake/"),
])  # fmt: skip
def test_what_is_not_there_is_refused_in_every_layout(tmp_path, layout, message):
    with pytest.raises(ManifestError, match="nowhere is not there"):
        load_data(tmp_path / "nowhere", layout=layout)
    with pytest.raises(ManifestError, match=message):
        load_data(tree(tmp_path, "clips/1.wav", "noise/1.wav"), layout=layout)


@pytest.fixture
def root(tmp_path):
    return tree(tmp_path, "a.wav", "b.wav", "deep/c.wav")


def test_every_column_is_used_and_gathered_recordings_are_grouped_by_repository(root):
    rows = ("path,Label,split,system,speaker,group,collection",
            "a.wav,Real,train,,ann,take 1,studio", "b.wav,spoof,dev,Tacotron,bob,,web")  # fmt: skip
    table = text(root / "list.csv", "\n".join(rows))
    assert load_data(table) == [
        Utterance(root / "a.wav", False, "take 1", "ann", "", "train", "studio"),
        Utterance(root / "b.wav", True, "bob", "bob", "Tacotron", "valid", "web"),
    ]
    table = text(root / "list.csv", "file,label\na.wav,human\nb.wav,deepfake\n")
    assert [(u.group, u.split) for u in load_data(table)] == [("a.wav", ""), ("b.wav", "")]
    table = text(root / "speech.tsv",
        "id\tsplit\tlabel\tfile\tduration_s\tsystem\trepository\tpath\n"
        "1\tdevtest\treal\ta.wav\t4.00\t\towner/demo\twavs/x, y.wav\n"
        "2\ttrain\tsynth\tdeep/c.wav\t4.00\tVITS\towner/vits\twavs/z.wav\n")  # fmt: skip
    assert load_data(table) == [
        Utterance(root / "a.wav", False, "owner/demo", "", "", "test", "owner/demo"),
        Utterance(root / "deep/c.wav", True, "owner/vits", "", "VITS", "train", "owner/vits"),
    ]


@pytest.mark.parametrize(("content", "message"), [
    ("file,label\na.wav,real\nb.wav,1\n", r"list\.csv:3: label '1' is neither real nor fake: i"),
    ("file\na.wav\n", r":1: no column label; found file"),
    ("name,label\na.wav,real\n", r":2: no file or path"),
    ("file,label,split\na.wav,real,later\n", r":2: split 'later' is unknown; write one of tr"),
    ("file,label\na.wav,real\ndeep/../a.wav,fake\n", r":3: .*a\.wav stands on line 2 already"),
    ("file,label\na.wav,real\nx.wav,fake\ny.wav,fake\n", r":3: .*x\.wav is not there, nor ar"),
    ("file,label\na.wav,real\nb.wav,bonafide\n", "2 real and no fake utterances"),
])  # fmt: skip
def test_a_wrong_table_is_refused_with_its_line(root, content, message):
    with pytest.raises(ManifestError, match=message):
        load_data(text(root / "list.csv", content))


PROTOCOLS = "ASVspoof2019_LA_cm_protocols"
LISTS = {"train": "train.trn", "dev": "dev.trl", "eval": "eval.trl"}
LINES = {
    "train": ["LA_0079 LA_T_1138215 - - bonafide", "LA_0079 LA_T_1004644 - A01 spoof"],
    "dev": ["LA_0069 LA_D_1047731 - - bonafide", "LA_0070 LA_D_1105538 - A03 spoof"],
    "eval": ["LA_0039 LA_E_2834763 - A11 spoof", "LA_0014 LA_E_8877452 - - bonafide"],
}


def protocol(la, part):
    return la / PROTOCOLS / f"ASVspoof2019.LA.cm.{LISTS[part]}.txt"


def logical_access(la):
    for part, lines in LINES.items():
        text(protocol(la, part), "\n".join(lines) + "\n")
        names = [line.split()[1] for line in lines]
        tree(la, *(f"ASVspoof2019_LA_{part}/flac/{name}.flac" for name in names))
    return la


@pytest.mark.parametrize("given", ["LA", "", f"LA/{PROTOCOLS}"])
def test_all_protocols_are_read_with_speaker_system_and_part(tmp_path, given):
    la = logical_access(tmp_path / "LA")
    utterances = load_data(tmp_path / given)
    assert len(utterances) == 6
    file = la / "ASVspoof2019_LA_dev/flac/LA_D_1105538.flac"
    labels = ("LA_0070", "LA_0070", "A03", "valid", "ASVspoof2019_LA_dev")
    assert Utterance(file, True, *labels) in utterances
    bonafide = {u.path.stem: (u.split, u.system) for u in utterances if not u.is_fake}
    parts = {"LA_T_1138215": "train", "LA_D_1047731": "valid", "LA_E_8877452": "test"}
    assert bonafide == {name: (part, "") for name, part in parts.items()}


def test_one_protocol_gives_its_part_and_another_list_the_utterances_parts(tmp_path):
    la = logical_access(tmp_path)
    assert {u.split for u in load_data(protocol(la, "eval"))} == {"test"}
    mine = text(la / "mine.txt", LINES["train"][0] + "\n\n" + LINES["eval"][0])
    found = {(u.path.stem, u.split) for u in load_data(mine)}
    assert found == {("LA_T_1138215", "train"), ("LA_E_2834763", "test")}


def test_recordings_that_are_not_there_are_counted_and_the_first_named(tmp_path):
    la = logical_access(tmp_path)
    for name in ("LA_D_1047731", "LA_D_1105538"):
        (la / f"ASVspoof2019_LA_dev/flac/{name}.flac").unlink()
    (la / "ASVspoof2019_LA_eval/flac/LA_E_8877452.flac").unlink()
    wanted = r"dev\.trl\.txt:1: .*LA_D_1047731\.flac is not there, nor are 2 other recordings"
    with pytest.raises(ManifestError, match=wanted):
        load_data(la)


@pytest.mark.parametrize(("part", "line", "message"), [
    ("train", "LA_0079 LA_T_7 - bonafide", r"trn\.txt:3: 4 columns where a protocol has five"),
    ("train", "LA_0079 LA_T_7 - - 1", r":3: '1' is neither bonafide nor spoof"),
    ("train", "LA_0079 LA_T_7 - A01 bonafide", ":3: bonafide, and made by A01"),
    ("train", LINES["train"][0], r":3: LA_T_1138215 stands on line 1 already"),
    ("dev", LINES["train"][0], r"train\.trn\.txt:1: LA_T_1138215 stands at .*dev"),
])  # fmt: skip
def test_a_wrong_line_of_a_protocol_is_named(tmp_path, part, line, message):
    la = logical_access(tmp_path)
    text(protocol(la, part), "\n".join([*LINES[part], line]))
    with pytest.raises(ManifestError, match=message):
        load_data(la)


@pytest.mark.parametrize(("lines", "message"), [
    ("", ":1: holds no line"),
    ("s u1 - - bonafide", "neither the list's name nor u1 states the part"),
    (LINES["train"][0], "1 real and no fake utterances; a detector needs both"),
])  # fmt: skip
def test_a_list_that_says_too_little_is_refused(tmp_path, lines, message):
    mine = text(logical_access(tmp_path) / "mine.txt", lines)
    with pytest.raises(ManifestError, match=message):
        load_data(mine)


def test_what_is_no_protocol_is_refused(tmp_path):
    with pytest.raises(ManifestError, match="is audio; give a folder or a list"):
        load_data(tree(tmp_path / "audio", "a.flac") / "a.flac")
    text(tmp_path / PROTOCOLS / "README.txt", "")
    with pytest.raises(ManifestError, match=r"holds no protocol; looked for ASVspoof2019\.LA"):
        load_data(tmp_path)
