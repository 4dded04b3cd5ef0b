"""What the sections of a comparison's page say: values for its templates, by name."""

import base64
import hashlib
import io
import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from cqtnet import SAMPLE_RATE, audio
from verify import words
from verify.calibration import MEASURES, RANGES, TONAL, Calibration, Regression, Weighed
from verify.edits import EditMap, also_in_words
from verify.quality import HIGHEST_EDGE_HZ, quality_of
from verify.recording import Item, Recording
from verify.report import course, pictures
from verify.report import sureness as drawings
from verify.report.language import say
from verify.results import Comparison
from verify.words import clock, number, plural, ratio

Row = tuple[str, ...]
Data = dict[str, Any]

MOST_TAGS, MOST_CHARACTERS = 30, 160  # tags of a file that are shown, and characters of each
LOOKED_S = 600.0  # the quality of at most so much is measured, from the beginning
SOUND_S = 10.0  # length of a sound to listen to, at most
CLAIMS: dict[Weighed, tuple[str, str]] = {
    "rendition": ("the same recording", "another rendition"),
    "unrelated": ("the same recording", "an unrelated recording"),
    "named": ("another rendition", "an unrelated recording"),
}
"""What each ratio is of, and against what."""


def name_of(item: Item) -> str:
    """The name of its file, without folders."""
    return Path(item.path).name


def headline(comparison: Comparison) -> str:
    """The verdict in words."""
    text = say("Insufficient evidence for either answer")
    if comparison.verdict != "insufficient":
        text = _capital(say(comparison.support))
    if comparison.identity is None:
        return text
    own = _capital(say(words.IDENTITIES[comparison.identity]))
    return f"{own}. {text}" if comparison.log_lr > 0 else own


def title(comparison: Comparison) -> str:
    """The names of both files."""
    return f"{name_of(comparison.a)}, {name_of(comparison.b)}"


def result(comparison: Comparison, *, is_named: bool) -> str:
    """The verdict in words, with its ratio and perhaps the names of both files."""
    stated = say(ratio(comparison.log_lr) if comparison.log_lr else "none")
    text = f"{headline(comparison)}. {say('Likelihood ratio')}: {stated}."
    return f"{title(comparison)}: {text}" if is_named else text


def opening(comparison: Comparison) -> Data:
    """The verdict in words and its ratio on the scale."""
    return {
        "title": title(comparison),
        "headline": headline(comparison),
        "reasons": [f"{_capital(say(reason))}." for reason in comparison.reasons],
        "place": say(_place(comparison)),
        "scale": drawings.draw_scale(comparison),
    }


def summary(comparison: Comparison) -> Row:
    """Names, verdict, ratio, place and alterations of a pair, for the table of all pairs."""
    where, altered = "–", "–"
    alignment, edits = comparison.alignment, comparison.edits
    if alignment is not None and comparison.verdict in ("same", "rendition"):
        verb = "is" if comparison.verdict == "same" else "follows"
        where = alignment.place_in_words.replace(" is ", f" {verb} ")
    if comparison.verdict == "same":
        altered = comparison.changes_in_words or altered
        if edits is not None and len(edits.stretches) > 1:
            where = _extent(edits)
            altered += f"; {plural(len(edits.edits), 'edit')}"
    verdict = comparison.verdict if comparison.verdict != "rendition" else "another rendition"
    stated = ratio(comparison.log_lr) if comparison.log_lr else "none"
    told = map(say, (verdict, stated, where, altered))
    return (name_of(comparison.a), name_of(comparison.b), *told)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _place(comparison: Comparison) -> str:
    """Where and how altered, in a line; empty unless the verdict rests on it."""
    if comparison.verdict != "same" or comparison.alignment is None:
        return ""
    if comparison.edits is not None and len(comparison.edits.stretches) > 1:
        return f"Where: {_extent(comparison.edits)} The edit map below shows which."
    where = comparison.alignment.place_in_words
    return f"Where: {where}. How A differs from B: {comparison.changes_in_words}."


