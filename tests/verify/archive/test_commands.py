import csv
import json
import os
import shutil
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from augment.tempo import Tempo
from cqtnet import SAMPLE_RATE
from cqtnet.cli import cqtnet
from cqtnet.errors import ArchiveError, InputError, NotAudioError
from tests.verify.archive.pieces import music, seconds
from verify.archive.searcher import PERHAPS_LOG_LR
from verify.archive.timeline import LATENCY_S
from verify.commands.monitor import Diary, signals_end, summary_lines


def call(*words, stdin=None):
    return CliRunner().invoke(cqtnet, [str(word) for word in words], input=stdin)


def names(items):
    return [Path(item["path"]).stem for item in items]


@pytest.mark.parametrize(("query", "code", "words"), [
    ("foreign.flac", 1, "NOT IN THE ARCHIVE of 4 recordings"),
    ("silence.flac", 3, "NOTHING CAN BE SAID: it holds nothing but silence"),
    ("fragment.flac", 0, "FOUND in 1 of 4 recordings"),
])  # fmt: skip
def test_the_answer_is_the_first_line_and_the_exit_code(made, query, code, words):
    page = made / "answer.html"
    done = call("search", made / "archive", made / query, "--report", page, "--force")
    assert done.exit_code == code and words in done.stdout.splitlines()[0]
    assert ("nearest, and no match: 0:0" in done.stdout) == (code == 1)
    assert ("Nearest, and no match: 0:0" in page.read_text()) == (code == 1)
    assert ("Not in the archive" in page.read_text()) == (code == 1)


def test_several_queries_are_lines_of_json_and_the_worst_is_the_exit_code(made):
    queries = [made / f"{name}.flac" for name in ("fragment", "foreign", "music/broken")]
    done = call("search", made / "archive", *queries, "--json")
    found, missed = map(json.loads, done.stdout.splitlines())
    assert names(found["matches"]) == ["12"] and found["matches"][0]["tags"] == ["first"]
    assert missed["matches"] == [] and missed["answer"] == "absent"
    assert missed["nearest"]["log_lr"] < PERHAPS_LOG_LR and "verdict" not in missed["nearest"]
    assert done.exit_code == 2 and "broken.flac" in done.stderr


def test_a_long_query_is_given_in_its_order_as_csv_and_as_a_page(made):
    page = made / "mix.html"
    done = call("search", made / "archive", made / "mix.flac", "--csv", "--report", page)
    rows = list(csv.DictReader(done.stdout.splitlines()))
    assert names(rows) == ["13", "14"]
    for name, expected, near in (
        ("query_start_s", [12, 51], 0.6), ("query_end_s", [48, 76], 0.6),
        ("reference_start_s", [2, 5], 0.6), ("tempo", [1, 1.2], 0.005),
        ("shift_semitones", [0, 1], 0.1),
    ):  # fmt: skip
        assert [float(row[name]) for row in rows] == pytest.approx(expected, abs=near)
    content = page.read_text()
    assert "Found in the archive" in content and content.count("data:image/svg+xml") == 1
    again = call("search", made / "archive", made / "mix.flac", "--report", page)
    assert "use --force" in str(again.exception)


def test_a_stream_is_reported_match_by_match_with_times_of_day_and_a_sum(made):
    start = "2026-03-01T23:59:30+05:30"
    words = ["monitor", made / "archive", "--input", made / "mix.flac", "--start", start]
    done = call(*words, "--json")
    assert done.exit_code == 0, done.output
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    began, ended, days = (
        [line for line in lines if line["event"] == what] for what in ("began", "ended", "summary")
    )
    assert [(day["day"], sorted(names(day["recordings"]))) for day in days] == [
        ("2026-03-01", []), ("2026-03-02", ["13", "14"])
    ]  # fmt: skip
    assert sorted(names(began)) == sorted(names(ended)) == ["13", "14"]
    times = [line["at_s"] for line in lines if line not in days]
    assert times == sorted(times)
    assert sorted(line["query_end_s"] for line in ended) == pytest.approx([48, 76], abs=1)
    assert all(line["at_s"] <= line["query_end_s"] + LATENCY_S for line in ended)
    assert all(line["at_s"] <= line["query_start_s"] + 8 for line in began), "early"
    first = datetime.fromisoformat(min(began, key=lambda line: line["at_s"])["start"])
    expected = datetime.fromisoformat(start) + timedelta(seconds=12)
    assert abs((first - expected).total_seconds()) <= 2
    assert first.tzinfo == expected.tzinfo, "the zone that was given"


