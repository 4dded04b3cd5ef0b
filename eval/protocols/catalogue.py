"""The protocols, what each does to a fragment from which ranges, and a plan drawn from a seed."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import cycle
from pathlib import Path

import numpy as np

from augment.codec import Codec
from augment.edits import Crop
from augment.effect import Chain, Effect, Range, Rng, uniform
from augment.errors import EffectError
from augment.noise import Background, ColouredNoise, mean_square, read_stretch
from augment.room import Reverb, Room
from augment.tempo import Pitch, Speed, Tempo, WsolaPitch, WsolaTempo
from augment.tone import Compressor, Equaliser, HighPass, LowPass, SoftClip, Telephone
from cqtnet import SAMPLE_RATE, audio
from cqtnet.errors import InputError
from eval.protocols.plan import Against, Negatives, Plan, Probe, Stretch, rng_for, with_negatives
from eval.protocols.survey import Survey

TEMPO, PITCH = (0.85, 1.35), (-4.0, 4.0)
SPEED = (0.85, 1.26)
"""The tempo range, as far as the pitch, which changes with it, stays within ±4 semitones."""
WIDE_FACTOR, WIDE_PITCH = (0.5, 2.0), (-12.0, 12.0)
"""Twice as fast or slow, an octave up or down: chipmunks, and what hides from fingerprints."""
NOISE_DB, HARD_NOISE_DB, QUIET_NOISE_DB = (0.0, 10.0), (10.0, 10.0), (15.0, 30.0)
STEADY_DB = -10.0
"""Half of a noise's tenths of a second are louder than this, by the level of the whole noise."""
NOISE_TRIES = 50
CODEC_KBPS = {
    "mp3": (16.0, 48.0), "aac": (16.0, 48.0), "opus": (8.0, 32.0), "vorbis": (32.0, 48.0),
    "opus_voip": (6.0, 16.0), "amr_nb": (4.75, 12.2), "g711_alaw": (64.0, 64.0),
}  # fmt: skip
"""kbit/s by codec; the last three are telephones."""
TELEPHONES = ("opus_voip", "amr_nb", "g711_alaw")
RENDITION, VOICE_OVER = "rendition", "voice-over"
"""Protocols that need more than recordings: works, and voices. `all` leaves them out."""
IMPLEMENTATIONS: dict[str, tuple[type[Tempo | WsolaTempo], type[Pitch | WsolaPitch]]] = {
    "signalsmith": (Tempo, Pitch), "wsola": (WsolaTempo, WsolaPitch),
}  # fmt: skip
"""Tempo and pitch by the method of training, and by one that training never uses."""


@dataclass(frozen=True)
class Scene:
    """The material that a protocol draws from: the fragment, its recording, recorded noise."""

    fragment: Stretch
    survey: Survey
    noise: Sequence[str]
    broken_noise: dict[str, str]  # that was drawn, with the reason; all scenes share it


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
    draw: Callable[[Rng, Scene], Iterable[Change]]
    length_s: float = 20.0


def _stretched(
    rng: Rng, *, tempo: Range | None = TEMPO, pitch: Range | None = PITCH
) -> tuple[tuple[Effect, ...], str]:
    """Effects on tempo and pitch by one of the methods, and its name."""
    kind = str(rng.choice(list(IMPLEMENTATIONS)))
    tempo_effect, pitch_effect = IMPLEMENTATIONS[kind]
    effects: list[Effect] = [pitch_effect.draw(rng, shift_semitones=pitch)] if pitch else []
    if tempo:
        effects.append(tempo_effect.draw(rng, factor=tempo))
    return tuple(effects), kind


def _room(rng: Rng) -> Room:
    return Room.draw(rng, rt60_s=(0.4, 1.5), direct_to_reverberant_db=(-6.0, 3.0))


def _noise(rng: Rng, scene: Scene, snr_db: tuple[float, float]) -> tuple[tuple[Effect], str]:
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


def _reverb(rng: Rng, scene: Scene) -> Iterator[Change]:
    kind = str(rng.choice(["room", "reverb"]))
    freeverb = _freeverb(rng)
    yield Change((_room(rng) if kind == "room" else freeverb,), kind)


def _freeverb(rng: Rng) -> Reverb:
    strong = (50.0, 100.0)
    return Reverb.draw(rng, reverberance=strong, hf_damping=(0, 100), room_scale=strong)


def coded(rng: Rng, codecs: Iterable[str] = CODEC_KBPS) -> tuple[Codec, str]:
    """A codec at a low bit rate, and its name."""
    kind = str(rng.choice(list(codecs)))
    return Codec.draw(rng, codecs=[kind], kbps=CODEC_KBPS[kind]), kind


def _codec(rng: Rng, scene: Scene) -> Iterator[Change]:
    codec, kind = coded(rng)
    yield Change((codec,), kind)


