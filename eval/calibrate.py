"""Scores of our systems against the truth: calibration, and errors of place, tempo and pitch."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augment.timemap import Span
from cqtnet.data import list_items
from cqtnet.eer import Floats, equal_error_rate
from cqtnet.errors import ManifestError
from cqtnet.schema import checked, read_json
from eval.bootstrap import recordings_of
from eval.metrics import cllr, min_cllr
from eval.protocols.plan import name_hash
from eval.systems.known import ALIGNMENT_COLUMNS, MEASURE_COLUMNS
from eval.trials import Scores, read_scores
from verify import calibration
from verify.calibration import FIGURES, Calibration, Regression, Weighed, population_of
from verify.words import LEAST_RATIO

SAME, RENDITION, UNRELATED = range(3)
KINDS: dict[Weighed, tuple[int, int]] = {
    "unrelated": (SAME, UNRELATED), "rendition": (SAME, RENDITION), "named": (RENDITION, UNRELATED),
}  # fmt: skip
"""Which kinds of pairs each regression tells apart."""
LN_LEAST = math.log(LEAST_RATIO)
KEPT = 400
"""Log-likelihood ratios of each class that a calibration keeps for pictures, evenly by rank."""


def calibrate(
    same: Sequence[Path], renditions: Sequence[Path], audio: Sequence[Path], *, sources: str = "",
    older: Path | None = None,
) -> Calibration:  # fmt: skip
    """The calibration learned from scores of the system `alignment`.

    The nontargets of `same` are unrelated recordings, those of `renditions` other renditions of the
    target's work. The lists `audio` give the collections: figures on one come from a fit to the
    others. From the calibration `older` come the ratios against unrelated recordings, as they are.
    """
    collections = {i.recording: i.collection for path in audio for i in list_items(path)}
    pairs = _Pairs.read(same, renditions, collections)
    data: dict[str, Any] = {
        "sources": sources, "conditions": list(dict.fromkeys(pairs.condition.tolist())),
        "recordings": len(np.unique(pairs.recordings)),
        "collections": len(np.unique(pairs.collection)),
        "not_stated": int((~pairs.stated).sum()),
    }  # fmt: skip
    regressions: dict[Weighed, Regression] = {}
    if older is None:
        threshold, data["cosine_eer"] = _threshold(pairs)
    else:
        kept = _kept(older)
        regressions, threshold = dict(kept.regressions), kept.cosine_threshold
        data |= {key: kept.data[key] for key in ("cosine_eer", *regressions)}
        data |= {key: max(data[key], kept.data[key]) for key in ("recordings", "collections")}
    for weighed in [name for name in KINDS if name not in regressions]:
        regressions[weighed], data[weighed] = _learned(pairs, weighed)
    account = same[0].with_suffix(".json")
    try:
        made_with = dict(read_json(account)["parameters"])
        model, copy_test = (str(made_with[key]) for key in ("model_sha256", "copy_test_sha256"))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ManifestError(
            f"{account}, the account of the scores, does not name their weights; score again"
        ) from error
    if older is not None and kept.model_sha256 != model:
        raise ManifestError(f"{older} belongs to other weights than the scores; learn all ratios")
    if older is not None and kept.copy_test_sha256 != copy_test and _weighs_network(kept):
        raise ManifestError(f"{older} weighs another network of the copy test; learn all ratios")
    return Calibration(model, copy_test, regressions, threshold, data)


def _threshold(pairs: "_Pairs") -> tuple[float, float]:
    """Where the cosine alone misses as many as it accepts wrongly, and its equal error rate."""
    cosine = pairs.table[:, FIGURES.index("cosine")]
    tar, non = (np.sort(cosine[pairs.kind == kind]) for kind in (SAME, UNRELATED))
    levels = np.unique(np.concatenate([tar, non]))
    missed = np.searchsorted(tar, levels) / len(tar)
    accepted = 1 - np.searchsorted(non, levels) / len(non)
    return float(levels[np.abs(missed - accepted).argmin()]), equal_error_rate(tar, non)


def _weighs_network(kept: Calibration) -> bool:
    """Whether a kept ratio depends on the networks of the copy test."""
    at = [i for i, name in enumerate(calibration.MEASURES) if name.endswith(("network", "mix"))]
    return any(one.weights[i] for one in kept.regressions.values() for i in at)


def _kept(path: Path) -> Calibration:
    """An older calibration's ratios against unrelated recordings; newer measures weigh nothing."""
    known = dict(read_json(path))
    names = list(known.pop("measures"))
    known = {"copy_test_sha256": "", **known}  # it was not named at first
    before = checked(Calibration, {key: known[key] for key in known if key != "format"})

    def now(row: Sequence[float]) -> tuple[float, ...]:
        of = dict(zip(names, row, strict=True))
        return tuple(of.get(name, 0.0) for name in calibration.MEASURES)

    kept: dict[Weighed, Regression] = {}
    for weighed in ("unrelated", "named"):
        one = before.regressions[weighed]
        resampled = tuple((row[0], *now(row[1:])) for row in one.resampled)
        kept[weighed] = replace(one, weights=now(one.weights), resampled=resampled)
    return replace(before, regressions=kept)


