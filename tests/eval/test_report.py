"""The report: measured alike for every system, written whole, read by people and scripts."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from cqtnet.cli import cqtnet
from cqtnet.errors import InputError
from eval.metrics import Figure
from eval.report import (
    Options,
    errors_table,
    measure_system,
    page,
    read_report,
    shown,
    system_names,
)
from eval.report_pictures import draw_pictures
from eval.trials import Scores, read_scores, write_scores

QUICK = Options(resamples=20)


def scores_of(
    path: Path, *, shift: float = 2.0, candidates: int = 1, with_log_lr: bool = False
) -> Path:
    """60 targets of mean `shift`, and nontargets of mean 0, in two conditions of 30 recordings."""
    rng = np.random.default_rng(3)
    n = 60
    label = np.concatenate([np.ones(n, bool), np.zeros(n * candidates, bool)])
    own = np.arange(n)
    probe = np.concatenate([own, np.repeat(own, candidates)])
    others = (own[:, None] + 1 + np.arange(candidates)) % n
    reference = np.concatenate([own, others.ravel()])
    score = rng.normal(np.where(label, shift, 0.0), 1.0)
    snr = np.linspace(0, 10, n)[probe]
    table = Scores(
        path,
        np.array([f"r{i}.wav" for i in reference]),
        np.array([f"p{i}.wav" for i in probe]),
        label,
        np.where(probe < n // 2, "quiet", "noise"),
        np.array([f"song {i // 2}" for i in probe]),
        {"snr_db": np.array([f"{x:.3f}" for x in snr])},
        score=score,
        log_lr=shift * score - shift**2 / 2 if with_log_lr else None,
    )
    write_scores(path, table)
    return path


def report(*words: object) -> Result:
    return CliRunner().invoke(cqtnet, ["eval", "report", *map(str, words)])


def test_a_report_says_the_same_in_json_csv_and_table(tmp_path: Path) -> None:
    ours, theirs = scores_of(tmp_path / "ours.csv"), scores_of(tmp_path / "t.csv", shift=1.0)
    out = tmp_path / "report"
    done = report(ours, f"theirs={theirs}", "--out", out, "--resamples", 50, "--no-pictures")
    assert done.exit_code == 0, done.output
    content = json.loads((out / "report.json").read_text())
    assert list(content["systems"]) == ["ours", "theirs"]
    conditions = content["systems"]["ours"]["conditions"]
    assert list(conditions) == ["quiet", "noise", "all"]
    eer = conditions["all"]["figures"]["eer"]
    assert eer["low"] < eer["value"] < eer["high"]
    assert (
        eer["value"] < content["systems"]["theirs"]["conditions"]["all"]["figures"]["eer"]["value"]
    )
    with (out / "report.csv").open() as file:
        rows = list(csv.DictReader(file))
    (row,) = [
        r for r in rows if (r["system"], r["condition"], r["figure"]) == ("ours", "all", "EER")
    ]
    assert float(row["value"]) == eer["value"] and float(row["high"]) == eer["high"]
    assert f"{100 * eer['value']:.3g}"[:4] in done.stdout
    assert (out / "report.md").read_text().count("| noise ") == 4


def test_json_on_stdout_is_what_the_file_holds(tmp_path: Path) -> None:
    ours, out = scores_of(tmp_path / "ours.csv"), tmp_path / "report"
    done = report(ours, "--out", out, "--json", "--resamples", 0, "--no-pictures")
    assert json.loads(done.stdout) == json.loads((out / "report.json").read_text())


def test_pictures_are_those_that_the_scores_allow(tmp_path: Path) -> None:
    measured = read_report({"a": scores_of(tmp_path / "a.csv")}, options=QUICK)
    assert sorted(draw_pictures(measured)) == [
        "det-a", "histogram-a-noise", "histogram-a-quiet", "roc-a",
    ]  # fmt: skip
    files = {name: scores_of(tmp_path / f"{name}.csv", with_log_lr=True) for name in "ab"}
    both = read_report(files, options=QUICK)
    names = set(draw_pictures(both))
    assert names >= {"det-noise", "det-quiet", "tippett-noise", "calibration-a-noise"}


def test_conditions_that_differ_in_their_size_only_make_one_curve(tmp_path: Path) -> None:
    path = scores_of(tmp_path / "crop.csv")
    text = path.read_text().replace(",quiet,", ",crop-3s,").replace(",noise,", ",crop-5s,")
    path.write_text(text)
    measured = read_report({"a": path}, options=QUICK)
    assert "size-crop-snr_db" in draw_pictures(measured)


def test_written_pictures_stand_in_the_page(tmp_path: Path) -> None:
    out = tmp_path / "report"
    done = report(scores_of(tmp_path / "a.csv"), "--out", out, "--resamples", 20)
    assert done.exit_code == 0, done.output
    page = (out / "report.md").read_text()
    assert "](det-a.png)" in page
    assert (out / "det-a.png").exists() and (out / "det-a.svg").exists()


def test_ranks_are_told_only_among_enough_candidates(tmp_path: Path) -> None:
    few = measure_system("a", read_scores(scores_of(tmp_path / "few.csv")), options=QUICK)
    many = scores_of(tmp_path / "many.csv", candidates=12)
    enough = measure_system("a", read_scores(many), options=QUICK)
    assert few.retrieval == {} and set(enough.retrieval) == {"quiet", "noise", "all"}


def test_a_figure_is_shown_with_its_interval_or_as_a_bound() -> None:
    assert shown(Figure(0.02, 0.01, 0.0449), in_percent=True) == "2 [1, 4.49]"
    assert shown(Figure(0.0, 0.0, 0.015, bound=True), in_percent=True) == "< 1.5"
    assert shown(Figure(1.0, 0.985, 1.0, bound=True), in_percent=True) == "> 98.5"
    assert shown(Figure(0.0, 0.0, 0.15), in_percent=True) == "0 [0, 15]", "all wrong, not flawless"
    assert shown(Figure(2.9e-6, 1e-6, 2e-5), in_percent=True) == "0.00029 [0.0001, 0.002]"
    assert shown(Figure(0.012, 0.008)) == "0.012 [≥ 0.008]"
    assert shown(Figure(0.123456)) == "0.123"
    assert shown(Figure(None, note="no log_lr")) == shown(None) == "–"


def test_a_column_that_nobody_can_fill_is_left_out(tmp_path: Path) -> None:
    measured = read_report({"a": scores_of(tmp_path / "a.csv")}, options=QUICK)
    header = errors_table(measured).splitlines()[0]
    assert "EER %" in header and "Cllr" not in header
    assert "FA 0.1 %" not in header, "60 nontargets cannot tell"
    assert "minCllr" in page(measured) and "| calibration loss" not in page(measured)


def test_systems_are_named_by_their_file_or_by_name(tmp_path: Path) -> None:
    odd = tmp_path / "a=b.csv"
    odd.touch()
    assert system_names(["x/ours.csv", "peer=x/scores.csv", str(odd)]) == {
        "ours": Path("x/ours.csv"), "peer": Path("x/scores.csv"), "a=b": odd,
    }  # fmt: skip
    with pytest.raises(InputError, match=r"two score files are named 'ours'"):
        system_names(["x/ours.csv", "y/ours.csv"])


def test_a_threshold_and_operating_points_can_be_asked_for(tmp_path: Path) -> None:
    out = tmp_path / "report"
    words = ["--threshold", 1.0, "--operating-point", "0.01,10,1", "--false-alarm-rate", 0.1]
    done = report(scores_of(tmp_path / "a.csv"), "--out", out, "--no-pictures", *words)
    assert done.exit_code == 0, done.output
    figures = json.loads((out / "report.json").read_text())["systems"]["a"]["conditions"]["all"]
    assert {"miss", "false_alarm", "accuracy", "frr_at_far_0.1"} <= set(figures["figures"])
    assert "miss % at 1 " in done.stdout


@pytest.mark.parametrize(
    ("change", "words", "message"),
    [
        (lambda text: text.replace(",1,", ",0,"), [], "no target"),
        (lambda text: text + "x.wav,p0.wav,0,quiet,song 0,1,nan\n", [], "a.csv:122: score 'nan'"),
        (lambda text: text + text.splitlines()[1] + "\n", [], "a.csv:122: the trial of"),
        (lambda text: text, ["--operating-point", "high"], "operating point 'high'"),
        (lambda text: text, ["--operating-point", "0.1,1"], "operating point '0.1,1'"),
    ],
)
def test_bad_input_is_one_line_exit_code_2_and_nothing_written(
    tmp_path: Path, change: object, words: list[str], message: str
) -> None:
    path, out = scores_of(tmp_path / "a.csv"), tmp_path / "report"
    assert callable(change)
    path.write_text(change(path.read_text()))
    with pytest.raises(InputError) as caught:
        done = report(path, "--out", out, *words)
        assert done.exception is not None
        raise done.exception
    assert message in str(caught.value) and "\n" not in str(caught.value)
    assert not out.exists()


def test_a_report_is_replaced_only_on_request(tmp_path: Path) -> None:
    path, out = scores_of(tmp_path / "a.csv"), tmp_path / "report"
    words = [path, "--out", out, "--no-pictures", "--resamples", 0]
    assert report(*words).exit_code == 0
    assert "use --force" in str(report(*words).exception)
    assert report(*words, "--force").exit_code == 0


def test_a_replaced_report_leaves_no_picture_of_the_old_one(tmp_path: Path) -> None:
    out = tmp_path / "report"
    words = ["--out", out, "--resamples", 20]
    assert report(scores_of(tmp_path / "old.csv"), *words).exit_code == 0
    (out / "notes.txt").write_text("mine")
    assert report(scores_of(tmp_path / "new.csv"), *words, "--force").exit_code == 0
    names = {path.name for path in out.iterdir()}
    assert not any("-old" in name for name in names)
    assert {"notes.txt", "det-new.png", "report.json"} <= names


def test_odd_scores_are_measured_with_a_warning(tmp_path: Path) -> None:
    swapped = scores_of(tmp_path / "swapped.csv", shift=-2.0)
    with pytest.warns(UserWarning, match="swapped: targets score lower than nontargets"):
        read_report({"swapped": swapped}, options=QUICK)
    good = read_scores(scores_of(tmp_path / "good.csv", with_log_lr=True))
    assert good.log_lr is not None
    write_scores(tmp_path / "sign.csv", replace(good, log_lr=-good.log_lr))
    with pytest.warns(UserWarning, match="sign: log_lr falls where score rises"):
        read_report({"sign": tmp_path / "sign.csv"}, options=QUICK)
    fewer = good.where(good.condition == "quiet")
    write_scores(tmp_path / "fewer.csv", fewer)
    with pytest.warns(UserWarning, match="good and fewer scored different trials"):
        read_report({n: tmp_path / f"{n}.csv" for n in ("good", "fewer")}, options=QUICK)


def test_notes_stand_in_the_page_and_bars_in_names_do_not_break_the_table(tmp_path: Path) -> None:
    measured = read_report({"a|b": scores_of(tmp_path / "a.csv")}, options=QUICK)
    text = page(measured)
    assert "needs 1,000 nontargets" in text
    rows = [line for line in text.splitlines() if "a\\|b" in line and line.startswith("|")]
    header = errors_table(measured).splitlines()[0]
    assert rows and rows[0].replace("\\|", "").count("|") == header.count("|")
