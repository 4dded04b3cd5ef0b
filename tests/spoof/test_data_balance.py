from pathlib import Path

import numpy as np
import pytest

from cqtnet.errors import InputError
from spoof.data import Utterance, balance, class_weights
from spoof.data.utterance import Part
from tests.spoof.trees import sounds, text


def some(count: int, is_fake: bool, name: str = "", split: str = "train") -> list[Utterance]:
    given = {"system": name} if is_fake else {"collection": name}
    return [Utterance(Path("x.wav"), is_fake, "g", split=split, **given)] * count


def test_utterances_are_counted_by_split_label_and_system_or_collection() -> None:
    found = balance(
        some(2, True, "A01") + some(3, True, "A02") + some(4, False, "web") + some(1, False, "", "")
    )
    assert found.parts == (
        Part("train", False, "web", 4),
        Part("train", True, "A02", 3),
        Part("train", True, "A01", 2),
        Part("", False, "", 1),
    )
    assert (found.n_real, found.n_fake, found.ratio) == (5, 5, 1.0)


def test_the_report_of_s3s_numbers() -> None:
    lines = balance(some(303, False) + some(2615, True)).lines()
    assert lines[0] == "303 real, 2615 fake: 8.63 fake to 1 real"
    assert lines[1] == "class weights: real 4.815, fake 0.5579"  # 2918 / 606, 2918 / 5230


def test_many_systems_are_summed_after_the_ten_largest() -> None:
    data = [u for n in range(14) for u in some(20 - n, True, f"system{n:02}")]
    lines = balance(data + some(1, False)).lines()
    assert lines[-2] == "    system09  11"
    assert lines[-1] == "    4 others  34"  # 10 + 9 + 8 + 7
    assert sum("system" in line for line in lines) == 10


def test_hours_come_from_headers_and_what_has_none_is_counted(tmp_path: Path) -> None:
    sounds(tmp_path, "a.wav", "b.flac", duration_s=1.5)
    text(tmp_path / "c.wav", "no sound")
    data = [Utterance(tmp_path / name, False, name) for name in ("a.wav", "b.flac", "c.wav")]
    (part,) = balance(data, hours=True).parts
    assert part == Part("", False, "", 3, seconds=3.0, unknown=1)
    lines = balance(data * 1200, hours=False).lines() + balance(data, hours=True).lines()
    assert lines[1] == "not split real  3600"
    assert lines[-1] == "not split real  3 (0.00 h without 1 of unknown length)"


def test_data_of_one_class_have_a_report_without_weights() -> None:
    found = balance(some(2, True))
    assert found.ratio == float("inf")
    assert not any("weights" in line for line in found.lines())


def test_weights_make_both_classes_count_the_same_and_keep_the_mean() -> None:
    is_fake = np.arange(100) < 80
    real, fake = class_weights(is_fake)
    assert 20 * real == pytest.approx(80 * fake)
    assert np.where(is_fake, fake, real).mean() == pytest.approx(1)


def test_one_class_has_no_weights() -> None:
    with pytest.raises(InputError, match="0 real and 3 fake examples have no weights"):
        class_weights(np.ones(3, bool))
