"""Calibrations, learned from scores of recordings that the network has not learned from.

An affine logistic regression turns a score into a natural-log likelihood ratio for a synthetic
voice against a human one, bounded by what as many recordings can show.
"""

import math
import tempfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cqtnet.eer import equal_error_rate
from cqtnet.errors import InputError, ManifestError
from eval.metrics import cllr, min_cllr
from spoof import copies
from spoof.checkpoint import Calibration, Trained, load_trained, score_for
from spoof.copies import Copy
from spoof.data import Samples, Utterance, folds, split_by_group
from spoof.detect import LEAST_LOG_LR, Found
from spoof.evaluate import CHANGES, MOST, some_of_each
from spoof.prepare import TEST, VALID, Change, PartOrAll, Preparer, data_hash, members
from spoof.scores import (
    Floats,
    Scored,
    as_trials,
    coverage,
    eers_by_weight,
    group_weights,
    score_recordings,
    verdict_counts,
)
from spoof.train import Step, TrainConfig, train
from verify.calibration import fit_logistic

FEWEST = 5
"""Recordings of either class that a calibration needs."""
DRAWS, CAUTION = 100, 0.05
"""How often collections are drawn anew, and the share of draws that need a higher score."""


def _by_copy(samples: Samples, rate_hz: int, *, copy: Copy) -> Samples:
    """The samples as a copy has them that the samples themselves decide."""
    return copy(samples, rate_hz, np.random.default_rng(zlib.crc32(samples.tobytes())))


CONDITIONS = (
    *CHANGES[:2],
    Change("a second talker", partial(_by_copy, copy=copies.talker_copy)),
    Change("a room", partial(_by_copy, copy=copies.room_copy)),
    Change("noise", partial(_by_copy, copy=copies.noise_copy)),
    Change("a telephone", partial(_by_copy, copy=copies.telephone_copy)),
)
"""What some recordings are scored after once more: a ratio must hold there, too."""
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
    altered = _altered(trained, held_out, preparer, device=device)
    return _fit_all([scored], [altered], trained, sources)


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
    scored, altered = [], []
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
        altered.append(_altered(other, held_out, preparer, most=MOST // count, device=device))
    return _fit_all(scored, altered, trained, sources)


def _altered(
    trained: Trained, held_out: Sequence[Utterance], preparer: Preparer, *, device: str,
    most: int = MOST,
) -> list[Scored]:  # fmt: skip
    """The scores of some recordings of each class in each of CONDITIONS."""
    chosen = some_of_each(held_out, most, seed=0)
    return [
        score_recordings(trained, chosen, preparer, device=device, change=change)
        for change in CONDITIONS
    ]


def _fit_all(
    scored: Sequence[Scored], altered: Sequence[list[Scored]], trained: Trained, sources: str
) -> Calibration:
    """The calibration that holds in every condition, with what its verdicts find in each."""
    names = ["", *(change.name for change in CONDITIONS)]
    rows = dict(zip(names, map(_rows, (scored, *zip(*altered, strict=True))), strict=True))
    fits = {
        name: fit(values, _is_fake(own), witnesses(own), model_sha256=trained.sha256,
                  sources=sources)
        for name, (own, values) in rows.items()
    }  # fmt: skip
    plain = fits[""]
    hardest = max(fits, key=lambda name: fits[name].score_at(LEAST_LOG_LR))
    made = replace(plain, slope=fits[hardest].slope, offset=fits[hardest].offset)
    found, conditions = [], []
    for name, (own, values) in rows.items():
        is_fake, ratios = _is_fake(own), np.array([made.log_lr(v) for v in values])
        weights, called = group_weights(is_fake, witnesses(own)), ratios >= LEAST_LOG_LR
        shares = {of: float(weights[at] @ called[at])
                  for of, at in (("human", ~is_fake), ("synthetic", is_fake))}  # fmt: skip
        conditions.append({"change": name, "least_score": fits[name].score_at(LEAST_LOG_LR),
                           "called_synthetic": shares})  # fmt: skip
        pairs = [(r, v) for r, v in zip(own, ratios, strict=True) if r.is_fake]
        found.append(_found(pairs, change=name))
        for system in sorted({r.system for r, _ in pairs} - {""}) if not name else ():
            of_it = [pair for pair in pairs if pair[0].system == system]
            found += [_found(of_it, system=system)] if len(of_it) >= FAMILY_OF else []
    own, values = rows[""]
    is_fake, ratios = _is_fake(own), np.array([made.log_lr(v) for v in values])
    made.data.update({
        "hardest": hardest, "conditions": conditions,
        "eer_by_weight": eers_by_weight(as_trials(own, values)),
        "coverage": coverage(values, is_fake, group_weights(is_fake, witnesses(own))),
        "verdicts": verdict_counts(ratios, is_fake), "found": [row._asdict() for row in found],
    })  # fmt: skip
    return made


def _rows(parts: Sequence[Scored]) -> tuple[list[Utterance], Floats]:
    """All recordings of some parts, and their scores."""
    return [r for part in parts for r in part.recordings], np.concatenate([p.score for p in parts])


def _is_fake(recordings: Sequence[Utterance]) -> NDArray[np.bool_]:
    return np.array([r.is_fake for r in recordings], bool)


def _found(rows: Sequence[tuple[Utterance, float]], *, system: str = "", change: str = "") -> Found:
    """The share of synthetic recordings whose ratio is called synthetic."""
    groups = np.array([r.collection or r.group for r, _ in rows])
    called = np.array([ratio >= LEAST_LOG_LR for _, ratio in rows])
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
    bound the ratios; the line is cautious. The costs in `data` are those of each group by an even
    fit to the others.
    """
    n_fake, n_real = int(is_fake.sum()), int((~is_fake).sum())
    if min(n_fake, n_real) < FEWEST:
        raise ManifestError(
            f"{n_fake} synthetic and {n_real} human recordings are too few to calibrate by; give "
            f"at least {FEWEST} of each"
        )
    slope, offset = cautious_line(scores, is_fake, groups)
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


def cautious_line(
    scores: Floats, is_fake: NDArray[np.bool_], groups: NDArray[np.str_]
) -> tuple[float, float]:
    """Slope and offset that hold for other collections, too: the cautious end of many fits.

    Each fit is to groups drawn anew, with replacement. Of their scores for a ratio of 10, all but
    CAUTION are lower. So the more collections differ, the more a ratio of 10 needs.
    """
    names, place = np.unique(groups, return_inverse=True)
    even, rng = group_weights(is_fake, groups), np.random.default_rng(0)
    lines = []
    for _ in range(DRAWS):
        weights = (
            even * np.bincount(rng.choice(len(names), len(names)), minlength=len(names))[place]
        )
        sums = weights[is_fake].sum(), weights[~is_fake].sum()
        if min(sums) > 0:
            weights /= np.where(is_fake, *sums)
            used = weights > 0
            lines.append(affine_logistic(scores[used], is_fake[used], weights[used]))
    lines.sort(key=lambda line: score_for(LEAST_LOG_LR, *line))
    return lines[math.ceil((1 - CAUTION) * len(lines)) - 1]


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
