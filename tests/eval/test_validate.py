"""Validation: planted ratios with known figures, the page, and limits against the package lir."""

import json
import math
import warnings
from itertools import chain

import numpy as np
import pytest

from cqtnet.errors import ManifestError
from eval.metrics import dev_pav, empirical_bounds, invariance_bounds
from eval.trials import COLUMNS
from eval.validate import NEEDED, Criterion, validate
from tests.eval.planted import done, refusal

with warnings.catch_warnings():  # its pictures import deprecated things
    warnings.simplefilter("ignore")
    from lir.algorithms.bayeserror import elub
    from lir.algorithms.invariance_bounds import calculate_invariance_bounds
    from lir.metrics.devpav import devpav

MUSIC, SPEECH = 0.4, 0.02
LN5, LN20 = math.log(5), math.log(20)


def rows(condition, same, other, *, n=20, persistence=MUSIC, stated=1, kind="p"):
    """n copies and n other pairs of n recordings, each class with one pair of ratios (u, r)."""
    for label, (unrelated, rendition) in ((1, same), (0, other)):
        for i in range(n):
            own = i if label else (i + 7) % n
            trial = [f"r{kind}{own}", f"{kind}{i}", label, condition, f"R{kind}{i}", 0, 0]
            yield [*trial, unrelated, rendition, 0, persistence, 9.5, stated]


def write(path, *parts):
    table = [[*COLUMNS, "score", "log_lr", *NEEDED], *chain(*parts)]
    path.write_text("".join(",".join(map(str, row)) + "\n" for row in table))
    return path


@pytest.fixture
def files(tmp_path):
    """Unrelated music and speech, and renditions of which speech misleads."""
    music = rows("hard", (LN20, LN5), (-LN20, -LN5))
    talk = rows("talk", (7.0, 3.0), (-7.0, -3.0), persistence=SPEECH, kind="s")
    pieces = rows("rendition-within", (9.0, LN5), (9.0, -LN5))
    texts = rows("text-within", (9.0, 3.0), (9.0, 5.0), persistence=SPEECH, kind="s")
    return write(tmp_path / "hard.csv", music, talk), write(tmp_path / "works.csv", pieces, texts)


def test_figures_of_planted_ratios(files):
    unrelated, rendition = validate(files, Criterion(), resamples=0).tested
    all_, *_, hard, talk = unrelated.groups
    assert hard.figures["cllr"].value == pytest.approx(math.log2(1 + 1 / 20))
    assert list(all_.strengths["moderate"].values()) == [20, 0, 20, 0]
    assert all_.strengths["strong"]["same_right"] == talk.strengths["strong"]["same_right"] == 20
    assert (all_.same, all_.other, all_.passed) == (40, 40, True)
    # The copies of both files are the same pairs and count once; renditions are only of `within`.
    all_, music, speech, *conditions = rendition.groups
    assert [group.name for group in conditions] == ["rendition-within", "text-within"]
    assert (all_.same, all_.other, all_.passed) == (40, 40, False)
    assert music.figures["cllr"].value == pytest.approx(math.log2(1 + 1 / 5))
    assert [g.figures["false_alarm"].value for g in (all_, music, speech)] == [0.5, 0, 1]
    assert speech.strengths["moderately strong"]["other_wrong"] == 20


def test_the_criterion_decides(tmp_path):
    ratios = (3.0, LN5), (-3.0, -LN5)  # log2(1.2) is 0.26
    both = write(tmp_path / "both.csv", rows("c", *ratios), rows("c-within", *ratios))
    assert validate([both], Criterion(0.3, 0.0), resamples=0).passed is True
    assert validate([both], Criterion(0.2, 1.0), resamples=0).passed is False
    no_renditions = write(tmp_path / "one.csv", rows("c", *ratios))
    assert validate([no_renditions], Criterion(1.0, 1.0), resamples=0).passed is None


