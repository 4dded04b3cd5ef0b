"""Ranks of probes among candidates, against hand tables; and fragments sought in archives."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cqtnet.data import Item
from cqtnet.errors import InputError, ManifestError
from eval.archives import Answer, figures, halves, measure
from eval.archives import queries_of as fragments_of
from eval.bootstrap import Figure
from eval.metrics.table import queries_of, retrieve
from tests.eval.planted import call, done, joined, score_table, write_music
from verify import Archive


def scores(queries, *, files=100):
    """Each query's target scores and nontarget scores."""
    sizes = [len(target) + len(nontarget) for target, nontarget in queries]
    number, place = np.repeat(range(len(queries)), sizes), np.concatenate([*map(np.arange, sizes)])
    label = place < np.repeat([len(target) for target, _ in queries], sizes)
    score = np.concatenate([score for query in queries for score in query])
    return score_table(place, number, label, number % files, score)


@pytest.mark.parametrize(("target", "nontarget", "first", "precision"), [
    ([9], [8, 7], 1, 1),
    ([8], [9, 7], 2, 1 / 2),
    ([8], [9, 8, 8, 1], 4, 1 / 4),  # ties go against the system
    ([1], [1, 1, 1], 4, 1 / 4),  # constant scores find nothing
    ([9, 7], [8, 6], 1, (1 + 2 / 3) / 2),
    ([9, 9], [8], 1, 1),  # tied targets do not hurt each other
    ([9, 9], [9], 2, (1 / 2 + 2 / 3) / 2),
    ([5, 3, 1], [4, 2], 1, (1 + 2 / 3 + 3 / 5) / 3),
])  # fmt: skip
def test_hand_tables(target, nontarget, first, precision):
    found = queries_of(scores([(target, nontarget)]))
    assert found.first.tolist() == [first]
    assert found.average_precision == pytest.approx([precision])
    assert found.candidates.tolist() == [len(target) + len(nontarget)]


def test_figures_are_means_over_queries_and_plain_data():
    others = [float(-i) for i in range(11)]
    found = retrieve(scores([([1], others), ([-0.5], others), ([-6.5], others), ([-20], others)]))
    assert found is not None
    mean = pytest.approx((1 + 1 / 2 + 1 / 8 + 1 / 12) / 4)
    values = {"top1": 1 / 4, "top5": 2 / 4, "top10": 3 / 4}  # ranks 1, 2, 8, 12
    values |= {"mrr": mean, "mean_average_precision": mean}
    assert {key: figure.value for key, figure in found.figures.items()} == values
    data = json.loads(json.dumps(found.to_dict()))
    assert data.pop("figures")["top1"]["value"] == 1 / 4
    assert data == {
        "queries": 4, "recordings": 4,
        "fewest_candidates": 12, "median_candidates": 12, "most_candidates": 12,
    }  # fmt: skip
    assert [name for name, _ in found.rows()] == ["top-1", "top-5", "top-10", "MRR", "mAP"]
    found = retrieve(scores([([1], [0, 0])] * 10))
    assert found is not None and found["top1"].value == 1
    assert found["top5"] == Figure(None, note="no query has more than 5 candidates")


def test_a_query_is_a_probe_with_a_choice():
    # Without a target, and with nothing but targets, there is nothing to find or to get wrong.
    found = queries_of(scores([([], [1, 2]), ([3], [4, 5]), ([6, 7], []), ([8], [1])]))
    assert found.first.tolist() == [3, 1] and found.candidates.tolist() == [3, 2]
    assert found.recording.tolist() == [0, 1]
    assert retrieve(scores([([1], []), ([], [0]), ([2], [])])) is None
    with pytest.raises(InputError, match=r"s\.csv: scores must be finite"):
        retrieve(scores([([np.nan], [0])]))
    once = scores([([1], [0, 2])])
    twice = (replace(once, condition=np.full(3, name)) for name in "ab")
    found = queries_of(joined(*twice))
    assert (found.first.tolist(), found.candidates.tolist()) == ([2, 2], [3, 3])


