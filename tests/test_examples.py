import json
import runpy
from itertools import product
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"


def test_the_notebook_runs_from_top_to_bottom_and_holds_no_outputs():
    cells = json.loads((EXAMPLES / "notebook.ipynb").read_text(encoding="utf-8"))["cells"]
    code, names = [cell for cell in cells if cell["cell_type"] == "code"], {}
    for cell in code:
        assert (cell["execution_count"], cell["outputs"]) == (None, [])
        exec("".join(cell["source"]), names)
    # 2 s come 2 / 1.25 in; 5.5 s were cut; 16 s lost one second before the tempo rose.
    assert names["moments"] == pytest.approx({2.0: 1.6, 5.5: np.nan, 16.0: 12.0}, nan_ok=True)
    assert [one.verdict for one in names["found"]] == ["same", "different"]
    assert [edit.kind for edit in names["found"][0].edits.edits] == ["cut"]
    assert list(names["frame"]["verdict"]) == ["same", "different"]
    assert names["answer"].answer == "found" and names["answer"].matches[0].entry.id == 1
    assert names["cosines"][0] > names["cosines"][1]


def test_det_from_kaldi_finds_the_eer_of_two_known_normal_distributions(
    tmp_path, monkeypatch, capsys
):
    rng = np.random.default_rng(0)
    trials, scores = [], []
    for enrolled, speaker in product(range(60), repeat=2):
        # a false alarm rests on two voices, as the interval has to
        count, kind, mean = (20, "target", 2.0) if enrolled == speaker else (1, "nontarget", 0.0)
        for number in range(count):
            trials.append(f"spk{enrolled} utt{speaker}-{number} {kind}")
            scores.append(f"spk{enrolled} utt{speaker}-{number} {rng.normal(mean):.6f}")
    (tmp_path / "trials").write_text("\n".join(trials) + "\n")
    (tmp_path / "scores.txt").write_text("\n".join(reversed(scores)) + "\n")
    paths = [str(tmp_path / name) for name in ("trials", "scores.txt", "det")]
    monkeypatch.setattr("sys.argv", ["det_from_kaldi.py", *paths])
    runpy.run_path(str(EXAMPLES / "det_from_kaldi.py"), run_name="__main__")
    printed = capsys.readouterr().out
    assert 14.5 < float(printed.split()[1]) < 17.2, "Φ(-1) = 15.87 %"
    assert (tmp_path / "det.png").stat().st_size > 10_000
    assert "<svg" in (tmp_path / "det.svg").read_text()
