import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torch import nn

from cqtnet.errors import InputError
from eval.plots import det, roc
from spoof.checkpoint import Trained, load_trained
from spoof.compare import REMARK, CompareConfig, compare_recipes, table
from spoof.evaluate import CHANGES, evaluate, shortcut_test
from spoof.prepare import Change, Preparer, part_examples
from spoof.recipes import OURS
from spoof.report import VoiceSet, page, reworded, write_report
from spoof.train import TrainConfig, train
from tests.spoof.material import TINY, voices

pytestmark = pytest.mark.usefixtures("tiny")


@pytest.fixture(scope="module", autouse=True)
def few_resamples():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("spoof.evaluate.FEW_RESAMPLES", 20)
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("evaluate")


@pytest.fixture(scope="module")
def data(folder):
    return voices(folder / "voices", groups=15)


@pytest.fixture(scope="module")
def ready(folder):
    return Preparer(folder / "cache")


@pytest.fixture(scope="module")
def trained(folder, data, ready, tiny):
    config = TrainConfig(folder / "run", TINY, ready, device="cpu")
    train(data, config, report=lambda step: None)
    return load_trained(folder / "run")


@pytest.fixture(scope="module")
def found(trained, data, ready):
    return evaluate(trained, data, ready, device="cpu", resamples=50)


def test_voices_and_systems_that_are_easily_told_apart_are_judged_without_error(
    found,
):
    assert found.part == "test" and found.recordings.metrics["eer"].value == 0
    assert found.recordings.decided.accuracy == 1
    assert found.segments.metrics.targets == 4 * found.recordings.metrics.targets  # of 2 s
    assert found.parameters == 8 * 16 + 16 + 2 * 16 + 16 * 2 + 2
    assert found.training_s == pytest.approx(sum(r["seconds"] for r in found.history))
    assert len(found.history) == 4
    human = found.recordings.metrics.nontargets
    assert {s.name for s in found.systems} <= {"system 0", "system 1"}
    assert all(s.human == human and s.found == 1 and s.false_alarm == 0 for s in found.systems)
    assert sum(s.synthetic for s in found.systems) == found.recordings.metrics.targets
    assert sum(s.human for s in found.collections) == human


def test_what_is_judged_was_not_learned_from(found, data, ready):
    parts = [part_examples(part, data, TINY, ready) for part in ("train", "valid")]
    known = {e.recordings[i].group for e in parts for i in e.recording}
    judged = set(found.recordings.trials.recording.tolist())
    assert found.split_by == "group" and judged == {u.group for u in data} - known


def test_of_other_data_the_part_marked_as_test_is_judged_or_all(trained, ready, data):
    fewer = data[:8]
    quick = partial(evaluate, device="cpu", shortcuts=0, resamples=10)
    all_of_it = quick(trained, fewer, ready)
    assert all_of_it.part == "all" and len(all_of_it.recordings.trials) == 8
    marked = [replace(u, split="test") if u.group in ("g0", "g1") else u for u in fewer]
    part = quick(trained, marked, ready)
    assert part.part == "test" and set(part.recordings.trials.recording) == {"g0", "g1"}
    apart = [replace(u, collection="fakes" if u.is_fake else "humans") for u in data]
    found = quick(trained, apart, ready, part="all")
    by_name = {s.name: s for s in found.collections}
    assert by_name["fakes"].eer.value is None and by_name["fakes"].false_alarm is None
    assert by_name["humans"].found is None and by_name["humans"].human == 15


def test_a_run_split_by_segment_is_judged_so_and_called_leaky(data, ready, folder, found):
    config = TrainConfig(folder / "leaky", TINY, ready, device="cpu", split_by="segment")
    train(data, config, report=lambda step: None)
    trained = load_trained(folder / "leaky")
    leaky = evaluate(trained, data, ready, device="cpu", resamples=10)
    assert leaky.split_by == "segment" and not leaky.shortcuts
    assert len(leaky.segments.trials) == 24  # a fifth of 30 recordings of 4 segments
    assert "remembered" in page(leaky, pictures=[])
    assert "remembered" not in page(found, pictures=[])


class Bands(nn.Module):
    """A detector that only asks whether some bands hold more than half of the energy."""

    def __init__(self, first, sign):
        super().__init__()
        self.first, self.sign = first, sign

    def forward(self, x):
        return self.sign * (x[:, self.first :].sum(dim=1, keepdim=True) - 0.5).sign()


def effect_of(data, folder, change, *, sign=1.0, recipe=TINY):
    """What a change does to such a detector, whose sign says which band is synthetic."""
    trained = Trained(Bands(4, sign), recipe, "a" * 64, Path("x.safetensors"), {})
    changes = [Change(change.__name__, change)]
    (row,) = shortcut_test(trained, data, Preparer(folder), changes=changes)
    return row


def lowered(samples, rate_hz):
    """Everything at a third of its frequency, as a slow tape would play it."""
    n = np.arange(len(samples))
    return np.interp(n / 3, n, samples).astype(np.float32)


