"""Validation of likelihood ratios on trials with a known answer, against a criterion.

A comparison's two ratios are validated: of the same recording against an unrelated one, and
against another rendition. Where the system states no ratio, it counts as 1.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cqtnet import audio
from cqtnet.device import versions
from cqtnet.eer import Floats
from cqtnet.errors import ManifestError
from cqtnet.files import file_sha256, make_folder, write_json
from cqtnet.plotting import Picture, as_svg
from cqtnet.schema import read_json
from eval import plots
from eval.bootstrap import Figure, recordings_of
from eval.calibrate import independent_pairs, read_columns
from eval.metrics import Support, dev_pav, measure, support
from eval.metrics.table import shown
from eval.plots import ScoreSet
from eval.report import ALL
from eval.trials import COLUMNS, Scores
from verify.calibration import TONALITY, population_of
from verify.report.page import render, write
from verify.results import LogLr, Ratios
from verify.words import HEADLINES, PROPOSITIONS, SCALE, Against, Verdict

WITHIN = "-within"
"""How a condition's name ends if its nontargets are renditions of the probe's work."""
RATIOS: dict[Against, str] = {"unrelated": "log_lr_unrelated", "rendition": "log_lr_rendition"}
"""The column of each ratio that is validated."""
OTHERS: dict[Against, str] = {"unrelated": "unrelated recordings", "rendition": "renditions"}
NEEDED = (*RATIOS.values(), "log_lr_named", "persistence", "common_s", "stated")
FIGURES = ("cllr", "min_cllr", "calibration_loss", "miss", "false_alarm")
"""The figures of a group; a miss is a copy with a ratio below 1, a false alarm one of the others
with a ratio above 1."""
COUNTS = ("same_right", "same_wrong", "other_right", "other_wrong")
"""What is counted for each word of the scale: ratios of each class, `wrong` ones mislead."""
LIMITS = np.log([limit for limit, _ in SCALE])
ROUNDING = 1e-9  # a ratio that is so little short of a limit has reached it, as in `verify.words`


@dataclass(frozen=True)
class Criterion:
    """What ratios must reach, fixed before they are looked at."""

    max_cllr: float = 0.15
    max_misleading: float = 0.01

    def is_met(self, figures: Mapping[str, Figure]) -> bool:
        """Whether Cllr and both rates of misleading evidence are low enough."""
        cllr, *rates = (figures[key].value or 0.0 for key in ("cllr", "miss", "false_alarm"))
        return cllr <= self.max_cllr and max(rates) <= self.max_misleading


@dataclass(frozen=True)
class Group:
    """The figures of all trials, of those of a population, or of those of a condition."""

    name: str
    kind: str  # all, population or condition
    same: int
    other: int
    recordings: int
    figures: Mapping[str, Figure]  # by the keys of FIGURES; none without trials of both classes
    dev_pav: float | None
    strengths: Mapping[str, Mapping[str, int]]  # by the words of the scale and by COUNTS
    passed: bool | None  # None where there are no figures


@dataclass(frozen=True)
class Tested:
    """One of the two ratios, on its trials."""

    against: Against
    groups: Sequence[Group]  # the first is of all
    support: Support | None  # None without trials of both classes
    sets: Sequence[ScoreSet]  # what is drawn: all, and the populations if there are two


@dataclass(frozen=True)
class Validation:
    """Both ratios, and what they were validated on."""

    criterion: Criterion
    files: Sequence[Mapping[str, Any]]
    data: Sequence[Mapping[str, Any]]  # a row for each condition
    common_s: Sequence[float]  # what two copies have in common: 5 %, median, 95 %
    not_stated: int
    tested: Sequence[Tested]

    @property
    def passed(self) -> bool | None:
        """Whether both ratios meet the criterion; None if none fails, but one has no figures."""
        passed = [one.groups[0].passed for one in self.tested]
        return False if False in passed else None if None in passed else True

    def to_dict(self) -> dict[str, Any]:
        """The result as plain data, as in validation.json."""
        ratios = {
            one.against: {
                "propositions": [side.claim for side in PROPOSITIONS[one.against]],
                "passed": one.groups[0].passed,
                "support": one.support and asdict(one.support),
                "groups": [asdict(group) for group in one.groups],
            }
            for one in self.tested
        }
        own = {key: value for key, value in vars(self).items() if key != "tested"}
        own["criterion"] = asdict(self.criterion)
        return {"versions": versions(), "passed": self.passed, **own, "ratios": ratios}


def validate(paths: Sequence[Path], criterion: Criterion, **options: Any) -> Validation:
    """The validation on score files of the system `comparison`, with `resamples` and a `seed`."""
    scores = _joined(paths)
    options |= {"threshold": 0.5, "operating_points": (), "false_alarm_rates": ()}
    tested = [_tested(scores, against, criterion, options) for against in RATIOS]
    stated = scores.size("stated") > 0
    common_s = scores.size("common_s")[scores.label & stated]
    quantiles = np.quantile(common_s, (0.05, 0.5, 0.95)).tolist() if len(common_s) else []
    data = [_data(name, scores.where(scores.condition == name)) for name in scores.conditions()]
    files, not_stated = [_file(path) for path in paths], int((~stated).sum())
    return Validation(criterion, files, data, quantiles, not_stated, tested)


def write_validation(folder: Path, validation: Validation) -> None:
    """Write validation.html and, last, validation.json into the folder, each whole."""
    make_folder(folder)
    pictures: dict[Against, tuple[Picture, Picture]] = {}
    for one in validation.tested:
        if one.support:
            title = f"The same recording against {OTHERS[one.against]}"
            curves = as_svg(plots.tippett(one.sets, title=title), f"Tippett plot. {title}.")
            reliability = plots.calibration(one.sets[0], title=title)
            pictures[one.against] = curves, as_svg(reliability, f"Calibration. {title}.")
    title = "Validation of likelihood ratios"
    known = {"v": validation, "pictures": pictures, "others": OTHERS, "shown": shown}
    write(folder / "validation.html", render("validation.html.j2", title=title, **known))
    write_json(folder / "validation.json", validation.to_dict())


def _file(path: Path) -> dict[str, Any]:
    """A score file's name and SHA-256, and what the account beside it says of the system."""
    try:
        account = read_json(path.with_suffix(".json"))
        weights = account["parameters"]["model_sha256"]
        system = {"model_sha256": weights, "scored_with": account["versions"]}
    except (OSError, ValueError, KeyError, TypeError):
        system = {}
    return {"file": audio.shown(path), "sha256": file_sha256(path), **system}


