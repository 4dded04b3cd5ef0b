"""Calibration and placing, from score files with planted measures."""

import json
import math

import numpy as np
import pytest

from cqtnet.errors import ManifestError
from cqtnet.files import write_json
from cqtnet.schema import plain, versioned
from eval.calibrate import calibrate, placing
from eval.systems.known import ALIGNMENT_COLUMNS, MEASURE_COLUMNS
from tests.eval.planted import done, refusal
from verify.calibration import FIGURES, MEASURES, load_calibration
from verify.copytest import networks_sha256

SHA = "c" * 64
RECORDINGS = 24


# Of the same recording, of renditions and of unrelated recordings: a ratio is stated for all but
# the unrelated pairs of the last recording.
PLANTED = {
    "coherence": (0.5, 0.5, 0.1), "correlation": (0.3, 0.3, 0.1), "residual_s": (0.02, 0.02, 0.02),
    "common_s": (9, 9, 9), "unexplained_db": (0.7, 3, 5), "unexplained_back_db": (0.7, 3, 5),
    "persistence": (1, 1, 1), "cosine": (0.7, 0.4, 0.1),
}  # fmt: skip


def write_scores(path, unlike):
    """Pairs of 24 recordings in 6 collections; the nontargets are of the kind `unlike`."""
    rng = np.random.default_rng(unlike)
    names = ",".join((*MEASURE_COLUMNS, *ALIGNMENT_COLUMNS))
    lines = [f"reference,probe,label,condition,recording,score,{names}"]
    for probe in range(RECORDINGS):
        others = (probe + 1 + rng.choice(RECORDINGS - 1, 8, replace=False)) % RECORDINGS
        for other in (probe, *others):
            same = other == probe
            kind = 0 if same else unlike
            mean = [PLANTED.get(name, (0, 0, 0))[kind] for name in FIGURES]
            stated = float(kind < 2 or probe < RECORDINGS - 1)
            values = [*(mean * rng.lognormal(0, 0.3, len(FIGURES))), stated]
            found = (1.1, -2.0, 0.01 * probe, 9.0)
            numbers = ",".join(f"{x:.6f}" for x in (*values, *found))
            lines.append(f"r{other}.wav,p{probe}.wav,{int(same)},c,r{probe},0,{numbers}")
    path.write_text("\n".join(lines) + "\n")
    path.with_suffix(".json").write_text(
        json.dumps({"parameters": {"model_sha256": SHA, "copy_test_sha256": networks_sha256()}})
    )


@pytest.fixture
def scores(tmp_path):
    write_scores(tmp_path / "scores.csv", 2)
    write_scores(tmp_path / "works.csv", 1)
    rows = [f"r{i}.wav,r{i},valid,k{i % 6}" for i in range(RECORDINGS)]
    (tmp_path / "audio.csv").write_text("\n".join(["path,id,split,collection", *rows]) + "\n")
    for i in range(RECORDINGS):
        (tmp_path / f"r{i}.wav").touch()
    return tmp_path / "scores.csv"


def learned(scores, **options):
    folder = scores.parent
    return calibrate([scores], [folder / "works.csv"], [folder / "audio.csv"], **options)


def test_the_measure_that_tells_gets_the_weight(scores):
    found = learned(scores, sources="planted")
    data, known = found.data, found.regressions
    # Copies and renditions differ in what is explained alone, renditions and others in more.
    top = {name: MEASURES[int(np.argmax(np.abs(k.weights)))] for name, k in known.items()}
    assert top["rendition"] in ("explained", "best half", "tonal explained")
    coherence = MEASURES.index("coherence")
    assert known["named"].weights[coherence] > 3 * abs(known["rendition"].weights[coherence])
    assert (data["recordings"], data["collections"], data["not_stated"]) == (24, 6, 8)
    assert data["sources"] == "planted" and data["conditions"] == ["c"]
    for name, regression in known.items():
        first, second = data[name]["pairs"]
        assert first == (24 if name != "named" else data["rendition"]["pairs"][1])
        assert regression.most == pytest.approx(math.log(second + 1))
        assert regression.least == pytest.approx(-math.log(first + 1))
        assert data[name]["eer"] < 0.1 and data[name]["min_cllr"] <= data[name]["cllr"] < 0.3
        assert data[name]["cllr_music"] == data[name]["cllr"]
    assert data["unrelated"]["trials"] == [48, 23 * 8]
    assert 0.1 < found.cosine_threshold < 0.7


def test_the_command_writes_what_comparing_reads(scores, tmp_path):
    out = tmp_path / "mine.calibration.json"
    words = ["calibrate", scores, "--rendition-scores", tmp_path / "works.csv"]
    words += ["--audio", tmp_path / "audio.csv", "--out"]
    assert "24 recordings, 6 collections" in done(*words, out).stdout
    assert load_calibration(tmp_path / "mine.safetensors", SHA).data["recordings"] == 24
    assert "use --force" in refusal(*words, out)
    again = json.loads(done(*words, out, "--force", "--json").stdout)
    assert again == versioned(json.loads(out.read_text()))
    assert "name it after" in refusal(*words, tmp_path / "mine.json")


