from pathlib import Path

import pytest

from cqtnet.errors import ManifestError
from spoof.data import load_data, split_by_group
from tests.spoof.trees import sounds

NAMES = ("biden", "linus", "margot", "musk", "obama", "ryan", "taylor", "trump")
FILES = [f"AUDIO/REAL/{name}-original.wav" for name in NAMES] + [
    f"AUDIO/FAKE/{a.title()}-to-{b.title()}.wav" for a in NAMES for b in NAMES if a != b
]


@pytest.mark.parametrize("given", ["", "KAGGLE", "KAGGLE/AUDIO"])
def test_deep_voice_is_found_at_any_of_its_folders(tmp_path: Path, given: str) -> None:
    sounds(tmp_path / "KAGGLE", *FILES, duration_s=0.01)
    utterances = load_data(tmp_path / given)
    assert sum(u.is_fake for u in utterances) == 56
    assert len(utterances) == 64


def test_a_conversion_is_grouped_with_the_recording_it_was_made_from(tmp_path: Path) -> None:
    root = sounds(tmp_path, "AUDIO/REAL/obama-original.wav", "AUDIO/FAKE/Obama-to-Biden.wav")
    real, fake = sorted(load_data(root), key=lambda u: u.is_fake)
    assert (real.group, real.speaker, real.system) == ("obama", "obama", "")
    assert (fake.group, fake.speaker, fake.system) == ("obama", "biden", "RVC")


def test_no_split_of_deep_voice_parts_a_conversion_from_its_recording(tmp_path: Path) -> None:
    split = split_by_group(load_data(sounds(tmp_path, *FILES, duration_s=0.01)), seed=3)
    for side in (split.train, split.valid, split.test):
        sources = {u.path.stem.split("-")[0].casefold() for u in side}
        assert len(side) == 8 * len(sources)  # the recording and its seven conversions
    assert len(split.train) > len(split.test) >= len(split.valid) >= 8


def test_conversions_in_folders_of_another_name_are_recognised_by_their_names(
    tmp_path: Path,
) -> None:
    root = sounds(tmp_path / "voices", "REAL/obama.wav", "FAKE/Obama-to-Biden.wav")
    assert {u.group for u in load_data(root)} == {"obama"}


def test_a_fake_that_does_not_name_its_source_is_refused(tmp_path: Path) -> None:
    root = sounds(tmp_path, "AUDIO/REAL/obama.wav", "AUDIO/FAKE/Obama.wav")
    with pytest.raises(ManifestError, match=r"Obama\.wav does not say .* call it SOURCE-to-VOICE"):
        load_data(root)
    assert len(load_data(root / "AUDIO", layout="folders")) == 2


def test_deep_voice_that_is_not_there_says_what_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="no AUDIO/REAL and AUDIO/FAKE, with names like Obama"):
        load_data(sounds(tmp_path, "clips/1.wav"), layout="deep-voice")