def _data(name: str, scores: Scores) -> dict[str, Any]:
    """How many recordings and trials a condition has."""
    same, music = int(scores.label.sum()), int((_populations(scores) == "music").sum())
    return {
        "condition": name, "recordings": len(np.unique(scores.recording)), "same": same,
        "other": len(scores) - same,
        "others_are": OTHERS["rendition" if name.endswith(WITHIN) else "unrelated"],
        "music": music, "speech": len(scores) - music,
        "verdicts": {
            kind: _verdicts(scores.where(rows))
            for kind, rows in (("same", scores.label), ("other", ~scores.label))
        },
    }  # fmt: skip


def _verdicts(scores: Scores) -> dict[Verdict, int]:
    """How often `cqtnet compare` has each verdict on these trials."""
    counts: dict[Verdict, int] = dict.fromkeys(HEADLINES, 0)
    columns = [scores.size(name).tolist() for name in (*RATIOS.values(), "log_lr_named", "stated")]
    for *log_lrs, stated in zip(*columns, strict=True):
        ratios = Ratios(*(LogLr(log_lr, -math.inf, math.inf) for log_lr in log_lrs))
        counts[ratios.verdict() if stated > 0 else "insufficient"] += 1
    return counts


def _joined(paths: Sequence[Path]) -> Scores:
    """The trials of all files as one table; errors name the file."""
    parts = [read_columns(path, NEEDED, system="comparison") for path in paths]
    seen: dict[tuple[str, ...], Path] = {}
    for part in parts:
        for name in NEEDED:
            if len(wrong := np.flatnonzero(~np.isfinite(part.size(name)))):
                raise ManifestError(f"{part.line(wrong[0])}: {name} is not a finite number")
        for trial in part.pairs():
            if trial in seen:
                raise ManifestError(
                    f"{part.path}: the trial of {trial[0]} and {trial[1]} is in {seen[trial]} "
                    "already; give it once"
                )
            seen[trial] = part.path
    columns = {name: np.concatenate([getattr(p, name) for p in parts]) for name in COLUMNS}
    extras = {name: np.concatenate([p.extras[name] for p in parts]) for name in NEEDED}
    return Scores(parts[0].path, **columns, extras=extras, score=np.zeros(len(columns["label"])))


