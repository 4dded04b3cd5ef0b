from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from cqtnet.errors import InputError
from spoof.data import DataWarning, Utterance, balance, folds, split_by_group


def utterances(sizes: dict[str, tuple[int, int]], split: str = "") -> list[Utterance]:
    """So many real and fake utterances of each group."""
    return [
        Utterance(Path(f"{group}/{is_fake}/{n}.wav"), is_fake, group, split=split)
        for group, counts in sizes.items()
        for is_fake, count in zip((False, True), counts, strict=True)
        for n in range(count)
    ]


def uneven(rng: np.random.Generator, n_groups: int = 60) -> list[Utterance]:
    sizes = rng.geometric(0.1, (n_groups, 2)) * (rng.random((n_groups, 2)) < 0.7)
    return utterances({f"g{n}": (int(real), int(fake)) for n, (real, fake) in enumerate(sizes)})


def test_no_group_is_on_two_sides_and_nothing_is_lost(rng: np.random.Generator) -> None:
    data = uneven(rng)
    split = split_by_group(data)
    groups = [{u.group for u in side} for side in vars(split).values()]
    assert sum(map(len, groups)) == len(set().union(*groups)) == len({u.group for u in data})
    assert Counter(split.train + split.valid + split.test) == Counter(data)
    data = uneven(rng)
    groups = {u.group for u in split_by_group(data, seed=1).test}
    shuffled = [data[int(n)] for n in rng.permutation(len(data))]
    assert {u.group for u in split_by_group(shuffled, seed=1).test} == groups
    assert {u.group for u in split_by_group(data, seed=2).test} != groups


@pytest.mark.parametrize("seed", range(5))
def test_each_side_gets_its_share_of_real_and_of_fake(rng, seed: int) -> None:
    data = uneven(rng)
    split = split_by_group(data, valid=0.1, test=0.2, seed=seed)
    for is_fake in (False, True):
        total = sum(u.is_fake == is_fake for u in data)
        for name, share in (("train", 0.7), ("valid", 0.1), ("test", 0.2)):
            found = sum(u.is_fake == is_fake for u in vars(split)[name]) / total
            # A group holds 2 % of a class on average; whole groups can't do better than that.
            assert found == pytest.approx(share, abs=0.04)


def test_what_the_data_set_marks_stays_and_only_what_lacks_is_taken_from_training() -> None:
    train = utterances({f"a{n}": (5, 5) for n in range(10)}, split="train")
    test = utterances({"b": (3, 3)}, split="test")
    split = split_by_group(train + test, valid=0.2)
    assert split.test == test and len({u.group for u in split.valid}) == 2
    assert Counter(split.train + split.valid) == Counter(train)
    data = utterances({"a": (2, 2)}, split="test") + utterances({"a": (1, 0), "b": (3, 3)})
    split = split_by_group(data, valid=0)
    assert len(split.test) == 5 and {u.group for u in split.train} == {"b"}


def test_data_that_are_all_for_testing_leave_nothing_to_train_on() -> None:
    test = utterances({"a": (2, 2)}, split="test")
    split = split_by_group(test)
    assert (split.train, split.valid, split.test) == ([], [], test)
    assert split.require("test") is split
    with pytest.raises(InputError, match=r"left for train \(0 train, 0 valid, 4 test\); mark some"):
        split.require("test", "train")


@pytest.mark.parametrize("seed", range(4))
def test_every_side_gets_both_classes_where_that_can_be(seed: int) -> None:
    split = split_by_group(utterances({"a": (9, 9), "b": (9, 9), "c": (9, 9)}), seed=seed)
    assert [len(side) for side in vars(split).values()] == [18, 18, 18]
    sizes = {"huge": (500, 2), "r1": (3, 0), "r2": (2, 0), "f1": (0, 40), "f2": (0, 3)}
    split = split_by_group(utterances(sizes), seed=seed)
    assert all({u.is_fake for u in side} == {False, True} for side in vars(split).values())
    data = utterances({"a": (2, 2), "b": (2, 2)})
    assert split_by_group(data, valid=0, test=0, seed=seed).train == data


def test_sides_of_one_class_are_refused_shared_groups_warned_of_and_the_balance_told() -> None:
    data = utterances({"r1": (5, 0), "r2": (5, 0), **{f"f{n}": (0, 5) for n in range(9)}})
    with pytest.raises(InputError, match=r"no real and .*: 2 groups hold real and 9 fake"):
        split_by_group(data)
    data = utterances({"a": (2, 2), "b": (2, 2)}, "train") + utterances({"c": (0, 4)}, "test")
    with pytest.raises(InputError, match="test, as the data set marks it, holds no real and 4 fa"):
        split_by_group(data)
    data = utterances({"a": (2, 2)}, "train") + utterances({"a": (1, 1), "b": (1, 1)}, "test")
    with pytest.warns(DataWarning, match="1 of 2 groups are on several sides.* a, in train, test"):
        split = split_by_group(data, valid=0)
    assert len(split.test) == 4
    data = utterances({"g": (303, 2615)})
    assert balance(data) == "303 real, 2615 fake: 8.63 fake to 1 real"
    assert balance(utterances({"g": (0, 2)})) == "0 real, 2 fake: inf fake to 1 real"


@pytest.mark.parametrize(("shares", "message"), [
    ({"valid": -0.1}, "valid share of -0.1"),
    ({"test": 1.0}, "test share of 1"),
    ({"test": float("nan")}, "test share of nan"),
    ({"valid": 0.5, "test": 0.5}, "leave nothing to train on"),
])  # fmt: skip
def test_impossible_shares_are_refused(shares: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        split_by_group(utterances({"a": (1, 1)}), **shares)


def test_folds_hold_out_every_utterance_once(rng: np.random.Generator) -> None:
    data = uneven(rng)
    made = folds(data, 5)
    assert Counter(u for fold in made for u in fold.valid) == Counter(data)
    for fold in made:
        assert not {u.group for u in fold.train} & {u.group for u in fold.valid}
        assert Counter(fold.train + fold.valid) == Counter(data)
        assert len(fold.valid) == pytest.approx(len(data) / 5, rel=0.25)
    data = utterances({f"g{n}": (1, 1) for n in range(3)})
    assert len(folds(data, 3)) == 3
    with pytest.raises(InputError, match=r"each of 4 folds would hold .*: 3 groups hold real"):
        folds(data, 4)
    with pytest.raises(InputError, match="1 folds"):
        folds(data, 1)


@pytest.mark.parametrize("seed", range(2))
def test_the_large_groups_are_placed_first_and_the_small_ones_even_them_out(seed: int) -> None:
    sizes = {"huge": (50, 50), **{f"g{n}": (1, 1) for n in range(50)}}
    assert [len(fold.valid) for fold in folds(utterances(sizes), 2, seed)] == [100, 100]
    many = [Utterance(Path("x.wav"), n % 3 == 0, f"g{n}") for n in range(8_000)]
    assert len(split_by_group(many, seed=seed).test) == pytest.approx(1_600, rel=0.005)
