"""What is known of two recordings, A and B: values only, found elsewhere and shown elsewhere."""

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from cqtnet.device import versions
from cqtnet.schema import plain
from verify import words
from verify.notebook import Brief
from verify.words import Against, Verdict

if TYPE_CHECKING:
    from verify.alterations import Alteration
    from verify.copytest import CopyTest
    from verify.edits import EditMap
    from verify.features import Content
    from verify.recording import Hit, Item
    from verify.waveform import Place, Waveform

Times = TypeVar("Times", float, NDArray[np.float64])

SAME_TEMPO, SAME_SHIFT_SEMITONES = 0.001, 0.1  # larger changes make a stretch an altered one
MOST_TEMPO, MOST_SEMITONES = 1e-3, 0.05
"""Measured changes of tempo and pitch up to which there may be none: of a few seconds they are
measured so exactly. Where there is one, the samples do not correlate."""
SPEED_TOLERANCE_SEMITONES = 0.05  # between tempo and pitch, to be one change of speed
NULL_DB = -20.0  # if less than this is left of A after B is taken from it, that is reported
Population = Literal["music", "speech"]
Identity = Literal["files", "sound"]  # what is the very same: all bytes, or every decoded sample


@dataclass(frozen=True)
class Line:
    """One steady way in which A was made from B: where in B each second of A is.

    Second t of A is second ``offset_s + tempo * t`` of B, and sounds `shift_semitones` higher.
    """

    tempo: float  # 1.1: A plays ten per cent faster than B
    shift_semitones: float
    offset_s: float

    def to_b(self, a_s: Times) -> Times:
        """The time in B of a time in A, or of several."""
        return self.offset_s + self.tempo * a_s

    def to_a(self, b_s: Times) -> Times:
        """The time in A of a time in B, or of several."""
        return (b_s - self.offset_s) / self.tempo

    @property
    def inverse(self) -> "Line":
        """The line from B to A."""
        return Line(1 / self.tempo, -self.shift_semitones, -self.offset_s / self.tempo)

    @property
    def is_speed(self) -> bool:
        """Whether tempo and pitch moved together, as when a tape runs fast."""
        apart = abs(12 * math.log2(self.tempo) - self.shift_semitones)
        return apart <= SPEED_TOLERANCE_SEMITONES < abs(self.shift_semitones)


def is_unwarped(line: Line) -> bool:
    """Whether there may be no change of tempo and pitch at all."""
    return abs(line.tempo - 1) <= MOST_TEMPO and abs(line.shift_semitones) <= MOST_SEMITONES


@dataclass(frozen=True, repr=False)
class Stretch(Brief):
    """A stretch of A that is a stretch of B, played in one steady way."""

    a_start_s: float
    a_end_s: float
    line: Line
    correlation: float  # of both along the line, in [-1, 1]
    coherence: float  # of their spectra at the pitch found, in [-1, 1]
    also_b_s: tuple[float, ...] = field(default=(), kw_only=True)  # it could begin there as well

    @property
    def b_start_s(self) -> float:
        """Where it begins in B."""
        return self.line.to_b(self.a_start_s)

    @property
    def b_end_s(self) -> float:
        """Where it ends in B."""
        return self.line.to_b(self.a_end_s)

    @property
    def duration_s(self) -> float:
        """How long it lasts in A."""
        return self.a_end_s - self.a_start_s

    @property
    def strength(self) -> float:
        """Correlation times the root of the seconds, as places are ranked by."""
        return self.correlation * math.sqrt(max(0.0, self.duration_s))

    @property
    def place_in_words(self) -> str:
        """Which stretch of A is which of B."""
        times_s = (self.a_start_s, self.a_end_s, self.b_start_s, self.b_end_s)
        a_start, a_end, b_start, b_end = map(words.clock, times_s)
        return f"{a_start} to {a_end} of A is {b_start} to {b_end} of B"

    @property
    def _brief(self) -> str:
        changes = [*words.changes_in_words(self.line), f"correlation {self.correlation:.2f}"]
        return ", ".join([self.place_in_words, *changes])

    @property
    def is_altered(self) -> bool:
        """Whether tempo or pitch is another than in B."""
        tempo, shift = abs(self.line.tempo - 1), abs(self.line.shift_semitones)
        return tempo > SAME_TEMPO or shift > SAME_SHIFT_SEMITONES

    def to_dict(self) -> dict[str, Any]:
        """The stretch as plain data: seconds to the millisecond, pitch in semitones."""
        return {
            "a_start_s": round(self.a_start_s, 3),
            "a_end_s": round(self.a_end_s, 3),
            "b_start_s": round(self.b_start_s, 3) + 0.0,  # not -0.0
            "b_end_s": round(self.b_end_s, 3),
            "tempo": round(self.line.tempo, 5),
            "shift_semitones": round(self.line.shift_semitones, 3) + 0.0,  # not -0.0
            "is_speed": self.line.is_speed,
            "correlation": round(self.correlation, 3),
            "coherence": round(self.coherence, 3),
            "also_b_start_s": [round(b_s, 3) for b_s in self.also_b_s],
        }


