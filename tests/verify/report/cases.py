"""Comparisons made by hand: what the report is given, without network or search."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from cqtnet import SAMPLE_RATE
from cqtnet.embed import Trace
from verify.calibration import MEASURES, Calibration
from verify.features import Content, Features, Floats
from verify.recording import Recording
from verify.results import Alignment, Comparison, Edit, EditMap, Evidence, Hit, Item, Line, Stretch

CONTENT = Content(0.5, 0.4, 0.1, 8.0)
LINE = Line(1.0, 0.0, 4.0)


def recording(path: Path, samples: Floats, *, problem: str = "", keep: bool = True) -> Recording:
    """The recording of samples, written to a file."""
    with path.open("wb") as file:
        soundfile.write(file, samples, SAMPLE_RATE, format="WAV", subtype="FLOAT")
    nothing = np.zeros((0, 0), np.float32)
    item = Item(
        str(path), "ab" * 32, samples.size / SAMPLE_RATE, "wav", "pcm_f32", SAMPLE_RATE, 1, ()
    )
    whole = Features.of(samples) if keep and not problem else None
    trace = Trace(nothing, nothing.ravel(), samples.size)
    return Recording(path, item, trace, whole, problem)


def calibration(**data: Any) -> Calibration:
    """A calibration whose score is the cosine times ten, less five."""
    weights = tuple(10.0 if name == "cosine" else 0.0 for name in MEASURES)
    return Calibration("cd" * 32, weights, -5.0, 1.0, 0.0, -6.0, 7.0, 0.5, data)


def validated() -> Calibration:
    """The same, with figures of its validation: one of four misleads either way."""
    return calibration(
        log_lr_same=[-1.0, 2.0, 5.0, 12.0],
        log_lr_different=[-9.0, -5.0, -3.0, 0.5],
        conditions=["tempo", "noise <10 dB"],
        recordings=40,
        pairs_same=4000,
        pairs_different=5000,
        eer=0.25,
        cllr=0.5,
        min_cllr=0.4,
        sources="two <collections>",
    )


def same(a: Recording, b: Recording) -> Comparison:
    """A, eight seconds, is B from 4 s on; the ratio within its bounds."""
    alignment = Alignment(0.0, a.duration_s, LINE, 0.8, 0.9, 0.001, 1.0)
    evidence = Evidence(Hit(0.9, 8.0, 0.0, 4.0), alignment, 0.88, CONTENT, CONTENT)
    return Comparison(
        a.item, b.item, "same", 4.0, -6.0, 7.0, (), evidence, None, None, 0.5, "cd" * 32
    )


def different(a: Recording, b: Recording) -> Comparison:
    """They differ, beyond what the calibration can support."""
    found = same(a, b)
    assert found.evidence is not None and found.evidence.alignment is not None
    alignment = replace(found.evidence.alignment, correlation=0.1)
    evidence = replace(found.evidence, similarity=Hit(-0.5, 8.0, 0.0, 4.0), alignment=alignment)
    return replace(found, verdict="different", log_lr=-6.0, evidence=evidence)


def undecided(a: Recording, b: Recording) -> Comparison:
    """The ratio is stated, but near 1."""
    reasons = ("the findings are about as probable under either proposition",)
    return replace(same(a, b), verdict="insufficient", log_lr=math.log(3), reasons=reasons)


def unmeasured(a: Recording, b: Recording) -> Comparison:
    """Nothing could be measured."""
    return replace(
        same(a, b),
        verdict="insufficient",
        log_lr=0.0,
        reasons=("A holds nothing but silence",),
        evidence=None,
    )


def edit_map() -> EditMap:
    """Two stretches of A that change places in B, after a cut."""
    stretches = (
        Stretch(0.0, 4.0, Line(1.0, 0.0, 8.0), 0.8, 0.9),
        Stretch(4.0, 8.0, Line(1.0, 0.0, 0.0), 0.8, 0.9),
    )
    edits = (
        Edit("cut", 0.0, 0.0, 0.0, 4.0, "4 s <gone>"),
        Edit("moved", 4.0, 8.0, 4.0, 8.0, "4 s come later"),
    )
    return EditMap(8.0, 12.0, stretches, edits)
