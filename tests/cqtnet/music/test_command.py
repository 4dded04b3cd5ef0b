"""`cqtnet music`: files, list, refusals and resuming."""

import csv
import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner, Result

from cqtnet.commands.music import music
from cqtnet.errors import InputError
from cqtnet.music import make_music
from cqtnet.music.collection import Order, write_collection

SHORT = ["--duration", "2"]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(music, [str(argument) for argument in arguments])


def listed(folder: Path) -> list[dict[str, str]]:
    with open(folder / "manifest.tsv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def test_pieces_and_list_are_written(tmp_path: Path) -> None:
    result = run(tmp_path / "a", "--count", 5, "--seed", 7, *SHORT)
    assert result.exit_code == 0, result.output
    assert result.stdout == f"5 pieces of 2 s written: {tmp_path / 'a' / 'manifest.tsv'}\n"
    header = (tmp_path / "a" / "manifest.tsv").read_text(encoding="utf-8").splitlines()[0]
    assert header == "path\tid\tsplit\trepository\ttitle\tkey\ttempo_bpm\tduration_s"
    rows = listed(tmp_path / "a")
    assert [row["path"] for row in rows] == [f"music-{seed:05d}.flac" for seed in range(7, 12)]
    assert [row["split"] for row in rows] == ["train"] * 4 + ["valid"]
    assert all(row["id"] == row["repository"] == Path(row["path"]).stem for row in rows)
    assert all(re.fullmatch(r"[A-G][b#]? [a-z ]+", row["key"]) for row in rows)
    assert all(float(row["duration_s"]) == 2.0 for row in rows)


@pytest.mark.parametrize("file_format", ["flac", "wav", "ogg"])
def test_files_hold_the_pieces_of_their_seeds(tmp_path: Path, file_format: str) -> None:
    run(
        tmp_path, "--count", 1, "--seed", 4, *SHORT, "--format", file_format, "--sample-rate", 16000
    )
    sound, rate = soundfile.read(tmp_path / f"music-00004.{file_format}", dtype="float32")
    expected = make_music(4, duration_s=2.0, sample_rate=16000)
    assert rate == 16000
    assert sound.shape == expected.shape
    if file_format == "ogg":
        assert np.corrcoef(sound, expected)[0, 1] > 0.98
    else:
        assert np.abs(sound - expected).max() <= 1.0 / 32768.0


def test_existing_files_are_not_overwritten_without_force(tmp_path: Path) -> None:
    (tmp_path / "music-00001.flac").write_bytes(b"mine")
    result = run(tmp_path, "--count", 2, *SHORT)
    assert isinstance(result.exception, InputError)
    assert re.search(r"music-00001\.flac the first; give --force", str(result.exception))
    assert (tmp_path / "music-00001.flac").read_bytes() == b"mine"
    assert not (tmp_path / "music-00000.flac").exists()
    assert run(tmp_path, "--count", 2, *SHORT, "--force").exit_code == 0
    assert soundfile.info(tmp_path / "music-00001.flac").frames == 2 * 22050


def test_resuming_keeps_what_is_there_and_lists_all(tmp_path: Path) -> None:
    run(tmp_path, "--count", 2, *SHORT)
    (tmp_path / "music-00001.flac").unlink()
    kept = (tmp_path / "music-00000.flac").stat().st_mtime_ns
    result = run(tmp_path, "--count", 4, *SHORT, "--resume", "--json")
    assert json.loads(result.stdout) == {
        "manifest": str(tmp_path / "manifest.tsv"),
        "count": 4,
        "written": 3,
        "kept": 1,
        "train": 3,
        "valid": 1,
        "duration_s": 2.0,
        "sample_rate": 22050,
        "format": "flac",
    }
    assert (tmp_path / "music-00000.flac").stat().st_mtime_ns == kept
    assert [row["id"] for row in listed(tmp_path)] == [f"music-{seed:05d}" for seed in range(4)]


def test_resuming_refuses_files_that_are_something_else(tmp_path: Path) -> None:
    run(tmp_path, "--count", 1, *SHORT)
    other = run(tmp_path, "--count", 1, "--duration", 3, "--resume")
    assert isinstance(other.exception, InputError)
    assert "44100 samples at 22050 Hz, not 66150" in str(other.exception)
    (tmp_path / "music-00000.flac").write_bytes(b"no audio")
    damaged = run(tmp_path, "--count", 1, *SHORT, "--resume")
    assert isinstance(damaged.exception, InputError)
    assert "exists but is no audio" in str(damaged.exception)


def test_two_processes_write_what_one_writes(tmp_path: Path) -> None:
    run(tmp_path / "one", "--count", 3, *SHORT)
    run(tmp_path / "two", "--count", 3, *SHORT, "--jobs", 2)
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert names == sorted(path.name for path in (tmp_path / "two").iterdir())
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_a_failed_write_leaves_no_file_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise soundfile.LibsndfileError(1)

    monkeypatch.setattr(soundfile.SoundFile, "write", broken)
    with pytest.raises(InputError, match="cannot write"):
        write_collection(tmp_path, Order(count=1, duration_s=1.0))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--count", "0"], "count 0 is below 1"),
        (["--seed", "-3"], "seed -3 is negative"),
        (["--duration", "0"], "duration of 0 s is outside 1 to 1800 s"),
        (["--sample-rate", "100"], "sample rate 100 Hz is outside 8000 to 96000 Hz"),
        (["--validation", "1"], r"validation share 1 is outside \[0, 1\)"),
        (["--jobs", "0"], "0 jobs is below 1"),
        (["--force", "--resume"], "give one"),
    ],
)
def test_bad_orders_are_refused_before_a_folder_is_made(
    tmp_path: Path, options: list[str], message: str
) -> None:
    result = run(tmp_path / "new", *options)
    assert isinstance(result.exception, InputError)
    assert re.search(message, str(result.exception))
    assert "\n" not in str(result.exception)
    assert not (tmp_path / "new").exists()


def test_a_folder_that_cannot_be_made_is_a_plain_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    result = run(tmp_path / "file" / "below", "--count", 1)
    assert isinstance(result.exception, InputError)
    assert "cannot make the folder" in str(result.exception)


@pytest.mark.parametrize(
    ("count", "share", "valid"), [(1, 0.2, 0), (2, 0.2, 1), (10, 0.2, 2), (10, 0.0, 0), (3, 0.9, 2)]
)
def test_the_last_pieces_are_for_validation(count: int, share: float, valid: int) -> None:
    order = Order(count=count, seed=5, validation=share)
    splits = [order.split(seed) for seed in order.seeds]
    assert splits == ["train"] * (count - valid) + ["valid"] * valid


def test_the_example_of_the_help_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = run("--help").stdout
    example = re.search(r"Example:\n\s+cqtnet music (.+)\n", text)
    assert example, text
    monkeypatch.chdir(tmp_path)
    result = run(*shlex.split(example[1]))
    assert result.exit_code == 0
    assert len(listed(tmp_path / "pieces")) == 3