@dataclass(frozen=True, repr=False)
class Alignment(Stretch):
    """The stretch that one line leaves common to A and B, and how well its pieces lie on it.

    >>> found.alignment.line.tempo, found.alignment.line.to_b(2.0)  # second 2 of A is there in B
    (1.1, 23.2)
    """

    residual_s: float  # how far pieces lie from the line, typically, in seconds of B
    inliers: float  # share of pieces within 50 ms of it, in [0, 1]

    @property
    def swapped(self) -> "Alignment":
        """The same alignment with A and B exchanged."""
        return replace(
            self, a_start_s=self.b_start_s, a_end_s=self.b_end_s, line=self.line.inverse,
            residual_s=self.residual_s / self.line.tempo,
        )  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """The alignment as plain data."""
        how = {"offset_s": self.line.offset_s, "residual_s": self.residual_s}
        return {**super().to_dict(), **how, "inliers": self.inliers}


@dataclass(frozen=True, repr=False)
class Evidence(Brief):
    """What was measured of two recordings."""

    similarity: "Hit"  # the paper's score, and where
    alignment: Alignment | None  # None: too little in common to be measured
    aligned_cosine: float  # of the stretches that the alignment puts beside each other
    content_a: "Content"  # of those stretches
    content_b: "Content"
    copy: "CopyTest | None" = None  # None: too little to tell by
    waveform: float = 0.0  # correlation of the samples; 0 where they cannot be laid on each other

    @property
    def swapped(self) -> "Evidence":
        """The same evidence with A and B exchanged."""
        hit = self.similarity
        return replace(
            self, similarity=replace(hit, a_start_s=hit.b_start_s, b_start_s=hit.a_start_s),
            alignment=self.alignment and self.alignment.swapped,
            content_a=self.content_b, content_b=self.content_a,
        )  # fmt: skip


@dataclass(frozen=True)
class LogLr:
    """A natural-log likelihood ratio, and what the calibration can support at most."""

    unbounded: float
    least: float
    most: float
    interval: tuple[float, float] = (0.0, 0.0)  # 95 %, by resampling the calibration's recordings

    @property
    def value(self) -> float:
        """The ratio within its bounds."""
        return min(self.most, max(self.least, self.unbounded))

    @property
    def is_bounded(self) -> bool:
        """Whether the evidence is beyond what the calibration can support."""
        return self.value != self.unbounded