def test_a_detector_of_formats_is_found_out(data, tmp_path):
    """A low sound is synthetic here: human voices are high, until they are lowered."""
    turned = [replace(u, is_fake=not u.is_fake) for u in data]
    row = effect_of(turned, tmp_path, lowered, sign=-1.0)
    assert (row.human, row.synthetic) == (15, 15)
    assert row.eer_before == 0 and row.taken_before == 0
    assert row.taken_after == 1 and row.turned == 1
    assert row.eer_human_changed.value == 0.5 and row.worst_eer_change == 0.5


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.name)
def test_every_change_of_format_keeps_length_and_does_what_it_says(change):
    rate_hz = 48_000
    noise = np.random.default_rng(0).normal(0, 0.1, rate_hz).astype(np.float32)
    changed = change.apply(noise, rate_hz)
    assert changed.shape == noise.shape and changed.dtype == np.float32
    power = np.abs(np.fft.rfft(changed)) ** 2 / np.mean(np.abs(np.fft.rfft(noise)) ** 2)
    hz = np.fft.rfftfreq(rate_hz, 1 / rate_hz)
    edges = {"low-pass 4 kHz": 4000, "low-pass 8 kHz": 8000, "resampled 8 kHz": 4000,
             "resampled 16 kHz": 8000}  # fmt: skip
    if change.name in edges:
        edge = edges[change.name]
        assert power[hz > 2 * edge].mean() < 1e-4  # 48 dB an octave
        assert power[hz < 0.5 * edge].mean() == pytest.approx(1, abs=0.1)
    else:
        assert power[hz > 20_500].mean() < 0.1  # no lossy codec keeps the top at such a rate
    if change.name == "resampled 16 kHz":
        assert change.apply(noise, 8000) is noise  # it has no more than that


def test_a_report_holds_page_data_scores_and_pictures(found, tmp_path):
    path = write_report(tmp_path / "report", found)
    text = path.read_text()
    stated = "ours itself states: accuracy 12.3 % on other data. Its data are different."
    headings = ("# tiny: a network for tests", "## The shortcut test", "## By system")
    for words in (*headings, stated, "| mp3 32 kbit/s ", "* It is small.", "Training took"):
        assert words in text
    for name in ("det", "roc", "confusion", "curves"):
        assert f"![{name}]({name}.png)" in text
        with Image.open(tmp_path / "report" / f"{name}.png") as picture:
            assert np.ptp(np.asarray(picture.convert("L"))) > 100  # something is drawn
    record = json.loads((tmp_path / "report" / "report.json").read_text())
    assert record["recordings"]["decided"]["accuracy"] == 1 and len(record["shortcuts"]) == 6
    scores = (tmp_path / "report" / "scores.csv").read_text().splitlines()
    assert len(scores) == 1 + len(found.recordings.trials)


def test_pictures_speak_of_voices_and_not_of_pairs(rng):
    sets = [VoiceSet("a", rng.normal(1, 1, 50), rng.normal(0, 1, 40), eer_interval=(0.1, 0.4))]
    for figure in (reworded(det(sets, title="a")), reworded(roc(sets, title="a"))):
        artists = figure.findobj(match=lambda artist: hasattr(artist, "get_text"))
        texts = " ".join(artist.get_text() for artist in artists)
        assert "pair" not in texts and "same recording" not in texts
        assert "synthetic voices" in texts and "50\xa0synthetic,\xa040\xa0human" in texts


@pytest.fixture
def compared(data, tmp_path, monkeypatch):
    """Compare recipes without pictures, with few resamples, and note the runs."""
    monkeypatch.setattr("spoof.report.pictures", lambda found: {})
    monkeypatch.setattr("spoof.compare.evaluate", partial(evaluate, resamples=10))

    def run(*recipes, on=data, **options):
        names: list[str] = []
        given = {"shortcuts": 1, "epochs": 2, "device": "cpu"} | options
        config = CompareConfig(tmp_path, Preparer(tmp_path / "cache"), **given)
        entries = compare_recipes(on, recipes, config, report=lambda n, _: names.append(n))
        return entries, set(names)

    return run


def level_alone(samples):
    return np.full(8, np.abs(samples).mean(), np.float32)


def test_finished_recipes_are_kept(compared, data, tmp_path, monkeypatch):
    blind = replace(TINY, name="blind", feature=partial(level_alone), input_shape=(8,), results=())
    monkeypatch.setitem(OURS, "blind", blind)
    both = {"split_bys": ("group", "segment")}
    first, runs = compared(blind, TINY, **both)
    assert runs == {f"{r}-{s}-0" for r in ("blind", "tiny") for s in ("group", "segment")}
    written = {file: file.stat().st_mtime_ns for file in tmp_path.rglob("report.json")}
    again, runs = compared(blind, TINY, **both)
    assert not runs and [e.to_dict() for e in again] == [e.to_dict() for e in first]
    assert len(written) == 4
    assert all(file.stat().st_mtime_ns == time_ns for file, time_ns in written.items())
    lines = table(first).splitlines()
    assert "by segment: accuracy %" in lines[0]
    assert lines[2].startswith("| tiny ") and lines[3].startswith("| blind ")  # the best first
    assert "accuracy 12.3 %" in lines[2]
    assert REMARK in (tmp_path / "comparison.md").read_text()
    record = json.loads((tmp_path / "comparison.json").read_text())
    assert record[1]["eer"][0] == 0 and record[1]["seeds"] == {"group": 1, "segment": 1}
    assert record[1]["parameters"] == sum(p.numel() for p in TINY.build().parameters())
    with pytest.raises(InputError, match="holds a comparison on other data"):
        compared(TINY, on=data[2:])


def test_seeds_are_averaged_and_a_recipe_that_fails_stops_no_other(compared):
    wrong = replace(TINY, name="wrong", input_shape=(9,))
    (failed, entry), _ = compared(wrong, TINY, seeds=2, shortcuts=0)
    seconds = [report["training_s"] for report in entry.reports["group"]]
    assert len(seconds) == 2 and entry.to_dict()["training_s"] == np.mean(seconds)
    assert entry.to_dict()["shortcut"] is None and not entry.error
    assert "where wrong takes (9,)" in failed.error
    assert "failed: " in table([failed, entry]).splitlines()[-1]
