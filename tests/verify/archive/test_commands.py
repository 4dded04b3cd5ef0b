"""`cqtnet index`, `search`, `monitor` and `dedupe` as a user calls them."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner, Result

from augment.chain import Chain
from augment.tempo import Pitch, Tempo
from cqtnet import SAMPLE_RATE
from cqtnet.cli import cqtnet
from cqtnet.errors import ArchiveError, InputError
from cqtnet.music import make_music

PIECES = {name: make_music(seed, duration_s=30.0) for seed, name in enumerate("abcd", start=60)}


def part(name: str, start_s: float, end_s: float) -> np.ndarray:
    return PIECES[name][round(start_s * SAMPLE_RATE) : round(end_s * SAMPLE_RATE)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three pieces in a folder, queries beside it, and an archive of the folder."""
    folder = tmp_path_factory.mktemp("archive")
    altered = Chain((Tempo(1.1), Pitch(-2.0))).apply(part("a", 10, 22), SAMPLE_RATE).samples
    gap = np.zeros(3 * SAMPLE_RATE, np.float32)
    for name, samples in {
        "music/a": PIECES["a"],
        "music/b": PIECES["b"],
        "music/c": PIECES["c"],
        "fragment": altered,
        "foreign": part("d", 5, 17),
        "silence": np.zeros(5 * SAMPLE_RATE),
        "mix": np.concatenate([part("d", 0, 12), part("b", 2, 28), gap, part("c", 5, 25)]),
    }.items():
        path = folder / f"{name}.flac"
        path.parent.mkdir(exist_ok=True)
        soundfile.write(path, np.clip(samples, -1, 1), SAMPLE_RATE)
    (folder / "music" / "broken.flac").write_bytes(b"no audio")
    done = call("index", "add", folder / "archive", folder / "music", "--tag", "first", "--json")
    assert done.exit_code == 1, "a file could not be read"
    assert json.loads(done.stdout)["counts"] == {"added": 3, "failed": 1}
    assert "broken.flac" in done.stderr
    return folder


def call(*words: object, stdin: str | None = None) -> Result:
    return CliRunner().invoke(cqtnet, [str(word) for word in words], input=stdin)


def found(*words: object) -> dict[str, object]:
    done = call("search", *words, "--json")
    return {"code": done.exit_code, **json.loads(done.stdout)}


def test_an_altered_fragment_is_found_with_its_place_and_change(folder: Path) -> None:
    result = found(folder / "archive", folder / "fragment.flac")
    (match,) = result["matches"]  # type: ignore[misc]
    assert result["code"] == 0 and match["path"].endswith("a.flac") and match["tags"] == ["first"]
    assert match["reference_start_s"] == pytest.approx(10, abs=0.3)
    assert match["reference_end_s"] == pytest.approx(22, abs=0.3)
    assert match["tempo"] == pytest.approx(1.1, abs=0.002)
    assert match["shift_semitones"] == pytest.approx(-2, abs=0.05)
    assert match["log_lr"] > 4.6


@pytest.mark.parametrize(("query", "code", "words"), [
    ("foreign.flac", 1, "NOT IN THE ARCHIVE of 3 recordings"),
    ("silence.flac", 3, "NOTHING CAN BE SAID: it holds nothing but silence"),
    ("fragment.flac", 0, "FOUND in 1 of 3 recordings"),
])  # fmt: skip
def test_the_answer_is_the_first_line_and_the_exit_code(
    folder: Path, query: str, code: int, words: str
) -> None:
    done = call("search", folder / "archive", folder / query)
    assert done.exit_code == code and words in done.stdout.splitlines()[0]
    assert ("nearest, and no match: 0:0" in done.stdout) == (code == 1)


def test_a_long_query_is_told_in_its_order_as_csv_and_as_a_page(folder: Path) -> None:
    page = folder / "mix.html"
    done = call("search", folder / "archive", folder / "mix.flac", "--csv", "--report", page)
    rows = [line.split(",") for line in done.stdout.splitlines()]
    assert [Path(row[2]).name for row in rows[1:]] == ["b.flac", "c.flac"]
    for row, (start, end) in zip(rows[1:], [(12, 38), (41, 61)], strict=True):
        assert float(row[4]) == pytest.approx(start, abs=1)
        assert float(row[5]) == pytest.approx(end, abs=1)
    content = page.read_text()
    assert "Found in the archive" in content and content.count("data:image/svg+xml") == 1
    again = call("search", folder / "archive", folder / "mix.flac", "--report", page)
    assert "use --force" in str(again.exception)


def test_a_page_tells_the_nearest_of_what_is_not_there(folder: Path) -> None:
    page = folder / "foreign.html"
    assert (
        call("search", folder / "archive", folder / "foreign.flac", "--report", page).exit_code == 1
    )
    content = page.read_text()
    assert "Not in the archive" in content and "Nearest, and no match: 0:0" in content


def test_a_stream_is_told_match_by_match(folder: Path) -> None:
    done = call("monitor", folder / "archive", "--input", folder / "mix.flac", "--json", "--begins")
    assert done.exit_code == 0, done.output
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    told = [(line["event"], Path(line["path"]).name) for line in lines]
    assert sorted(told) == sorted((e, n) for e in ("began", "ended") for n in ("b.flac", "c.flac"))
    ends = {Path(x["path"]).name: x["query_end_s"] for x in lines if x["event"] == "ended"}
    assert ends == {"b.flac": pytest.approx(38, abs=1), "c.flac": pytest.approx(61, abs=1)}


