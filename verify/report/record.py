"""What a page puts on record: both files, what the calibration rests on, and the command."""

import hashlib
import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cqtnet import audio
from verify.calibration import MEASURES, Calibration, Regression, Weighed
from verify.report.sureness import log10_ratios
from verify.results import Comparison, Item
from verify.words import Against, clock, plural, ratio

Row = tuple[str, ...]
Data = dict[str, Any]

MOST_TAGS, MOST_CHARACTERS = 30, 160
"""Tags of a file that are shown, and characters of each."""


def name_of(item: Item) -> str:
    """The name of its file, without folders."""
    return Path(item.path).name


def files(a: Item, b: Item, paths: tuple[Path, Path]) -> list[Row]:
    """What both files are: a row for each fact, with that of A and of B."""
    sides = (_facts(item, path) for item, path in zip((a, b), paths, strict=True))
    names = (
        "Name", "Path", "Size", "Modified", "SHA-256", "Duration", "Container, codec", "Sampling",
        "Bit depth", "Encoder", "Tags", "Decoding",
    )  # fmt: skip
    return list(zip(names, *sides, strict=True))


def _facts(item: Item, path: Path) -> Row:
    """What a file is, in the order of the rows of `files`."""
    state, coding = path.stat(), audio.coding(path)
    modified = datetime.fromtimestamp(state.st_mtime, UTC)
    tags = [f"{name}: {_shortened(value)}" for name, value in coding.tags[:MOST_TAGS]]
    more = len(coding.tags) - len(tags)
    return (
        name_of(item),
        item.path,
        f"{state.st_size:,} bytes",
        f"{modified:%Y-%m-%d %H:%M:%S} UTC",
        item.sha256,
        f"{clock(item.duration_s)} ({item.duration_s:,.2f} s)",
        f"{item.format}, {item.codec}",
        f"{item.sample_rate:,} Hz, {plural(item.channels, 'channel')}",
        f"{coding.bits} bits" if coding.bits else "none stated, as is usual of lossy coding",
        _shortened(coding.encoder) or "not named",
        "; ".join(tags) + (f"; and {more} more" if more else "") or "none",
        "; ".join(item.notes) or "nothing unusual",
    )


def _shortened(text: str) -> str:
    more = len(text) - MOST_CHARACTERS
    return f"{text[:MOST_CHARACTERS]}… ({more:,} characters more)" if more > 0 else text


def validation(calibration: Calibration, against: Against) -> str:
    """How the calibration did on pairs of recordings it had not seen, as far as is known."""
    data = calibration.data.get(against) or {}
    others = {"rendition": "renditions of one work", "unrelated": "unrelated recordings"}[against]
    parts = []
    pairs = data.get("pairs")
    if pairs:
        parts.append(
            f"Tried on {pairs[0]:,} pairs of the same recording and {pairs[1]:,} of {others}, "
            "from collections other than those it learned from."
        )
    ratios = log10_ratios(calibration, against)
    if ratios is not None:
        same, different = ratios
        parts.append(
            f"Of those drawn, the ratio points the wrong way for {(same < 0).sum()} of "
            f"{len(same)} of the same recording and {(different > 0).sum()} of "
            f"{len(different)} of {others}."
        )
    forms = {
        "eer": "Equal error rate {:.2%}",
        "cllr": "Cllr {:.3f}",
        "min_cllr": "least possible Cllr {:.3f}",
    }
    figures = [f.format(data[key]) for key, f in forms.items() if isinstance(data.get(key), float)]
    if figures:
        parts.append(
            f"{', '.join(figures)} (Cllr: mean cost of the ratios in bits, 0 perfect, 1 useless)."
        )
    return " ".join(parts) or "The calibration carries no figures of its validation."


def applies(calibration: Calibration, comparison: Comparison) -> str:
    """Which line of the validation holds for this pair, as a sentence."""
    against = comparison.deciding[1]
    others = {"rendition": "another rendition", "unrelated": "an unrelated recording"}[against]
    cllr = (calibration.data.get(against) or {}).get(f"cllr_{comparison.population}")
    figure = f", with Cllr {cllr:.3f}" if isinstance(cllr, float) else ""
    return (
        f"The validation of the same recording against {others} applies{figure} for "
        f"{comparison.population}, which these recordings sound like or were said to be."
    )


def validations(calibration: Calibration) -> list[Row]:
    """For each ratio: propositions, pairs, figures of both populations, bounds."""
    same, other = "the same recording", "an unrelated recording"
    claims: dict[Weighed, tuple[str, str]] = {
        "rendition": (same, "another rendition"),
        "unrelated": (same, other),
        "named": ("another rendition", other),
    }
    rows = []
    for name, (of, against) in claims.items():
        data, known = calibration.data.get(name) or {}, calibration.regressions[name]
        pairs = " + ".join(f"{n:,}" for n in data.get("pairs") or ()) or "not stated"
        cllrs = (data.get(key) for key in ("cllr", "cllr_music", "cllr_speech"))
        figures = ("–" if cllr is None else f"{cllr:.3f}" for cllr in cllrs)
        rows.append((of, against, pairs, *figures, limits((known.least, known.most))))
    return rows


def learning(calibration: Calibration) -> Data:
    """What a calibration learned from, as far as is known, and how measures become a ratio."""
    data = calibration.data
    known = [str(data["sources"])] if data.get("sources") else []
    if isinstance(data.get("recordings"), int):
        known.append(f"{data['recordings']:,} recordings")
    if data.get("conditions"):
        known.append("conditions: " + ", ".join(map(str, data["conditions"])))
    return {
        "learned_from": "; ".join(known) or "not stated",
        "validations": validations(calibration),
        "model_sha256": calibration.model_sha256,
        "formulas": [
            (against, _formula(known)) for against, known in calibration.regressions.items()
        ],
        "calibration_sha256": calibration_sha256(calibration),
    }


def calibration_sha256(calibration: Calibration) -> str:
    """The SHA-256 of all that a calibration holds."""
    content = json.dumps(asdict(calibration), sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


def _formula(calibration: Regression) -> str:
    terms = " + ".join(
        f"{weight:.4g} · {name}" for weight, name in zip(calibration.weights, MEASURES, strict=True)
    )
    formula = (
        f"score = {terms} + {calibration.bias:.4g}; ln LR = {calibration.slope:.4g} · score + "
        f"{calibration.offset:.4g}."
    )
    return formula.replace("+ -", "\N{MINUS SIGN} ")


def limits(log_lrs: tuple[float, float]) -> str:
    """Two natural-log ratios as a range."""
    return " to ".join(map(ratio, log_lrs))