def _extent(edits: EditMap) -> str:
    """How much of A comes from B, as a sentence."""
    return (
        f"{edits.common_s:.1f} s of the {edits.a_duration_s:.1f} s of A come from B, in "
        f"{plural(len(edits.stretches), 'stretch', 'stretches')}."
    )


def files(a: Item, b: Item, paths: tuple[Path, Path]) -> list[Row]:
    """What both files are: a row for each fact, with that of A and of B."""
    of_a, of_b = (_facts(item, path) for item, path in zip((a, b), paths, strict=True))
    return [(say(name), told, of_b[name]) for name, told in of_a.items()]


def _facts(item: Item, path: Path) -> dict[str, str]:
    """What a file is."""
    state, coding = path.stat(), audio.coding(path)
    modified = datetime.fromtimestamp(state.st_mtime, UTC)
    tags = [f"{name}: {_shortened(value)}" for name, value in coding.tags[:MOST_TAGS]]
    more = len(coding.tags) - len(tags)
    return {
        "Name": name_of(item),
        "Path": item.path,
        "Size": say(f"{state.st_size:,} bytes"),
        "Modified": say(f"{modified:%Y-%m-%d}") + f"{modified: %H:%M:%S} UTC",
        "SHA-256": item.sha256,
        "Duration": say(f"{clock(item.duration_s)} ({item.duration_s:,.2f} s)"),
        "Container, codec": f"{item.format}, {item.codec}",
        "Sampling": say(f"{item.sample_rate:,} Hz, {plural(item.channels, 'channel')}"),
        "Bit depth": say(
            f"{coding.bits} bits" if coding.bits else "none stated, as is usual of lossy coding"
        ),
        "Encoder": _shortened(coding.encoder) or say("not named"),
        "Tags": "; ".join(tags) + (say(f"; and {more} more") if more else "") or say("none"),
        "Decoding": "; ".join(map(say, item.notes)) or say("nothing unusual"),
    }


def _shortened(text: str) -> str:
    more = len(text) - MOST_CHARACTERS
    return f"{text[:MOST_CHARACTERS]}… {say(f'({more:,} characters more)')}" if more > 0 else text


def recordings(a: Recording, b: Recording) -> Data:
    """What both files are, and how good the recordings are."""
    names = ("Level", "Clipping", "Bandwidth", "Quiet parts")
    told = (names, _quality_in_words(a), _quality_in_words(b))
    qualities = [tuple(map(say, row)) for row in zip(*told, strict=True)]
    return {
        "files": files(a.item, b.item, (a.path, b.path)) + qualities,
        "is_long": max(a.duration_s, b.duration_s) > LOOKED_S,
        "looked_min": f"{LOOKED_S / 60:g}",
    }


def _quality_in_words(recording: Recording) -> Row:
    """Level, clipping, bandwidth and quiet parts in words."""
    samples = recording.samples(0.0, min(recording.duration_s, LOOKED_S))
    if not samples.size:
        return ("no samples",) * 4
    quality = quality_of(samples)
    if quality.peak_dbfs <= audio.SILENCE_DBFS:
        return "silence", "none", "nothing to measure", "silence throughout"
    levels = (quality.peak_dbfs, quality.rms_dbfs, quality.floor_dbfs)
    peak, rms, floor = (f"{number(level, 1)} dBFS" for level in levels)
    clipped = "none seen"
    if quality.clipped >= 1e-4:  # single samples on flat tops are chance
        clipped = f"about {100 * quality.clipped:.2g} % of samples lie on flat tops"
    band = f"falls off steeply at {quality.bandwidth_hz / 1000:.1f} kHz"
    if quality.is_full_band:
        band = f"no upper limit seen below {HIGHEST_EDGE_HZ / 1000:.1f} kHz"
    quiet = f"{floor}, {quality.range_db:.1f} dB under the loud ones"
    return f"peak {peak}, mean (RMS) {rms}", clipped, band, quiet