def test_a_second_run_reads_nothing_and_info_tells_what_there_is(folder: Path) -> None:
    done = call("index", "add", folder / "archive", "-", "--json",
                stdin=f"{folder}/music/a.flac\n{folder}/music/b.flac\n")  # fmt: skip
    assert done.exit_code == 0 and json.loads(done.stdout)["counts"] == {"unchanged": 2}
    info = json.loads(call("index", "info", folder / "archive", "--json").stdout)
    assert info["recordings"] == 3 and info["index"] is None, "small ones are not kept"
    assert info["bytes"] < 4e6 * info["hours"] + 400_000
    listed = call("index", "list", folder / "archive", "--text", "b.flac").stdout.splitlines()
    assert len(listed) == 1 and listed[0].endswith("b.flac  #first")


def test_what_is_removed_is_not_found_again_and_can_be_added_again(
    folder: Path, tmp_path: Path
) -> None:
    music = tmp_path / "a.flac"
    soundfile.write(music, PIECES["a"], SAMPLE_RATE)
    assert call("index", "add", tmp_path / "archive", music).exit_code == 0
    assert call("search", tmp_path / "archive", folder / "fragment.flac").exit_code == 0
    music.rename(tmp_path / "hidden")
    removed = call("index", "remove", tmp_path / "archive", "--path", music)
    assert removed.exit_code == 0 and "1 were removed" in removed.stderr
    assert call("search", tmp_path / "archive", folder / "fragment.flac").exit_code == 1
    assert call("index", "add", tmp_path / "archive", tmp_path / "hidden").exit_code == 0
    assert call("search", tmp_path / "archive", folder / "fragment.flac").exit_code == 0
    assert call("index", "compact", tmp_path / "archive").exit_code == 0
    assert call("index", "rebuild", tmp_path / "archive").exit_code == 0
    assert call("index", "verify", tmp_path / "archive", "--read-audio").exit_code == 0


def test_a_recording_whose_file_is_gone_is_never_called_a_match(
    folder: Path, tmp_path: Path
) -> None:
    music = tmp_path / "a.flac"
    soundfile.write(music, PIECES["a"], SAMPLE_RATE)
    call("index", "add", tmp_path / "archive", music)
    music.unlink()
    result = found(tmp_path / "archive", folder / "fragment.flac")
    assert result["matches"] == [] and result["code"] == 1
    (unproven,) = result["unproven"]  # type: ignore[misc]
    assert os.strerror(2) in unproven["reason"]


def test_an_index_in_milvus_is_used_from_then_on(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("milvus_lite")
    archive = tmp_path / "archive"
    call("index", "add", archive, folder / "music" / "a.flac", folder / "music" / "b.flac")
    moved = call("index", "rebuild", archive, "--milvus", tmp_path / "milvus.db")
    assert moved.exit_code == 0, moved.output
    assert "in Milvus" in call("index", "info", archive).stdout
    assert call("search", archive, folder / "fragment.flac").exit_code == 0
    assert call("index", "remove", archive, "--text", "a.flac").exit_code == 0
    assert call("search", archive, folder / "fragment.flac").exit_code == 1
    assert call("index", "rebuild", archive).exit_code == 0
    assert "in Milvus" not in call("index", "info", archive).stdout


def test_versions_and_excerpts_are_grouped(folder: Path, tmp_path: Path) -> None:
    faster = Tempo(1.08).apply(PIECES["a"], SAMPLE_RATE).samples
    for name, samples in {
        "a": PIECES["a"], "faster": faster, "excerpt": part("b", 8, 24), "b": PIECES["b"],
        "c": PIECES["c"],
    }.items():  # fmt: skip
        soundfile.write(tmp_path / f"{name}.flac", np.clip(samples, -1, 1), SAMPLE_RATE)
    call("index", "add", tmp_path / "archive", tmp_path, "--jobs", 1)
    done = call("dedupe", tmp_path / "archive", "--json")
    assert done.exit_code == 0, done.output
    relations = {}
    for line in done.stdout.splitlines():
        pair = json.loads(line)
        names = (Path(pair[side]["paths"][0]).stem for side in "ab")
        relations["-".join(names)] = pair["relation"]
    assert relations == {"a-faster": "the same", "b-excerpt": "B within A"}
    groups = call("dedupe", tmp_path / "archive").stdout
    assert groups.count("group ") == 2 and "% slower" in groups


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        (["search", "{}/nowhere", "{}/fragment.flac"], ArchiveError, "nowhere"),
        (["search", "{}/archive", "{}/missing.flac"], InputError, "missing.flac"),
        (["search", "{}/music", "{}/fragment.flac"], ArchiveError, "music"),
        (["index", "remove", "{}/archive"], InputError, "say which"),
        (["index", "remove", "{}/archive", "--id", "99"], ArchiveError, "no recording 99"),
        (["index", "remove", "{}/archive", "--path", "x"], ArchiveError, "no recording at x"),
        (["index", "export", "{}/archive", "{}/out.csv"], InputError, "neither .npz nor"),
        (["index", "merge", "{}/archive", "{}/nowhere"], ArchiveError, "nowhere"),
        (["index", "add", "{}/music", "{}/fragment.flac"], ArchiveError, "holds something"),
        (["monitor", "{}/archive", "--input", "{}/missing.wav"], InputError, "cannot be read"),
    ],
)
def test_bad_input_is_an_error_of_one_line(
    folder: Path, words: list[str], error: type, message: str
) -> None:
    done = call(*(word.format(folder) for word in words))
    assert isinstance(done.exception, error), done.output
    assert message in str(done.exception) and "\n" not in str(done.exception)