def test_an_unstated_ratio_misleads_nobody_and_verdicts_are_those_of_comparing(tmp_path):
    path = write(tmp_path / "s.csv", rows("c", (-9.0, -9.0), (9.0, 9.0), stated=0))
    result = validate([path], Criterion(), resamples=0)
    cllr, *_, miss, false_alarm = result.tested[0].groups[0].figures.values()
    assert (cllr.value, miss.value, false_alarm.value, result.not_stated) == (1, 0, 0, 40)
    assert result.data[0]["verdicts"]["same"]["insufficient"] == 20
    path = write(tmp_path / "s.csv", rows("c", (9.0, 9.0), (-9.0, 1.0)))
    (data,) = validate([path], Criterion(), resamples=0).data
    assert (data["verdicts"]["same"]["same"], data["verdicts"]["other"]["different"]) == (20, 20)


def test_the_number_of_independent_pairs_limits_the_ratio(tmp_path):
    ratios = (30.0, 30.0), (-30.0, -30.0)
    again = [[f"{row[0]}+", f"{row[1]}+", *row[2:]] for row in rows("c", *ratios)]  # a 2nd fragment
    path = write(tmp_path / "s.csv", rows("c", *ratios), again)
    support = validate([path], Criterion(), resamples=0).tested[0].support
    assert support.by_number == pytest.approx((-math.log(21), math.log(21)))
    assert support.strictest[1] <= support.by_number[1] < support.stated[1] == 30


def test_errors_name_the_file(tmp_path, files):
    with pytest.raises(ManifestError, match=r"hard.csv: the trial of rp0 and p0 is in .*hard.csv"):
        validate([files[0], files[0]], Criterion())
    bad = write(tmp_path / "bad.csv", [["r", "p", 1, "c", "R", 0, 0, "", 1, 0, MUSIC, 9, 1]])
    with pytest.raises(ManifestError, match=r"bad.csv:2: log_lr_unrelated is not a finite number"):
        validate([bad], Criterion())


def test_the_command_writes_page_and_json(tmp_path, files):
    out = tmp_path / "out"
    words = ["validate", *files, "--out", out, "--resamples", 20]
    assert "not met" in done(*words).output
    known = json.loads((out / "validation.json").read_text())
    page = (out / "validation.html").read_text()
    assert known["ratios"]["unrelated"]["passed"] and not known["passed"]
    assert known["files"][0]["sha256"] in page and page.count("data:image/svg") == 4
    assert "The criterion is not met" in page and "rendition-within" in page
    assert "use --force" in refusal(*words)


def test_limits_and_devpav_with_lir():
    for seed in range(20):
        rng, decimals = np.random.default_rng(seed), 1 if seed % 2 else 8
        mean, spread, n = rng.uniform(0, 2), rng.uniform(2, 5), 40 + 2 * seed
        tar, non = (rng.normal(m, spread, n + round(m)).round(decimals) for m in (mean, -mean))
        label, log_lr = np.repeat([1, 0], [len(tar), len(non)]), np.concatenate([tar, non])
        log10 = log_lr / np.log(10)
        bounds = np.array(elub(log10.copy(), label)) * np.log(10)
        assert empirical_bounds(tar, non) == pytest.approx(bounds, abs=1e-6)
        bounds = np.log(calculate_invariance_bounds(np.exp(log_lr), label)[:2])
        assert invariance_bounds(tar, non) == pytest.approx(bounds, abs=1e-6)
        assert dev_pav(tar, non) == pytest.approx(devpav(log10, label), abs=1e-6)


def test_devpav_by_hand():
    assert dev_pav([2.0, 1.0], [0.0, -1.0]) is None  # a ratio parts the classes
    apart = 2 / math.log(10) - math.log10(2)  # PAV: ratios of 1/2 and 2; two triangles, this high
    assert dev_pav([2, 2, -2], [-2, -2, 2]) == pytest.approx(apart / 2)