@dataclass(frozen=True, repr=False)
class Ratios(Brief):
    """The three ratios of one comparison."""

    unrelated: LogLr  # of the same recording, against an unrelated one
    rendition: LogLr  # of the same recording, against another rendition
    named: LogLr  # of another rendition, against an unrelated recording

    @property
    def _brief(self) -> str:
        return ", ".join(f"{name}={words.ratio(x)}" for name, x in self.to_dict().items())

    def to_dict(self) -> dict[str, float]:
        """The ratios as plain data, by what they weigh against what."""
        return {
            "same_unrelated": self.unrelated.value,
            "same_rendition": self.rendition.value,
            "rendition_unrelated": self.named.value,
        }

    def deciding(self, against: Against = "rendition") -> tuple[LogLr, Against]:
        """The ratio that decides, and what it weighs the same recording against.

        It is the smaller one, unless the case rules a rendition out; where both speak against the
        same recording, that against an unrelated one.
        """
        is_unlike = words.decision(self.unrelated.value) < 0
        if against == "unrelated" or is_unlike or self.unrelated.value < self.rendition.value:
            return self.unrelated, "unrelated"
        return self.rendition, "rendition"

    def verdict(self, against: Against = "rendition") -> Verdict:
        """The verdict that the ratios allow."""
        is_rendition = words.decision(self.rendition.value) < 0 < words.decision(self.named.value)
        if against == "rendition" and is_rendition:
            return "rendition"
        verdicts: dict[int, Verdict] = {1: "same", -1: "different", 0: "insufficient"}
        return verdicts[words.decision(self.deciding(against)[0].value)]