def test_bare_samples_are_monitored_and_the_days_are_summed_up(made, tmp_path):
    samples, _ = soundfile.read(made / "mix.flac", dtype="int16")
    (tmp_path / "mix.raw").write_bytes(samples[: 50 * SAMPLE_RATE].tobytes())
    words = ["monitor", made / "archive", "--input", tmp_path / "mix.raw", "--no-begins"]
    done = call(*words, "--raw", f"s16le:{SAMPLE_RATE}:1")
    line, summary, recording = done.stdout.splitlines()
    assert datetime.fromisoformat(line.split()[0]).tzinfo is not None
    assert "ended" in line and "13.flac" in line
    assert "summary 1 match of 1 recording" in summary and "13.flac" in recording
    wrong = call(*words, "--raw", "s16:44100")
    assert "is not a format of bare samples" in str(wrong.exception)
    assert "write 2026-05-01T06:00:00" in call(*words, "--start", "06:00").stderr


def test_what_was_heard_before_a_signal_or_a_loss_is_told_first(monkeypatch):
    block, told = np.zeros(SAMPLE_RATE, np.float32), []

    def lost():
        yield block
        raise NotAudioError("gone")

    with pytest.raises(SystemExit) as ended, signals_end([block] * 9) as sound:
        for _ in sound:
            signal.raise_signal(signal.SIGTERM)
        told.append(sound.seconds)
    assert ended.value.code == 143 and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    with pytest.raises(NotAudioError, match="gone"), signals_end(lost()) as sound:
        told.append(len(list(sound)))

    def stalled():
        yield block
        signal.raise_signal(signal.SIGINT)
        pytest.fail("it waits for a block that does not come")

    monkeypatch.setattr("verify.commands.monitor.STALL_S", -1.0)
    with pytest.raises(KeyboardInterrupt), signals_end(stalled()) as sound:
        told.append(len(list(sound)))
    assert told == [1, 1, 1]


def test_a_day_without_a_match_is_summed_up_too():
    diary = Diary(datetime(2026, 5, 1, 6, tzinfo=UTC))
    day_s = 24 * 3600
    assert not list(diary.summaries(18 * 3600 + LATENCY_S - 1)), "some may be told late"
    [(day, heard)] = diary.summaries(18 * 3600 + LATENCY_S + 1)
    assert [day.day for day, _ in diary.summaries(2 * day_s, ends=True)] == [2, 3]
    [line] = summary_lines(day, heard)
    assert line == "2026-05-01 summary 0 matches of 0 recordings, 0:00.00 in all"


def test_a_second_run_reads_nothing_and_info_says_what_there_is(made):
    done = call("index", "add", made / "archive", "-", "--json",
                stdin=f"{made}/music/11.flac\n{made}/music/12.flac\n")  # fmt: skip
    assert done.exit_code == 0 and json.loads(done.stdout)["counts"] == {"unchanged": 2}
    info = json.loads(call("index", "info", made / "archive", "--json").stdout)
    assert info["recordings"] == 4 and info["index"] is None, "small ones are not kept"
    words = call("index", "info", made / "archive").stdout
    assert f"4 recordings, 0.0 h, {info['windows']} windows of 10 s" in words
    assert "index    none is kept" in words
    assert info["bytes"] < 8e6 * info["duration_s"] / 3600 + 400_000
    listed = call("index", "list", made / "archive", "--text", "12.flac").stdout.splitlines()
    assert len(listed) == 1 and listed[0].endswith("12.flac  #first")
    rows = call("index", "list", made / "archive", "--csv").stdout.splitlines()
    assert rows[0] == "id,duration_s,path,tags,sha256" and len(rows) == 5


