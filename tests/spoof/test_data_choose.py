from pathlib import Path

import pytest

from cqtnet.errors import InputError, ManifestError
from spoof.data import LAYOUTS, load_data
from tests.spoof.trees import sounds


def test_a_folder_in_no_layout_lists_what_is_there_and_every_layout(tmp_path: Path) -> None:
    sounds(tmp_path, "clips/1.wav", "noise/1.wav")
    with pytest.raises(ManifestError) as refusal:
        load_data(tmp_path)
    message = str(refusal.value)
    assert "It holds the folders clips, noise." in message
    assert all(f"{name}: {layout.looks_for}" in message for name, layout in LAYOUTS.items())
    assert "\n" not in message


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="It holds no folders"):
        load_data(tmp_path)


def test_an_unknown_layout_is_refused_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'wavefake'; choose from table, asvspoof, deep-voice"):
        load_data(tmp_path, layout="wavefake")


@pytest.mark.parametrize("layout", [None, *LAYOUTS])
def test_a_path_that_is_not_there_is_refused_in_every_layout(
    tmp_path: Path, layout: str | None
) -> None:
    with pytest.raises(ManifestError, match="nowhere is not there"):
        load_data(tmp_path / "nowhere", layout=layout)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_refuses_a_folder_that_is_not_it(tmp_path: Path, layout: str) -> None:
    with pytest.raises(ManifestError):
        load_data(sounds(tmp_path, "clips/1.wav"), layout=layout)


def test_a_layout_that_is_named_goes_before_the_one_found(tmp_path: Path) -> None:
    root = sounds(tmp_path, "AUDIO/REAL/obama.wav", "AUDIO/FAKE/Obama-to-Biden.wav") / "AUDIO"
    assert len({u.group for u in load_data(root)}) == 1
    assert len({u.group for u in load_data(root, layout="folders")}) == 2
