"""What recordings are cut and joined to, and who learns from them."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile

from cqtnet import audio
from cqtnet.errors import InputError
from spoof.data import (
    DataWarning,
    Utterance,
    balance,
    file_blocks,
    folds,
    joined,
    segments,
    split_by_group,
)
from tests.spoof.material import RATE_HZ


def ramp(n):
    return np.arange(n, dtype=np.float32)


def cut(samples, **options):
    return [segment.tolist() for segment in segments([samples], **options)]


@pytest.mark.parametrize(("hop_s", "starts"), [(2, [0, 2, 4]), (3, [0, 3]), (5, [0])])
@pytest.mark.parametrize("block", [1, 3, 8])
def test_a_hop_lets_segments_overlap_or_leaves_gaps(block, hop_s, starts):
    blocks = np.split(ramp(8), range(block, 8, block))
    found = [s.tolist() for s in segments(blocks, rate_hz=1, length_s=4, hop_s=hop_s)]
    assert found == [list(range(start, start + 4)) for start in starts]


def test_a_short_recording_is_repeated_and_segments_are_not_the_recording_itself():
    assert cut(ramp(3), rate_hz=1, length_s=7) == [[0, 1, 2, 0, 1, 2, 0]]
    assert cut(ramp(7), rate_hz=1, length_s=7) == [list(range(7))]
    assert cut(ramp(0), rate_hz=1, length_s=7) == []
    samples = ramp(8)
    for segment in segments([samples], rate_hz=1, length_s=4, hop_s=2):
        assert segment.dtype == np.float32
        segment[:] = -1
    np.testing.assert_array_equal(samples, ramp(8))
    assert cut(samples, rate_hz=1, length_s=4, hop_s=2)[2] == [4, 5, 6, 7]


def spoken(name, speaker, system="", split="train"):
    return Utterance(Path(name), bool(system), speaker or name, speaker, system, split)


def test_utterances_are_joined_by_speaker_label_and_split():
    first = [spoken("1", "ann"), spoken("2", "bob", "A01"), spoken("3", "ann")]
    last = [spoken("4", "bob", "A02"), spoken("5", "ann", "A01"), spoken("6", "ann", split="test")]
    found = joined([*first, *last])
    names = [("".join(map(str, j.paths)), j.speaker, j.is_fake, j.system, j.split) for j in found]
    assert names == [
        ("13", "ann", False, "", "train"),
        ("24", "bob", True, "", "train"),
        ("5", "ann", True, "A01", "train"),
        ("6", "ann", False, "", "test"),
    ]
    unknown = Utterance(Path("1"), False, "collection")  # of no speaker: joined with nobody
    assert [j.paths for j in joined([unknown, unknown])] == [(Path("1"),), (Path("1"),)]


def test_files_are_cut_as_if_they_were_one(tmp_path, rng):
    paths, parts = [], []
    for number, n_samples in enumerate((2400, 16800, 7, 8000, 9999)):
        parts.append(rng.uniform(-0.5, 0.5, n_samples).astype(np.float32))
        paths.append(tmp_path / f"{number}.wav")
        soundfile.write(paths[-1], parts[-1], RATE_HZ, subtype="FLOAT")
    whole = np.concatenate(parts)
    np.testing.assert_array_equal(np.concatenate(list(file_blocks(paths, RATE_HZ))), whole)
    found = segments(file_blocks(paths, RATE_HZ), rate_hz=RATE_HZ, length_s=2.3)
    assert [s.tolist() for s in found] == cut(whole, rate_hz=RATE_HZ, length_s=2.3)
    paths[1].write_bytes(paths[1].read_bytes()[:-20_000])
    with pytest.warns(audio.AudioWarning, match=r"1\.wav: truncated"):
        list(file_blocks(paths, RATE_HZ))


def utterances(sizes, split=""):
    """So many real and fake utterances of each group."""
    return [
        Utterance(Path(f"{group}/{is_fake}/{n}.wav"), is_fake, group, split=split)
        for group, counts in sizes.items()
        for is_fake, count in zip((False, True), counts, strict=True)
        for n in range(count)
    ]


def uneven(rng, n_groups=60):
    sizes = rng.geometric(0.1, (n_groups, 2)) * (rng.random((n_groups, 2)) < 0.7)
    return utterances({f"g{n}": (int(real), int(fake)) for n, (real, fake) in enumerate(sizes)})


def test_no_group_is_on_two_sides_and_nothing_is_lost(rng):
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
def test_each_side_gets_its_share_of_real_and_of_fake(rng, seed):
    data = uneven(rng)
    split = split_by_group(data, valid=0.1, test=0.2, seed=seed)
    for is_fake in (False, True):
        total = sum(u.is_fake == is_fake for u in data)
        for name, share in (("train", 0.7), ("valid", 0.1), ("test", 0.2)):
            found = sum(u.is_fake == is_fake for u in vars(split)[name]) / total
            # A group holds 2 % of a class on average; whole groups can't do better than that.
            assert found == pytest.approx(share, abs=0.04)


def test_what_the_data_set_marks_stays_and_only_what_lacks_is_taken_from_training():
    train = utterances({f"a{n}": (5, 5) for n in range(10)}, split="train")
    test = utterances({"b": (3, 3)}, split="test")
    split = split_by_group(train + test, valid=0.2)
    assert split.test == test and len({u.group for u in split.valid}) == 2
    assert Counter(split.train + split.valid) == Counter(train)
    data = utterances({"a": (2, 2)}, split="test") + utterances({"a": (1, 0), "b": (3, 3)})
    split = split_by_group(data, valid=0)
    assert len(split.test) == 5 and {u.group for u in split.train} == {"b"}
    split = split_by_group(train + utterances({"c": (2, 2)}, split="valid"))
    assert split.train == train and not split.test  # marked without a part for testing


def test_data_that_are_all_for_testing_leave_nothing_to_train_on():
    test = utterances({"a": (2, 2)}, split="test")
    split = split_by_group(test)
    assert (split.train, split.valid, split.test) == ([], [], test)
    assert split.require("test") is split
    with pytest.raises(InputError, match=r"left for train \(0 train, 0 valid, 4 test\); mark some"):
        split.require("test", "train")


@pytest.mark.parametrize("seed", range(4))
def test_every_side_gets_both_classes_where_that_can_be(seed):
    split = split_by_group(utterances({"a": (9, 9), "b": (9, 9), "c": (9, 9)}), seed=seed)
    assert [len(side) for side in vars(split).values()] == [18, 18, 18]
    sizes = {"huge": (500, 2), "r1": (3, 0), "r2": (2, 0), "f1": (0, 40), "f2": (0, 3)}
    split = split_by_group(utterances(sizes), seed=seed)
    assert all({u.is_fake for u in side} == {False, True} for side in vars(split).values())
    data = utterances({"a": (2, 2), "b": (2, 2)})
    assert split_by_group(data, valid=0, test=0, seed=seed).train == data


def test_sides_of_one_class_are_refused_shared_groups_warned_of_and_the_balance_told():
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
def test_impossible_shares_are_refused(shares, message):
    with pytest.raises(InputError, match=message):
        split_by_group(utterances({"a": (1, 1)}), **shares)


def test_folds_hold_out_every_utterance_once(rng):
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
def test_the_large_groups_are_placed_first_and_the_small_ones_even_them_out(seed):
    sizes = {"huge": (50, 50), **{f"g{n}": (1, 1) for n in range(50)}}
    assert [len(fold.valid) for fold in folds(utterances(sizes), 2, seed)] == [100, 100]
    many = [Utterance(Path("x.wav"), n % 3 == 0, f"g{n}") for n in range(8_000)]
    assert len(split_by_group(many, seed=seed).test) == pytest.approx(1_600, rel=0.005)