def test_intervals_and_the_rule_of_three_count_recordings_not_queries():
    # Ten queries of each recording go the same way: ten recordings, not a hundred queries.
    found, missed = ([1.0], [0.0] * 3), ([0.0], [1.0] * 3)
    queries = [found if i % 10 < 5 else missed for i in range(100)]
    wide, narrow = (retrieve(scores(queries, files=files))["top1"] for files in (10, 100))
    # Half of ten: the middle 95 % of a binomial are 2 to 8, of a hundred 40 to 60.
    assert (wide.low, wide.high) == pytest.approx((0.2, 0.8), abs=0.05)
    assert (narrow.low, narrow.high) == pytest.approx((0.4, 0.6), abs=0.05)
    found = retrieve(scores([([1], [0] * 11)] * 60, files=20))
    note = "none missed: misses < 3/20 (recordings)"
    assert found["top1"] == Figure(1, pytest.approx(1 - 3 / 20), 1, note, True)
    failed = retrieve(scores([([0], [1] * 11)] * 60, files=20))
    note = "none found: hits < 3/20 (recordings)"
    assert failed["top1"] == Figure(0, 0, pytest.approx(3 / 20), note)
    few = retrieve(scores([([1], [0])] * 8, files=4))
    assert few["mrr"] == Figure(1, note="no interval: fewer than 5 recordings")
    assert retrieve(scores([([1], [0])] * 8), resamples=0)["mrr"] == Figure(1)


def test_collections_are_left_out_whole():
    groups = (("a", 3), ("b", 2), ("c", 2))
    items = [Item(Path(f"{c}{i}"), f"{c}{i}", "train", c) for c, n in groups for i in range(n)]
    first, second = halves(items)
    assert sorted((len(first), len(second))) == [3, 4]
    assert not {i.collection for i in first} & {i.collection for i in second}
    with pytest.raises(ManifestError, match="one collection"):
        halves(items[:3])


def answer(recording, present, first, is_match):
    return Answer("x", f"{recording}.wav", recording, present, first, is_match, 3.0, 0.0, 0.5)


def test_first_found_and_falsely_found_are_counted_apart():
    answers = [answer(*given) for given in (
        ("a", True, "a", True), ("b", True, "a", True),
        ("c", True, "", False), ("d", True, "d", False),
        ("a", False, "", False), ("b", False, "c", True),
        ("c", False, "a", False), ("d", False, "a", False),
    )]  # fmt: skip
    row = figures(answers)["x"]
    assert (row["queries"], row["foreign"]) == (4, 4)
    values = {key: row[key].value for key in ("top1", "found", "other_found", "false_found")}
    assert values == {"top1": 0.5, "found": 0.25, "other_found": 0.25, "false_found": 0.25}
    assert figures(answers[:4])["x"]["false_found"] == Figure(None, note="no queries")


def test_each_probe_is_one_query_and_a_limit_takes_them_evenly(tmp_path):
    lines = ["reference,probe,label,condition,recording"]
    lines += [f"r{j}.wav,p{i}.wav,{int(i == j)},noise,{i}" for i in range(10) for j in range(10)]
    (tmp_path / "t.csv").write_text("\n".join(lines))
    assert len(fragments_of([tmp_path / "t.csv"], length_s=10, limit=None)) == 10
    five = fragments_of([tmp_path / "t.csv"], length_s=10, limit=5)
    assert [query.recording for query in five] == ["0", "2", "4", "6", "8"]


def test_fragments_of_our_own_music_are_found_and_foreign_ones_are_not(tmp_path):
    write_music(tmp_path, {"0": 24.0, "1": 24.0})
    music = tmp_path / "music.csv"
    music.write_text("path,id,split,collection\n0.wav,p0,train,c0\n1.wav,p1,train,c1")
    common = ["--audio", music, "--jobs", 1]
    drawn = ["--fragments", 1, "--split", "train", "--out", tmp_path / "sets"]
    done("protocol", "paper-tempo", *common, *drawn)
    words = ["archive", tmp_path / "sets" / "paper-tempo.csv", *common]
    words += ["--out", tmp_path / "answers.csv", "--archives", tmp_path / "kept"]
    table = done(*words).stdout
    assert "| paper-tempo | 2 | 100 | 100 | 0 | 2 | 0 |" in " ".join(table.split())
    measured = json.loads(call(*words, "--force", "--json").stdout)["conditions"]
    assert measured["paper-tempo"]["top1"]["value"] == 1
    assert len((tmp_path / "answers.csv").read_text().splitlines()) == 5
    assert (tmp_path / "kept" / "all").is_dir()


def test_distractors_are_read_once_and_lie_in_every_archive(tmp_path):
    files = write_music(tmp_path, {"a/0": 12.0, "b/1": 12.0, "others/2": 12.0})
    items = [Item(files[name], name, "train", name[0]) for name in ("a/0", "b/1")]
    assert measure(items, [], tmp_path / "made", distractors=tmp_path / "others") == []
    for name, count in (("all", 3), ("first", 2), ("second", 2), ("distractors", 1)):
        with Archive.open(tmp_path / "made" / name) as archive:
            assert len(archive) == count, name
    measure(items, [], tmp_path / "again", distractors=tmp_path / "made" / "distractors")
    assert not (tmp_path / "again" / "distractors").exists()