def _crop(rng: Rng, scene: Scene, *, lengths_s: Sequence[float]) -> Iterator[Change]:
    fragment = scene.fragment
    for length_s in lengths_s:
        room_s = fragment.length_s - length_s
        if room_s < -1e-6:
            continue
        places_s = (fragment.start_s, fragment.start_s + max(0.0, room_s))
        start_s = scene.survey.nearest_start(uniform(rng, places_s), length_s, within_s=places_s)
        if start_s is not None:
            at_s = round(start_s - fragment.start_s, 3)
            yield Change((Crop(at_s, at_s + length_s),), suffix=f"-{length_s:g}s")


def _short(rng: Rng, scene: Scene) -> Iterator[Change]:
    for change in _crop(rng, scene, lengths_s=(2.0, 3.0)):
        kind = str(rng.choice(["plain", "codec", "noise", "equaliser"]))
        effects: dict[str, Callable[[], Iterable[Effect]]] = {
            "plain": tuple,
            "codec": lambda: [coded(rng)[0]],
            "noise": lambda: _noise(rng, scene, QUIET_NOISE_DB)[0],
            "equaliser": lambda: [Equaliser.draw(rng)],
        }
        yield replace(change, effects=(*change.effects, *effects[kind]()), kind=kind)


def small_and_loud(rng: Rng) -> tuple[tuple[Effect, ...], tuple[Effect, ...]]:
    """The band of a small loudspeaker, and what happens where it is played too loud."""
    small = HighPass.draw(rng, cutoff_hz=(200.0, 500.0)), LowPass.draw(rng, cutoff_hz=(4000, 8000))
    return small, (Compressor.draw(rng), SoftClip.draw(rng, over_db=(0.0, 6.0)))


def _device(rng: Rng, scene: Scene) -> Iterator[Change]:
    small, loud = small_and_loud(rng)
    noise, kind = _noise(rng, scene, QUIET_NOISE_DB)
    yield Change((*small, Equaliser.draw(rng), *loud, _room(rng), *noise), kind)


def _voice_over(rng: Rng, scene: Scene) -> Iterator[Change]:
    if not scene.noise:
        raise InputError("voice-over needs recordings of voices; give their folder by --noise")
    yield Change((Background.draw(rng, paths=list(scene.noise), snr_db=(-5.0, 5.0)),), "voice")


def _phone(rng: Rng, scene: Scene) -> Iterator[Change]:
    codec, kind = coded(rng, TELEPHONES)
    yield Change((*_noise(rng, scene, QUIET_NOISE_DB)[0], Telephone(), codec), kind)


def _slowed(rng: Rng, scene: Scene) -> Iterator[Change]:
    kind = str(rng.choice(["slowed", "sped"]))
    speed = Speed.draw(rng, factor=(0.7, 0.9) if kind == "slowed" else (1.1, 1.4))
    yield Change((speed, _freeverb(rng)), kind)


def _hard(rng: Rng, scene: Scene) -> Iterator[Change]:
    effects, kind = _stretched(rng)
    yield Change((*effects, _room(rng), *_noise(rng, scene, HARD_NOISE_DB)[0]), kind)


def _rendition(rng: Rng, scene: Scene) -> Iterator[Change]:
    whole = {"codec": _codec, "reverb": _reverb, "hard": _hard, "device": _device, "phone": _phone}
    kind = str(rng.choice(["plain", "noise", "tempo", *whole]))
    if kind in whole:
        yield from whole[kind](rng, scene)
    elif kind == "noise":
        yield Change(_noise(rng, scene, HARD_NOISE_DB)[0], kind)
    else:
        yield Change(_stretched(rng, pitch=None)[0] if kind == "tempo" else (), kind)


def _other_part(rng: Rng, scene: Scene) -> Iterator[Change]:
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
                 lambda rng, scene: [Change(*_stretched(rng, pitch=None))]),
        Protocol("paper-pitch", "Higher or lower, as the paper tests?",
                 lambda rng, scene: [Change(*_stretched(rng, tempo=None))]),
        Protocol("both", "Tempo and pitch, each on its own?",
                 lambda rng, scene: [Change(*_stretched(rng))]),
        Protocol("speed", "Tempo and pitch together, as a tape?",
                 lambda rng, scene: [Change((Speed.draw(rng, factor=SPEED),))]),
        Protocol("noise", "Noise as loud as the music?",
                 lambda rng, scene: [Change(*_noise(rng, scene, NOISE_DB))]),
        Protocol("reverb", "In a reverberant room?", _reverb),
        Protocol("codec", "Through a codec at a low bit rate or a telephone?", _codec),
        Protocol("crop", "Only a few seconds of it?", partial(_crop, lengths_s=(3.0, 5.0, 10.0))),
        Protocol("hard", "Ten seconds with everything at once?", _hard, 10.0),
        Protocol("wide", "Twice as fast or an octave higher?",
                 lambda rng, scene: [Change(*_stretched(rng, tempo=WIDE_FACTOR, pitch=WIDE_PITCH))],
                 10.0),
        Protocol("speed-wide", "A tape at half or double speed?",
                 lambda rng, scene: [Change((Speed.draw(rng, factor=WIDE_FACTOR),))]),
        Protocol("slowed", "Slowed or sped up, with reverberation, as people post it?", _slowed),
        Protocol("device", "Out of a small loudspeaker, through a room?", _device),
        Protocol("phone", "Over a telephone?", _phone),
        Protocol("short", "Two or three seconds of it?", _short),
        Protocol(VOICE_OVER, "Under a voice?", _voice_over),
        Protocol("other-part", "Another moment of the same recording?", _other_part, 10.0),
        Protocol(RENDITION, "Another performance or synthesis of the work?", _rendition, 10.0),
        Protocol("same", "Is everything in order?", lambda rng, scene: [Change()]),
    )
}  # fmt: skip