@dataclass(frozen=True, repr=False)
class Comparison(Brief):
    """What is to be said about two recordings, and what it rests on; docs/howto/compare.md.

    `verdict` is "same", "rendition", "different" or "insufficient"; `log_lr` is the natural
    logarithm of the ratio that decides, and `ratios` holds all three. For the same recording,
    `alignment` says where A is in B, `edits` what was cut and inserted, `alterations` how the
    sound was changed.

    >>> found = verify.compare("questioned.m4a", "reference.wav")
    >>> found
    <Comparison: SAME RECORDING LR 720; A questioned.m4a, B reference.wav; 0:00.00 to 0:18.18 of …>
    >>> found.changes_in_words
    '10.00% faster (tempo × 1.1000); A: noise added, about 10 dB below the sound'
    """

    a: "Item"
    b: "Item"
    verdict: Verdict
    ratios: Ratios | None  # None where no ratio can be stated
    against: Against  # what the case leaves possible besides the same recording
    population: Population  # what the recordings are like, or what the user said
    reasons: tuple[str, ...]  # why the evidence is insufficient
    evidence: Evidence | None  # None where nothing could be measured
    waveform: "Waveform | None"  # None where the waveforms cannot be laid on each other
    edits: "EditMap | None"  # of the same recording; None where one is too long to be kept
    cosine_threshold: float  # above which the paper's score alone would say "same"
    model_sha256: str
    identity: Identity | None = None
    places: tuple["Place", ...] = ()  # of B where the same stretch of A fits, besides the best
    alterations: tuple["Alteration", ...] = ()  # of the same recording, on either side

    @property
    def deciding(self) -> tuple[LogLr, Against]:
        """The ratio that decides, and what it weighs the same recording against."""
        if self.ratios is None:
            return LogLr(0.0, 0.0, 0.0), self.against
        if self.verdict == "rendition":
            return self.ratios.rendition, "rendition"
        return self.ratios.deciding(self.against)

    @property
    def log_lr(self) -> float:
        """The natural logarithm of the ratio that decides; 0 where nothing can be said."""
        return self.deciding[0].value

    @property
    def support(self) -> str:
        """The ratio in the words of the ENFSI scale."""
        return words.support_in_words(self.log_lr, *words.PROPOSITIONS[self.deciding[1]])

    @property
    def is_bounded(self) -> bool:
        """Whether the evidence is beyond what the calibration can support."""
        return self.deciding[0].is_bounded

    @property
    def sentence(self) -> str:
        """The ratio as a sentence about the findings, without any prior."""
        return words.ratio_in_words(self.log_lr, *words.PROPOSITIONS[self.deciding[1]])

    @property
    def headline(self) -> str:
        """The verdict with its ratio: 'SAME RECORDING  LR 3,600 (ln 8.2): strong support …'."""
        head = words.HEADLINES[self.verdict]
        if self.identity is not None:
            return f"{head}  {words.IDENTITIES[self.identity]}"
        return words.headline(head, self.log_lr, self.support, is_bounded=self.is_bounded)

    @property
    def alignment(self) -> Alignment | None:
        """The alignment that the ratio rests on; None where there is none."""
        return self.evidence.alignment if self.evidence else None

    @property
    def changes_in_words(self) -> str:
        """How A differs from B, as far as it is proved; empty without an alignment."""
        if self.alignment is None:
            return ""
        return "; ".join([self.line_in_words, *(one.sentence for one in self.alterations)])

    @property
    def line_in_words(self) -> str:
        """Tempo, pitch, polarity and level of A by those of B."""
        assert self.alignment is not None
        parts = words.changes_in_words(self.alignment.line)
        if self.waveform is None:
            return ", ".join(parts) or "tempo and pitch as in B"
        gain_db = self.waveform.gain_db
        if self.waveform.inverted:
            parts.append("polarity reversed")
        if self.waveform.is_level_proved:
            parts.append(f"{abs(gain_db):.1f} dB {'louder' if gain_db > 0 else 'quieter'}")
        if self.waveform.left_db <= NULL_DB:
            the_same = "else the same" if parts else "the same"
            parts.append(f"{the_same} to {-self.waveform.left_db:.0f} dB below its level")
        return ", ".join(parts) or "tempo, pitch, polarity and level as in B"

    @property
    def places_in_words(self) -> str:
        """Where else in B the stretch of A fits; empty where it fits nowhere else."""
        equal = [words.clock(p.alignment.b_start_s) for p in self.places if p.is_equal]
        alike = [words.clock(p.alignment.b_start_s) for p in self.places if not p.is_equal]
        found = []
        if equal:
            found.append(f"also at {', '.join(equal)} of B; these places cannot be told apart")
        if alike:
            found.append(f"similar at {', '.join(alike)} of B; the waveform fits there less well")
        return "; ".join(found)

    @property
    def _brief(self) -> str:
        ratio = f" LR {words.ratio(self.log_lr)}" if self.log_lr else ""
        place = (self.alignment.place_in_words,) if self.alignment else ()
        names = f"A {self.a.path}, B {self.b.path}"
        return "; ".join([words.HEADLINES[self.verdict] + ratio, names, *place, *self._why])

    @property
    def _why(self) -> tuple[str, ...]:
        """What is identical, or why nothing can be said."""
        return (words.IDENTITIES[self.identity],) if self.identity else self.reasons

    def _repr_html_(self) -> str:
        from verify.report.page import table_html  # here, for matplotlib takes a second to load
        from verify.report.sections import summary

        a, b, _, *rest = summary(self)
        names = ("A", "B", "Verdict", "Likelihood ratio", "Where", "Altered how")
        verdict = "; ".join([words.HEADLINES[self.verdict], *self._why])
        return table_html(list(zip(names, (a, b, verdict, *rest), strict=True)))

    def to_dict(self) -> dict[str, Any]:
        """Plain data, numbers with six digits; docs/reference/json.md explains each."""
        deciding, against = self.deciding
        found = self.evidence
        return dict(plain({
            "verdict": self.verdict, "identity": self.identity,
            "lr": math.exp(self.log_lr), "log_lr": self.log_lr,
            "bounds_log_lr": (deciding.least, deciding.most), "is_bounded": self.is_bounded,
            "interval_log_lr": deciding.interval, "against": against, "log_lrs": self.ratios,
            "support": self.support, "sentence": self.sentence, "reasons": self.reasons,
            "population": self.population, "a": self.a, "b": self.b,
            "similarity": found and found.similarity, "cosine_threshold": self.cosine_threshold,
            "aligned_cosine": found and found.aligned_cosine,
            "waveform_correlation": found and found.waveform, "copy": found and found.copy,
            "content": {"a": found.content_a, "b": found.content_b} if found else None,
            "alignment": self.alignment, "places": self.places, "waveform": self.waveform,
            "alterations": self.alterations, "edits": self.edits,
            "model_sha256": self.model_sha256, "versions": versions(),
        }))  # fmt: skip
