import numpy as np
import pytest

from cqtnet.errors import ManifestError
from eval.trials import read_scores, read_trials, write_trials

HEADER = "reference,probe,label,condition,recording"
ROWS = ["a.wav,a1.wav,1,tempo,a", "b.wav,a1.wav,0,tempo,a"]


@pytest.fixture
def table(tmp_path):
    return tmp_path / "table.csv"


def write(path, *lines):
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return path


def test_columns_are_read_in_any_order_and_further_ones_are_kept(table):
    trials = read_trials(write(table, HEADER + ",score", *(f"{row},0.5" for row in ROWS)))
    assert trials.reference.tolist() == ["a.wav", "b.wav"]
    assert trials.label.tolist() == [True, False]
    assert trials.recording.tolist() == ["a", "a"]
    assert trials.file(trials.probe[0]) == table.parent / "a1.wav"
    assert trials.line(1) == f"{table}:3"
    assert "score" not in trials.extras, "a score file is a trial list too"
    header = "snr_db,label,kind,probe,reference,recording,condition"
    trials = read_trials(write(table, header, "10,1,pink,p,r,rec,noise", ",0,,q,r,rec,noise"))
    assert trials.probe.tolist() == ["p", "q"]
    np.testing.assert_array_equal(trials.size("snr_db"), [10.0, np.nan])
    assert np.isnan(trials.size("no_such_column")).all()
    assert trials.extras["kind"].tolist() == ["pink", ""]


def test_scores_survive_writing_and_reading_to_the_last_bit(table, tmp_path):
    lines = [f"{ROWS[0]},0.1,-3e-300,x", f"{ROWS[1]},0.30000000000000004,2.5,"]
    scores = read_scores(write(table, HEADER + ",score,log_lr,kind", *lines))
    write_trials(tmp_path / "again.csv", scores)
    again = read_scores(tmp_path / "again.csv")
    assert again.score.tolist() == [0.1, 0.30000000000000004]
    assert again.log_lr is not None and again.log_lr.tolist() == [-3e-300, 2.5]
    assert again.extras["kind"].tolist() == ["x", ""]
    chosen = again.where(~again.label)
    assert (chosen.score.tolist(), chosen.conditions()) == ([0.30000000000000004], ["tempo"])
    assert chosen.extras["kind"].tolist() == [""]


def test_names_with_commas_quotes_and_bytes_that_are_not_utf8_survive(table, tmp_path):
    table.write_bytes(HEADER.encode() + b'\n"caf\xe9, ""live"".wav",p.wav,1,c,r\n')
    write_trials(tmp_path / "again.csv", read_trials(table))
    assert read_trials(tmp_path / "again.csv").reference[0] == 'caf\udce9, "live".wav'


@pytest.mark.parametrize(("lines", "message"), [
    ([], "table.csv:1: no column reference, probe"),
    ([HEADER, ROWS[0], "a,b,1"], "table.csv:3: 3 fields where the header has 5"),
    ([HEADER, ROWS[0], "a,b,yes,c,r"], "table.csv:3: label 'yes'"),
    ([HEADER, "a,,1,c,r"], "table.csv:2: probe is empty"),
    ([HEADER, *ROWS, ROWS[0]], "table.csv:4: the trial of a.wav and a1.wav stands on line 2"),
    ([HEADER, '"a\nb",p,1,c,r'], "table.csv:2: a field holds a line break"),
])  # fmt: skip
def test_a_bad_list_is_an_error_with_its_line(table, lines, message):
    with pytest.raises(ManifestError) as caught:
        read_trials(write(table, *lines))
    assert message in str(caught.value) and "\n" not in str(caught.value)
    assert str(caught.value).count("table.csv") == 1


@pytest.mark.parametrize(
    "score", ["nan", "inf", "-inf", "", "high", "0,5", "1_0", "١", " 1.0", "1e999"]
)
def test_a_score_that_is_not_a_finite_number_is_an_error_with_its_line(table, score):
    write(table, HEADER + ",score", ROWS[0] + ",1.0", f'{ROWS[1]},"{score}"')
    with pytest.raises(ManifestError, match=r"table.csv:3: score '.*' is not a finite number"):
        read_scores(table)


def test_a_ratio_that_is_no_number_is_an_error_and_a_missing_column_is_none(table):
    assert read_scores(write(table, HEADER + ",score", ROWS[0] + ",1")).log_lr is None
    write(table, HEADER + ",score,log_lr", ROWS[0] + ",1,")
    with pytest.raises(ManifestError, match=r"table.csv:2: log_lr '' is not a finite number"):
        read_scores(table)
    with pytest.raises(ManifestError, match="no column score"):
        read_scores(write(table, HEADER, *ROWS))
