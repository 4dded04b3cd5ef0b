"""The whole comparison: what `verify` finds by embedding and alignment, and its calibration."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cqtnet.audio import shown
from cqtnet.embed import Embedder, Trace
from cqtnet.errors import InputError
from eval.systems.interface import Description, Settings, require_length
from verify.calibration import MEASURES, load_calibration, measures
from verify.comparison import gather
from verify.features import Features
from verify.recording import WHOLE_S, Recording
from verify.results import Evidence, Item

FOUND = ("found_tempo", "found_semitones", "found_offset_s", "found_overlap_s")
MEASURED = tuple(name.replace(" ", "_") for name in MEASURES)


class AlignmentSystem:
    """The strength of the best alignment, and all that was measured: what calibration needs."""

    pairs_at_once = 512
    columns: tuple[str, ...] = (*MEASURED, *FOUND)

    def __init__(self, settings: Settings) -> None:
        self.embedder = Embedder.named(
            settings.model, device=settings.device, precision=settings.precision
        )
        self.parameters: dict[str, Any] = {
            "model_sha256": self.embedder.sha256,
            "precision": str(self.embedder.dtype).removeprefix("torch."),
            "device": self.embedder.device.type,
        }

    def describe(self, path: Path) -> Description:
        """Trace and features, features in half precision."""
        recording = Recording.read(path, self.embedder)
        require_length(recording.trace.n_samples, path)
        if recording.problem:
            raise InputError(f"{shown(path)} {recording.problem}; leave it out")
        if recording.whole is None:
            raise InputError(
                f"{shown(path)} lasts longer than the {WHOLE_S:g} s this system takes; leave it out"
            )
        whole = recording.whole
        return {
            "steps": recording.trace.steps,
            "levels": recording.trace.levels,
            "n_samples": np.array(recording.trace.n_samples),
            "fine": whole.fine.astype(np.float16),
            "spectra": whole.spectra.astype(np.float16),
            "motion": whole.motion,
            "level": whole.level,
        }

    def score(
        self, recordings: Sequence[Description], pairs: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Strength, measures and what was found of each pair (n, 2): (n, 1 + columns)."""
        return np.array(
            [
                self._row(
                    gather(self.embedder, _recording(recordings[p]), _recording(recordings[r]))
                )
                for r, p in pairs
            ]
        )

    def _row(self, evidence: Evidence) -> list[float]:
        return [evidence.strength, *measures(evidence), *_found(evidence)]


class ComparisonSystem(AlignmentSystem):
    """The calibrated score of the comparison, and its natural-log likelihood ratio."""

    columns = ("log_lr", *MEASURED, *FOUND)

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.calibration = load_calibration(settings.model, self.embedder.sha256)
        self.parameters["calibration"] = self.calibration.to_dict()

    def _row(self, evidence: Evidence) -> list[float]:
        score = self.calibration.score(evidence)
        log_lr = self.calibration.log_lr(score)
        return [score, log_lr, *measures(evidence), *_found(evidence)]


def _found(evidence: Evidence) -> tuple[float, float, float, float]:
    """Tempo, semitones, offset and seconds in common of the probe in the reference."""
    if evidence.alignment is None:
        return 1.0, 0.0, 0.0, 0.0
    line = evidence.alignment.line
    return line.tempo, line.shift_semitones, line.offset_s, evidence.alignment.duration_s


def _recording(description: Description) -> Recording:
    n_samples = int(description["n_samples"])
    whole = Features(
        description["fine"].astype(np.float32),
        description["spectra"].astype(np.float32),
        description["motion"],
        description["level"],
    )
    trace = Trace(description["steps"], description["levels"], n_samples)
    item = Item("", "", trace.duration_s, "", "", 0, 0, ())
    return Recording(Path(), item, trace, whole)
