"""How it was done, what it cannot say, and how to do it again."""

import hashlib
import json
import shlex
from dataclasses import asdict

from cqtnet.versions import versions
from verify.align import FASTEST, MOST_SHIFT, SLOWEST
from verify.calibration import MEASURES, RISING, Calibration
from verify.comparison import Comparison
from verify.edits import EditMap
from verify.report.markup import Row, bullets, code, paragraph, section, table
from verify.report.sureness import bounds, conditions
from verify.wording import SCALE

STEPS = (
    "Both files are decoded, mixed to one channel and brought to 22,050 Hz. A constant-Q transform "
    "gives the level of 84 semitones, 43 times a second.",
    "A neural network turns windows of it into embeddings; their cosine is the published score. "
    "Its best windows of 20, 10 and 5 s say where to look more closely; recordings up to 90 s are "
    "also laid on each other whole.",
    f"There, every tempo factor from {SLOWEST:.2f} to {FASTEST:.2f}, every shift within "
    f"{MOST_SHIFT} semitones and every place is tried by correlating changes of the spectrum. "
    "Around the strongest, tempo, pitch and place are made exact by pieces of 2 s.",
    "What was measured becomes a score by logistic regression, and the score a natural-log "
    "likelihood ratio by another one, learned from pairs of recordings whose collections the "
    "first had not seen. The ratio is cut off at the number of pairs that were tried: a thousand "
    "pairs without an error support no ratio of a million.",
)
LIMITS = (
    "Stretches in common are found, not authors, dates or authenticity: whether a recording is "
    "genuine, staged or synthetic is not examined.",
    "A recording that contains a stretch of another (a sample, background music) has that "
    "stretch in common with it, whatever the rest is.",
    "Loops and sounds from the same library are the same sounds; music made of them can have "
    "them in common without one being made from the other.",
    "The ratio holds for recordings and alterations like those of the calibration, named below. "
    "For others it is an extrapolation.",
    "Clipping, bandwidth and noise are measured on one channel at 22,050 Hz; faults above 11 kHz "
    "or in one channel alone may not show.",
    "Where B repeats itself, the place found may be one of several that sound the same.",
)
NO_EDITS = "Cuts, insertions and moves were not looked for; `cqtnet diff` does that."


def method(comparison: Comparison) -> str:
    """How it was done."""
    scale = [_scale_row(i) for i in range(len(SCALE))]
    return section(
        "Method",
        "<ol>" + "".join(f"<li>{step}</li>" for step in STEPS) + "</ol>",
        table(scale, head=("Likelihood ratio", "in words"), kind="scale"),
        paragraph(
            "Ratios below 1 carry the same words, for the other proposition. The scale is that of "
            "the European Network of Forensic Science Institutes, Guideline for Evaluative "
            "Reporting, 2015."
        ),
        name="method",
    )


def limits(edits: EditMap | None) -> str:
    """What this page cannot say."""
    return section("Limits", bullets(LIMITS if edits else (*LIMITS, NO_EDITS)), name="limits")


def again(comparison: Comparison, calibration: Calibration, *, command: str, made: str) -> str:
    """What is needed to do it again and get the same figures."""
    paths = [comparison.a.path, comparison.b.path]
    command = command or shlex.join(["cqtnet", "compare", *paths])
    learned: list[Row] = [
        ("Weights", f"SHA-256 {comparison.model_sha256}"),
        ("Calibration", f"SHA-256 of its content {calibration_sha256(calibration)}"),
        ("Learned from", conditions(calibration.data)),
        ("Bounds", f"likelihood ratios {bounds(calibration)}"),
        ("Score", _formula(calibration)),
        ("Made", made),
    ]
    code_versions = [(name, version) for name, version in versions().items() if version]
    return section(
        "To do it again",
        paragraph("The same files, weights and versions give the same figures. The command:"),
        code(command),
        table([row for row in learned if row[1]], kind="again"),
        paragraph("Software: " + ", ".join(f"{name} {version}" for name, version in code_versions)),
        name="again",
    )


def calibration_sha256(calibration: Calibration) -> str:
    """The SHA-256 of all that a calibration holds."""
    content = json.dumps(asdict(calibration), sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


def _formula(calibration: Calibration) -> str:
    """How measures become a ratio."""
    terms = " + ".join(
        f"{weight:.4g} · {name}" for weight, name in zip(calibration.weights, MEASURES, strict=True)
    )
    rising = ", ".join(MEASURES[:RISING])
    return (
        f"score = {terms} + {calibration.bias:.4g}; ln LR = {calibration.slope:.4g} · score + "
        f"{calibration.offset:.4g}. A rise of {rising} never lowers the score."
    )


def _scale_row(i: int) -> Row:
    low = SCALE[i - 1][0] if i else 1.0
    high, word = SCALE[i]
    span = f"{low:,.0f} to {high:,.0f}" if high < float("inf") else f"{low:,.0f} and more"
    return span, f"{word} support"
