"""The report: measured alike for every system, written whole, read by people and scripts."""

import csv
import json
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest

from cqtnet.errors import InputError
from cqtnet.schema import versioned
from eval import plots
from eval import report as r
from eval.metrics import Figure, Options
from eval.trials import read_scores, write_trials
from tests.eval.planted import done, refusal, score_table
from tests.eval.plots.reading import legend

QUICK = Options(resamples=20)


def table_of(
    conditions=("quiet", "noise"), sizes=("",), *, shift=2.0, candidates=1, with_log_lr=False,
    sizes_of_nontargets=None,
):  # fmt: skip
    """60 targets of mean `shift`, and nontargets of mean 0, of 30 recordings in each condition."""
    n = 60
    own = np.tile(np.arange(n), 1 + candidates)
    kind = np.repeat(np.arange(1 + candidates), n)  # 0: targets
    reference = (own + 2 * kind) % n
    size = np.array([sizes[i % len(sizes)] for i in own])
    if sizes_of_nontargets is not None:
        size = np.where(kind == 0, size, sizes_of_nontargets)
    condition = np.repeat(conditions, len(own))
    own, kind, reference, size = (np.tile(x, len(conditions)) for x in (own, kind, reference, size))
    score = np.random.default_rng(4).normal(np.where(kind == 0, shift, 0.0))
    probe, log_lr = np.char.add(condition, own.astype(str)), shift * score - shift**2 / 2
    known = {"condition": condition, "log_lr": log_lr if with_log_lr else None}
    table = score_table(reference, probe, kind == 0, own // 2, score, **known)
    return replace(table, extras={"snr_db": size})


def scores_of(path, **options):
    write_trials(path, table_of(**options))
    return path


def test_a_report_says_the_same_in_json_csv_and_table(tmp_path):
    ours, theirs = scores_of(tmp_path / "ours.csv"), scores_of(tmp_path / "t.csv", shift=1.0)
    out = tmp_path / "report"
    words = [ours, f"theirs={theirs}", "--out", out, "--resamples", 50, "--no-pictures"]
    shown = done("report", *words).stdout
    content = json.loads((out / "report.json").read_text())
    assert list(content["systems"]) == ["ours", "theirs"]
    conditions = content["systems"]["ours"]["conditions"]
    assert list(conditions) == ["quiet", "noise", "all"]
    eer = conditions["all"]["figures"]["eer"]
    other = content["systems"]["theirs"]["conditions"]["all"]["figures"]["eer"]
    assert eer["low"] < eer["value"] < eer["high"] and eer["value"] < other["value"]
    with (out / "report.csv").open() as file:
        rows = list(csv.DictReader(file))
    key = ("ours", "all", "EER")
    (row,) = [row for row in rows if (row["system"], row["condition"], row["figure"]) == key]
    assert float(row["value"]) == eer["value"] and float(row["high"]) == eer["high"]
    assert f"{100 * eer['value']:.3g}"[:4] in shown
    assert (out / "report.md").read_text().count("| noise ") == 4
    assert "use --force" in refusal("report", *words)
    again = done("report", *words, "--force", "--json").stdout
    assert json.loads(again) == versioned(json.loads((out / "report.json").read_text()))


def test_ranks_are_given_only_among_enough_candidates():
    few = r.measure_system("a", table_of(), QUICK)
    enough = r.measure_system("a", table_of(candidates=12), QUICK)
    assert few.retrieval == {} and set(enough.retrieval) == {"quiet", "noise", "all"}


def test_a_figure_is_shown_with_its_interval_or_as_a_bound():
    assert r.shown(Figure(0.02, 0.01, 0.0449), in_percent=True) == "2 [1, 4.49]"
    assert r.shown(Figure(0.0, 0.0, 0.015, bound=True), in_percent=True) == "< 1.5"
    assert r.shown(Figure(1.0, 0.985, 1.0, bound=True), in_percent=True) == "> 98.5"
    all_wrong = Figure(0.0, 0.0, 0.15)  # not flawless
    assert r.shown(all_wrong, in_percent=True) == "0 [0, 15]"
    assert r.shown(Figure(2.9e-6, 1e-6, 2e-5), in_percent=True) == "0.00029 [0.0001, 0.002]"
    assert r.shown(Figure(0.012, 0.008)) == "0.012 [≥ 0.008]"
    assert r.shown(Figure(0.123456)) == "0.123"
    assert r.shown(Figure(None, note="no log_lr")) == r.shown(None) == "–"


def test_a_column_that_no_system_can_fill_is_left_out():
    measured = r.Report([r.measure_system("a|b", table_of(), QUICK)], QUICK)
    header = r.errors_table(measured).splitlines()[0]
    assert "EER %" in header and "Cllr" not in header
    assert "FA 0.1 %" not in header, "60 nontargets cannot show it"
    text = r.page(measured, [])
    assert "minCllr" in text and "| calibration loss" not in text
    assert "needs 1,000 nontargets" in text, "notes"
    rows = [line for line in text.splitlines() if "a\\|b" in line and line.startswith("|")]
    assert rows[0].replace("\\|", "").count("|") == header.count("|")


def test_systems_are_named_by_their_file_or_by_name(tmp_path):
    odd = tmp_path / "a=b.csv"
    odd.touch()
    assert r.system_names(["x/ours.csv", "peer=x/scores.csv", str(odd)]) == {
        "ours": Path("x/ours.csv"), "peer": Path("x/scores.csv"), "a=b": odd,
    }  # fmt: skip
    with pytest.raises(InputError, match=r"two score files are named 'ours'"):
        r.system_names(["x/ours.csv", "y/ours.csv"])
    with pytest.raises(InputError, match=r"lacks a system or a file"):
        r.system_names(["=ours.csv"])


def test_a_threshold_and_operating_points_can_be_asked_for(tmp_path):
    out = tmp_path / "report"
    words = ["--threshold", 1.0, "--operating-point", "0.01,10,1", "--false-alarm-rate", 0.1]
    words += ["--no-pictures", "--resamples", 0]
    shown = done("report", scores_of(tmp_path / "a.csv"), "--out", out, *words).stdout
    figures = json.loads((out / "report.json").read_text())["systems"]["a"]["conditions"]["all"]
    wanted = {"miss", "false_alarm", "accuracy", "frr_at_far_0.1", "min_dcf_p0.01_cm10_cf1"}
    assert wanted <= set(figures["figures"])
    assert "miss % at 1 " in shown and "Without intervals" in shown


@pytest.mark.parametrize(("change", "words", "message"), [
    (lambda text: text.replace(",1,", ",0,"), [], "no target"),
    (lambda text: text + "x.wav,p,0,quiet,song 0,1,nan\n", [], "a.csv:242: score 'nan'"),
    (lambda text: text + text.splitlines()[1] + "\n", [], "a.csv:242: the trial of"),
    (lambda text: text, ["--operating-point", "high"], "operating point 'high'"),
    (lambda text: text, ["--operating-point", "0.1,1"], "operating point '0.1,1'"),
    (lambda text: text, ["--resamples", "9"], "9 resamples make no 95 % interval"),
])  # fmt: skip
def test_bad_input_is_one_line_and_nothing_written(tmp_path, change, words, message):
    path, out = scores_of(tmp_path / "a.csv"), tmp_path / "report"
    path.write_text(change(path.read_text()))
    assert message in refusal("report", path, "--out", out, *words)
    assert not out.exists()


def test_pictures_stand_in_the_page_and_leave_with_their_report(tmp_path):
    out = tmp_path / "report"
    words = ["--out", out, "--resamples", 20]
    done("report", scores_of(tmp_path / "old.csv", conditions=["c"]), *words)
    assert "](det-old.png)" in (out / "report.md").read_text()
    assert (out / "det-old.png").exists() and (out / "det-old.svg").exists()
    (out / "notes.txt").write_text("mine")
    done("report", scores_of(tmp_path / "new.csv", conditions=["c"]), *words, "--force")
    names = {path.name for path in out.iterdir()}
    assert not any("-old" in name for name in names)
    assert {"notes.txt", "det-new.png", "report.json"} <= names


def test_suspicious_scores_are_measured_with_a_warning(tmp_path):
    swapped = scores_of(tmp_path / "swapped.csv", shift=-2.0)
    with pytest.warns(UserWarning, match="swapped: targets score lower than nontargets"):
        r.read_report({"swapped": swapped}, options=QUICK)
    good = read_scores(scores_of(tmp_path / "good.csv", with_log_lr=True))
    assert good.log_lr is not None
    write_trials(tmp_path / "sign.csv", replace(good, log_lr=-good.log_lr))
    with pytest.warns(UserWarning, match="sign: log_lr falls where score rises"):
        r.read_report({"sign": tmp_path / "sign.csv"}, options=QUICK)
    write_trials(tmp_path / "fewer.csv", good.where(good.condition == "quiet"))
    with pytest.warns(UserWarning, match="good and fewer scored different trials"):
        r.read_report({n: tmp_path / f"{n}.csv" for n in ("good", "fewer")}, options=QUICK)


def pictures_of(*systems, resamples=10, seed=0):
    options = Options(resamples=resamples, seed=seed)
    measured = [r.measure_system(name, scores, options) for name, scores in systems]
    return r.draw_pictures(r.Report(measured, options))


def test_pictures_are_those_that_the_scores_allow():
    plain = pictures_of(("a", table_of()))
    assert sorted(plain) == ["det-a", "histogram-a-noise", "histogram-a-quiet", "roc-a"]
    both = pictures_of(*((name, table_of(with_log_lr=True)) for name in "ab"))
    assert set(both) >= {"det-noise", "det-quiet", "tippett-noise", "calibration-a-noise"}
    many = pictures_of(*((name, table_of(["c"])) for name in "abcdefg"))
    assert set(many) >= {"det-c-1", "det-c-2"}, "at most six lines on one"


def test_bands_and_sizes_take_the_options_of_the_report(monkeypatch):
    calls = []
    for module, name in ((r, "roc_band"), (plots, "points_by_size")):
        calls.append(Mock(wraps=getattr(module, name)))
        monkeypatch.setattr(module, name, calls[-1])
    pictures_of(("a", table_of(["c"], ["0", "10"])), resamples=12, seed=7)
    assert [called.call_args.kwargs for called in calls] == 2 * [{"resamples": 12, "seed": 7}]
    drawn = pictures_of(("a", table_of(["c"], ["0", "10"])), resamples=0)
    assert "size-c-snr_db" in drawn
    assert not [name for name, figure in drawn.items() if "resampled" in legend(figure)]


@pytest.mark.parametrize("sizes", [["0", "0", "10", "9e999"], ["1e308", "-1e308"]])
def test_sizes_that_no_axis_can_show_do_not_stop_the_report(sizes):
    assert "det-a" in pictures_of(("a", table_of(["c"], sizes)))


def test_a_picture_by_size_has_the_points_with_enough_trials():
    slow, fast = table_of(["c"], ["1", "2"]), table_of(["c"], ["8", "9"])
    assert "det-c" in pictures_of(("slow", slow), ("fast", fast))
    wide = table_of(["c"], ["1", "2", "8"])
    assert "size-c-snr_db" in pictures_of(("wide", wide), ("low", slow))
    sizes = ["0", "5", "10", "0", "5", "10", ""]
    assert "size-c-snr_db" in pictures_of(("a", table_of(["c"], sizes, sizes_of_nontargets="")))
    half = ["0", "", "10", ""]
    assert "size-c-snr_db" not in pictures_of(("a", table_of(["c"], half))), "30 targets only"
    family = pictures_of(("a", table_of(["crop-3s", "crop-5s"], ["3", "5"])))
    assert "size-crop-snr_db" in family, "conditions that differ in a size at the end"


def test_names_that_make_the_same_file_name_do_not_overwrite_each_other():
    names = set(pictures_of(("s", table_of(["a b", "a+b"]))))
    assert names >= {"histogram-s-a-b", "histogram-s-a-b-2"}
    alike = set(pictures_of(("x y", table_of(["c"])), ("X+Y", table_of(["c"]))))
    assert alike >= {"histogram-x-y-c", "histogram-X-Y-c-2"}, "some file systems take X for x"
    assert list(pictures_of(("a", table_of(["all"])))) == ["det-a", "roc-a", "histogram-a-all"]
    both = set(pictures_of(("a", table_of(["all"])), ("b", table_of(["x", "y"]))))
    assert {name for name in both if name.startswith("det")} == {"det-x", "det-y", "det-all"}
    assert "histogram-b-all" not in both


@pytest.mark.parametrize("letter", ["c", "音"])
def test_a_long_name_is_cut_and_gets_a_hash(letter):
    drawn = pictures_of((200 * letter, table_of([300 * letter, 301 * letter])))
    found = [name for name in drawn if name.startswith("histogram-")]
    assert len(set(found)) == 2 and max(len(name.encode()) for name in drawn) < 160