# A plan drawn from a seed: the fragments, their changes, and what they are compared with.


def draw_plan(
    surveys: Sequence[Survey], name: str, *, seed: int = 0, fragments: int = 3,
    length_s: float | None = None, negatives: Negatives = 1, within: bool = False,
    against: Against = "fragment", noise_root: Path | None = None,
    skipped: Mapping[str, str] | None = None,
) -> Plan:  # fmt: skip
    """The plan of the protocol `name` for these recordings.

    `length_s` is that of fragments, if not the protocol's; `negatives` are drawn for each probe;
    `within` adds pairs inside a collection. The draws of one recording depend on the seed and its
    own name alone; only negatives depend on the other recordings.
    """
    _check(name, fragments, against)
    protocol = replace(PROTOCOLS[name], length_s=length_s or PROTOCOLS[name].length_s)
    noise, broken_noise = _noise_files(noise_root), dict[str, str]()
    drawn = [
        (survey, fragment, change)
        for survey in surveys
        for fragment, change in _changes(protocol, survey, seed, fragments, noise, broken_noise)
    ]
    used = {survey.source.recording for survey, *_ in drawn}
    left_out = dict(skipped or {})
    for survey in surveys:
        if survey.source.recording not in used:
            left_out[survey.source.recording] = _reason(survey, protocol)
    for path, why in sorted(broken_noise.items()):
        left_out[f"noise {_below(path, noise_root)}"] = why
    if not drawn:
        some = "; ".join(f"{who}: {why}" for who, why in list(left_out.items())[:3])
        raise InputError(f"{name}: none of {len(left_out)} recordings gives a fragment ({some})")
    own = [
        fragment if against == "fragment" else Stretch(fragment.recording, 0.0, survey.duration_s)
        for survey, fragment, _ in drawn
    ]
    index_of = {reference: index for index, reference in enumerate(dict.fromkeys(own))}
    probes = []
    for reference, (_, fragment, change) in zip(own, drawn, strict=True):
        effects = (
            replace(e, path=_below(e.path, noise_root)) if isinstance(e, Background) else e
            for e in change.effects
        )
        stretch, condition = change.stretch or fragment, name + change.suffix
        index, chain = index_of[reference], Chain(tuple(effects))
        probes.append(Probe(stretch, index, condition, change.kind, chain))
    paths = {e.path for *_, c in drawn for e in c.effects if isinstance(e, Background)}
    sources = tuple(survey.source for survey in surveys if survey.source.recording in used)
    hashes = {_below(path, noise_root): audio.file_sha256(path) for path in sorted(paths)}
    how, references = (name, seed, against, negatives, within), tuple(index_of)
    return with_negatives(Plan(*how, sources, references, tuple(probes), hashes, left_out))


def _check(name: str, fragments: int, against: Against) -> None:
    if fragments < 1:
        raise InputError(f"{fragments} fragments of a recording are too few; give at least 1")
    if name == "other-part" and against == "recording":
        raise InputError(
            "other-part compares two fragments: a whole recording holds both; "
            "leave --references recording out"
        )


def _changes(
    protocol: Protocol, survey: Survey, seed: int, fragments: int, noise: Sequence[str],
    broken_noise: dict[str, str],
) -> Iterator[tuple[Stretch, Change]]:  # fmt: skip
    """The fragments of a recording, the same for every protocol, and the changes to each."""
    recording = survey.source.recording
    rng = rng_for(seed, "fragments", protocol.length_s, recording)
    for number, fragment in enumerate(survey.fragments(rng, protocol.length_s, fragments)):
        rng = rng_for(seed, protocol.name, recording, number)
        for change in protocol.draw(rng, Scene(fragment, survey, noise, broken_noise)):
            yield fragment, change


def _reason(survey: Survey, protocol: Protocol) -> str:
    lasts = f"lasts {survey.duration_s:.1f} s"
    if survey.duration_s < protocol.length_s:
        return f"{lasts}, less than the {protocol.length_s:g} s of {protocol.name}"
    if protocol.name == "other-part":
        return f"{lasts}: beside its fragments there are no other {protocol.length_s:g} s to hear"
    return f"has no stretch with enough to hear for {protocol.name}"


def _noise_files(noise_root: Path | None) -> list[str]:
    if noise_root is None:
        return []
    files = list(map(str, audio.find_audio([noise_root])))
    if not noise_root.is_dir() or not files:
        raise InputError(f"{audio.shown(noise_root)} holds no recordings; give a folder of noise")
    return files


def _below(path: str, root: Path | None) -> str:
    return path if root is None else str(Path(path).relative_to(root))
