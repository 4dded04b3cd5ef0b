"""The protocols: what each does to a fragment, and from which ranges."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle

import numpy as np

from augment.codec import Codec
from augment.edits import Crop
from augment.effect import Effect, uniform
from augment.errors import EffectError
from augment.noise import Background, ColouredNoise, mean_square, read_stretch
from augment.room import Reverb, Room
from augment.tempo import Pitch, Speed, Tempo, WsolaPitch, WsolaTempo
from cqtnet import SAMPLE_RATE
from cqtnet.errors import InputError
from eval.protocols.plan import Stretch
from eval.protocols.survey import Survey

TEMPO = (0.85, 1.35)
PITCH = (-4.0, 4.0)
SPEED = (0.85, 1.26)
"""The tempo range, as far as the pitch, which changes with it, stays within ±4 semitones."""
NOISE_DB = (0.0, 10.0)
HARD_NOISE_DB = (10.0, 10.0)
STEADY_DB = -10.0
"""Half of a noise's tenths of a second are louder than this, by the level of the whole noise."""
NOISE_TRIES = 50
RT60_S = (0.4, 1.5)
DIRECT_DB = (-6.0, 3.0)
FREEVERB = (50.0, 100.0)
CROPS_S = (3.0, 5.0, 10.0)
CODEC_KBPS = {
    "mp3": (16.0, 48.0),
    "aac": (16.0, 48.0),
    "opus": (8.0, 32.0),
    "vorbis": (32.0, 48.0),
    "opus_voip": (6.0, 16.0),
    "amr_nb": (4.75, 12.2),
    "g711_alaw": (64.0, 64.0),
}
"""kbit/s by codec; the last three are telephones."""
RENDITION = "rendition"
"""The protocol whose pairs inside one work are renditions."""
IMPLEMENTATIONS: dict[str, tuple[type[Tempo | WsolaTempo], type[Pitch | WsolaPitch]]] = {
    "signalsmith": (Tempo, Pitch),
    "wsola": (WsolaTempo, WsolaPitch),
}
"""Tempo and pitch by the method of training, and by one that training never uses."""


@dataclass(frozen=True)
class Scene:
    """The material that a protocol draws from: the fragment, its recording, recorded noise."""

    fragment: Stretch
    survey: Survey
    noise: Sequence[str] = ()
    broken_noise: dict[str, str] = field(default_factory=dict)
    """Noise that was drawn and could not be read, with the reason; all scenes share it."""


@dataclass(frozen=True)
class Change:
    """One probe to make: the effects on the fragment, or on another stretch."""

    effects: tuple[Effect, ...] = ()
    kind: str = ""
    suffix: str = ""  # of the condition
    stretch: Stretch | None = None


@dataclass(frozen=True)
class Protocol:
    """A kind of test set: its question, its draw, and the length of its fragments."""

    name: str
    question: str
    draw: Callable[[np.random.Generator, Scene], Iterable[Change]]
    length_s: float = 20.0


def _stretched(
    rng: np.random.Generator, *, tempo: bool = True, pitch: bool = True
) -> tuple[tuple[Effect, ...], str]:
    """Effects on tempo and pitch by one of the methods, and its name."""
    kind = str(rng.choice(list(IMPLEMENTATIONS)))
    tempo_effect, pitch_effect = IMPLEMENTATIONS[kind]
    effects: list[Effect] = [pitch_effect.draw(rng, shift_semitones=PITCH)] if pitch else []
    if tempo:
        effects.append(tempo_effect.draw(rng, factor=TEMPO))
    return tuple(effects), kind


def _room(rng: np.random.Generator) -> Room:
    return Room.draw(rng, rt60_s=RT60_S, direct_to_reverberant_db=DIRECT_DB)


def _noise(
    rng: np.random.Generator, scene: Scene, snr_db: tuple[float, float]
) -> tuple[tuple[Effect], str]:
    """Coloured noise, or with even odds a recording of noise if there are any; and its kind."""
    if not scene.noise or rng.random() < 0.5:
        coloured = ColouredNoise.draw(rng, snr_db=snr_db)
        return (coloured,), coloured.colour
    paths = rng.permutation(np.array(scene.noise, dtype=object)).tolist()
    # Each at least once. Broken or silent noise stays among those to draw, so that no draw depends
    # on those before it.
    for _, path in zip(range(max(NOISE_TRIES, len(paths))), cycle(paths), strict=False):
        try:
            noise = Background.draw(rng, paths=[path], snr_db=snr_db)
            if _is_steady(noise):
                return (noise,), "recorded"
        except EffectError as problem:
            scene.broken_noise[path] = str(problem)
    if scene.broken_noise.keys() >= set(paths):
        raise InputError(f"no recording of noise can be read ({scene.broken_noise[paths[0]]})")
    raise InputError(
        f"{len(paths)} recordings of noise, all mostly silence or broken; give steadier ones"
    )


