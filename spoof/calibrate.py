"""Calibrations, learned from scores of recordings that the network has not learned from.

An affine logistic regression turns a score into a natural-log likelihood ratio for a synthetic
voice against a human one, bounded by what as many recordings can show.
"""

import math
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cqtnet.eer import equal_error_rate
from cqtnet.errors import InputError, ManifestError
from eval.metrics import cllr, min_cllr
from spoof.checkpoint import Calibration, Trained, load_trained
from spoof.data import Utterance, folds, split_by_group
from spoof.detect import Found, verdict_of
from spoof.evaluate import CHANGES, MOST, some_of_each
from spoof.prepare import TEST, VALID, PartOrAll, Preparer, data_hash, members
from spoof.scores import Floats, Scored, as_trials, eers_by_weight, group_weights, score_recordings
from spoof.train import Step, TrainConfig, train
from verify.calibration import fit_logistic

FEWEST = 5
"""Recordings of either class that a calibration needs."""
CODED = CHANGES[:2]
"""The codecs after which the calibration counts once more what is found."""
FAMILY_OF = 20
"""Synthetic recordings of a system whose share is stated by itself."""


def calibrate(
    trained: Trained, utterances: Sequence[Utterance], preparer: Preparer, *,
    part: PartOrAll = "auto", device: str = "auto", sources: str = "",
) -> Calibration:  # fmt: skip
    """The calibration by the scores of a part's recordings.

    `auto` is the validation part of the data that the detector was trained on, and all of other
    data.
    """
    if part == "auto":
        part = "valid" if trained.card.get("data_sha256") == data_hash(utterances) else "all"
    held_out = utterances if part == "all" else members(utterances, part, seed=trained.seed)
    scored = score_recordings(trained, held_out, preparer, device=device)
    coded = _coded(trained, held_out, preparer, device=device)
    return _fit_all([scored], [coded], trained, sources)


