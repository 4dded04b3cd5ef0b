import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from cqtnet.data import Item, has_splits, hold_out, list_items, read_items
from cqtnet.errors import ManifestError


@pytest.fixture
def tree(tmp_path):
    tone = np.sin(np.arange(4000) / 10).astype(np.float32)
    for name in ("a/1.wav", "a/2.wav", "b/1.wav", "c/1.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        soundfile.write(tmp_path / name, tone, 8000)
    return tmp_path


def manifest(tree, text, name="list.csv"):
    (tree / name).write_text(text)
    return tree / name


def test_a_manifest_gives_its_rows_and_to_test_with_needs_none_to_train_on(tree):
    path = manifest(tree, "id,path,split,collection\nx,a/1.wav,valid,A\nz,c/1.wav,test,C\n")
    expected = [Item(tree / "a/1.wav", "x", "valid", "A"), Item(tree / "c/1.wav", "z", "test", "C")]
    assert list_items(path) == expected
    with path.open("a") as file:
        file.write("y,b/1.wav,train,B\n")
    assert read_items(path) == [*expected, Item(tree / "b/1.wav", "y", "train", "B")]


def test_a_file_column_goes_before_path_and_repository_is_a_collection(tree):
    header = "id\tsplit\tfile\trepository\tpath\n"
    rows = "1\ttrain\ta/1.wav\tr/one\torigin.mp3\n2\ttrain\tb/1.wav\tr/two\torigin.ogg\n"
    items = read_items(manifest(tree, header + rows, "list.tsv"), validation_share=0.5)
    assert [item.path for item in items] == [tree / "a/1.wav", tree / "b/1.wav"]
    assert sorted(item.split for item in items) == ["train", "valid"]


def test_a_folder_takes_its_folders_as_collections_and_what_lies_in_it_as_one_each(tree):
    for name in ("top.wav", "other.wav"):
        shutil.copy(tree / "a/1.wav", tree / name)
    assert {item.split for item in list_items(tree)} == {"train"}
    collections = {item.recording: item.collection for item in list_items(tree)}
    of_folders = {f"{name}/1.wav": name for name in "abc"} | {"a/2.wav": "a"}
    assert collections == of_folders | {name: name for name in ("other.wav", "top.wav")}
    assert list(collections) == sorted(collections)


def test_a_list_has_splits_where_any_row_names_one(tree):
    assert not has_splits(tree)
    assert not has_splits(manifest(tree, "path,split\na/1.wav,\n"))
    assert not has_splits(manifest(tree, "path\na/1.wav\n"))
    assert has_splits(manifest(tree, "path,split\na/1.wav,\nb/1.wav,test\n"))


def test_held_out_collections_are_whole_two_at_least_and_stay_when_others_come():
    few = [Item(Path(str(i)), str(i), "train", f"c{i // 3}") for i in range(90)]
    more = [*few, *(Item(Path("n"), f"n{i}", "train", f"n{i}") for i in range(9))]

    def collections(items, split="valid"):
        return {i.collection for i in hold_out(items, share=0.2) if i.split == split}

    held = collections(few)
    assert not held & collections(few, "train") and 0.1 * 30 <= len(held) <= 0.2 * 30
    assert len(held - collections(more)) <= 2
    assert sum(item.split == "valid" for item in hold_out(few[:15:3], share=0.1)) == 2


@pytest.mark.parametrize(("text", "message"), [
    ("id,split\nx,train\n", r"list\.csv:1: no column file or path; found id, split"),
    ("path\nnone.wav\n", r"list\.csv:2: 'none\.wav' is not a file"),
    ("path\na/1.wav\na/1.wav\n", r"list\.csv:3: recording 'a/1\.wav' stands on line 2"),
    ("path,split\na/1.wav,training\n", r"list\.csv:2: split 'training'; use one of train"),
    ("path,split\na/1.wav,test\n", "no recording to train on"),
    (f"path\n{'n' * 300}.wav\n", "is not a file"),
])  # fmt: skip
def test_a_wrong_manifest_names_file_line_and_cure(tree, text, message):
    with pytest.raises(ManifestError, match=message):
        read_items(manifest(tree, text))


def test_an_empty_folder_and_a_missing_list_are_refused(tmp_path):
    with pytest.raises(ManifestError, match="holds no audio"):
        read_items(tmp_path)
    with pytest.raises(ManifestError, match=r"cannot be read: .*; give a list"):
        read_items(tmp_path / "none.csv")


def test_folders_are_held_out_whole_however_their_path_is_written(tree):
    spellings = (tree, tree / "a" / "..", Path(f"{tree}//"))
    splits = [[i.split for i in read_items(path, validation_share=0.3)] for path in spellings]
    assert splits[0] == splits[1] == splits[2]
    assert splits[0][0] == splits[0][1], "both of folder a"
