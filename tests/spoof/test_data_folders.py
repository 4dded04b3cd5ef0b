import pytest

from cqtnet.errors import ManifestError, NotAudioError
from spoof.data import DataWarning
from spoof.data.folders import audio_below, load_folders
from spoof.data.lists import load_data
from tests.spoof.material import text, tree

LONG = "wav_16k.wav_norm.wav_mono.wav_silence.wav"


def test_a_folder_below_the_label_is_the_group_in_real_and_fake_alike(tmp_path):
    names = ("real/ann/1.wav", "real/ann/book/2.wav", "fake/ann/1.wav", "fake/bob/1.wav")
    groups = [(u.is_fake, u.group, u.collection) for u in load_data(tree(tmp_path, *names))]
    real, fake = (False, "ann", "ann"), (True, "ann", "ann")
    assert sorted(groups) == [real, real, fake, (True, "bob", "bob")]


def test_a_recording_and_its_copy_of_the_same_name_are_one_group_within_a_split(tmp_path):
    names = ("train/real/7.wav", "train/fake/7.flac", "test/real/7.wav", "test/fake/8.wav")
    found = {(u.split, u.is_fake): u.group for u in load_data(tree(tmp_path, *names))}
    assert found["train", False] == found["train", True] != found["test", False]
    assert found["test", False] != found["test", True]


def test_a_split_folder_without_labels_is_left_out_with_a_warning(tmp_path):
    tree(tmp_path, "train/real/1.wav", "train/fake/1.wav", "test/1.wav")
    with pytest.warns(DataWarning, match="test is left out: it has no folders of real and fake"):
        assert len(load_data(tmp_path)) == 2


@pytest.mark.parametrize(("names", "message"), [
    (["real/1.wav"], "real has no folder fake or spoof or .* beside it"),
    (["train/real/1.wav", "train/fake/1.wav", "test/fake/1.wav"], "fake has no folder real or"),
    (["real/train/1.wav", "fake/1.wav"], "a folder train below the label; put the labels"),
    (["real/1.wav", "fake/1.wav", "test/real/1.wav"], "holds fake beside test"),
    (["real/1.wav", "fake/.hidden/1.wav"], "fake holds no audio"),
    (["clips/1.wav"], "no folders real/ and fake/"),
])  # fmt: skip
def test_folders_that_do_not_fit_are_refused(tmp_path, names, message):
    tree(tmp_path, *names)
    with pytest.raises(ManifestError, match=message):
        load_folders(tmp_path)


def test_hidden_files_and_other_files_are_skipped_and_a_loop_of_links_ends(tmp_path):
    tree(tmp_path, "b/2.wav", "a.wav", "._a.wav", ".cache/1.wav")
    text(tmp_path / "b/notes.txt", "")
    (tmp_path / "b/again").symlink_to(tmp_path, target_is_directory=True)
    assert list(audio_below(tmp_path)) == [tmp_path / "a.wav", tmp_path / "b/2.wav"]
    with pytest.raises(NotAudioError, match="gone cannot be read: No such file"):
        list(audio_below(tmp_path / "gone"))


def fake_or_real(root):
    splits = ("training", "validation", "testing")
    sides = [f"{split}/{label}" for split in splits for label in ("real", "fake")]
    return tree(root, *(f"{side}/file{n}.{LONG}" for side in sides for n in (1, 2)))


@pytest.mark.parametrize("given", ["", "for-norm", "for-norm/for-norm"])
def test_fake_or_real_is_read_from_any_of_its_outer_folders(tmp_path, given):
    fake_or_real(tmp_path / "for-norm/for-norm")
    utterances = load_data(tmp_path / given)
    assert len(utterances) == 12
    assert {(u.split, u.is_fake) for u in utterances} == {
        (split, fake) for split in ("train", "valid", "test") for fake in (True, False)
    }
    assert all(("/fake/" in str(u.path)) == u.is_fake for u in utterances)
    assert {u.collection for u in utterances} == {"for-norm"}
    renamed = (tmp_path / "for-norm/for-norm").rename(tmp_path / "mine")  # known by its splits
    assert "training/real/file1" in {u.group for u in load_data(renamed)}


def test_a_recording_of_fake_or_real_is_what_stands_before_the_first_dot(tmp_path):
    names = (f"file7.{LONG}", "file7.mp3.wav_2sec.wav", f"file8.{LONG}")
    real = [f"real/{name}" for name in names]
    root = tree(tmp_path / "for-2sec/for-2seconds", *real, "fake/file7.wav")
    utterances = load_data(root.parent)
    groups = {u.path.name: u.group for u in utterances if not u.is_fake}
    assert groups[names[0]] == groups[names[1]] != groups[names[2]]
    # Every folder has its own numbers: the fake file7 is another recording.
    assert groups[names[0]] not in {u.group for u in utterances if u.is_fake}
    assert {u.split for u in utterances} == {""}


def test_two_versions_of_fake_or_real_at_once_are_refused(tmp_path):
    for version in ("for-norm", "for-original"):
        fake_or_real(tmp_path / "both" / version)
    with pytest.raises(ManifestError, match=r"for-norm, for-original: the same recordings"):
        load_data(tmp_path / "both")
    names = ("for-sale/x.wav", "for-rent/x.wav", "real/a.wav", "fake/b.wav")  # no versions
    assert len(load_data(tree(tmp_path / "other", *names))) == 2


NAMES = ("biden", "linus", "margot", "musk", "obama", "ryan", "taylor", "trump")
FILES = [f"AUDIO/REAL/{name}-original.wav" for name in NAMES] + [
    f"AUDIO/FAKE/{a.title()}-to-{b.title()}.wav" for a in NAMES for b in NAMES if a != b
]


@pytest.mark.parametrize("given", ["", "KAGGLE", "KAGGLE/AUDIO"])
def test_deep_voice_is_found_at_any_of_its_folders(tmp_path, given):
    tree(tmp_path / "KAGGLE", *FILES, duration_s=0.01)
    utterances = load_data(tmp_path / given)
    assert sum(u.is_fake for u in utterances) == 56 and len(utterances) == 64


def test_a_conversion_is_grouped_with_the_recording_it_was_made_from(tmp_path):
    root = tree(tmp_path, "AUDIO/REAL/obama-original.wav", "AUDIO/FAKE/Obama-to-Biden.wav")
    real, fake = sorted(load_data(root), key=lambda u: u.is_fake)
    assert (real.group, real.speaker, real.system) == ("obama", "obama", "")
    assert (fake.group, fake.speaker, fake.system) == ("obama", "biden", "RVC")
    assert len({u.group for u in load_data(root / "AUDIO", layout="folders")}) == 2
    renamed = (root / "AUDIO").rename(root / "voices")  # known by the names of its files
    assert {u.group for u in load_data(renamed)} == {"obama"}


def test_a_fake_that_does_not_name_its_source_is_refused(tmp_path):
    root = tree(tmp_path, "AUDIO/REAL/obama.wav", "AUDIO/FAKE/Obama.wav")
    with pytest.raises(ManifestError, match=r"Obama\.wav does not name .* call it SOURCE-to-VOICE"):
        load_data(root)
    assert len(load_data(root / "AUDIO", layout="folders")) == 2
