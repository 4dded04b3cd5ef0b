"""Two recordings compared: same or not, how sure, where, altered how."""

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cqtnet.audio import StrPath
from cqtnet.embed import Embedder
from cqtnet.versions import versions
from verify.calibration import Calibration, load_calibration
from verify.editmap import edit_map
from verify.edits import EditMap
from verify.evidence import Evidence, gather
from verify.features import Content
from verify.recording import Item, Recording
from verify.waveform import Waveform, compare_waveforms
from verify.wording import Verdict, ratio_in_words, support_in_words, verdict_of

LEAST_PROOF = 0.3
"""Correlation along the line from which noise is recognised: of different noise it is 0.1."""
SIGNIFICANT = 6
"""Digits of numbers in JSON."""


@dataclass(frozen=True)
class Comparison:
    """What is to be said about two recordings, and what it rests on."""

    a: Item
    b: Item
    verdict: Verdict
    log_lr: float  # natural logarithm; 0 where nothing can be said
    least_log_lr: float  # what the calibration can support at most, either way
    most_log_lr: float
    reasons: tuple[str, ...]  # why the evidence is insufficient
    evidence: Evidence | None  # None where nothing could be measured
    waveform: Waveform | None  # None where the waveforms cannot be laid on each other
    edits: EditMap | None  # of the same recording; None where one is too long to be kept
    cosine_threshold: float  # above which the paper's score alone would say "same"
    model_sha256: str

    @property
    def support(self) -> str:
        """The ratio in the words of the ENFSI scale."""
        return support_in_words(self.log_lr)

    @property
    def is_bounded(self) -> bool:
        """Whether the evidence is beyond what the calibration can support."""
        return self.log_lr in (self.least_log_lr, self.most_log_lr)

    @property
    def sentence(self) -> str:
        """The ratio as a sentence about the findings, without any prior."""
        return ratio_in_words(self.log_lr)

    def _repr_html_(self) -> str:
        """What a notebook shows: the verdict, and where the ratio lies on the scale."""
        from verify.report.opening import opening  # here, for drawing takes a second to be loaded

        return opening(self)

    def to_dict(self) -> dict[str, Any]:
        """Plain data, numbers with six digits; docs/compare.md explains each."""
        evidence = self.evidence
        plain: dict[str, Any] = {
            "verdict": self.verdict,
            "log_lr": self.log_lr,
            "log10_lr": self.log_lr / math.log(10),
            "bounds_log_lr": [self.least_log_lr, self.most_log_lr],
            "support": self.support,
            "sentence": self.sentence,
            "reasons": self.reasons,
            "a": asdict(self.a),
            "b": asdict(self.b),
            "cosine": None,
            "cosine_threshold": self.cosine_threshold,
            "alignment": None,
            "waveform": asdict(self.waveform) if self.waveform else None,
            "edits": self.edits.to_dict() if self.edits else None,
            "model_sha256": self.model_sha256,
            "versions": versions(),
        }
        if evidence is not None:
            plain["cosine"] = asdict(evidence.similarity)
            plain["aligned_cosine"] = evidence.aligned_cosine
            plain["content"] = {"a": asdict(evidence.content_a), "b": asdict(evidence.content_b)}
            if evidence.alignment is not None:
                line = evidence.alignment.line
                found = asdict(evidence.alignment)
                found |= {**asdict(line), "speed_change": line.is_speed}
                found |= {
                    "b_start_s": evidence.alignment.b_start_s,
                    "b_end_s": evidence.alignment.b_end_s,
                }
                del found["line"]
                plain["alignment"] = found
        rounded: dict[str, Any] = _rounded(plain)
        return rounded


@dataclass(frozen=True)
class Comparer:
    """A network and its calibration, ready to compare recordings.

    >>> comparer = Comparer.named("default")
    >>> comparer.compare("questioned.m4a", "reference.wav").verdict
    'same'
    """

    embedder: Embedder
    calibration: Calibration

    @classmethod
    def named(cls, name: str | Path = "default", *, device: str = "auto") -> "Comparer":
        """The comparer of shipped weights, or of weights at a path: the same bits every time."""
        embedder = Embedder.named(name, device=device, deterministic=True)
        return cls(embedder, load_calibration(name, embedder.sha256))

    def read(self, path: StrPath) -> Recording:
        """A recording, ready to be compared with several."""
        return Recording.read(path, self.embedder)

    def compare(self, a: StrPath | Recording, b: StrPath | Recording) -> Comparison:
        """What is to be said about two recordings."""
        first, second = (x if isinstance(x, Recording) else self.read(x) for x in (a, b))
        return self._compare(first, second)

    def _compare(self, a: Recording, b: Recording) -> Comparison:
        lacks = [f"{name} {x.problem}" for name, x in (("A", a), ("B", b)) if x.problem]
        if lacks:
            return self._comparison(a, b, reasons=tuple(lacks))
        evidence = gather(self.embedder, a, b)
        log_lr = self.calibration.log_lr(self.calibration.score(evidence))
        reasons = reasons_against(evidence)
        if reasons:
            return self._comparison(a, b, reasons=reasons, evidence=evidence)
        verdict, waveform, edits = verdict_of(log_lr), None, None
        if verdict == "insufficient":
            reasons = ("the findings are about as probable under either proposition",)
        elif verdict == "same" and evidence.alignment is not None:
            waveform = compare_waveforms(a, b, evidence.alignment)
            if a.whole is not None and b.whole is not None:
                edits = edit_map(a.whole, b.whole, lines=[evidence.alignment.line])
        return self._comparison(
            a, b, verdict=verdict, log_lr=log_lr, reasons=reasons, evidence=evidence,
            waveform=waveform, edits=edits,
        )  # fmt: skip

    def _comparison(
        self,
        a: Recording,
        b: Recording,
        *,
        reasons: tuple[str, ...],
        verdict: Verdict = "insufficient",
        log_lr: float = 0.0,
        evidence: Evidence | None = None,
        waveform: Waveform | None = None,
        edits: EditMap | None = None,
    ) -> Comparison:
        known = self.calibration
        return Comparison(
            a.item, b.item, verdict, log_lr, known.least, known.most, reasons, evidence, waveform,
            edits, known.cosine_threshold, self.embedder.sha256,
        )  # fmt: skip


def reasons_against(evidence: Evidence) -> tuple[str, ...]:
    """Why the ratio may not be stated; none where it may."""
    reasons = [
        f"{name} holds {lack} where they were compared"
        for name, content in (("A", evidence.content_a), ("B", evidence.content_b))
        if (lack := _lack(content, evidence))
    ]
    if evidence.alignment is None:
        reasons.append("too little of A and B can be laid side by side")
    return tuple(reasons)


def _lack(content: Content, evidence: Evidence) -> str:
    """What is missing in a stretch to tell recordings apart by; empty where nothing is."""
    if content.is_silent:
        return "silence"
    if content.is_steady:
        return "nothing but steady tones"
    proof = evidence.alignment.correlation if evidence.alignment else 0.0
    if content.is_noise and proof < LEAST_PROOF:  # noise that is the very same is no lack
        return "nothing but steady noise"
    return ""


def _rounded(plain: Any) -> Any:
    """Plain data with every number rounded, so that the last bits of a sum don't show."""
    if isinstance(plain, float):
        return float(f"{plain:.{SIGNIFICANT}g}")
    if isinstance(plain, dict):
        return {key: _rounded(value) for key, value in plain.items()}
    if isinstance(plain, list | tuple):
        return [_rounded(value) for value in plain]
    return plain
