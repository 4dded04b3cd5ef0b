"""How sure: the measures behind the ratio, and how the calibration did on unseen pairs."""

from typing import Any

from verify.calibration import MEASURES, Calibration, measures
from verify.comparison import Comparison
from verify.report.markup import Row, figure, number, paragraph, section, table
from verify.report.validation import (
    draw_distributions,
    draw_tippett,
    log10_ratios,
    unbounded_log_lr,
)
from verify.wording import ratio

MEANINGS = {
    "cosine": "of the network's embeddings, at the best place: the published score",
    "aligned cosine": "the same, of the stretches that the alignment puts side by side",
    "correlation": "of changes in the spectrum, along the alignment",
    "strength": "correlation times the root of the seconds in common",
    "coherence": "of the fine spectra at the pitch found",
    "precision": "how closely pieces lie on one straight line; 0 at 0.1 s, 6.9 at 0.1 ms",
    "length": "natural logarithm of the seconds in common",
}


def sureness(comparison: Comparison, calibration: Calibration) -> str:
    """What the ratio rests on."""
    return section(
        "How sure",
        paragraph(_summary(comparison, calibration)),
        _measures(comparison, calibration),
        paragraph(_cosine(comparison)),
        figure(
            draw_distributions(comparison, calibration),
            "Ratios of pairs of recordings that the calibration had not seen, before they are cut "
            "off at the bounds (dotted upright lines).",
        ),
        figure(
            draw_tippett(calibration),
            "Tippett plot of the same pairs, within the bounds: how many have at least each "
            "ratio. Misleading are the part of the dashed line to the right of 1, and what the "
            "solid line lacks to 100 % there.",
        ),
        paragraph(validation(calibration)),
        name="sure",
    )


def validation(calibration: Calibration) -> str:
    """How the calibration did on pairs of recordings it had not seen, as far as is known."""
    data = calibration.data
    parts = []
    pairs = [data.get(name) for name in ("pairs_same", "pairs_different")]
    if all(isinstance(n, int) for n in pairs):
        parts.append(
            f"Tried on {pairs[0]:,} pairs of the same and {pairs[1]:,} of different recordings, "
            "of collections other than those it was learned from."
        )
    ratios = log10_ratios(calibration)
    if ratios is not None:
        same, different = ratios
        parts.append(
            f"Of those drawn, the ratio points the wrong way for {(same < 0).sum()} of "
            f"{len(same)} of the same and {(different > 0).sum()} of {len(different)} of "
            "different recordings."
        )
    figures = [
        f"{label} {value:{form}}"
        for label, name, form in (
            ("Equal error rate", "eer", ".2%"), ("Cllr", "cllr", ".3f"),
            ("least possible Cllr", "min_cllr", ".3f"),
        )
        if isinstance(value := data.get(name), float)
    ]  # fmt: skip
    if figures:
        parts.append(
            f"{', '.join(figures)} (Cllr: mean cost of the ratios in bits, 0 perfect, 1 useless)."
        )
    return " ".join(parts) or "The calibration carries no figures of its validation."


def conditions(data: dict[str, Any]) -> str:
    """What the calibration was learned from, as far as is known."""
    known = []
    if data.get("sources"):
        known.append(str(data["sources"]))
    if isinstance(data.get("recordings"), int):
        known.append(f"{data['recordings']:,} recordings")
    if data.get("conditions"):
        known.append("conditions: " + ", ".join(map(str, data["conditions"])))
    return "; ".join(known) or "not stated"


def _summary(comparison: Comparison, calibration: Calibration) -> str:
    if comparison.evidence is None:
        return "Nothing could be measured, so there is no ratio."
    if not comparison.log_lr:
        return (
            "Measures were taken, but outside of what the calibration was made for; "
            "so no ratio is stated."
        )
    before = unbounded_log_lr(comparison, calibration)
    assert before is not None
    score = number(calibration.score(comparison.evidence), digits=2)
    words = (
        f"The measures below are weighted and summed to a score of {score}, a natural-log "
        f"likelihood ratio of {number(before, digits=2)}"
    )
    if comparison.is_bounded:
        return f"{words}, cut off at the bound of {number(comparison.log_lr, digits=2)}."
    return f"{words}, which lies within the bounds."


def _measures(comparison: Comparison, calibration: Calibration) -> str:
    if comparison.evidence is None:
        return ""
    values = measures(comparison.evidence)
    rows: list[Row] = [
        (name, number(value, digits=3), number(weight, digits=3), MEANINGS.get(name, ""))
        for name, value, weight in zip(MEASURES, values, calibration.weights, strict=True)
    ]
    return table(rows, head=("Measure", "value", "weight", "what it is"))


def _cosine(comparison: Comparison) -> str:
    if comparison.evidence is None:
        return ""
    found, threshold = comparison.evidence.similarity.cosine, comparison.cosine_threshold
    side = "above" if found >= threshold else "below"
    return (
        f"The published score alone, the cosine {found:.3f}, lies {side} the threshold "
        f"{threshold:.3f} at which it errs equally often either way. The verdict does not rest "
        "on it alone."
    )


def bounds(calibration: Calibration) -> str:
    """What the calibration can support, as ratios."""
    return f"{ratio(calibration.least)} to {ratio(calibration.most)}"
