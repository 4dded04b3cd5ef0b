"""Scores of our systems against the truth: calibration, and errors of place, tempo and pitch."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augment.timemap import Span
from cqtnet.data import list_items
from cqtnet.eer import Floats, equal_error_rate
from cqtnet.errors import ManifestError
from eval.bootstrap import recordings_of
from eval.metrics import cllr, min_cllr
from eval.systems.ours import ALIGNMENT_COLUMNS, MEASURE_COLUMNS
from eval.trials import Scores, read_scores
from verify.calibration import Calibration, fit

KEPT = 400
"""Log-likelihood ratios of each class that a calibration keeps for pictures, evenly by rank."""


def calibrate(scores_csv: Path, audio: Path, *, sources: str = "") -> Calibration:
    """The calibration learned from scores of the system `alignment`.

    `audio` is the list that the trials were made from. It gives the collections: figures on a
    collection come from what was learned from the others. `sources` describes the recordings.
    """
    scores = _read_scores(scores_csv, MEASURE_COLUMNS, system="alignment")
    table = np.stack([scores.size(name) for name in MEASURE_COLUMNS], axis=1)
    groups = _collections(scores, audio)
    recordings = recordings_of(scores)
    pairs = _pairs(scores, recordings.probe, recordings.reference)
    cosine = table[:, 0]
    rate, threshold = _crossing(cosine[scores.label], cosine[~scores.label])
    data = {
        "sources": sources, "conditions": scores.conditions(),
        "recordings": recordings.count, "collections": len(np.unique(groups)),
        "trials_same": int(scores.label.sum()), "trials_different": int((~scores.label).sum()),
        "pairs_same": pairs[0], "pairs_different": pairs[1], "cosine_eer": rate,
    }  # fmt: skip
    calibration, unseen_log_lr = fit(
        table, scores.label, groups,
        pairs=pairs, cosine_threshold=threshold, model_sha256=_model(scores_csv), data=data,
    )  # fmt: skip
    tar, non = unseen_log_lr[scores.label], unseen_log_lr[~scores.label]
    data |= {"eer": equal_error_rate(tar, non), "cllr": cllr(tar, non)}
    data |= {"min_cllr": min_cllr(tar, non), "log_lr_same": _spread(tar)}
    data["log_lr_different"] = _spread(non)
    return calibration


def _read_scores(path: Path, needed: tuple[str, ...], *, system: str) -> Scores:
    scores = read_scores(path)
    for name in needed:
        if name not in scores.extras:
            raise ManifestError(f"{path} has no column {name}; score with `--system {system}`")
    return scores


def _spread(values: Floats) -> list[float]:
    """Values evenly over their ranks, both ends among them."""
    places = np.linspace(0, len(values) - 1, min(KEPT, len(values))).round().astype(int)
    return [round(float(x), 3) for x in np.sort(values)[places]]


def _crossing(tar: Floats, non: Floats) -> tuple[float, float]:
    """The equal error rate of scores, and the threshold where both rates are closest."""
    levels = np.unique(np.concatenate([tar, non]))
    missed = np.searchsorted(np.sort(tar), levels) / len(tar)
    accepted = 1 - np.searchsorted(np.sort(non), levels) / len(non)
    return equal_error_rate(tar, non), float(levels[np.abs(missed - accepted).argmin()])


def _pairs(scores: Scores, probe: NDArray[np.intp], reference: NDArray[np.intp]) -> tuple[int, int]:
    """The numbers of independent trials of the same and of different recordings, at least.

    Same: a recording counts once for each condition. Different: a pair of recordings counts once,
    whichever of its fragments were compared.
    """
    same = set(zip(probe[scores.label], scores.condition[scores.label], strict=True))
    rows = np.sort(np.stack([probe, reference])[:, ~scores.label], axis=0)
    return len(same), len(set(zip(*rows.tolist(), strict=True)))


def _collections(scores: Scores, audio: Path) -> NDArray[np.str_]:
    known = {item.recording: item.collection for item in list_items(audio)}
    for row, name in enumerate(scores.recording.tolist()):
        if name not in known:
            raise ManifestError(f"{scores.line(row)}: {audio} does not list recording {name!r}")
    return np.array([known[name] for name in scores.recording.tolist()])


def _model(scores_csv: Path) -> str:
    account = scores_csv.with_suffix(".json")
    try:
        return str(json.loads(account.read_text())["parameters"]["model_sha256"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ManifestError(
            f"{account}, the account of the scores, does not name their weights; score again"
        ) from error


@dataclass(frozen=True)
class Errors:
    """Errors of the correct matches of one condition, (n,) each."""

    place_s: Floats  # the larger of those at the fragment's two ends
    tempo: Floats  # relative
    cents: Floats
    targets: int  # matches and misses together

    def to_dict(self) -> dict[str, Any]:
        """Medians and 95th percentiles, in ms, per cent and cents."""
        record: dict[str, Any] = {"targets": self.targets, "matches": len(self.place_s)}
        columns = {"place_ms": 1000 * self.place_s, "tempo_percent": 100 * self.tempo}
        columns["cents"] = self.cents
        for name, values in columns.items():
            for part, level in (("median", 50), ("p95", 95)):
                percentile = float(np.percentile(values, level)) if len(values) else None
                record[f"{name}_{part}"] = percentile
        return record


def placing(scores_csv: Path, truth: Path) -> dict[str, Errors]:
    """Errors by condition, from scores of `alignment` or `comparison`.

    `truth` is the folder of the sets, with their .truth.jsonl. A match is a target trial with a
    likelihood ratio above 1; if the scores have no ratio, every target is one.
    """
    scores = _read_scores(scores_csv, ALIGNMENT_COLUMNS, system="comparison")
    known = _truths(truth)
    matched = scores.label if scores.log_lr is None else scores.label & (scores.log_lr > 0)
    errors = {}
    for condition in scores.conditions():
        own = scores.condition == condition
        targets = int((scores.label & own).sum())
        errors[condition] = _errors(scores.where(matched & own), known, targets=targets)
    return errors


def _truths(folder: Path) -> dict[str, dict[str, Any]]:
    truths = [
        json.loads(line)
        for path in sorted(folder.glob("*.truth.jsonl"))
        for line in path.read_text().splitlines()
    ]
    if not truths:
        raise ManifestError(f"{folder} holds no .truth.jsonl; give the folder of the sets")
    return {Path(truth["probe"]).name: truth for truth in truths}


def _errors(scores: Scores, known: dict[str, dict[str, Any]], *, targets: int) -> Errors:
    tempo, semitones, offset_s = (scores.size(name) for name in ALIGNMENT_COLUMNS[:3])
    rows = []
    for row, probe in enumerate(scores.probe.tolist()):
        truth = known.get(Path(probe).name)
        if truth is None:
            raise ManifestError(f"{scores.line(row)}: no truth is known for {probe}")
        rows.append(_error(truth, tempo[row], semitones[row], offset_s[row]))
    place_s, relative, cents = np.array(rows).reshape(-1, 3).T
    return Errors(place_s, relative, cents, targets)


def _error(
    truth: dict[str, Any], tempo: float, semitones: float, offset_s: float
) -> tuple[float, float, float]:
    """Error of place, tempo and pitch of one probe, which is one stretch of its recording."""
    (span,) = (Span(*row) for row in truth["time_map"])
    ends = ((span.out_start_s, span.source_start_s), (span.out_end_s, span.source_end_s))
    start_s = truth["reference_start_s"]
    place_s = max(abs(offset_s + tempo * out_s - (source_s - start_s)) for out_s, source_s in ends)
    shift = truth.get("shift_semitones")
    if shift is None:  # a change of speed also changes the pitch
        speed = any(effect["name"] == "speed" for effect in truth["effects"])
        shift = 12 * math.log2(span.rate) if speed else 0.0
    return place_s, abs(tempo / span.rate - 1), 100 * abs(semitones - shift)
