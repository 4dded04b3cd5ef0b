"""Calibration: by whom recordings are judged, and what counts as a witness."""

from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import pytest

from cqtnet.errors import InputError
from spoof import calibration
from spoof.checkpoint import load_trained
from spoof.data.segments import Joined
from spoof.prepare import Preparer
from spoof.recipes import RECIPES
from spoof.train import TrainConfig, train
from tests.spoof.voices import TINY, voices


def recording(collection: str, number: int, is_fake: bool) -> Joined:
    path = Path(f"{collection}-{number}.wav")
    return Joined((path,), is_fake, f"g{number}", "", "", "", collection)


def test_collections_bear_witness_where_there_are_enough_and_groups_else() -> None:
    many = [recording(f"c{n % 6}", n, is_fake) for n in range(12) for is_fake in (False, True)]
    assert set(calibration._witnesses(many)) == {f"c{n}" for n in range(6)}
    few = [replace(r, collection="one") for r in many]
    assert set(calibration._witnesses(few)) == {f"g{n}" for n in range(12)}
    unnamed = [*many, replace(many[0], collection="")]
    assert set(calibration._witnesses(unnamed)) == {f"g{n}" for n in range(12)}


def test_each_recording_is_judged_by_a_network_that_knew_none_of_its_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(RECIPES, "tiny", TINY)
    data = voices(tmp_path / "voices", groups=8, each=2)
    preparer = Preparer(tmp_path / "cache")
    train(data, TrainConfig(tmp_path / "run", TINY, preparer, device="cpu"), told=lambda step: None)
    learned: list[set[str]] = []
    judged: dict[str, list[int]] = defaultdict(list)

    def noted(utterances, config, *, told):
        learned.append({u.group for u in utterances if u.split == "train"})
        return train(utterances, config, told=told)

    scored = calibration._scored

    def watched(trained, utterances, *rest):
        for group in {u.group for u in utterances}:
            assert group not in learned[-1]
            judged[group].append(len(learned))
        return scored(trained, utterances, *rest)

    monkeypatch.setattr(calibration, "train", noted)
    monkeypatch.setattr(calibration, "_scored", watched)
    trained = load_trained(tmp_path / "run")
    found = calibration.cross_calibrate(trained, data, preparer, count=3, device="cpu")
    assert len(learned) == 3 and all(len(folds) == 1 for folds in judged.values())
    assert found.data["groups"] == len(judged) == 6  # of eight, a fifth is kept for testing
    assert found.slope > 0 and found.model_sha256 == trained.sha256
    with pytest.raises(InputError, match="was not trained on these data"):
        calibration.cross_calibrate(trained, data[:-1], preparer, count=3, device="cpu")
