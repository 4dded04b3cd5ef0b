import json
import math
from dataclasses import replace

import pytest
from click.testing import CliRunner

from cqtnet.errors import InputError, ManifestError, WeightsError
from spoof.commands import group
from spoof.recipes import OURS
from tests.spoof.material import TINY, sound, table, text, voices, write


def done(*words, code=0):
    result = CliRunner().invoke(group, [str(word) for word in words])
    assert result.exit_code == code, (result.output, result.exception)
    return result


def refused(kind, *words):
    """What is said of a call that ends with exit code 2, which the root command makes of it."""
    result = CliRunner().invoke(group, [str(word) for word in words])
    assert isinstance(result.exception, kind), (result.output, result.exception)
    return str(result.exception)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("commands")


@pytest.fixture(scope="module", autouse=True)
def no_pictures(tiny):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("spoof.report.pictures", lambda found: {})  # drawn elsewhere; takes seconds
        yield


@pytest.fixture(scope="module")
def data(folder):
    return table(folder / "voices.csv", voices(folder / "voices", groups=15, each=5))


@pytest.fixture(scope="module")
def run(folder, data, no_pictures):
    done("train", "tiny", "--data", data, "--out", folder / "run", "--device", "cpu")
    done("calibrate", folder / "run", "--data", data, "--folds", 2, "--force", "--device", "cpu",
         "--cache", folder / "run" / "cache")  # fmt: skip
    return folder / "run"


def test_recipes_are_listed_with_their_sources_figures():
    listed = done("recipes").output
    assert "S1 states accuracy 81.3 % on Fake-or-Real" in listed
    assert "s2-ann  three dense layers" in listed and "@" not in listed
    listed = json.loads(done("recipes", "--features", "--json").output)
    by_name = {record["name"]: record for record in listed["recipes"]}
    assert by_name["s2-ann"]["parameters"] == 41 * 64 + 65 * 64 + 65 * 64 + 65 * 2
    assert by_name["s2-ann@chroma"]["input"]["input_shape"] == [12]


def test_a_run_is_trained_and_calibrated_evaluated_and_used(run, data, folder):
    assert (run / "best.calibration.json").exists()
    result = done("evaluate", run, "--data", data, "--out", folder / "report", "--shortcuts", 5,
                  "--resamples", 50, "--device", "cpu")  # fmt: skip
    assert "# tiny: a network for tests" in result.stdout
    record = json.loads((folder / "report" / "report.json").read_text())
    assert record["part"] == "test" and record["recordings"]["figures"]["cllr"]["value"] < 0.5
    figures = record["recordings"]
    assert sum(record["verdicts"]["human"].values()) == figures["nontargets"] > 0
    assert record["verdicts"]["human"]["synthetic"] == 0
    assert "## Verdicts by likelihood ratio" in result.stdout
    fake = write(folder / "fake.wav", sound(True, 12345))
    real = write(folder / "real.wav", sound(False, 12345))
    picture = folder / "fake.png"
    shown = done("detect", fake, "--model", run, "--picture", picture, code=1).stdout
    assert "SYNTHETIC" in shown and picture.stat().st_size > 1000
    assert "NO TRACE FOUND" in done("detect", real, "--model", run, code=0).stdout
    lines = done("detect", real, fake, "--model", run, "--json", code=1).stdout.splitlines()
    assert [json.loads(line)["verdict"] for line in lines] == ["no trace", "synthetic"]


def test_of_several_files_one_that_cannot_be_read_stops_no_other(run, folder):
    real = write(folder / "r.wav", sound(False, 777))
    bad = text(folder / "bad.wav", "no audio")
    result = done("detect", real, bad, "--model", run, code=2)
    assert "NO TRACE FOUND" in result.stdout and "bad.wav" in result.stderr
    short = write(folder / "short.wav", sound(False, 1, seconds=0.5))
    assert "INSUFFICIENT EVIDENCE" in done("detect", short, "--model", run, code=3).stdout
    done("detect", short, real, "--model", run, code=3)


