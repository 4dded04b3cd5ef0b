"""Comparisons made by hand: what the report is given, without network or search."""

import math
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from cqtnet import SAMPLE_RATE, plotting
from cqtnet.embed import Trace
from verify import results as r
from verify.calibration import MEASURES, Calibration, Regression
from verify.copytest import CopyTest, networks_sha256
from verify.edits import Edit, EditMap
from verify.features import Content, Features
from verify.recording import Hit, Item, Recording

CONTENT = Content(0.5, 0.4, 0.1, 8.0, 0.3)
LINE = r.Line(1.0, 0.0, 4.0)
ALIGNMENT = r.Alignment(0.0, 8.0, LINE, 0.8, 0.9, 0.001, 1.0)
COPY = CopyTest(0.9, 1.1, 0.8, 0.9, 0.8, 0.002, 1.0, 0.5, 0.6, 0.1, 11.0, 2.5, 2.0)
EVIDENCE = r.Evidence(Hit(0.9, 8.0, 0.0, 4.0), ALIGNMENT, 0.9, CONTENT, CONTENT, COPY)


def recording(path, samples, *, problem="", keep=True):
    """The recording of samples, written to a file."""
    with path.open("wb") as file:
        soundfile.write(file, samples, SAMPLE_RATE, format="WAV", subtype="FLOAT")
    nothing = np.zeros((0, 0), np.float32)
    item = Item(
        str(path), "ab" * 32, samples.size / SAMPLE_RATE, "wav", "pcm_f32", SAMPLE_RATE, 1, ()
    )
    whole = Features.of(samples) if keep and not problem else None
    trace = Trace(nothing, nothing.ravel(), samples.size)
    return Recording(path, item, trace, whole, problem=problem)


@contextmanager
def unpainted():
    """Pictures are drawn and not painted, which takes longer than all the rest of a page."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("as_png", "as_svg"):
            patch.setattr(plotting, name, lambda _, alt: plotting.Picture("data:image/,", alt))
        yield


def calibration(**data):
    """A calibration whose ratios are all the aligned cosine times ten, less five."""
    weights = tuple(10.0 if name == "aligned cosine" else 0.0 for name in MEASURES)
    known = Regression(weights, -5.0, 1.0, 0.0, -6.0, 7.0)
    names = ("unrelated", "rendition", "named")
    return Calibration("cd" * 32, networks_sha256(), dict.fromkeys(names, known), 0.5, data)


def validated():
    """The same, with figures of its validation: one of four misleads either way."""
    tried = {
        "log_lr_first": [-1.0, 2.0, 5.0, 12.0], "log_lr_second": [-9.0, -5.0, -3.0, 0.5],
        "pairs": [4000, 5000], "eer": 0.25, "cllr": 0.5, "min_cllr": 0.4,
    }  # fmt: skip
    return calibration(
        rendition=tried, unrelated=tried, recordings=40, sources="two <collections>",
        conditions=["tempo", "noise <10 dB"],
    )  # fmt: skip


def ratios(unrelated, rendition, named=0.0):
    """These ratios within bounds of -6 and 7."""
    return r.Ratios(*(r.LogLr(x, -6.0, 7.0) for x in (unrelated, rendition, named)))


def same(a, b):
    """A, eight seconds, is B from 4 s on; the ratio within its bounds."""
    alignment = replace(ALIGNMENT, a_end_s=a.duration_s)
    return r.Comparison(
        a.item, b.item, "same", ratios(5.0, 4.0), "rendition", "music", (),
        replace(EVIDENCE, alignment=alignment), None, None, 0.5, "cd" * 32,
    )  # fmt: skip


def different(a, b):
    """They differ, beyond what the calibration can support."""
    found = same(a, b)
    assert found.evidence is not None and found.evidence.alignment is not None
    alignment = replace(found.evidence.alignment, correlation=0.1)
    evidence = replace(found.evidence, similarity=Hit(-0.5, 8.0, 0.0, 4.0), alignment=alignment)
    known = ratios(-10.0, -2.0, -9.0)
    return replace(found, verdict="different", ratios=known, evidence=evidence)


def rendition(a, b):
    """They are two renditions of one work."""
    return replace(same(a, b), verdict="rendition", ratios=ratios(-5.0, -4.0, 6.0))


def undecided(a, b):
    """The ratio is stated, but near 1."""
    reasons = ("the findings are about as probable under either proposition",)
    known = ratios(5.0, math.log(3))
    return replace(same(a, b), verdict="insufficient", ratios=known, reasons=reasons)


def unmeasured(a, b):
    """Nothing could be measured."""
    found = replace(same(a, b), verdict="insufficient", ratios=None, evidence=None)
    return replace(found, reasons=("A holds nothing but silence",))


def edit_map():
    """Two stretches of A that change places in B, after a cut."""
    stretches = (
        r.Stretch(0.0, 4.0, r.Line(1.0, 0.0, 8.0), 0.8, 0.9),
        r.Stretch(4.0, 8.0, r.Line(1.0, 0.0, 0.0), 0.8, 0.9),
    )
    edits = (
        Edit("cut", 0.0, 0.0, 0.0, 4.0, "4 s <gone>"),
        Edit("moved", 4.0, 8.0, 4.0, 8.0, "4 s come later"),
    )
    return EditMap(8.0, 12.0, stretches, edits)
