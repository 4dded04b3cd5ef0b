"""How exactly the comparison says where a fragment lies and how it was altered."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augment.timemap import Span
from cqtnet.errors import ManifestError
from eval.systems.ours import FOUND
from eval.trials import Scores, read_scores


@dataclass(frozen=True)
class Errors:
    """Errors of correct matches of one condition, each (n,)."""

    place_s: NDArray[np.float64]  # the larger of those at the fragment's two ends
    tempo: NDArray[np.float64]  # relative
    cents: NDArray[np.float64]
    targets: int  # matches and misses together

    def to_dict(self) -> dict[str, Any]:
        """Medians and 95th percentiles, in ms, per cent and cents."""
        found: dict[str, Any] = {"targets": self.targets, "matches": len(self.place_s)}
        columns = {
            "place_ms": 1000 * self.place_s,
            "tempo_percent": 100 * self.tempo,
            "cents": self.cents,
        }
        for name, values in columns.items():
            for part, level in (("median", 50), ("p95", 95)):
                found[f"{name}_{part}"] = (
                    float(np.percentile(values, level)) if len(values) else None
                )
        return found


def placing(scores_csv: Path, truth: Path) -> dict[str, Errors]:
    """Errors by condition, of scores of `alignment` or `comparison`.

    `truth` is the folder of the sets, with their .truth.jsonl. A match is a target trial with a
    likelihood ratio above 1; where scores have no ratio, every target is one.
    """
    scores = read_scores(scores_csv)
    for name in FOUND:
        if name not in scores.extras:
            raise ManifestError(f"{scores_csv} lacks the column {name}; score by `comparison`")
    known = _truths(truth)
    matched = scores.label if scores.log_lr is None else scores.label & (scores.log_lr > 0)
    return {
        condition: _errors(
            scores.where(matched & (scores.condition == condition)),
            known,
            targets=int((scores.label & (scores.condition == condition)).sum()),
        )
        for condition in scores.conditions()
    }


def _truths(folder: Path) -> dict[str, dict[str, Any]]:
    """What was done to each probe, by the name of its file."""
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(folder.glob("*.truth.jsonl")):
        for line in path.read_text().splitlines():
            truth = json.loads(line)
            found[Path(truth["probe"]).name] = truth
    if not found:
        raise ManifestError(f"{folder} holds no .truth.jsonl; give the folder of the sets")
    return found


def _errors(scores: Scores, known: dict[str, dict[str, Any]], *, targets: int) -> Errors:
    tempo, semitones, offset_s = (scores.size(name) for name in FOUND[:3])
    rows = []
    for row, probe in enumerate(scores.probe.tolist()):
        truth = known.get(Path(probe).name)
        if truth is None:
            raise ManifestError(f"{scores.line(row)}: nothing is known of {probe}")
        rows.append(_error(truth, tempo[row], semitones[row], offset_s[row]))
    place_s, relative, cents = np.array(rows).reshape(-1, 3).T
    return Errors(place_s, relative, cents, targets)


def _error(
    truth: dict[str, Any], tempo: float, semitones: float, offset_s: float
) -> tuple[float, float, float]:
    """Error of place, tempo and pitch of one probe, which its truth tells to be one stretch."""
    (span,) = (Span(*row) for row in truth["time_map"])
    ends = (
        (span.out_start_s, span.source_start_s),
        (span.out_end_s, span.source_end_s),
    )
    start_s = truth["reference_start_s"]
    place_s = max(abs(offset_s + tempo * out_s - (source_s - start_s)) for out_s, source_s in ends)
    shift = truth.get("shift_semitones")
    if shift is None:  # a change of speed takes the pitch along
        speed = any(effect["name"] == "speed" for effect in truth["effects"])
        shift = 12 * math.log2(span.rate) if speed else 0.0
    return place_s, abs(tempo / span.rate - 1), 100 * abs(semitones - shift)