def findings(comparison: Comparison, a: Recording, b: Recording, *, audio: bool) -> Data:
    """Where A is in B and how it was altered: to be heard, in pictures and as an edit map."""
    view = pictures.view_of(comparison, a, b)
    edits = comparison.edits
    return {
        "players": players(view) if audio else [],
        "view": view,
        "shown_min": f"{pictures.MOST_S / 60:g}",
        "spectrograms": None if a.problem and b.problem else pictures.draw_spectrograms(view),
        "similarity": pictures.draw_similarity(view, view.line) if view.line else None,
        "warping": course.draw_warping(view),
        **edit_list(edits),
    }


def edit_list(edits: EditMap | None) -> Data:
    """The edit map, drawn and in words."""
    return {
        "edits": edits,
        "extent": _extent(edits) if edits else "",
        "places": [say(also_in_words(s)) for s in edits.stretches] if edits else [],
        "strip": pictures.draw_strip(edits) if edits and edits.stretches else None,
    }


def players(view: pictures.View) -> list[tuple[str, pictures.Span, str]]:
    """The first seconds of the longest stretch from A and from B: name, times and data URI."""
    if not view.stretches:
        return []
    longest = max(view.stretches, key=lambda s: s.duration_s)
    line, start_s = longest.line, longest.a_start_s
    end_s = min(longest.a_end_s, start_s + SOUND_S / max(1.0, line.tempo))
    spans = (start_s, end_s), (max(0.0, line.to_b(start_s)), line.to_b(end_s))
    sounds = []
    for name, recording, span in zip("AB", (view.a, view.b), spans, strict=True):
        flac, samples = io.BytesIO(), np.clip(recording.samples(*span), -1, 1)
        soundfile.write(flac, samples, SAMPLE_RATE, format="FLAC", subtype="PCM_16")
        uri = f"data:audio/flac;base64,{base64.b64encode(flac.getvalue()).decode()}"
        sounds.append((name, span, uri))
    return sounds


def sureness(comparison: Comparison, calibration: Calibration) -> Data:
    """The measures behind the ratio, and how the calibration did on pairs it had not seen."""
    evidence, against = comparison.evidence, comparison.deciding[1]
    known = calibration.regressions[against]
    values = dict(zip(MEASURES, calibration.measures(evidence), strict=True)) if evidence else {}
    weights = dict(zip(MEASURES, known.weights, strict=True))
    for name, tonal in TONAL.items() if values else ():
        weights[name] += weights[tonal] * values["tonality"]
    return {
        "others": drawings.OTHERS[against],
        "tried": calibration.data.get(against) or {},
        "measures": [
            (name, say(number(values[name], 3)), say(number(weights[name], 3)))
            for name in (RANGES if values else ())
        ],
        "distributions": drawings.draw_distributions(comparison, calibration),
        "tippett": drawings.draw_tippett(calibration, against),
    }


def learning(calibration: Calibration) -> Data:
    """What a calibration learned from, how it did, and how measures become a ratio."""
    content = json.dumps(asdict(calibration), sort_keys=True)
    return {
        "calibration": calibration,
        "formulas": [(name, _formula(known)) for name, known in calibration.regressions.items()],
        "calibration_sha256": hashlib.sha256(content.encode()).hexdigest(),
    }


def _formula(known: Regression) -> str:
    names = [*map(say, RANGES), *(f"{say(name)} · {say('tonality')}" for name in TONAL)]
    terms = " + ".join(
        f"{say(f'{weight:.4g}')} · {name}"
        for weight, name in zip(known.weights, names, strict=True)
        if weight
    )
    bias, slope, offset = (say(f"{x:.4g}") for x in (known.bias, known.slope, known.offset))
    formula = f"{say('score')} = {terms} + {bias}; ln LR = {slope} · {say('score')} + {offset}."
    return formula.replace("+ -", "\N{MINUS SIGN} ")