def _tested(
    scores: Scores, against: Against, criterion: Criterion, options: Mapping[str, Any]
) -> Tested:
    log_lr = np.where(scores.size("stated") > 0, scores.size(RATIOS[against]), 0.0)
    supports_same = np.where(scores.label, log_lr >= 0, log_lr > 0)  # 1 misleads nobody
    scores = replace(scores, score=supports_same.astype(np.float64), log_lr=log_lr)
    within = np.char.endswith(scores.condition, WITHIN)
    scores = scores.where(scores.label | (within == (against == "rendition")))
    pair = np.char.add(np.char.add(scores.reference, "\n"), scores.probe)
    once = ~scores.label
    once[np.unique(pair, return_index=True)[1]] = True  # a copy may be of two conditions
    every = scores.where(once)
    conditions = dict.fromkeys(scores.condition[~scores.label].tolist())
    parts = [(ALL, ALL, every)]
    population = _populations(every)
    parts += [(name, "population", every.where(population == name)) for name in TONALITY]
    parts += [(name, "condition", scores.where(scores.condition == name)) for name in conditions]
    groups = [_group(*part, criterion, options) for part in parts]
    drawn = zip(groups[:3], parts[:3], strict=True)
    sets = [ScoreSet.of(group.name, of) for group, (*_, of) in drawn if group.figures]
    sets = sets if len(sets) == 3 else sets[:1]  # a single population is all
    return Tested(against, groups, _support(every) if groups[0].figures else None, sets)


def _populations(scores: Scores) -> NDArray[np.str_]:
    return np.array([population_of(x) for x in scores.size("persistence").tolist()], np.str_)


def _group(
    name: str, kind: str, scores: Scores, criterion: Criterion, options: Mapping[str, Any]
) -> Group:
    tar, non = ScoreSet.of(name, scores).log_lrs
    counts = (name, kind, len(tar), len(non), len(np.unique(scores.recording)))
    if not (len(tar) and len(non)):
        return Group(*counts, {}, None, {}, None)
    measured = measure(scores, **options)
    figures, strengths = {key: measured[key] for key in FIGURES}, _strengths(tar, non)
    return Group(*counts, figures, dev_pav(tar, non), strengths, criterion.is_met(figures))


def _strengths(tar: Floats, non: Floats) -> dict[str, dict[str, int]]:
    strengths: dict[str, dict[str, int]] = {word: {} for _, word in SCALE}
    for key, log_lr in zip(COUNTS, (tar, -tar, -non, non), strict=True):
        word = np.searchsorted(LIMITS, log_lr[log_lr > 0] + ROUNDING, side="right")
        counts = np.bincount(word, minlength=len(SCALE)).tolist()
        for of_word, count in zip(strengths.values(), counts, strict=True):
            of_word[key] = count
    return strengths


def _support(scores: Scores) -> Support:
    of = recordings_of(scores)
    both = np.stack([of.probe, of.reference], axis=1)
    same, other = (
        independent_pairs(both[rows], scores.condition[rows], same=same)
        for rows, same in ((scores.label, True), (~scores.label, False))
    )
    return support(*ScoreSet.of(ALL, scores).log_lrs, pairs=(same, other))