def test_what_is_removed_is_not_found_again_and_can_be_added_again(made, tmp_path):
    archive, file, query = tmp_path / "archive", tmp_path / "12.flac", made / "fragment.flac"
    soundfile.write(file, music(12), SAMPLE_RATE)
    assert call("index", "add", archive, file).exit_code == 0
    assert call("search", archive, query).exit_code == 0
    file.rename(tmp_path / "hidden")
    lost = call("search", archive, query, "--json")
    plain = json.loads(lost.stdout)
    assert lost.exit_code == 3 and plain["answer"] == "unconfirmed" and plain["matches"] == []
    assert os.strerror(2) in plain["unproven"][0]["reason"]
    assert "NOT CONFIRMED" in call("search", archive, query).stdout.splitlines()[0]
    would = call("index", "remove", archive, "--path", file, "--dry-run")
    assert "1 recording would be removed" in would.stderr
    removed = call("index", "remove", archive, "--path", file)
    assert removed.exit_code == 0 and "1 recording removed" in removed.stderr
    assert call("search", archive, query).exit_code == 1
    assert call("index", "add", archive, tmp_path / "hidden").exit_code == 0
    assert call("search", archive, query).exit_code == 0
    assert call("index", "compact", archive).exit_code == 0
    assert call("index", "rebuild", archive).exit_code == 0
    assert "exact" in call("index", "info", archive).stdout
    assert call("index", "verify", archive, "--read-audio").exit_code == 0
    (tmp_path / "hidden").write_bytes(b"otherwise")
    verified = call("index", "verify", archive, "--read-audio", "--json")
    (problem,) = json.loads(verified.stdout)["problems"]
    assert verified.exit_code == 1 and "other bytes" in problem["problem"]


def test_a_moved_tree_is_noted_and_what_is_kept_needs_no_file(made, tmp_path):
    archive, query = tmp_path / "archive", made / "fragment.flac"
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    for name in ("12", "13"):
        shutil.copy(made / "music" / f"{name}.flac", old)
    (old / "notes.txt").write_text("passed over")
    added = call("index", "add", archive, old)
    assert "1 file passed over" in added.stderr and "1 .txt" in added.stderr
    old.rename(new)
    assert call("search", archive, query).exit_code == 3
    (new / "13.flac").write_bytes(b"otherwise")
    moved = call("index", "relocate", archive, old, new)
    assert moved.exit_code == 1 and "1 file noted" in moved.stdout
    assert "13.flac holds other bytes" in moved.stderr
    found = json.loads(call("search", archive, query, "--json").stdout)
    assert found["answer"] == "found" and found["matches"][0]["path"] == str(new / "12.flac")
    kept = call("index", "add", archive, new / "12.flac", "--keep", "--json")
    assert json.loads(kept.stdout)["counts"] == {"kept": 1}
    (new / "12.flac").unlink()
    away = json.loads(call("search", archive, query, "--json").stdout)
    (match,) = away["matches"]
    assert away["answer"] == "found" and not away["unproven"]
    for name in ("reference_start_s", "tempo", "shift_semitones"):
        assert match[name] == pytest.approx(found["matches"][0][name], abs=0.05)
    assert call("index", "verify", archive).exit_code == 0
    out = tmp_path / "out.flac"
    number = match["id"]
    for other, reason in (({1: 2, 2: 1}[number], "keeps no sound"), (9, "no recording 9")):
        refused = call("index", "export", archive, out, "--sound", other)
        assert reason in str(refused.exception)
    assert call("index", "export", archive, out, "--sound", number).exit_code == 0
    lengths = [soundfile.info(file).duration for file in (out, made / "music" / "12.flac")]
    assert lengths[0] == pytest.approx(lengths[1])
    diff = json.loads(call("diff", query, out, "--json").stdout)
    assert diff["stretches"][0]["b_start_s"] == pytest.approx(match["reference_start_s"], abs=0.1)


def test_other_places_where_a_query_fits_are_told(tmp_path):
    loop = seconds(music(11), 0, 16)
    soundfile.write(tmp_path / "loop.flac", np.tile(loop, 4), SAMPLE_RATE)
    soundfile.write(tmp_path / "query.flac", seconds(loop, 5, 13), SAMPLE_RATE)
    call("index", "add", tmp_path / "archive", tmp_path / "loop.flac")
    words = ["search", tmp_path / "archive", tmp_path / "query.flac"]
    (match,) = json.loads(call(*words, "--json").stdout)["matches"]
    told = [match["reference_start_s"], *(place["b_start_s"] for place in match["places"])]
    assert sorted(told) == pytest.approx([5, 21, 37, 53], abs=0.2)
    assert all(place["is_equal"] for place in match["places"])
    assert "also at" in call(*words).stdout


