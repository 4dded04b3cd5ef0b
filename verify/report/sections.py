"""What the sections of a comparison's page say: values for its templates, by name."""

import base64
import io
from dataclasses import dataclass

import numpy as np
import soundfile

from cqtnet import SAMPLE_RATE
from cqtnet.audio import SILENCE_DBFS
from verify import words
from verify.calibration import MEASURES, Calibration
from verify.edits import also_in_words
from verify.quality import HIGHEST_EDGE_HZ, Quality, quality_of
from verify.recording import Recording
from verify.report import pictures, record
from verify.report import sureness as drawings
from verify.report.record import Data, Row, limits, name_of
from verify.results import Comparison, EditKind, EditMap, Waveform
from verify.words import clock, number, plural, ratio

LOOKED_S = 600.0
"""The quality of at most so much is measured, from the beginning."""
LEAST_CLIPPED = 1e-4
"""Share of samples on flat tops that is reported: single ones are chance."""
SOUND_S = 10.0
"""Length of a sound to listen to, at most."""
MEANINGS = {
    "aligned cosine": "of the embeddings of the stretches that the alignment puts together",
    "correlation": "of changes in the spectrum, along the alignment",
    "coherence": "of the fine spectra at the pitch found",
    "precision": "how closely pieces lie on one straight line; 0 at 20 ms, 4.6 at 0.2 ms",
    "explained": "how little a filter and a noise floor leave over; 0 at 1 dB, 1.2 at 0.3 dB",
    "band correlation": "of the levels in narrow bands over time, median",
    "steadiness": "how little single seconds lag behind the line; 0 at 10 ms, 3.9 at 0.2 ms",
    "length": "natural logarithm of the seconds in common",
    "signal": "share of bands and moments that hold anything to compare",
    "tonality": "how long tones are held: of music about 0.4, of speech 0",
    "best half": "the same, of the half of the narrow bands that is explained best",
    "waveform": "correlation of the samples; 0 where they cannot be laid on each other",
    "unwarped": "1 if tempo and pitch may be unchanged, so that the samples could correlate",
    "tonal explained": "explained times tonality: music is judged by another scale than speech",
}
"""What each measure is."""

KINDS: dict[EditKind, str] = {
    "cut": "a stretch of B is missing in A; what was before and after it is there",
    "trimmed": "B begins earlier, or goes on longer, than the part that A holds",
    "inserted": "a stretch of A is not from B",
    "replaced": "at one place, a stretch of B is missing and A has something else",
    "moved": "a stretch of B is in A, but not in the order of B",
    "repeated": "A plays a stretch of B once more",
    "looped": "A plays a stretch of B several times in a row",
}
"""What each kind of edit is."""