def cross_calibrate(
    trained: Trained, utterances: Sequence[Utterance], preparer: Preparer, *, count: int,
    device: str = "auto", sources: str = "",
    report: Callable[[int, Step], None] = lambda fold, step: None,
) -> Calibration:  # fmt: skip
    """The calibration by the scores of `count` other networks, each trained without a part.

    Every recording outside the test part is scored by a network of the same recipe and seed that
    learned from the other groups: there are more witnesses than in one held-out part.
    """
    if trained.card.get("data_sha256") != data_hash(utterances):
        raise InputError(
            f"{trained.path} was not trained on these data, so that networks trained on parts of "
            "them would differ from it; give its own data, or calibrate without folds"
        )
    scored, coded = [], []
    # In each fold all utterances are marked by their part in it; the test part is the same.
    split = split_by_group(utterances, valid=VALID, test=TEST, seed=trained.seed)
    for number, fold in enumerate(folds([*split.train, *split.valid], count, trained.seed)):
        parts = {"test": split.test, "train": fold.train, "valid": fold.valid}
        marked = [replace(u, split=name) for name, part in parts.items() for u in part]
        with tempfile.TemporaryDirectory() as folder:
            config = TrainConfig(
                Path(folder), trained.recipe, preparer, seed=trained.seed, device=device,
                pretrained=trained.recipe.pretrained_file(),
            )  # fmt: skip
            train(marked, config, report=partial(report, number))
            other = load_trained(folder)
        held_out = [u for u in marked if u.split == "valid"]
        scored.append(score_recordings(other, held_out, preparer, device=device))
        coded.append(_coded(other, held_out, preparer, most=MOST // count, device=device))
    return _fit_all(scored, coded, trained, sources)


def _coded(
    trained: Trained, held_out: Sequence[Utterance], preparer: Preparer, *, device: str,
    most: int = MOST,
) -> list[Scored]:  # fmt: skip
    """The scores of some synthetic recordings after each of CODED."""
    chosen = [u for u in some_of_each(held_out, most, seed=0) if u.is_fake]
    if not chosen:
        return []
    return [score_recordings(trained, chosen, preparer, device=device, change=c) for c in CODED]


def _fit_all(
    scored: Sequence[Scored], coded: Sequence[list[Scored]], trained: Trained, sources: str
) -> Calibration:
    """The calibration by all scores, with what its verdicts find, also after each codec."""
    recordings = [recording for part in scored for recording in part.recordings]
    scores = np.concatenate([part.score for part in scored])
    is_fake = np.concatenate([part.is_fake for part in scored])
    made = fit(scores, is_fake, witnesses(recordings), model_sha256=trained.sha256, sources=sources)
    made.data["eer_by_weight"] = eers_by_weight(as_trials(recordings, scores))
    fake = [(r, made.log_lr(s)) for r, s in zip(recordings, scores, strict=True) if r.is_fake]
    rows = [_found(fake)]
    for parts, change in zip(zip(*filter(None, coded), strict=True), CODED, strict=False):
        pairs = [(r, made.log_lr(s)) for p in parts
                 for r, s in zip(p.recordings, p.score, strict=True)]  # fmt: skip
        rows.append(_found(pairs, change=change.name))
    for system in sorted({r.system for r, _ in fake}):
        own = [pair for pair in fake if pair[0].system == system]
        rows += [_found(own, system=system)] if system and len(own) >= FAMILY_OF else []
    made.data["found"] = [row._asdict() for row in rows]
    return made


def _found(rows: Sequence[tuple[Utterance, float]], *, system: str = "", change: str = "") -> Found:
    """The share of synthetic recordings whose ratio is called synthetic."""
    groups = np.array([r.collection or r.group for r, _ in rows])
    called = np.array([verdict_of(ratio) == "synthetic" for _, ratio in rows])
    weights = group_weights(np.ones(len(called), bool), groups)
    return Found(system, change, float(weights @ called), len(called))


def witnesses(recordings: Sequence[Utterance]) -> NDArray[np.str_]:
    """The collection of each recording where either class has enough of them, else its group."""
    named = [{r.collection for r in recordings if r.is_fake is of} for of in (False, True)]
    enough = all("" not in names and len(names) >= FEWEST for names in named)
    return np.array([r.collection if enough else r.group for r in recordings])


def fit(
    scores: Floats, is_fake: NDArray[np.bool_], groups: NDArray[np.str_], *,
    model_sha256: str, sources: str = "",
) -> Calibration:  # fmt: skip
    """The calibration by scores (n,) of recordings, none of them learned from.

    `groups` (n,), collections or speakers, weigh the same in their class, and as many witnesses
    bound the ratios. The figures in `data` were measured on each group with a fit to the others.
    """
    n_fake, n_real = int(is_fake.sum()), int((~is_fake).sum())
    if min(n_fake, n_real) < FEWEST:
        raise ManifestError(
            f"{n_fake} synthetic and {n_real} human recordings are too few to calibrate by; give "
            f"at least {FEWEST} of each"
        )
    slope, offset = affine_logistic(scores, is_fake, group_weights(is_fake, groups))
    unseen = _unseen(scores, is_fake, groups)
    n_fake_groups, n_real_groups = len(set(groups[is_fake])), len(set(groups[~is_fake]))
    data = {
        "sources": sources, "synthetic": n_fake, "human": n_real, "groups": len(set(groups)),
        "synthetic_groups": n_fake_groups, "human_groups": n_real_groups,
        "eer": equal_error_rate(scores[is_fake], scores[~is_fake]),
        "cllr": cllr(unseen[is_fake], unseen[~is_fake]),
        "min_cllr": min_cllr(scores[is_fake], scores[~is_fake]),
    }  # fmt: skip
    least, most = -math.log(n_fake_groups + 1), math.log(n_real_groups + 1)
    return Calibration(model_sha256, slope, offset, least, most, data)


def affine_logistic(
    scores: Floats, is_fake: NDArray[np.bool_], weights: Floats | None = None
) -> tuple[float, float]:
    """Slope, at least 0, and offset of the natural-log likelihood ratio of scores (n,).

    Both classes weigh the same, so that no prior is in the ratio.
    """
    slopes, offset = fit_logistic(scores[:, None], is_fake, weights=weights, start=1.0)
    return float(slopes[0]), offset


def _unseen(scores: Floats, is_fake: NDArray[np.bool_], groups: NDArray[np.str_]) -> Floats:
    """Log-likelihood ratios (n,) of each group by a fit to the others, if of both classes."""
    ratios = np.empty(len(scores))
    for group in np.unique(groups):
        own = groups == group
        others = ~own if 0 < is_fake[~own].sum() < (~own).sum() else own | ~own
        weights = group_weights(is_fake[others], groups[others])
        slope, offset = affine_logistic(scores[others], is_fake[others], weights)
        ratios[own] = slope * scores[own] + offset
    return ratios