def test_windows_are_exported_and_recordings_merged(made, tmp_path):
    exported = call("index", "export", made / "archive", tmp_path / "out.npz")
    assert exported.exit_code == 0 and "windows of 4 recordings" in exported.stdout
    call("index", "add", tmp_path / "archive", made / "music" / "11.flac")
    merged = call("index", "merge", tmp_path / "archive", made / "archive")
    assert "3 recordings added; 1 known already" in merged.stdout


def test_an_index_in_milvus_is_used_from_then_on(made, tmp_path, monkeypatch):
    pytest.importorskip("milvus_lite")
    archive = tmp_path / "archive"
    call("index", "add", archive, made / "music" / "12.flac", made / "music" / "13.flac")
    moved = call("index", "rebuild", archive, "--milvus", tmp_path / "milvus.db")
    assert moved.exit_code == 0, moved.output
    assert "in Milvus" in call("index", "info", archive).stdout
    assert "set MILVUS_URI=" in moved.stderr
    assert "if you trust it" in str(call("search", archive, made / "fragment.flac").exception)
    monkeypatch.setenv("MILVUS_URI", str(tmp_path / "milvus.db"))
    assert call("search", archive, made / "fragment.flac").exit_code == 0
    assert call("index", "remove", archive, "--text", "12.flac").exit_code == 0
    assert call("search", archive, made / "fragment.flac").exit_code == 1
    assert call("index", "rebuild", archive).exit_code == 0
    assert "in Milvus" not in call("index", "info", archive).stdout


def test_versions_and_excerpts_are_grouped(tmp_path):
    faster = Tempo(1.08).apply(seconds(music(11), 0, 30), SAMPLE_RATE).samples
    for name, samples in {
        "a": seconds(music(11), 0, 30), "faster": faster, "excerpt": seconds(music(12), 8, 24),
        "b": seconds(music(12), 0, 30), "c": seconds(music(13), 0, 30),
    }.items():  # fmt: skip
        soundfile.write(tmp_path / f"{name}.flac", np.clip(samples, -1, 1), SAMPLE_RATE)
    call("index", "add", tmp_path / "archive", tmp_path, "--jobs", 1)
    done = call("dedupe", tmp_path / "archive", "--json")
    assert done.exit_code == 0, done.output
    pairs = [json.loads(line) for line in done.stdout.splitlines()]
    relations = [[Path(p[side]["paths"][0]).stem for side in "ab"] + [p["relation"]] for p in pairs]
    assert sorted(relations) == [["a", "faster", "the same"], ["b", "excerpt", "B within A"]]
    shutil.copy(tmp_path / "c.flac", tmp_path / "copy.flac")
    call("index", "add", tmp_path / "archive", tmp_path / "copy.flac")
    groups = call("dedupe", tmp_path / "archive").stdout
    assert groups.count("group ") == 2 and "% slower" in groups
    assert groups.splitlines()[-1].count("c.flac, ") == 1 and "same bytes: 1 recording" in groups
    done = call("index", "remove", tmp_path / "archive", "--path", tmp_path / "copy.flac")
    assert "1 recording removed, of 2 files with copies" in done.stderr


@pytest.mark.parametrize(("words", "error", "message"), [
    (["search", "{}/nowhere", "{}/fragment.flac"], ArchiveError, "nowhere"),
    (["search", "{}/archive", "{}/missing.flac"], InputError, "missing.flac"),
    (["index", "remove", "{}/archive"], InputError, "say which"),
    (["index", "export", "{}/archive", "{}/out.csv"], InputError, "neither .npz nor"),
    (["index", "add", "{}/music", "{}/fragment.flac"], ArchiveError, "holds other files"),
    (["monitor", "{}/archive", "--input", "{}/missing.wav"], InputError, "cannot be read"),
])  # fmt: skip
def test_bad_input_is_an_error_of_one_line(made, words, error, message):
    done = call(*(word.format(made) for word in words))
    assert isinstance(done.exception, error), done.output
    assert message in str(done.exception) and "\n" not in str(done.exception)