@dataclass(frozen=True)
class _Pairs:
    """What was measured of many pairs, (n, …) each."""

    table: Floats  # (n, len(FIGURES))
    stated: NDArray[np.bool_]  # whether a ratio may be stated
    kind: NDArray[np.intp]  # SAME, RENDITION or UNRELATED
    group: NDArray[np.intp]  # numbers of the collections
    collection: NDArray[np.str_]
    condition: NDArray[np.str_]
    recordings: NDArray[np.str_]  # (n, 2)

    @classmethod
    def read(
        cls, same: Sequence[Path], renditions: Sequence[Path], known: Mapping[str, str]
    ) -> "_Pairs":
        """The pairs of score files; `known` names the collection of each recording."""
        columns: list[list[NDArray[Any]]] = [[] for _ in range(6)]
        for path, other in [*((p, UNRELATED) for p in same), *((p, RENDITION) for p in renditions)]:
            scores = read_columns(path, MEASURE_COLUMNS, system="alignment")
            of, own = recordings_of(scores), scores.recording.tolist()
            names = np.empty(of.count, dtype=object)
            names[of.reference] = scores.reference  # a file, where its recording is not known
            names[of.probe] = scores.recording
            for row, name in enumerate(own):
                if name not in known:
                    raise ManifestError(f"{scores.line(row)}: no list holds recording {name!r}")
            rows = (
                np.stack([scores.size(name) for name in FIGURES], axis=1),
                scores.size("stated") > 0, np.where(scores.label, SAME, other),
                np.array([known[name] for name in own]), scores.condition,
                np.stack([names[of.probe], names[of.reference]], axis=1).astype(np.str_),
            )  # fmt: skip
            for column, part in zip(columns, rows, strict=True):
                column.append(part)
        table, stated, kind, collection, condition, both = map(np.concatenate, columns)
        group = np.array([name_hash(name) % (1 << 31) for name in collection.tolist()])
        return cls(table, stated, kind, group, collection, condition, both)

    def count(self, kind: int) -> int:
        """The number of independent pairs of a kind, at least."""
        rows = self.kind == kind
        return independent_pairs(self.recordings[rows], self.condition[rows], same=kind == SAME)


def independent_pairs(recordings: NDArray[Any], condition: NDArray[np.str_], *, same: bool) -> int:
    """How many of the pairs are independent, at least; `recordings` (n, 2) names both of each.

    Same: a recording counts once for each condition. Others: two recordings count once.
    """
    if same:
        return len(set(zip(recordings[:, 0].tolist(), condition.tolist(), strict=True)))
    return len(set(map(tuple, np.sort(recordings, axis=1).tolist())))


