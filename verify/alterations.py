"""What was done to A or to B since both were one: filters, noise, echoes, dynamics, coding.

`verify.powerfit` explains the powers of A by those of B, and the other way round. A part of that
sum is named only if the fit without it is clearly worse, and only on the side where it is needed.
A filter is named where the gains of the bands differ. What the sum leaves over and what a gain for
each moment explains is a change of dynamics; what no part explains is coding, if a band limit
goes with it.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cqtnet import SAMPLE_RATE
from verify.copytest import LONGEST_S, TINY, medians
from verify.features import Floats, Read
from verify.powerfit import ECHOES, NOISE, Doubles, Fit, band_powers, bands_hz, decay_s, fitted
from verify.quality import clipped_share
from verify.results import Alignment, Line, is_unwarped
from verify.waveform import Waveform, clock_ppm
from verify.words import hz_in_words

Flags = NDArray[np.bool_]
Indices = NDArray[np.intp]
Side = Literal["A", "B"]

FEWEST_FRAMES, UNCHANGED_REST = 100, 5e-4
"""Fewer frames are not measured; what a filter leaves so little of was not clipped."""
HEARD = 10.0  # a band counts as heard if its mean power is so many times the floor
NOISE_HEARD, NOISE_WORSE, NOISE_BANDS, NOISE_REST = 4.0, 0.03, 0.08, 0.35
"""Noise: in so large a share of the bands, it is so many times the floor, the squared error is
larger by so much without it, and it is not larger than this with it."""
OVER_DB, OVER_RANGE_DB, FEWEST_OVER, GAIN_LEFT = 3.0, 40.0, 3, 0.24
"""Where at least so many of these bands are too loud by so much at once, a gain of that moment may
leave no smaller share of it: it would be a compressor that lifts what is soft."""
MOST_BELOW_DB = 36.0  # noise farther below the sound is not named
SUDDEN, SUDDEN_DB = 8.0, -32.0
"""Another sound: what is so many times what the parts explain has so much of the power."""
NOT_LOUDER_DB = -1.0  # what has something added to it is not quieter
ECHO_WORSE, ECHO_WARPED, ECHO_DB, ECHO_LEAD = 0.015, 0.03, -14.0, 2.0
"""Reverberation: in a fifth of the bands the squared error is larger by so much without echoes, or
by so much where the tempo is changed, and by so many times as much as on the other side; their
power is so far below the sound at most."""
ECHO_SHARE, ECHO_BANDS, SHORT_ECHO_S, ECHO_REST = 0.1, 0.35, 1.0, 1.05
"""It is larger by such a share of what is left with them in such a share of the bands; of a longer
echo, so much is left at most, by the other side: codecs take away what fades."""
RIDING_DB, RIDING_LEFT = 0.1, 0.65
"""Gains of moments leave so small a share of what gains of bands leave: nothing else is judged."""
DYNAMICS_DB, DYNAMICS_LEFT, LEAST_RANGE_DB = 0.2, 0.55, 0.4
"""Dynamics are named where these are clearer, and the level of one side moves by so much less."""
LEAST_CLIPPED, CLIPPED_LEAD, CUT_OFF, NOT_LOWER = 1e-3, 3.0, 1.03, 0.94
"""Clipping: so large a share of the samples lies on flat tops, so many times as many as on the
other side, where the same samples are so many times higher, and nine of ten are not lower."""
CODED_DB, CODED_UNLAID_DB, MOST_FILTERED_DB = 0.3, 1.6, 0.3
"""Levels of cells spread by so much where lossy coding is named; by so much if the waveforms cannot
be laid on each other; and by so much at most where equalisation is named."""
MOST_ADDED_DB, ADDED_LEAD, NOISE_SPREAD_DB, NOISE_LEAD = 0.8, 3.0, 7.0, 0.4
"""They spread by so much at most where another sound is named, unless so many times as much is left
as on the other side; and by so much at most for noise as loud as the sound, less for less noise,
unless so much less is left than on the other side."""
PASSES_DB, LOST_DB, LOWEST_DB, CAN_LOSE = -4.0, -10.0, -25.0, 30.0
"""A band limit: one band passes, all beyond lose so much, one the last or all there was; only bands
count that are so many times the floor on the other side."""
EDGE_OCTAVES, LEAST_LOST = 0.8, 3  # it is at most so wide, and leaves out so many bands at least
LEAST_TOGETHER, LEAST_MOTION_DB, SKIRT_REST, LEAST_SKIRT = 0.4, 2.0, 0.15, 2
"""It is the sound that is lost, not noise, if the level of what is lost moves by so much, and
either correlates so well with what passes, or a filter explains so many bands of the slope."""
EQUALISED_DB, EQUALISED_REST, FEWEST_GAINS, STEEPEST_DB, STEEPEST_END_DB = 3.0, 0.1, 10, 11.0, 4.0
"""Equalisation: gains differ by so much, where a filter explains the powers as well as this; in
half an octave by no more than this, and at both ends by less: there a band limit may begin."""
ROUGHEST_DB = 0.6  # to this, gains of three neighbouring bands lie on a line; in a room they don't
LEAST_PPM = 10.0


@dataclass(frozen=True)
class Alteration:
    """One thing that was done to one side, as far as it is proved."""

    kind: str  # docs/reference/alterations.md lists them
    side: Side | None  # that has it; None: it only says how A differs from B
    value: float
    unit: str
    words: str  # without the side

    @property
    def sentence(self) -> str:
        """The words with the side."""
        return f"{self.side}: {self.words}" if self.side else self.words


def find_alterations(
    read_a: Read, read_b: Read, alignment: Alignment, waveform: Waveform | None
) -> tuple[Alteration, ...]:
    """What was done to A or to B, as far as it is proved along the alignment."""
    line = Line(1.0, 0.0, waveform.offset_s) if waveform else alignment.line
    a, b = band_powers(read_a, read_b, alignment, line)
    if len(a) < FEWEST_FRAMES:
        return ()
    forth, back = View("A", fitted(a, b)), View("B", fitted(b, a))
    spread_db, riding_db = _spreads_db(forth.fit)
    found = [*forth.band_limits(), *back.band_limits()]
    cut = {limit.side for limit in found}
    pairs = [(v, o) for v, o in ((forth, back), (back, forth)) if o.side not in cut]
    added = [one for view, other in pairs for one in view.noise(other, spread_db)]
    if spread_db > RIDING_DB and riding_db < RIDING_LEFT * spread_db and not added:
        if spread_db >= max(DYNAMICS_DB, riding_db / DYNAMICS_LEFT):
            found += _dynamics(forth.fit)
    elif forth.rest > UNCHANGED_REST and (
        clipped := _clipping(read_a, read_b, alignment, waveform)
    ):
        found = [limit for limit in found if limit.side == clipped[0].side] + clipped
    else:
        added += [one for view, other in pairs for one in view.echo(other, line)]
        if not added and is_unwarped(line):
            added = _coding(spread_db, found, is_laid=waveform is not None)
        found += added + _equalisation(forth, found, spread_db)
    return (*found, *_clock(read_a, read_b, alignment))


@dataclass(frozen=True)
class View:
    """One recording as the other explains it."""

    side: Side
    fit: Fit

    @cached_property
    def rest(self) -> float:
        """What is not explained, over the bands that are heard."""
        return float(np.median(self.fit.rest[self.heard])) if self.heard.any() else 0.0

    @cached_property
    def heard(self) -> Flags:
        """The bands (bands,) in which there is something."""
        return np.asarray(self.fit.above_floor > HEARD)

    @cached_property
    def power(self) -> Doubles:
        """Mean power (bands,), each by the width of its band."""
        return np.asarray(self.fit.own.mean(axis=0) * np.gradient(bands_hz()), np.float64)

    def noise(self, other: "View", spread_db: float) -> list[Alteration]:
        """Noise or another sound that is here only."""
        fit, width, share = self.fit, np.gradient(bands_hz()), self.fit.share[NOISE]
        there = (share * fit.above_floor > NOISE_HEARD) & (fit.other_above_floor > NOISE_HEARD)
        there &= (fit.without(NOISE) > NOISE_WORSE) & (self.level > NOT_LOUDER_DB)
        if there.mean() < NOISE_BANDS or self._is_gain(there):
            return []
        loudest = fit.own.max(axis=1, keepdims=True)
        audible = fit.own > 1e-4 * np.maximum(loudest, float(fit.own.mean(axis=0).max()))
        sudden = np.where(audible & (fit.own > SUDDEN * fit.model), fit.own, 0).mean(axis=0)
        total = self.power.sum()
        if _db((sudden * width).sum() / total) > SUDDEN_DB:
            if spread_db > MOST_ADDED_DB and self.rest < ADDED_LEAD * other.rest:
                return []
            excess = np.maximum(0, fit.own - fit.gain * fit.other).mean(axis=0)
            below_db = -_relative_db((excess * width).sum(), total)
            words = f"another sound added, about {below_db:.0f} dB below this one"
            return [Alteration("added_sound", self.side, below_db, "dB", words)]
        if self.rest > other.rest or (there & (fit.rest < NOISE_REST)).mean() < NOISE_BANDS:
            return []
        below_db = -_relative_db((share * self.power).sum(), total)
        is_wide = spread_db > NOISE_SPREAD_DB * 10 ** (-below_db / 20)
        if below_db > MOST_BELOW_DB or (is_wide and self.rest > NOISE_LEAD * other.rest):
            return []
        words = f"noise added, about {below_db:.0f} dB below the sound"
        return [Alteration("noise", self.side, below_db, "dB", words)]

    def _is_gain(self, bands: Flags) -> bool:
        """Whether what is too loud here is too loud by the same in all of these bands."""
        fit = self.fit
        over = 10 * np.log10(fit.own / np.maximum(fit.gain * fit.other, TINY * fit.own))[:, bands]
        over = np.clip(over, -OVER_RANGE_DB, OVER_RANGE_DB)
        loud = over > OVER_DB
        loud &= loud.sum(axis=1, keepdims=True) >= FEWEST_OVER
        if not loud.any():
            return False
        left = over - np.median(over, axis=1, keepdims=True)
        return float(np.median(np.abs(left[loud]))) < GAIN_LEFT * float(np.median(over[loud]))

    @cached_property
    def echo_proof(self) -> float:
        """How much worse the fit without echoes is, in the fifth of the bands with most of it."""
        worse = self.fit.without(*ECHOES)[self.heard]
        return float(np.quantile(worse, 0.8)) if len(worse) else 0.0

    def echo(self, other: "View", line: Line) -> list[Alteration]:
        """Reverberation that is here only."""
        proof, worse = self.echo_proof, self.fit.without(*ECHOES)
        least = max(ECHO_WORSE if line.tempo == 1 else ECHO_WARPED, ECHO_LEAD * other.echo_proof)
        share = (self.fit.share[list(ECHOES)].sum(axis=0) * self.power).sum() / self.power.sum()
        spread = (worse > ECHO_SHARE * self.fit.rest)[self.heard]
        if proof < least or _db(share) < ECHO_DB or spread.mean() < ECHO_BANDS:
            return []
        seconds = decay_s(self.fit, self.heard & (worse >= proof / 2))
        if seconds > SHORT_ECHO_S and self.rest > ECHO_REST * other.rest:
            return []
        words = f"reverberation added, about {seconds:.1f} s"
        return [Alteration("reverberation", self.side, seconds, "s", words)]

    @cached_property
    def level(self) -> Doubles:
        """The level (bands,) over that of the other one, dB; 0 where both have most power."""
        fit, width = self.fit, np.gradient(bands_hz())
        powers = [power.mean(axis=0) * width for power in (fit.own, fit.other)]
        ratio = 10 * np.log10(powers[0] / powers[1])
        common = np.minimum(*(power / power.sum() for power in powers))
        order = np.argsort(ratio)
        sums = np.cumsum(np.minimum(common, np.quantile(common, 0.9))[order])
        return np.asarray(ratio - ratio[order][np.searchsorted(sums, sums[-1] / 2)], np.float64)

    def band_limits(self) -> Iterator[Alteration]:
        """Where this one ends, and the other one goes on."""
        for kind, order in (("low_pass", slice(None)), ("high_pass", slice(None, None, -1))):
            if hz := self._edge_hz(order):
                words = f"{kind.replace('_', '-')} at {hz_in_words(hz)}"
                yield Alteration(kind, self.side, hz, "Hz", words)

    def _edge_hz(self, order: slice) -> float:
        """The frequency beyond which there is nothing, going up or down; 0 if there is none."""
        octaves, level = np.log2(bands_hz())[order], self.level[order]
        bands = np.flatnonzero(self.fit.other_above_floor[order] > CAN_LOSE)
        passing = bands[level[bands] > PASSES_DB]
        if not len(passing):
            return 0.0
        last = passing[-1]
        beyond = bands[bands > last]
        lost = beyond[level[beyond] < LOST_DB]
        if len(lost) < LEAST_LOST or (level[beyond[beyond > lost[0]]] > LOST_DB).any():
            return 0.0
        silent = self.fit.above_floor[order][lost] < NOISE_HEARD
        is_wide = abs(octaves[lost[0]] - octaves[last]) > EDGE_OCTAVES
        if is_wide or (level[lost].min() > LOWEST_DB and silent.mean() < 0.5):
            return 0.0
        near = bands[(bands <= last) & (np.abs(octaves[bands] - octaves[last]) <= 1)]
        if np.median(level[near]) < PASSES_DB or not self._is_sound(order, near, beyond):
            return 0.0
        after = min(last + 1, len(level) - 1)
        part = np.clip((level[last] + 3) / max(level[last] - level[after], 0.1), 0, 1)
        return float(2 ** (octaves[last] + part * (octaves[after] - octaves[last])))

    def _is_sound(self, order: slice, near: Indices, beyond: Indices) -> bool:
        """Whether what is lost beyond an edge belongs to what passes near it."""
        fit = self.fit
        lost, passed = fit.other[:, order][:, beyond], fit.own[:, order][:, near]
        lost_db, passed_db = (10 * np.log10(power.mean(axis=1)) for power in (lost, passed))
        if lost_db.std() < LEAST_MOTION_DB or passed_db.std() == 0:
            return False
        skirt = fit.above_floor[order][beyond] > HEARD
        skirt &= (fit.rest[order][beyond] < SKIRT_REST) & (fit.share[0][order][beyond] > 0.5)
        skirt &= (10 * np.log10(fit.own[:, order][:, beyond])).std(axis=0) > LEAST_MOTION_DB
        together = float(np.corrcoef(lost_db, passed_db)[0, 1])
        return together >= LEAST_TOGETHER or int(skirt.sum()) >= LEAST_SKIRT


def _db(ratio: float) -> float:
    return 10 * math.log10(max(float(ratio), TINY))


def _relative_db(part: float, total: float) -> float:
    """A part in dB of the rest."""
    return _db(part / max(total - part, TINY * total))


def _spreads_db(fit: Fit) -> tuple[float, float]:
    """How far levels of cells are from what gains make of the other side, dB, the median.

    First of a steady gain for each band, then of these and one for each moment.
    """
    loud = fit.other > 0.1 * fit.other.mean(axis=0)
    loud &= fit.own > fit.own.mean(axis=0) * np.minimum(1, HEARD / fit.above_floor)
    if not loud.any():
        return 0.0, 0.0
    ratio = 10 * np.log10(fit.own / fit.other)
    ratio -= np.nan_to_num(medians(ratio, loud))
    left = ratio - np.nan_to_num(medians(ratio.T, loud.T))[:, None]
    return float(np.median(np.abs(ratio[loud]))), float(np.median(np.abs(left[loud])))


def _dynamics(fit: Fit) -> list[Alteration]:
    """Compression or limiting: the level follows that of the other one, but moves less."""
    own, other = (10 * np.log10(p.sum(axis=1)) for p in (fit.own, fit.gain * fit.other))
    loud = (own > own.max() - 40.0) & (other > other.max() - 40.0)
    less_db = float(other[loud].std() - own[loud].std())
    if abs(less_db) < LEAST_RANGE_DB:
        return []
    side: Side = "A" if less_db > 0 else "B"
    words = f"compressed or limited: the level moves {abs(less_db):.1f} dB less"
    return [Alteration("compressed", side, abs(less_db), "dB", words)]


def _clipping(
    read_a: Read, read_b: Read, alignment: Alignment, waveform: Waveform | None
) -> list[Alteration]:
    """Flat tops on one side, where the other one goes higher."""
    if waveform is None:
        return []
    first = round(max(alignment.a_start_s, -waveform.offset_s) * SAMPLE_RATE)
    later = first + round(waveform.offset_s * SAMPLE_RATE)
    length_s = min(alignment.duration_s, LONGEST_S)
    a, b = (
        np.abs(read(begin / SAMPLE_RATE, begin / SAMPLE_RATE + length_s))
        for read, begin in ((read_a, first), (read_b, later))
    )
    n = min(len(a), len(b))
    sides: tuple[tuple[Side, Floats, Floats], ...] = (("A", a[:n], b[:n]), ("B", b[:n], a[:n]))
    shares = [clipped_share(own) for _, own, _ in sides]
    for (side, own, other), share, least in zip(sides, shares, shares[::-1], strict=True):
        if share >= max(LEAST_CLIPPED, CLIPPED_LEAD * least) and _is_cut(own, other):
            words = f"clipped: {100 * share:.2g} % of the samples"
            return [Alteration("clipped", side, share, "share", words)]
    return []


def _is_cut(own: Floats, other: Floats) -> bool:
    """Whether magnitudes at the limit are higher in the other one, by what the rest says."""
    limit = float(np.quantile(own, 0.9999))
    middle = (own > 0.3 * limit) & (own < 0.6 * limit)
    top = own > 0.96 * limit
    if not middle.any() or not top.any():
        return False
    gain = float(np.median(own[middle] / np.maximum(other[middle], TINY)))
    low, middle_one = np.quantile(other[top], [0.1, 0.5]) * gain / limit
    return bool(low > NOT_LOWER and middle_one > CUT_OFF)


def _coding(spread_db: float, limits: list[Alteration], *, is_laid: bool) -> list[Alteration]:
    """Levels that spread as no filter, noise or echo lets them, below a cut-off."""
    cut = [limit for limit in limits if limit.kind == "low_pass"]
    if spread_db < (CODED_DB if is_laid else CODED_UNLAID_DB) or len(cut) != 1:
        return []
    top = hz_in_words(cut[0].value)
    words = f"coded lossy: levels spread by {spread_db:.1f} dB, nothing above {top}"
    return [Alteration("coded", cut[0].side, spread_db, "dB", words)]


def _equalisation(forth: View, limits: list[Alteration], spread_db: float) -> list[Alteration]:
    """Gains that differ between bands where nothing but a filter was at work."""
    fit = forth.fit
    known = forth.heard & (fit.other_above_floor > HEARD)
    known &= (fit.rest < EQUALISED_REST) & (fit.share[0] > 0.5)
    hz = bands_hz()
    for limit in limits:
        known &= hz < limit.value / 1.5 if limit.kind == "low_pass" else hz > limit.value * 2
    if known.sum() < FEWEST_GAINS or spread_db > MOST_FILTERED_DB:
        return []
    gains = 10 * np.log10(np.maximum(fit.gain[known], TINY))
    smooth = np.median(np.stack([gains[:-2], gains[1:-1], gains[2:]]), axis=0)
    most, least = int(smooth.argmax()), int(smooth.argmin())
    range_db = float(smooth[most] - smooth[least])
    half = np.abs(smooth[4:] - smooth[:-4])  # half an octave
    ends = max(half[0], half[-1])
    is_rough = float(np.median(np.abs(np.diff(gains, 2)))) > ROUGHEST_DB
    is_steep = half.max() > STEEPEST_DB or ends > STEEPEST_END_DB
    if is_rough or is_steep or range_db < EQUALISED_DB:
        return []
    high, low = (hz_in_words(hz[known][1:-1][band]) for band in (most, least))
    words = f"equalised: A has {range_db:.1f} dB more at {high} than at {low}, by B"
    return [Alteration("equalised", None, range_db, "dB", words)]


def _clock(read_a: Read, read_b: Read, alignment: Alignment) -> list[Alteration]:
    """Clocks that differ by some millionths."""
    ppm = clock_ppm(read_a, read_b, alignment)
    if ppm is None or abs(ppm) < LEAST_PPM:
        return []
    words = f"A plays {abs(ppm):.0f} millionths (ppm) {'faster' if ppm > 0 else 'slower'}"
    return [Alteration("clock", None, ppm, "ppm", f"{words}: another clock")]