def test_the_ratios_against_unrelated_recordings_are_kept(scores, tmp_path):
    older = learned(scores).to_dict()
    first = older["measures"][0]  # is newer than this calibration
    for one in older["regressions"].values():
        one["weights"] = one["weights"][1:]
        one["resampled"] = [[row[0], *row[2:]] for row in one["resampled"]]
    older["measures"] = [name for name in older["measures"] if name != first]
    write_json(tmp_path / "older.json", older)
    found = learned(scores, older=tmp_path / "older.json")
    fresh = learned(scores)
    assert found.regressions["rendition"] == fresh.regressions["rendition"]
    for name in ("unrelated", "named"):
        assert found.regressions[name].weights[0] == 0.0
        assert found.regressions[name].weights[1:] == fresh.regressions[name].weights[1:]
        assert found.data[name]["cllr"] == fresh.data[name]["cllr"]
    write_json(tmp_path / "older.json", older | {"model_sha256": "d" * 64})
    with pytest.raises(ManifestError, match="other weights"):
        learned(scores, older=tmp_path / "older.json")
    write_json(tmp_path / "older.json", older | {"copy_test_sha256": "e" * 64})
    assert learned(scores, older=tmp_path / "older.json") == found, "it weighs no network"
    weighing = fresh.to_dict() | {"copy_test_sha256": "e" * 64}
    weights = weighing["regressions"]["unrelated"]["weights"]
    weighing["regressions"]["unrelated"]["weights"] = (0.5, *weights[1:])  # of `network`
    write_json(tmp_path / "older.json", weighing)
    with pytest.raises(ManifestError, match="another network of the copy test"):
        learned(scores, older=tmp_path / "older.json")


def test_ratios_that_weigh_no_network_outlive_the_one_that_does(scores, monkeypatch):
    monkeypatch.setitem(PLANTED, "network_score", (2, 1, 1))
    write_scores(scores, 2)
    write_scores(scores.with_name("works.csv"), 1)
    older = learned(scores).to_dict() | {"copy_test_sha256": "e" * 64}
    network = [i for i, name in enumerate(MEASURES) if name.endswith("network")]
    for name in ("unrelated", "named"):
        one = older["regressions"][name]
        one["weights"] = [0 if i in network else w for i, w in enumerate(one["weights"])]
    write_json(scores.with_name("older.json"), older)
    found = learned(scores, older=scores.with_name("older.json"))
    assert any(found.regressions["rendition"].weights[i] for i in network)


@pytest.mark.parametrize(("name", "old", "new", "message"), [
    ("scores.csv", "coherence", "something", r"no column coherence.*alignment"),
    ("works.csv", "coherence", "something", r"works\.csv has no column coherence.*alignment"),
    ("audio.csv", ",r0,", ",r99,", r"scores\.csv:2: no list holds recording 'r0'"),
    ("scores.json", "parameters", "options", r"scores\.json, .* does not name their weights"),
])  # fmt: skip
def test_files_of_other_scores_are_refused(name, old, new, message, scores, tmp_path):
    path = tmp_path / name
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(ManifestError, match=message):
        learned(scores)


def test_placing_measures_against_the_truth(scores, tmp_path):
    # Tempo 1.1, from 0 s of the reference.
    truth = {"reference_start_s": 3.0, "effects": [], "time_map": [[0.0, 10.0, 3.0, 14.0]]}
    truths = [{"probe": f"p{i}.wav", "shift_semitones": -2.05, **truth} for i in range(RECORDINGS)]
    with pytest.raises(ManifestError, match=r"no \.truth\.jsonl"):
        placing(scores, tmp_path)
    path = tmp_path / "c.truth.jsonl"
    path.write_text("\n".join(map(json.dumps, truths)))
    row = placing(scores, tmp_path)["c"]
    assert (row["targets"], row["matches"]) == (24, 24)
    assert row["place_ms_median"] == pytest.approx(10 * 11.5)  # planted: 0, 10, … 230 ms
    assert row["tempo_percent_median"] == pytest.approx(0, abs=1e-4)
    assert row["cents_p95"] == pytest.approx(5)
    words = ["placing", scores, "--truth", tmp_path]
    assert "| c | 24 of 24 | 115 / 219 |" in " ".join(done(*words).stdout.split())
    assert json.loads(done(*words, "--json").stdout)["conditions"]["c"] == plain(row)
    path.write_text(json.dumps(truths[0]))
    with pytest.raises(ManifestError, match=r"no truth is known for p1\.wav"):
        placing(scores, tmp_path)
