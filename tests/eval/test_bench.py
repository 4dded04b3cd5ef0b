import json

import pytest

from eval.bench import LONG, PARTS, Measurement, archive, engine, once, paired, seconds
from tests.eval.planted import done, refusal, write_music


def test_a_line_names_ratio_value_and_promise_and_seconds_are_the_median():
    line = Measurement("CQT", 2.5, "ms", "librosa", 10.0, "≥ 2×").line()
    assert line.split() == ["CQT", "10×", "librosa", "2.5", "ms", "(promised:", "≥", "2×)"]
    calls = []
    seconds(lambda: calls.append(1), repeats=3)
    assert len(calls) == 4
    assert min(paired(lambda: calls.append(1), lambda: calls.append(2))) > 0
    assert calls == 4 * [1] + 6 * [1, 2], "in turn"


@pytest.mark.parametrize("part", ["startup", "decoding", "frontend", "metrics"])
def test_a_part_runs_and_prints_json(part, monkeypatch):
    """Each work once, and of four codecs two; how often a median needs it, is tested above."""
    monkeypatch.setattr(engine, "seconds", lambda work, **_: once(work))
    monkeypatch.setattr(engine, "paired", lambda ours, theirs: (once(ours), once(theirs)))
    for name in ("Vorbis", "mp3"):
        monkeypatch.delitem(engine.ENCODED, name)
    report = json.loads(done("bench", "--only", part, "--quick", "--json").stdout)
    assert all(line["value"] > 0 for line in report["measurements"])
    assert "torch" in report["versions"]


def test_files_of_ones_own_are_decoded_added_found_and_compared(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "paired", lambda ours, theirs: (once(ours), once(theirs)))
    write_music(tmp_path, {"3": 24.0})
    told = 'print("Processed 1 files (20.0 s total dur) in 0.5 s sec = 0.025 x RT")'
    (tmp_path / "audfprint.py").write_text(told)
    words = ("bench", "--audio", tmp_path, "--audfprint", tmp_path, "--quick", "--json")
    lines = json.loads(done(*words).stdout)["measurements"]
    found = {line["name"].strip(): line for line in lines}
    assert found["answered with the right file"]["value"] == 1
    assert {"cqtnet index add", "cqtnet dedupe"} < found.keys()
    busy = found["time of a processor"]
    assert busy["baseline"] == "audfprint"
    assert busy["ratio"] == pytest.approx(0.5 / busy["value"], rel=0.01)  # both are rounded
    (tmp_path / "audfprint.py").unlink()
    assert "holds no audfprint.py" in refusal(*words)
    assert "nowhere cannot be read" in refusal("bench", "--audio", tmp_path / "nowhere")


def test_every_part_has_its_function():
    for name in (*PARTS, *LONG):
        module = archive if name.startswith("archive") else engine
        assert callable(getattr(module, f"measure_{name.replace('-', '_')}"))
