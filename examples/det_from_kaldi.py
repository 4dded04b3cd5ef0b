"""Draw the DET curve of any verification system from the files that Kaldi-style tools write.

python examples/det_from_kaldi.py trials scores det

`trials` holds lines of `enrolment test target` or `enrolment test nontarget`, `scores` lines of
`enrolment test score`. Intervals come from resampling speakers; whose voice a test is, its target
trial says.
"""

import sys
from pathlib import Path

import numpy as np

from eval.metrics import OperatingPoint, measure, roc_band
from eval.plots import ScoreSet, det, save
from eval.trials import Scores

KINDS = {"target": True, "nontarget": False}


def read_kaldi(trials: Path, scores: Path) -> Scores:
    score = {}
    for line in scores.read_text().splitlines():
        enrolment, test, number = line.split()
        score[enrolment, test] = float(number)
    enrolments, tests, kinds = zip(*map(str.split, trials.read_text().splitlines()), strict=True)
    speaker = {
        test: enrolment
        for enrolment, test, kind in zip(enrolments, tests, kinds, strict=True)
        if KINDS[kind]
    }
    return Scores(
        path=scores,
        reference=np.array(enrolments),
        probe=np.array(tests),
        label=np.array([KINDS[kind] for kind in kinds]),
        condition=np.full(len(kinds), "trials"),
        recording=np.array([speaker.get(test, test) for test in tests]),
        score=np.array([score[pair] for pair in zip(enrolments, tests, strict=True)]),
    )


def main(trials: str, scores: str, picture: str) -> None:
    table = read_kaldi(Path(trials), Path(scores))
    eer = measure(table)["eer"]
    print(
        f"EER {100 * eer.value:.2f} %, 95 % interval {100 * eer.low:.2f} to {100 * eer.high:.2f} %"
    )
    curve = ScoreSet.of(
        Path(scores).stem, table, band=roc_band(table), eer_interval=(eer.low, eer.high)
    )
    png, svg = save(det([curve], operating_points=[OperatingPoint(0.01)]), Path(picture))
    print(f"{png} and {svg}")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
