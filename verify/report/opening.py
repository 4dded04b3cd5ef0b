"""The first things said: the verdict with its ratio, the question, and how to read the answer."""

from verify.comparison import Comparison
from verify.edits import EditMap
from verify.report.markup import bullets, figure, number, paragraph, section, text
from verify.report.validation import draw_scale
from verify.telling import altered, where
from verify.wording import DIFFERENT, LEAST_RATIO, SAME, Verdict, ratio

VERDICTS: dict[Verdict, str] = {
    "same": f"the findings speak for: {SAME}",
    "different": f"the findings speak for: {DIFFERENT}",
    "insufficient": "the findings speak clearly for neither proposition",
}


def opening(comparison: Comparison) -> str:
    """The verdict in words, its ratio, its bound, and what was found in a line."""
    lines = [headline(comparison), stated_ratio(comparison)]
    parts = [
        '<p class="kicker">Comparison of two recordings</p>',
        f"<h1>{text(lines[0])}</h1>",
        f'<div class="verdict {comparison.verdict}">',
        paragraph(lines[1], kind="ratio"),
        paragraph(comparison.sentence if comparison.log_lr else ""),
        paragraph(bound(comparison)),
        bullets(sentence_of(reason) for reason in comparison.reasons),
        paragraph(_found(comparison)),
        "</div>",
        figure(
            draw_scale(comparison),
            "The likelihood ratio on the verbal scale of the European Network of Forensic Science "
            "Institutes (2015). Hatched: ratios beyond what the calibration can support.",
        ),
    ]
    return "<header>\n" + "\n".join(part for part in parts if part) + "\n</header>"


def headline(comparison: Comparison) -> str:
    """The verdict in plain words."""
    if comparison.verdict == "insufficient":
        return "Insufficient evidence for either answer"
    return sentence_of(comparison.support).removesuffix(".")


def stated_ratio(comparison: Comparison) -> str:
    """The ratio in figures, or that there is none."""
    if not comparison.log_lr:
        return "No likelihood ratio is stated."
    natural = number(comparison.log_lr, digits=1)
    return f"Likelihood ratio {ratio(comparison.log_lr)} (natural logarithm {natural})"


def bound(comparison: Comparison) -> str:
    """What the calibration can support, and whether the evidence goes further."""
    if not comparison.log_lr:
        return ""
    if comparison.is_bounded:
        return (
            "This is the bound of what the calibration can support. The findings point further, "
            "but the pairs that it was learned from are too few for a stronger statement."
        )
    low, high = ratio(comparison.least_log_lr), ratio(comparison.most_log_lr)
    return f"The calibration can support ratios from {low} to {high}; this one lies within."


def question(comparison: Comparison) -> str:
    """The question, both propositions, and what a ratio is and is not."""
    return section(
        "The question",
        paragraph(
            "Does a stretch of recording A (questioned) come from the same recording as a stretch "
            "of B (reference), whatever was done to it since? Two propositions are weighed:"
        ),
        bullets((f"{SAME}.", f"{DIFFERENT}.")),
        paragraph(
            "The same recording means the same sounds, captured once: copies, excerpts and "
            "processed versions. Another performance of the same piece is another recording."
        ),
        paragraph(
            "The likelihood ratio says how many times more probable the findings are under one "
            "proposition than under the other. It is not the probability that a proposition is "
            "true: for that, the odds from everything else that is known have to be multiplied "
            f"by the ratio, and that is not the task of this report. Ratios from 1/{LEAST_RATIO:g} "
            f"to {LEAST_RATIO:g} count as insufficient. Here, {VERDICTS[comparison.verdict]}."
        ),
        name="question",
    )


def sentence_of(words: str) -> str:
    """Words as a sentence: a capital first, a full stop last."""
    return words[:1].upper() + words[1:] + ("" if words.endswith(".") else ".")


def extent(edits: EditMap) -> str:
    """How much of A comes from B, as a sentence."""
    n = len(edits.stretches)
    return (
        f"{edits.common_s:.1f} s of the {edits.a_duration_s:.1f} s of A come from B, in "
        f"{n} stretch{'es' if n > 1 else ''}."
    )


def _found(comparison: Comparison) -> str:
    """Where and how altered, in a line; only where the verdict rests on it."""
    alignment = comparison.evidence.alignment if comparison.evidence else None
    if comparison.verdict != "same" or alignment is None:
        return ""
    edits = comparison.edits
    if edits is not None and len(edits.stretches) > 1:
        return f"Where: {extent(edits)} The edit map below tells which."
    return f"Where: {where(alignment)}. How A differs from B: {altered(comparison)}."
