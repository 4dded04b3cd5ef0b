"""Fragments sought in archives with and without their recordings."""

import json
from pathlib import Path

import pytest
import soundfile
from click.testing import CliRunner

from cqtnet import SAMPLE_RATE
from cqtnet.cli import cqtnet
from cqtnet.data import Item
from cqtnet.errors import ManifestError
from cqtnet.music import make_music
from eval.archives import Answer, figures, halves, measure, queries_of
from verify.archive import Archive


def item(name: str, collection: str) -> Item:
    return Item(Path(f"{name}.flac"), name, "train", collection)


def answer(recording: str, *, present: bool, first: str, is_match: bool = True) -> Answer:
    return Answer("x", f"{recording}.wav", recording, present, first, is_match, 3.0, 0.0, 0.5)


def test_collections_are_left_out_whole() -> None:
    items = [item(f"{c}{i}", c) for c, n in (("a", 3), ("b", 2), ("c", 2)) for i in range(n)]
    first, second = halves(items)
    assert sorted((len(first), len(second))) == [3, 4]
    assert not {i.collection for i in first} & {i.collection for i in second}
    with pytest.raises(ManifestError, match="one collection"):
        halves(items[:3])


def test_first_found_and_falsely_found_are_counted_apart() -> None:
    answers = [
        answer("a", present=True, first="a"),
        answer("b", present=True, first="a"),
        answer("c", present=True, first="", is_match=False),
        answer("d", present=True, first="d", is_match=False),
        answer("a", present=False, first="", is_match=False),
        answer("b", present=False, first="c"),
        answer("c", present=False, first="a", is_match=False),
        answer("d", present=False, first="a", is_match=False),
    ]
    row = figures(answers)["x"]
    assert (row["queries"], row["foreign"]) == (4, 4)
    figure = {key: row[key]["value"] for key in ("top1", "found", "other_found", "false_found")}
    assert figure == {"top1": 0.5, "found": 0.25, "other_found": 0.25, "false_found": 0.25}


def test_each_probe_is_one_query_and_a_limit_takes_them_evenly(tmp_path: Path) -> None:
    lines = ["reference,probe,label,condition,recording"]
    lines += [f"r{j}.wav,p{i}.wav,{int(i == j)},noise,{i}" for i in range(10) for j in range(10)]
    (tmp_path / "t.csv").write_text("\n".join(lines))
    assert len(queries_of([tmp_path / "t.csv"], length_s=10, limit=None)) == 10
    five = queries_of([tmp_path / "t.csv"], length_s=10, limit=5)
    assert [query.recording for query in five] == ["0", "2", "4", "6", "8"]


def test_fragments_of_our_own_music_are_found_and_foreign_ones_are_not(tmp_path: Path) -> None:
    rows = ["path\tid\tsplit\tcollection"]
    for seed in range(4):
        soundfile.write(tmp_path / f"{seed}.flac", make_music(seed, duration_s=24.0), SAMPLE_RATE)
        rows.append(f"{seed}.flac\tp{seed}\ttrain\tc{seed}")
    (tmp_path / "music.tsv").write_text("\n".join(rows))
    run = CliRunner()
    made = run.invoke(
        cqtnet,
        ["eval", "protocol", "paper-tempo", "--audio", str(tmp_path / "music.tsv"), "--out",
         str(tmp_path / "sets"), "--fragments", "1", "--split", "train", "--workers", "1"],
    )  # fmt: skip
    assert made.exit_code == 0, made.output
    words = [
        "eval", "archive", str(tmp_path / "sets" / "paper-tempo.csv"), "--audio",
        str(tmp_path / "music.tsv"), "--workers", "1", "--out", str(tmp_path / "answers.csv"),
    ]  # fmt: skip
    table = run.invoke(cqtnet, words)
    assert table.exit_code == 0, table.output
    assert "| paper-tempo | 4 | 100 | 100 | 0 | 4 | 0 |" in table.stdout
    kept = run.invoke(cqtnet, [*words, "--archives", str(tmp_path / "kept"), "--json"])
    assert json.loads(kept.stdout)["paper-tempo"]["top1"]["value"] == 1
    assert len((tmp_path / "answers.csv").read_text().splitlines()) == 9
    assert (tmp_path / "kept" / "all" / "archive.json").is_file()


def test_distractors_are_read_once_and_lie_in_every_archive(tmp_path: Path) -> None:
    items = []
    for seed, collection in enumerate(["a", "b", ""]):
        folder = tmp_path / ("own" if collection else "others")
        folder.mkdir(exist_ok=True)
        path = folder / f"{seed}.flac"
        soundfile.write(path, make_music(seed, duration_s=12.0), SAMPLE_RATE)
        items.append(Item(path, str(seed), "train", collection))
    assert measure(items[:2], [], tmp_path / "made", distractors=tmp_path / "others") == []
    for name, count in (("all", 3), ("first", 2), ("second", 2), ("distractors", 1)):
        with Archive.open(tmp_path / "made" / name) as archive:
            assert len(archive) == count, name
    made = tmp_path / "made" / "distractors"
    measure(items[:2], [], tmp_path / "again", distractors=made)
    assert not (tmp_path / "again" / "distractors").exists()
