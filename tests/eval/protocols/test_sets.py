"""Test sets as they are written: that the files are what was drawn, whole, and replayable."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from augment.timemap import Span, TimeMap
from cqtnet.data import Item, list_items
from cqtnet.errors import InputError, ManifestError
from eval.protocols import PROTOCOLS, Survey, draw_plan, read_plan, survey, write_sets
from eval.trials import Trials, read_trials
from tests.augment.signals import cents, frequency_hz, loudest_moment_s, power
from tests.eval.protocols.conftest import CLICK_EVERY_S, RATE


def truth_of(out: Path, name: str) -> Iterator[dict[str, Any]]:
    for line in (out / f"{name}.truth.jsonl").read_text().splitlines():
        yield json.loads(line)


def read(path: Path) -> NDArray[np.float32]:
    samples, rate = soundfile.read(path, dtype="float32")
    assert rate == RATE
    return np.asarray(samples)


def hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of every file by its path."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


# What is written.


@pytest.mark.parametrize("name", PROTOCOLS)
def test_the_list_names_files_that_are_there(name: str, sets: Path) -> None:
    trials = read_trials(sets / f"{name}.csv")
    plan = read_plan(sets / f"{name}.plan.json")
    assert int(trials.label.sum()) == len(plan.probes) == int((~trials.label).sum())
    for column in (trials.reference, trials.probe):
        assert all(trials.file(file).is_file() for file in column.tolist())
    assert set(trials.recording.tolist()) <= set(plan.source_of)
    # A nontarget is the same probe beside a reference of the other folder.
    for reference, recording in zip(
        trials.reference[~trials.label], trials.recording[~trials.label], strict=True
    ):
        assert reference.startswith("references/a_" if recording[0] == "b" else "references/b_")


def test_sets_in_one_folder_share_their_references(sets: Path) -> None:
    # Of four recordings of 46 s two fragments of 20 s, and two of 10 s for `hard`.
    assert len(list((sets / "references").iterdir())) == 4 * 2 + 4 * 2


def size(trials: Trials, probe: str, column: str) -> float:
    return float(trials.size(column)[trials.probe == probe][0])


@pytest.mark.parametrize("name", ["paper-tempo", "both", "speed", "crop", "hard", "other-part"])
def test_clicks_of_the_recording_are_where_the_truth_has_them(
    name: str, sets: Path, surveys: list[Survey]
) -> None:
    for row in truth_of(sets, name):
        if any(effect["name"] in ("room", "background") for effect in row["effects"]):
            tolerance = None  # a room and noise hide single samples
        else:
            tolerance = 0.045 if row["kind"] == "wsola" else 0.004
        probe = read(sets / row["probe"])
        time_map = TimeMap(tuple(Span(*span) for span in row["time_map"]))
        assert time_map.spans[-1].out_end_s == pytest.approx(probe.size / RATE, abs=1e-4)
        assert time_map.spans[0].source_start_s >= row["start_s"]
        clicks = np.arange(0.35, 46, CLICK_EVERY_S)
        heard = [t for t in time_map.to_output(clicks) if 0.1 < t < probe.size / RATE - 0.1]
        assert len(heard) >= 3
        if tolerance:
            found = [loudest_moment_s(probe, t, sample_rate=RATE) for t in heard]
            np.testing.assert_allclose(found, heard, atol=tolerance)


@pytest.mark.parametrize("name", ["paper-tempo", "paper-pitch", "both", "speed"])
def test_tempo_and_pitch_in_the_list_are_those_of_the_sound(name: str, sets: Path) -> None:
    trials = read_trials(sets / f"{name}.csv")
    tones = {"a/one": 220.0, "a/two": 440.0, "b/three": 660.0, "b/four": 880.0}
    for row in truth_of(sets, name):
        probe, reference = read(sets / row["probe"]), read(sets / row["reference"])
        tempo_factor = size(trials, row["probe"], "tempo_factor")
        shift_semitones = size(trials, row["probe"], "shift_semitones")
        stretched = 1.0 if np.isnan(tempo_factor) else tempo_factor
        assert probe.size == pytest.approx(reference.size / stretched, rel=1e-4)
        higher = 0.0 if np.isnan(shift_semitones) else shift_semitones
        expected = tones[row["recording"].removesuffix(".wav")] * 2 ** (higher / 12)
        assert abs(cents(frequency_hz(probe, sample_rate=RATE), expected)) < 6


def test_noise_is_as_loud_as_the_list_says(sets: Path) -> None:
    trials = read_trials(sets / "noise.csv")
    for row in truth_of(sets, "noise"):
        scale = 10 ** ((row["reference_gain_db"] - row["gain_db"]) / 20)
        reference = read(sets / row["reference"])
        noise = scale * read(sets / row["probe"]) - reference
        found_db = 10 * np.log10(power(reference) / power(noise))
        assert found_db == pytest.approx(size(trials, row["probe"], "snr_db"), abs=0.05)


def test_a_crop_is_the_very_piece_of_its_reference(sets: Path) -> None:
    for row in truth_of(sets, "crop"):
        start = round((row["time_map"][0][2] - row["reference_start_s"]) * RATE)
        probe, reference = read(sets / row["probe"]), read(sets / row["reference"])
        assert np.array_equal(probe, reference[start : start + probe.size])


def test_the_same_is_the_same(sets: Path) -> None:
    for row in truth_of(sets, "same"):
        assert (sets / row["probe"]).read_bytes() == (sets / row["reference"]).read_bytes()


@pytest.mark.parametrize("name", sorted(set(PROTOCOLS) - {"same", "other-part", "crop"}))
def test_a_probe_differs_from_its_reference_and_is_as_loud(name: str, sets: Path) -> None:
    for row in truth_of(sets, name):
        probe, reference = read(sets / row["probe"]), read(sets / row["reference"])
        n = min(probe.size, reference.size)
        assert np.abs(probe[:n] - reference[:n]).max() > 0.001
        louder_db = 10 * np.log10(power(probe) / power(reference)) - row["gain_db"]
        # A room may swallow a single tone, and a telephone the clicks.
        assert -12 < louder_db + row["reference_gain_db"] < 12


def test_a_plan_and_its_recordings_give_the_same_bytes_with_any_number_of_workers(
    sets: Path, recordings: Path, tmp_path: Path
) -> None:
    names = ["hard", "codec"]
    plans = [read_plan(sets / f"{name}.plan.json") for name in names]
    root, noise = recordings / "music", recordings / "noise"
    write_sets(plans, root=root, out=tmp_path, noise_root=noise, workers=2)
    expected = hashes(sets)
    again = hashes(tmp_path)
    assert len(again) > 20
    assert again == {path: expected[path] for path in again}


def test_an_interrupted_set_has_no_list_and_is_finished_later(
    sets: Path, recordings: Path, tmp_path: Path
) -> None:
    plan = read_plan(sets / "speed.plan.json")
    left = 2

    def interrupt() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_sets([plan], root=recordings / "music", out=tmp_path, on_recording=interrupt)
    assert not (tmp_path / "speed.csv").exists()
    done = {path: path.stat().st_ino for path in tmp_path.rglob("*.flac")}
    assert len(done) == 2 * 2 * 2  # of two recordings two references and two probes
    left_to_do: list[int] = []
    write_sets([plan], root=recordings / "music", out=tmp_path, on_start=left_to_do.append)
    assert left_to_do == [2]
    assert all(path.stat().st_ino == number for path, number in done.items())
    expected = hashes(sets)
    assert {p: expected[p] for p in hashes(tmp_path)} == hashes(tmp_path)
    assert not list(tmp_path.glob(".*"))


def test_a_missing_file_of_a_finished_set_is_made_again(
    sets: Path, recordings: Path, tmp_path: Path
) -> None:
    shutil.copytree(sets, tmp_path / "sets")
    gone = next((tmp_path / "sets" / "speed").iterdir())
    gone.unlink()
    plan = read_plan(sets / "speed.plan.json")
    write_sets([plan], root=recordings / "music", out=tmp_path / "sets")
    assert hashes(tmp_path / "sets") == hashes(sets)


@pytest.mark.parametrize("folder", ["speed", "references"])
def test_a_damaged_file_of_a_finished_set_is_made_again(
    folder: str, sets: Path, recordings: Path, tmp_path: Path
) -> None:
    plan = read_plan(sets / "speed.plan.json")
    write_sets([plan], root=recordings / "music", out=tmp_path)
    finished = hashes(tmp_path)
    damaged = next((tmp_path / folder).iterdir())
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"?")
    write_sets([plan], root=recordings / "music", out=tmp_path)
    assert hashes(tmp_path) == finished


def test_what_a_killed_run_was_writing_is_removed(
    sets: Path, recordings: Path, tmp_path: Path
) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    for folder in ("", "speed", "references"):
        (tmp_path / folder).mkdir(exist_ok=True)
        for process in (ended.pid, os.getpid()):
            (tmp_path / folder / f".writing-{process}-0123abcd.flac").touch()
    plan = read_plan(sets / "speed.plan.json")
    write_sets([plan], root=recordings / "music", out=tmp_path)
    kept = [path.name for path in tmp_path.rglob(".writing-*")]
    assert kept == 3 * [f".writing-{os.getpid()}-0123abcd.flac"]


def test_another_draw_is_not_written_over_a_set(
    sets: Path, surveys: list[Survey], recordings: Path
) -> None:
    before = hashes(sets)
    with pytest.raises(InputError, match=r"speed\.plan\.json is another draw of speed"):
        write_sets([draw_plan(surveys, "speed", seed=9)], root=recordings / "music", out=sets)
    assert hashes(sets) == before


def test_other_bytes_than_those_of_the_plan_are_refused(
    sets: Path, recordings: Path, tmp_path: Path
) -> None:
    shutil.copytree(recordings, tmp_path / "other")
    (tmp_path / "other/music/a/one.wav").write_bytes(
        (tmp_path / "other/music/a/two.wav").read_bytes()
    )
    plan = read_plan(sets / "speed.plan.json")
    with pytest.raises(ManifestError, match=r"one\.wav is not the file that the plan"):
        write_sets([plan], root=tmp_path / "other/music", out=tmp_path / "out")
    assert not (tmp_path / "out").exists()
    shutil.copytree(sets, tmp_path / "finished")
    with pytest.raises(ManifestError, match=r"one\.wav is not the file that the plan"):
        write_sets([plan], root=tmp_path / "other/music", out=tmp_path / "finished")
    noisy = read_plan(sets / "noise.plan.json")
    with pytest.raises(InputError, match="give their folder with --noise"):
        write_sets([noisy], root=recordings / "music", out=tmp_path / "out")


def test_a_plan_cannot_write_outside_its_folder(
    sets: Path, recordings: Path, tmp_path: Path
) -> None:
    plan = replace(read_plan(sets / "same.plan.json"), protocol="../elsewhere")
    with pytest.raises(InputError, match=r"a plan is for '\.\./elsewhere'"):
        write_sets([plan], root=recordings / "music", out=tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_against_recordings_the_reference_is_the_whole_recording(
    surveys: list[Survey], recordings: Path, tmp_path: Path
) -> None:
    plan = draw_plan(surveys, "same", against="recording", fragments=2)
    write_sets([plan], root=recordings / "music", out=tmp_path)
    for row in truth_of(tmp_path, "same"):
        whole, probe = read(tmp_path / row["reference"]), read(tmp_path / row["probe"])
        assert whole.size == 46 * RATE
        start = round(row["start_s"] * RATE)
        assert np.array_equal(probe, whole[start : start + probe.size])
    trials = read_trials(tmp_path / "same.csv")
    assert len(set(trials.reference.tolist())) == 4


def test_what_is_beyond_full_scale_is_lowered_and_not_clipped(tmp_path: Path) -> None:
    for name, gain in (("loud", 3.0), ("soft", 0.5)):
        tone = gain * np.sin(2 * np.pi * 440 * np.arange(21 * RATE) / RATE)
        (tmp_path / "in" / name).mkdir(parents=True)
        soundfile.write(tmp_path / "in" / name / "x.wav", tone, RATE, subtype="FLOAT")
    root = tmp_path / "in"
    surveys, _ = survey(list_items(root), root=root)
    write_sets([draw_plan(surveys, "same")], root=root, out=tmp_path / "out")
    gains = {row["recording"]: row["gain_db"] for row in truth_of(tmp_path / "out", "same")}
    assert gains["loud/x.wav"] == pytest.approx(20 * np.log10(1 / 3), abs=0.01)
    assert gains["soft/x.wav"] == 0
    loud = read(next((tmp_path / "out/same").glob("loud*")))
    assert np.mean(np.abs(loud) > 0.999) < 0.05  # a clipped sine of 3 spends 78 % there


# What is looked at.


def test_recordings_that_are_silent_broken_or_twins_are_left_out(
    recordings: Path, tmp_path: Path
) -> None:
    shutil.copytree(recordings / "music", tmp_path / "music")
    root = tmp_path / "music"
    soundfile.write(root / "silent.wav", np.zeros(30 * RATE), RATE)
    (root / "broken.wav").write_bytes(b"RIFF and nothing else")
    shutil.copy(root / "b/four.wav", root / "twin.wav")
    surveys, skipped = survey(list_items(root), root=root)
    assert [s.source.recording for s in surveys] == [
        "a/one.wav",
        "a/two.wav",
        "b/four.wav",
        "b/three.wav",
    ]
    assert skipped["twin.wav"] == "has the very bytes of b/four.wav"
    assert "silence" in skipped["silent.wav"]
    assert "broken.wav" in skipped["broken.wav"]
    with pytest.raises(InputError, match="none of 1 recordings can be used"):
        survey([Item(root / "silent.wav", "silent", "test", "c")], root=root)


def test_a_survey_knows_length_level_and_bytes(surveys: list[Survey], recordings: Path) -> None:
    first = surveys[0]
    path = recordings / "music" / first.source.path
    assert first.source.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert first.duration_s == 46.0
    tone = 0.05**2 / 2 + 0.9**2 / (CLICK_EVERY_S * RATE)
    assert first.level == pytest.approx(tone, rel=0.05)
