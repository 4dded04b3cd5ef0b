"""Short sounds within the page: the stretch in common as A has it, and as B has it."""

import base64
import io
from dataclasses import dataclass

import numpy as np
import soundfile

from cqtnet import SAMPLE_RATE
from verify.recording import Recording
from verify.report.view import View
from verify.results import Stretch

MOST_S = 10.0


@dataclass(frozen=True)
class Sound:
    """A stretch to be heard."""

    name: str  # A or B
    start_s: float
    end_s: float
    uri: str  # data:audio/…


def sounds(view: View) -> list[Sound]:
    """The first seconds of the longest stretch from A and from B; none where there is none."""
    if not view.stretches:
        return []
    longest: Stretch = max(view.stretches, key=lambda s: s.duration_s)
    line, start_s = longest.line, longest.a_start_s
    end_s = min(longest.a_end_s, start_s + MOST_S / max(1.0, line.tempo))
    spans = (start_s, end_s), (max(0.0, line.to_b(start_s)), line.to_b(end_s))
    sources = (("A", view.a), ("B", view.b))
    return [
        Sound(name, *span, _flac(recording, *span))
        for (name, recording), span in zip(sources, spans, strict=True)
    ]


def _flac(recording: Recording, start_s: float, end_s: float) -> str:
    """A stretch as a data URI: mono, 22,050 Hz, 16 bits."""
    written = io.BytesIO()
    samples = np.clip(recording.samples(start_s, end_s), -1, 1)
    soundfile.write(written, samples, SAMPLE_RATE, format="FLAC", subtype="PCM_16")
    return f"data:audio/flac;base64,{base64.b64encode(written.getvalue()).decode()}"
