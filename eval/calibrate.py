"""Calibration of the comparison: from scored trials of held-out recordings to likelihood ratios."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cqtnet.data import list_items
from cqtnet.eer import equal_error_rate
from cqtnet.errors import ManifestError
from eval.bootstrap import recordings_of
from eval.metrics.information import cllr, min_cllr
from eval.systems.ours import MEASURED
from eval.trials import Scores, read_scores
from verify.calibration import Calibration, fit

KEPT = 400
"""Log-likelihood ratios of each class that are kept, evenly over their ranks: for pictures."""


def calibrate(scores_csv: Path, audio: Path, *, sources: str = "") -> Calibration:
    """The calibration that scores of the system `alignment` give.

    `audio` is the list that the trials were made from: it knows the collections, and what is
    said of one is learned from the others. `sources` says in words what the recordings are.
    """
    scores = read_scores(scores_csv)
    missing = [name for name in MEASURED if name not in scores.extras]
    if missing:
        raise ManifestError(
            f"{scores_csv} lacks the column {missing[0]}; score with `--system alignment`"
        )
    table = np.stack([scores.size(name) for name in MEASURED], axis=1)
    groups = _collections(scores, audio)
    recordings = recordings_of(scores)
    pairs = _pairs(scores, recordings.probe, recordings.reference)
    cosine = table[:, 0]
    rate, threshold = _crossing(cosine[scores.label], cosine[~scores.label])
    data = {
        "sources": sources,
        "conditions": scores.conditions(),
        "recordings": recordings.count,
        "collections": len(np.unique(groups)),
        "trials_same": int(scores.label.sum()),
        "trials_different": int((~scores.label).sum()),
        "pairs_same": pairs[0],
        "pairs_different": pairs[1],
        "cosine_eer": rate,
    }
    calibration, unseen_log_lr = fit(
        table, scores.label, groups,
        pairs=pairs, cosine_threshold=threshold, model_sha256=_model(scores_csv), data=data,
    )  # fmt: skip
    data |= _validation(unseen_log_lr, scores.label)
    return calibration


def _validation(log_lr: NDArray[np.float64], label: NDArray[np.bool_]) -> dict[str, Any]:
    """How the ratios do on collections that they were not learned from."""
    tar, non = log_lr[label], log_lr[~label]
    return {
        "eer": equal_error_rate(tar, non),
        "cllr": cllr(tar, non),
        "min_cllr": min_cllr(tar, non),
        "log_lr_same": _spread(tar),
        "log_lr_different": _spread(non),
    }


def _spread(values: NDArray[np.float64]) -> list[float]:
    """Values evenly over their ranks, both ends among them."""
    places = np.linspace(0, len(values) - 1, min(KEPT, len(values))).round().astype(int)
    return [round(float(x), 3) for x in np.sort(values)[places]]


def _crossing(tar: NDArray[np.float64], non: NDArray[np.float64]) -> tuple[float, float]:
    """The equal error rate of scores, and a threshold where both rates are nearest."""
    levels = np.unique(np.concatenate([tar, non]))
    missed = np.searchsorted(np.sort(tar), levels) / len(tar)
    accepted = 1 - np.searchsorted(np.sort(non), levels) / len(non)
    return equal_error_rate(tar, non), float(levels[np.abs(missed - accepted).argmin()])


def _pairs(scores: Scores, probe: NDArray[np.intp], reference: NDArray[np.intp]) -> tuple[int, int]:
    """How many independent trials there are at least.

    Of the same recording: a recording counts once for each condition. Of different ones: a pair
    of recordings counts once, whichever of its fragments were compared.
    """
    same = set(zip(probe[scores.label], scores.condition[scores.label], strict=True))
    rows = np.sort(np.stack([probe, reference])[:, ~scores.label], axis=0)
    return len(same), len(set(zip(*rows.tolist(), strict=True)))


def _collections(scores: Scores, audio: Path) -> NDArray[np.str_]:
    """The collection of each trial's probe."""
    known = {item.recording: item.collection for item in list_items(audio)}
    for row, name in enumerate(scores.recording.tolist()):
        if name not in known:
            raise ManifestError(f"{scores.line(row)}: {audio} does not list recording {name!r}")
    return np.array([known[name] for name in scores.recording.tolist()])


def _model(scores_csv: Path) -> str:
    """SHA-256 of the weights that the scores were made with."""
    account = scores_csv.with_suffix(".json")
    try:
        return str(json.loads(account.read_text())["parameters"]["model_sha256"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ManifestError(
            f"{account}, the account of the scores, does not name their weights; score again"
        ) from error
