"""A chain from single wishes, in one sensible order whatever order they were made in."""

from collections.abc import Iterator
from dataclasses import dataclass

from augment.background import Background
from augment.chain import Chain
from augment.clip import HardClip
from augment.codec import Codec
from augment.cut import Crop, Cut
from augment.effect import Effect, Range
from augment.errors import EffectError
from augment.filters import HighPass, LowPass, Telephone
from augment.gain import Gain
from augment.insert import InsertSilence
from augment.noise import ColouredNoise, GaussianNoise
from augment.pitch import Pitch
from augment.reverb import Reverb
from augment.room import Room
from augment.speed import Speed
from augment.tempo import Tempo


@dataclass(frozen=True)
class Wishes:
    """What is wanted of a recording; what is None, empty or False is not wanted.

    `crop`, `cuts` (start, end) and `silences` (at, length) are seconds of the recording as it
    is given, however many there are: none shifts the times of another.
    """

    crop: Range | None = None
    cuts: tuple[Range, ...] = ()
    silences: tuple[Range, ...] = ()
    speed: float | None = None
    tempo: float | None = None
    shift_semitones: float | None = None
    rt60_s: float | None = None
    reverberance: float | None = None
    background: str | None = None
    background_snr_db: float = 10.0
    noise_snr_db: float | None = None
    noise_colour: str = "white"
    noise_amplitude: float | None = None
    highpass_hz: float | None = None
    lowpass_hz: float | None = None
    telephone: bool = False
    gain_db: float | None = None
    clip_over_db: float | None = None
    codec: str | None = None
    codec_kbps: float = 64.0
    seed: int = 0


def chain_of(wishes: Wishes) -> Chain:
    """The chain that grants the wishes: edits, speed, room, noise, filters, level, codec.

    That is the order of a recording's life, so that the noise is in the room and the codec
    compresses all of it. Edits run from the last to the first, so that each finds its place.
    """
    return Chain((*_edits(wishes), *_motion(wishes), *_surroundings(wishes), *_equipment(wishes)))


def _edits(wishes: Wishes) -> Iterator[Effect]:
    """The crop, then cuts and silences from the last to the first, in the crop's own time."""
    begin_s, end_s = wishes.crop or (0.0, float("inf"))
    if wishes.crop:
        yield Crop(begin_s, end_s)
    # A silence at the moment where a cut begins comes first, so that it isn't cut with it.
    cuts = [(start_s, True, cut_end_s) for start_s, cut_end_s in wishes.cuts]
    silences = [(at_s, False, length_s) for at_s, length_s in wishes.silences]
    next_start_s = end_s
    for at_s, is_cut, value_s in sorted(cuts + silences, reverse=True):
        last_s = value_s if is_cut else at_s
        if at_s < begin_s or last_s > end_s:
            raise EffectError(
                f"edit at {at_s:g} s is outside the crop of {begin_s:g} s to {end_s:g} s; move it"
            )
        if last_s > next_start_s:
            raise EffectError(
                f"edit at {at_s:g} s reaches into the one at {next_start_s:g} s; separate them"
            )
        next_start_s = at_s
        if is_cut:
            yield Cut(at_s - begin_s, value_s - begin_s)
        else:
            yield InsertSilence(at_s - begin_s, value_s)


def _motion(wishes: Wishes) -> Iterator[Effect]:
    if wishes.speed is not None:
        yield Speed(wishes.speed)
    if wishes.tempo is not None:
        yield Tempo(wishes.tempo)
    if wishes.shift_semitones is not None:
        yield Pitch(wishes.shift_semitones)


def _surroundings(wishes: Wishes) -> Iterator[Effect]:
    if wishes.rt60_s is not None:
        yield Room(wishes.rt60_s, direct_to_reverberant_db=3.0, seed=wishes.seed)
    if wishes.reverberance is not None:
        yield Reverb(wishes.reverberance)
    if wishes.background is not None:
        yield Background(wishes.background, offset_s=0.0, snr_db=wishes.background_snr_db)
    if wishes.noise_snr_db is not None:
        yield ColouredNoise(wishes.noise_snr_db, wishes.seed, wishes.noise_colour)
    if wishes.noise_amplitude is not None:
        yield GaussianNoise(wishes.noise_amplitude, wishes.seed)


def _equipment(wishes: Wishes) -> Iterator[Effect]:
    if wishes.highpass_hz is not None:
        yield HighPass(wishes.highpass_hz)
    if wishes.lowpass_hz is not None:
        yield LowPass(wishes.lowpass_hz)
    if wishes.telephone:
        yield Telephone()
    if wishes.gain_db is not None:
        yield Gain(wishes.gain_db)
    if wishes.clip_over_db is not None:
        yield HardClip(wishes.clip_over_db)
    if wishes.codec is not None:
        yield Codec(wishes.codec, wishes.codec_kbps)