def opening(comparison: Comparison) -> Data:
    """The verdict in words and its ratio on the scale."""
    headline = "Insufficient evidence for either answer"
    if comparison.verdict != "insufficient":
        headline = _capital(comparison.support)
    if comparison.identity is not None:
        own = _capital(words.IDENTITIES[comparison.identity])
        headline = f"{own}. {headline}" if comparison.log_lr > 0 else own
    return {
        "title": f"{name_of(comparison.a)} and {name_of(comparison.b)}",
        "headline": headline,
        "reasons": [f"{_capital(reason)}." for reason in comparison.reasons],
        "place": _place(comparison),
        "scale": drawings.draw_scale(comparison),
        "bounds": comparison.deciding[0],
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
    return name_of(comparison.a), name_of(comparison.b), verdict, stated, where, altered


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


def recordings(a: Recording, b: Recording) -> Data:
    """What both files are, and how good the recordings are."""
    names = ("Level", "Clipping", "Bandwidth", "Quiet parts")
    sides = (_measured_quality(x) for x in (a, b))
    return {
        "files": record.files(a.item, b.item, (a.path, b.path)),
        "qualities": list(zip(names, *sides, strict=True)),
        "is_long": max(a.duration_s, b.duration_s) > LOOKED_S,
        "looked_min": f"{LOOKED_S / 60:g}",
    }


def _measured_quality(recording: Recording) -> Row:
    samples = recording.samples(0.0, min(recording.duration_s, LOOKED_S))
    return quality_in_words(quality_of(samples)) if samples.size else ("no samples",) * 4


def quality_in_words(quality: Quality) -> Row:
    """Level, clipping, bandwidth and quiet parts in words."""
    if quality.peak_dbfs <= SILENCE_DBFS:
        return "silence", "none", "nothing to measure", "silence throughout"
    clipped = "none seen"
    if quality.clipped >= LEAST_CLIPPED:
        clipped = f"about {100 * quality.clipped:.2g} % of samples lie on flat tops"
    band = f"no upper limit seen below {HIGHEST_EDGE_HZ / 1000:.1f} kHz"
    if not quality.is_full_band:
        band = f"falls off steeply at {quality.bandwidth_hz / 1000:.1f} kHz"
    levels = (quality.peak_dbfs, quality.rms_dbfs, quality.floor_dbfs)
    peak, rms, floor = (f"{number(level, 1)} dBFS" for level in levels)
    quiet = f"{floor}, {quality.range_db:.1f} dB under the loud ones"
    return f"peak {peak}, mean (RMS) {rms}", clipped, band, quiet


@dataclass(frozen=True)
class Player:
    """A stretch to listen to."""

    name: str  # A or B
    span: str
    uri: str  # data:audio/…


def findings(comparison: Comparison, a: Recording, b: Recording, *, audio: bool) -> Data:
    """Where A is in B and how it was altered: in a table, in pictures and as an edit map."""
    view = pictures.view_of(comparison, a, b)
    edits = comparison.edits
    return {
        "findings": finding_rows(comparison),
        "players": players(view) if audio else [],
        "view": view,
        "shown_min": f"{pictures.MOST_S / 60:g}",
        "spectrograms": None if a.problem and b.problem else pictures.draw_spectrograms(view),
        "similarity": pictures.draw_similarity(view, view.line) if view.line else None,
        "warping": pictures.draw_warping(view),
        **edit_list(edits),
    }


def edit_list(edits: EditMap | None) -> Data:
    """The edit map, drawn and in words."""
    return {
        "edits": edits,
        "extent": _extent(edits) if edits else "",
        "places": [also_in_words(s) for s in edits.stretches] if edits else [],
        "strip": pictures.draw_strip(edits) if edits and edits.stretches else None,
    }


def finding_rows(comparison: Comparison) -> list[Row]:
    """Place, tempo, pitch and what the waveform says; none unless the verdict is "same"."""
    alignment = comparison.alignment
    if comparison.verdict != "same" or alignment is None:
        return []
    return [
        ("In A", _span(alignment.a_start_s, alignment.a_end_s)),
        ("In B", _span(alignment.b_start_s, alignment.b_end_s)),
        ("Other places", comparison.places_in_words or "none that fits as well"),
        ("Altered", comparison.line_in_words),
        *(("Altered", one.sentence) for one in comparison.alterations),
        ("Tempo", words.tempo_in_words(alignment.line)),
        ("Pitch", words.pitch_in_words(alignment.line)),
        *_waveform_rows(comparison.waveform),
        ("Agreement", f"correlation {number(alignment.correlation, 2)} along the stretch, "
         f"{number(alignment.coherence, 2)} of the spectra; {alignment.inliers:.0%} of pieces "
         f"within 50 ms of a straight line, typically {1000 * alignment.residual_s:.1f} ms from "
         "it"),
    ]  # fmt: skip


def _waveform_rows(waveform: Waveform | None) -> list[Row]:
    if waveform is None:
        return [("Polarity, level", "not measured: the waveforms could not be laid on each other")]
    return [
        ("Polarity", "reversed" if waveform.inverted else "as in B"),
        ("Level", words.level_in_words(waveform.gain_db)),
        ("Waveform", f"samples of A and B correlate by {waveform.correlation:.3f}; the beginning "
         f"of A lies at {number(waveform.offset_s, 4)} s of B"),
    ]  # fmt: skip


def _span(start_s: float, end_s: float) -> str:
    return f"{clock(start_s)} to {clock(end_s)} ({end_s - start_s:.2f} s)"


def players(view: pictures.View) -> list[Player]:
    """The first seconds of the longest stretch from A and from B; none where there is none."""
    if not view.stretches:
        return []
    longest = max(view.stretches, key=lambda s: s.duration_s)
    line, start_s = longest.line, longest.a_start_s
    end_s = min(longest.a_end_s, start_s + SOUND_S / max(1.0, line.tempo))
    spans = (start_s, end_s), (max(0.0, line.to_b(start_s)), line.to_b(end_s))
    return [
        Player(name, _span(*span), _flac(recording, *span))
        for name, recording, span in zip("AB", (view.a, view.b), spans, strict=True)
    ]


def _flac(recording: Recording, start_s: float, end_s: float) -> str:
    """A stretch as a data URI: mono, 22,050 Hz, 16 bits."""
    written = io.BytesIO()
    samples = np.clip(recording.samples(start_s, end_s), -1, 1)
    soundfile.write(written, samples, SAMPLE_RATE, format="FLAC", subtype="PCM_16")
    return f"data:audio/flac;base64,{base64.b64encode(written.getvalue()).decode()}"


def sureness(comparison: Comparison, calibration: Calibration) -> Data:
    """The measures behind the ratio, and how the calibration did on pairs it had not seen."""
    evidence = comparison.evidence
    known = calibration.regressions[comparison.deciding[1]]
    values = calibration.measures(evidence) if evidence else ()
    return {
        "applies": record.applies(calibration, comparison),
        "unbounded": comparison.deciding[0].unbounded,
        "ratios": _ratios(comparison),
        "cosine": evidence.similarity.cosine if evidence else None,
        "measures": [
            (name, number(value, 3), number(weight, 3), MEANINGS[name])
            for name, value, weight in zip(MEASURES, values, known.weights, strict=False)
        ],
        "distributions": drawings.draw_distributions(comparison, calibration),
        "tippett": drawings.draw_tippett(calibration, comparison.deciding[1]),
        "validation": record.validation(calibration, comparison.deciding[1]),
    }


def _ratios(comparison: Comparison) -> list[tuple[str, ...]]:
    """The three ratios with their bounds."""
    if comparison.ratios is None:
        return []
    return [
        (of, against, ratio(one.value), limits(one.interval), limits((one.least, one.most)))
        for of, against, one in (
            ("the same recording", "another rendition", comparison.ratios.rendition),
            ("the same recording", "an unrelated recording", comparison.ratios.unrelated),
            ("another rendition", "an unrelated recording", comparison.ratios.named),
        )
    ]