def _is_steady(noise: Background) -> bool:
    """Whether it is noise most of the time: a bang and silence would leave the music clean."""
    samples = read_stretch(noise.path, SAMPLE_RATE, start_s=0.0, length_s=noise.offset_s + 20.0)
    tenth = SAMPLE_RATE // 10
    blocks = [mean_square(samples[i : i + tenth]) for i in range(0, samples.size, tenth)]
    return float(np.median(blocks)) > 10 ** (STEADY_DB / 10) * float(np.mean(blocks))


def _reverb(rng: np.random.Generator, scene: Scene) -> Iterator[Change]:
    kind = str(rng.choice(["room", "reverb"]))
    freeverb = Reverb.draw(rng, reverberance=FREEVERB, hf_damping=(0, 100), room_scale=FREEVERB)
    yield Change((_room(rng) if kind == "room" else freeverb,), kind)


def _codec(rng: np.random.Generator, scene: Scene) -> Iterator[Change]:
    kind = str(rng.choice(list(CODEC_KBPS)))
    yield Change((Codec.draw(rng, codecs=[kind], kbps=CODEC_KBPS[kind]),), kind)


def _crop(rng: np.random.Generator, scene: Scene) -> Iterator[Change]:
    fragment = scene.fragment
    for length_s in CROPS_S:
        room_s = fragment.length_s - length_s
        if room_s < -1e-6:
            continue
        places_s = (fragment.start_s, fragment.start_s + max(0.0, room_s))
        start_s = scene.survey.nearest_start(uniform(rng, places_s), length_s, within_s=places_s)
        if start_s is not None:
            at_s = round(start_s - fragment.start_s, 3)
            yield Change((Crop(at_s, at_s + length_s),), suffix=f"-{length_s:g}s")


def _hard(rng: np.random.Generator, scene: Scene) -> Iterator[Change]:
    effects, kind = _stretched(rng)
    yield Change((*effects, _room(rng), *_noise(rng, scene, HARD_NOISE_DB)[0]), kind)


def _rendition(rng: np.random.Generator, scene: Scene) -> Iterator[Change]:
    kind = str(rng.choice(["plain", "codec", "noise", "tempo", "reverb", "hard"]))
    if kind in ("codec", "reverb", "hard"):
        yield from {"codec": _codec, "reverb": _reverb, "hard": _hard}[kind](rng, scene)
    elif kind == "noise":
        yield Change(_noise(rng, scene, HARD_NOISE_DB)[0], kind)
    else:
        yield Change(_stretched(rng, pitch=False)[0] if kind == "tempo" else (), kind)


def _other_part(rng: np.random.Generator, scene: Scene) -> Iterator[Change]:
    fragment, survey = scene.fragment, scene.survey
    length_s = fragment.length_s
    before = (0.0, fragment.start_s - length_s)
    after = (fragment.start_s + length_s, survey.duration_s - length_s)
    free = [places for places in (before, after) if places[1] >= places[0]]
    if not free:
        return
    widths = np.array([high_s - low_s + 0.001 for low_s, high_s in free])
    places = free[int(rng.choice(len(free), p=widths / widths.sum()))]
    start_s = survey.nearest_start(uniform(rng, places), length_s, within_s=places)
    if start_s is not None:
        yield Change(stretch=Stretch(fragment.recording, start_s, length_s))


PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        Protocol("paper-tempo", "Played faster or slower, as the paper tests?",
                 lambda rng, scene: [Change(*_stretched(rng, pitch=False))]),
        Protocol("paper-pitch", "Higher or lower, as the paper tests?",
                 lambda rng, scene: [Change(*_stretched(rng, tempo=False))]),
        Protocol("both", "Tempo and pitch, each on its own?",
                 lambda rng, scene: [Change(*_stretched(rng))]),
        Protocol("speed", "Tempo and pitch together, as a tape?",
                 lambda rng, scene: [Change((Speed.draw(rng, factor=SPEED),))]),
        Protocol("noise", "Noise as loud as the music?",
                 lambda rng, scene: [Change(*_noise(rng, scene, NOISE_DB))]),
        Protocol("reverb", "In a reverberant room?", _reverb),
        Protocol("codec", "Through a codec at a low bit rate or a telephone?", _codec),
        Protocol("crop", "Only a few seconds of it?", _crop),
        Protocol("hard", "Ten seconds with everything at once?", _hard, 10.0),
        Protocol("other-part", "Another moment of the same recording?", _other_part, 10.0),
        Protocol(RENDITION, "Another performance or synthesis of the work?", _rendition, 10.0),
        Protocol("same", "Is everything in order?", lambda rng, scene: [Change()]),
    )
}  # fmt: skip
