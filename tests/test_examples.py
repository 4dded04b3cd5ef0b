import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from cqtnet.music import make_music

EXAMPLES = Path(__file__).parent.parent / "examples"


def run(script, *words):
    done = subprocess.run(
        [sys.executable, EXAMPLES / script, *map(str, words)],
        capture_output=True,
        text=True,
        cwd=EXAMPLES.parent,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_planted_edits_land_where_arithmetic_says():
    lines = run("planted_edits.py").splitlines()
    # 2 s come 2 / 1.25 in; 5.5 s were cut; 16 s lost one second before the tempo rose.
    assert [line.split()[-2] for line in lines] == ["1.60", "nan", "12.00"]


def test_similarity_finds_the_fragment(tmp_path):
    music = make_music(31, duration_s=50.0)
    soundfile.write(tmp_path / "whole.wav", music, 22050)
    soundfile.write(tmp_path / "part.wav", music[20 * 22050 : 35 * 22050], 22050)
    words = run("similarity.py", tmp_path / "part.wav", tmp_path / "whole.wav").split()
    assert float(words[1]) > 0.5  # other music: about 0
    assert float(words[3]) == pytest.approx(20.0, abs=2.5)


def test_det_from_kaldi_finds_the_eer_of_two_known_normal_distributions(tmp_path):
    rng = np.random.default_rng(0)
    trials, scores = [], []
    for enrolled in range(60):
        for speaker in range(60):  # a false alarm rests on two voices, as the interval has to
            kind, mean = ("target", 2.0) if enrolled == speaker else ("nontarget", 0.0)
            for number in range(20 if enrolled == speaker else 1):
                trials.append(f"spk{enrolled} utt{speaker}-{number} {kind}")
                scores.append(f"spk{enrolled} utt{speaker}-{number} {rng.normal(mean):.6f}")
    (tmp_path / "trials").write_text("\n".join(trials) + "\n")
    (tmp_path / "scores.txt").write_text("\n".join(reversed(scores)) + "\n")
    printed = run("det_from_kaldi.py", *(tmp_path / n for n in ("trials", "scores.txt", "det")))
    assert 14.5 < float(printed.split()[1]) < 17.2, "Φ(-1) = 15.87 %"
    assert (tmp_path / "det.png").stat().st_size > 10_000
    assert "<svg" in (tmp_path / "det.svg").read_text()


def test_every_example_is_tested():
    tests = Path(__file__).read_text()
    assert all(f'run("{path.name}"' in tests for path in EXAMPLES.glob("*.py"))
