"""Calibration and placing, from score files with planted measures."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from cqtnet.cli import cqtnet
from cqtnet.errors import ManifestError
from eval.calibrate import calibrate
from eval.placing import placing
from eval.systems.ours import FOUND, MEASURED
from verify.calibration import load_calibration

SHA = "c" * 64
RECORDINGS = 24


def write_scores(folder: Path, seed: int = 0) -> Path:
    """Scores of pairs of 24 recordings in 6 collections: the cosine tells, the rest is chance."""
    rng = np.random.default_rng(seed)
    lines = ["reference,probe,label,condition,recording,score," + ",".join((*MEASURED, *FOUND))]
    for probe in range(RECORDINGS):
        others = (probe + 1 + rng.choice(RECORDINGS - 1, 8, replace=False)) % RECORDINGS
        for other in (probe, *others):
            same = other == probe
            values = rng.standard_normal(len(MEASURED)) * 0.1
            values[0] += 0.7 if same else 0.1
            found = (1.1, -2.0, 0.01 * probe, 9.0)
            numbers = ",".join(f"{x:.6f}" for x in (*values, *found))
            lines.append(f"r{other}.wav,p{probe}.wav,{int(same)},c,r{probe},0,{numbers}")
    path = folder / "scores.csv"
    path.write_text("\n".join(lines) + "\n")
    path.with_suffix(".json").write_text(json.dumps({"parameters": {"model_sha256": SHA}}))
    rows = [f"r{i}.wav,r{i},valid,k{i % 6}" for i in range(RECORDINGS)]
    (folder / "audio.csv").write_text("\n".join(["path,id,split,collection", *rows]) + "\n")
    for i in range(RECORDINGS):
        (folder / f"r{i}.wav").touch()
    return path


def test_what_tells_gets_the_weight_and_the_numbers_are_those_of_the_list(tmp_path: Path) -> None:
    found = calibrate(write_scores(tmp_path), tmp_path / "audio.csv", sources="planted")
    assert found.weights[0] > 2 * max(map(abs, found.weights[1:]))
    data = found.data
    assert (data["recordings"], data["collections"], data["pairs_same"]) == (24, 6, 24)
    assert data["sources"] == "planted" and data["conditions"] == ["c"]
    assert found.most == pytest.approx(math.log(data["pairs_different"] + 1))
    assert found.least == pytest.approx(-math.log(25))
    assert 0.1 < found.cosine_threshold < 0.7
    assert data["eer"] < 0.1 and data["min_cllr"] <= data["cllr"] < 0.3


def test_the_command_writes_what_comparing_reads(tmp_path: Path) -> None:
    out = tmp_path / "mine.calibration.json"
    words = [
        "eval",
        "calibrate",
        str(write_scores(tmp_path)),
        "--audio",
        str(tmp_path / "audio.csv"),
    ]
    done = CliRunner().invoke(cqtnet, [*words, "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert "24 recordings, 6 collections" in done.stdout
    assert load_calibration(tmp_path / "mine.safetensors", SHA).data["recordings"] == 24
    again = CliRunner().invoke(cqtnet, [*words, "--out", str(out)])
    assert "use --force" in str(again.exception)


def test_scores_of_another_system_are_refused(tmp_path: Path) -> None:
    path = write_scores(tmp_path)
    path.write_text(path.read_text().replace("coherence", "something"))
    with pytest.raises(ManifestError, match=r"lacks the column coherence.*alignment"):
        calibrate(path, tmp_path / "audio.csv")


def test_an_unknown_recording_is_named_with_its_line(tmp_path: Path) -> None:
    path = write_scores(tmp_path)
    audio = (tmp_path / "audio.csv").read_text().replace("r0.wav,r0,", "r0.wav,r99,")
    (tmp_path / "audio.csv").write_text(audio)
    with pytest.raises(ManifestError, match=r"scores\.csv:2: .*does not list recording 'r0'"):
        calibrate(path, tmp_path / "audio.csv")


def test_placing_measures_against_the_truth(tmp_path: Path) -> None:
    path = write_scores(tmp_path)
    truths = [
        {
            "probe": f"p{i}.wav",
            "reference_start_s": 3.0,
            "shift_semitones": -2.05,
            "effects": [],
            "time_map": [[0.0, 10.0, 3.0, 14.0]],  # tempo 1.1, from 0 s of the reference
        }
        for i in range(RECORDINGS)
    ]
    (tmp_path / "c.truth.jsonl").write_text("\n".join(map(json.dumps, truths)))
    row = placing(path, tmp_path)["c"].to_dict()
    assert (row["targets"], row["matches"]) == (24, 24)
    assert row["place_ms_median"] == pytest.approx(10 * 11.5)  # planted: 0, 10, … 230 ms
    assert row["tempo_percent_median"] == pytest.approx(0, abs=1e-4)
    assert row["cents_p95"] == pytest.approx(5)
    done = CliRunner().invoke(cqtnet, ["eval", "placing", str(path), "--truth", str(tmp_path)])
    assert "| c | 24 of 24 | 115 / 219 |" in done.stdout


def test_placing_without_truth_says_so(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"no \.truth\.jsonl"):
        placing(write_scores(tmp_path), tmp_path)