def _learned(pairs: _Pairs, weighed: Weighed) -> tuple[Regression, dict[str, Any]]:
    """The regression of two kinds of pairs, and its figures on collections it had not seen."""
    first, second = KINDS[weighed]
    rows = pairs.stated & np.isin(pairs.kind, (first, second))
    label = pairs.kind[rows] == first
    counts = pairs.count(first), pairs.count(second)
    table = calibration.measures(pairs.table[rows])
    of, rising = (pairs.group[rows], pairs.recordings[rows, 0]), calibration.rising(weighed)
    known, log_lr = calibration.fit(table, label, *of, pairs=counts, rising=rising)
    tar, non = log_lr[label], log_lr[~label]
    bounded = np.clip(log_lr, known.least, known.most)
    persistence = pairs.table[rows, FIGURES.index("persistence")]
    figures: dict[str, Any] = {
        "pairs": counts, "trials": [len(tar), len(non)],
        "eer": equal_error_rate(tar, non), "cllr": cllr(bounded[label], bounded[~label]),
        "min_cllr": min_cllr(tar, non),
        "misleading": [int((tar < -LN_LEAST).sum()), int((non > LN_LEAST).sum())],
        "log_lr_first": _spread(tar), "log_lr_second": _spread(non),
    }  # fmt: skip
    for population in calibration.TONALITY:
        own = np.array([population_of(x) == population for x in persistence])
        if (label & own).any() and (~label & own).any():
            figures[f"cllr_{population}"] = cllr(bounded[label & own], bounded[~label & own])
    return known, figures


def read_columns(path: Path, needed: tuple[str, ...], *, system: str) -> Scores:
    """The scores of a file that has these further columns, as `system` writes them."""
    scores = read_scores(path)
    for name in needed:
        if name not in scores.extras:
            raise ManifestError(f"{path} has no column {name}; score with `--system {system}`")
    return scores


def _spread(values: Floats) -> list[float]:
    """Values evenly over their ranks, both ends among them."""
    places = np.linspace(0, len(values) - 1, min(KEPT, len(values))).round().astype(int)
    return [round(float(x), 3) for x in np.sort(values)[places]]


def placing(scores_csv: Path, truth: Path) -> dict[str, dict[str, Any]]:
    """Median and 95th percentile of the errors of place, tempo and pitch, by condition.

    From scores of `alignment` or `comparison`, and the folder of the sets. A match is a target
    trial with a likelihood ratio above 1; without ratios every target is one.
    """
    scores = read_columns(scores_csv, ALIGNMENT_COLUMNS, system="comparison")
    texts = (path.read_text() for path in sorted(truth.glob("*.truth.jsonl")))
    lines = [json.loads(line) for text in texts for line in text.splitlines()]
    if not lines:
        raise ManifestError(f"{truth} holds no .truth.jsonl; give the folder of the sets")
    known = {Path(line["probe"]).name: line for line in lines}
    matched = scores.label if scores.log_lr is None else scores.label & (scores.log_lr > 0)
    measured: dict[str, dict[str, Any]] = {}
    for condition in scores.conditions():
        own = scores.condition == condition
        some = scores.where(matched & own)
        found = [some.size(name).tolist() for name in ALIGNMENT_COLUMNS[:3]]
        errors = []
        for row, (probe, *line) in enumerate(zip(some.probe.tolist(), *found, strict=True)):
            if (own_truth := known.get(Path(probe).name)) is None:
                raise ManifestError(f"{some.line(row)}: no truth is known for {probe}")
            errors.append(_error(own_truth, *line))
        measured[condition] = {"targets": int((scores.label & own).sum()), "matches": len(some)}
        columns = np.array(errors).reshape(-1, 3).T
        for name, values in zip(("place_ms", "tempo_percent", "cents"), columns, strict=True):
            for part, level in (("median", 50), ("p95", 95)):
                percentile = float(np.percentile(values, level)) if len(values) else None
                measured[condition][f"{name}_{part}"] = percentile
    return measured


def _error(
    truth: dict[str, Any], tempo: float, semitones: float, offset_s: float
) -> tuple[float, float, float]:
    """Error of place (ms, the larger of those at both ends), tempo (per cent) and pitch (cents)."""
    (span,) = (Span(*row) for row in truth["time_map"])  # a probe is one stretch
    ends = ((span.out_start_s, span.source_start_s), (span.out_end_s, span.source_end_s))
    start_s = truth["reference_start_s"]
    place_s = max(abs(offset_s + tempo * out_s - (source_s - start_s)) for out_s, source_s in ends)
    shift = truth.get("shift_semitones")
    if shift is None:  # a change of speed also changes the pitch
        speed = any(effect["name"] == "speed" for effect in truth["effects"])
        shift = 12 * math.log2(span.rate) if speed else 0.0
    return 1000 * place_s, 100 * abs(tempo / span.rate - 1), 100 * abs(semitones - shift)