def test_folds_calibrate_by_all_groups_but_those_for_testing(run, data):
    known = json.loads((run / "best.calibration.json").read_text())
    assert known["data"]["groups"] == 12 and known["data"]["synthetic"] == 60
    assert known["most"] == pytest.approx(math.log(known["data"]["human_groups"] + 1))
    words = ("calibrate", run, "--data", data, "--device", "cpu")
    said = refused(InputError, *words, "--folds", 3, "--split", "valid")
    assert "leave out --split valid" in said
    assert "exists already; use --force" in refused(InputError, *words)
    found = json.loads(done(*words, "--force", "--json").stdout)  # by the validation part
    assert found["model_sha256"] == known["model_sha256"] and found["slope"] > 0
    assert found["data"]["human"] == 5


def test_a_run_goes_on_and_is_not_overwritten(folder, data):
    out = folder / "resumed"
    words = ("train", "tiny", "--data", data, "--out", out, "--device", "cpu")
    assert "--resume continues" in done(*words, "--stop-after", 0).stderr
    assert "holds a run already" in refused(WeightsError, *words)
    record = json.loads(done(*words, "--resume", "--json").stdout)
    assert record["is_finished"] and len(record["history"]) == 4 and record["calibrated"]
    assert record["history"][0]["share"] < 1  # a part of an epoch, before the time was up


def test_training_is_changed_on_request(folder, data):
    out = folder / "changed"
    words = ("train", "tiny", "--data", data, "--device", "cpu", "--out", out)
    done(*words, "--epochs", 1, "--set", "learning_rate=0.5", "--set", "copies=2", "--seed", 3,
         "--split-by", "segment")  # fmt: skip
    card = json.loads((out / "best.json").read_text())
    training = card["recipe"]["training"]
    assert (training["epochs"], training["learning_rate"], training["copies"]) == (1, 0.5, 2)
    assert card["seed"] == 3 and card["split_by"] == "segment"
    assert not (out / "best.calibration.json").exists()  # its recordings were learned from
    assert "'rate' is unknown; use one of epochs" in refused(InputError, *words, "--set", "rate=1")


def test_recipes_are_compared_and_failures_reported(folder, data, monkeypatch):
    monkeypatch.setitem(OURS, "wrong", replace(TINY, name="wrong", input_shape=(9,)))
    words = ("compare-recipes", "--data", data, "--out", folder / "compared", "--epochs", 1,
             "--shortcuts", 0, "--device", "cpu")  # fmt: skip
    result = done(*words, "--recipes", "tiny, wrong,tiny", code=1)
    assert "| tiny " in result.stdout and "data differ" not in result.stdout
    assert "other data" in result.stdout and "wrong takes (9,)" in result.stderr
    assert len(json.loads(done(*words, "--recipes", "tiny", "--json").stdout)["entries"]) == 1


def test_wrong_calls_are_answered_in_one_line(run, data, folder):
    fake = write(folder / "f.wav", sound(True, 5))
    text(folder / "reported" / "report.json", "{}")
    for kind, said, words in (
        (ManifestError, "is not there", ("train", "tiny", "--data", folder / "nothing")),
        (WeightsError, "make some with `cqtnet spoof train`", ("detect", fake, "--model", "no")),
        (InputError, "a picture is of one file, not of 2", ("detect", fake,
            data.parent / "voices" / "real" / "0-0.wav", "--picture", folder / "p.png")),
        (InputError, "does not end in .png", ("detect", fake, "--picture", folder / "p.jpg")),
        (InputError, "no audio in", ("detect", folder / "run", "--model", run)),
        (InputError, "holds a report already", ("evaluate", run, "--data", data, "--out",
            folder / "reported")),
    ):  # fmt: skip
        message = refused(kind, *words)
        assert said in message and "\n" not in message
