import json

import pytest
import soundfile

from cqtnet import SAMPLE_RATE
from cqtnet.music import make_music
from eval.bench import LONG, PARTS, Measurement, archive, engine, once, paired, seconds
from tests.eval.planted import call


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
    result = call("bench", "--only", part, "--quick", "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert all(line["value"] > 0 for line in report["measurements"])
    assert "torch" in report["versions"]


def test_files_of_ones_own_are_decoded_added_found_and_compared(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "paired", lambda ours, theirs: (once(ours), once(theirs)))
    soundfile.write(tmp_path / "mine.flac", make_music(3, duration_s=24.0), SAMPLE_RATE)
    told = 'print("Processed 1 files (20.0 s total dur) in 0.5 s sec = 0.025 x RT")'
    (tmp_path / "audfprint.py").write_text(told)
    words = ("bench", "--audio", tmp_path, "--audfprint", tmp_path, "--quick", "--json")
    result = call(*words)
    assert result.exit_code == 0, result.output
    found = {line["name"].strip(): line for line in json.loads(result.stdout)["measurements"]}
    assert found["answered with the right file"]["value"] == 1
    assert {"cqtnet index add", "cqtnet dedupe"} < found.keys()
    busy = found["time of a processor"]
    assert busy["baseline"] == "audfprint"
    assert busy["ratio"] == pytest.approx(0.5 / busy["value"], rel=0.01)  # both are rounded
    (tmp_path / "audfprint.py").unlink()
    assert "holds no audfprint.py" in str(call(*words).exception)
    assert call("bench", "--audio", tmp_path / "nowhere").exit_code != 0


def test_every_part_has_its_function():
    for name in (*PARTS, *LONG):
        module = archive if name.startswith("archive") else engine
        assert callable(getattr(module, f"measure_{name.replace('-', '_')}"))
