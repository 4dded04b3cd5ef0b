"""`cqtnet augment`: one recording in, the same recording altered out, and what was done to it."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click import IntRange, option

from cqtnet.commands import FORCE, JSON, PATH, SEED, command, complain, show
from cqtnet.errors import InputError
from cqtnet.files import refuse_overwrite, written_whole

if TYPE_CHECKING:
    from augment.effect import Altered, Chain, Effect, Samples

FORMATS = {
    ".wav": ("WAV", "FLOAT"), ".flac": ("FLAC", "PCM_24"), ".ogg": ("OGG", "VORBIS"),
    ".mp3": ("MP3", "MPEG_LAYER_III"),
}  # fmt: skip
"""libsndfile's format and subtype by suffix; a .wav holds the samples exactly, none clipped."""


class Pair(click.ParamType):  # type: ignore[type-arg]  # generic only since click 8.5
    """Two parts of an option joined by a separator, each converted: `12-14.5`, `mp3:64`."""

    def __init__(self, metavar: str, separator: str, first: type = float) -> None:
        self.name, self.separator, self.first = metavar, separator, first

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The two parts as a tuple."""
        try:
            first, second = value.split(self.separator)
            return self.first(first), float(second)
        except ValueError:
            self.fail(f"{value!r} is not of the form {self.name}", param, ctx)


STRETCH = Pair("START-END", "-")
SILENCE = Pair("AT:LENGTH", ":")
CODEC = Pair("NAME:KBPS", ":", first=str)


@command(
    "cqtnet augment talk.wav talk-altered.flac --tempo 1.1 --pitch -2 --noise-snr 10",
    "cqtnet augment talk.wav talk-cut.wav --cut 12.5-14 --codec mp3:64",
    "cqtnet augment talk.wav random.wav --random real-life --seed 7 --draw random.json",
    "cqtnet augment other.wav same-treatment.wav --replay random.json",
    context_settings={"show_default": True},
    needs={
        "--background-snr": "--background",
        "--noise-colour": "--noise-snr",
        "--seed": "--random --rt60 --noise-snr --noise-amplitude",
    },
)
@click.argument("source", metavar="IN", type=PATH)
@click.argument("output", metavar="OUT", type=PATH)
@option("--crop", type=STRETCH, help="Keep only this stretch, in seconds.")
@option("--cut", type=STRETCH, multiple=True, help="Cut this stretch out; repeatable.")
@option("--insert-silence", type=SILENCE, multiple=True, help="Put in silence; repeatable.")
@option("--speed", type=float, help="Times as fast, pitch along with it (0.25 to 4).")
@option("--tempo", type=float, help="Times as fast, same pitch (0.25 to 4).")
@option("--pitch", type=float, help="Semitones higher, same tempo (-24 to 24).")
@option("--rt60", type=float, help="Room with this reverberation time, in seconds.")
@option("--reverb", type=float, help="SoX's reverberance, 0 to 100.")
@option("--background", type=PATH, help="Recording to add as background noise.")
@option("--background-snr", type=float, help="dB of signal over background.  [default: 10]")
@option("--noise-snr", type=float, help="dB of signal over added noise.")
@option("--noise-colour", help="white, pink, brown, blue or violet.  [default: white]")
@option("--noise-amplitude", type=float, help="White noise of this amplitude, 0 to 1.")
@option("--highpass", type=float, help="Remove what is below, in Hz.")
@option("--lowpass", type=float, help="Remove what is above, in Hz.")
@option("--telephone", is_flag=True, default=None, help="Keep 300 to 3400 Hz.")
@option("--gain", type=float, help="dB louder.")
@option("--clip", type=float, help="Clip so many dB under the peak.")
@option("--codec", type=CODEC, help="Through a codec and back, for example mp3:64.")
@option("--random", "preset", metavar="PRESET",
        help="Draw the effects: paper, real-life or loudspeaker.")  # fmt: skip
@option("--replay", type=PATH, help="Apply the effects in this JSON file.")
@SEED
@option("--draw", type=PATH, help="Write the effects to this JSON file.")
@option("--sample-rate", type=IntRange(4000, 192000), default=22050)
@JSON(help="Print JSON.")
@FORCE
def augment(
    source: Path, output: Path, sample_rate: int, draw: Path | None, as_json: bool, force: bool,
    **given: Any,
) -> None:  # fmt: skip
    """Alter the recording IN and write it to OUT (.wav, .flac, .ogg or .mp3).

    Effects always run in the order of the options below: edits, speed, room, noise, filters,
    level, codec. The times of --crop, --cut and --insert-silence are seconds of IN. Prints each
    effect with its numbers, and where each moment of OUT came from.
    """
    from cqtnet.audio import load

    for path in filter(None, (output, draw)):
        refuse_overwrite(path, force=force)
    if output.suffix.lower() not in FORMATS:
        known = ", ".join(FORMATS)
        raise InputError(f"{output}: cannot write {output.suffix!r}; end it in {known}")
    samples = load(source, sample_rate=sample_rate)
    source_s = samples.size / sample_rate
    chain = _chain(given, duration_s=source_s)
    altered = chain.apply(samples, sample_rate)
    _write(output, altered.samples, sample_rate)
    if draw:
        with written_whole(draw) as temporary:
            temporary.write_text(chain.to_json() + "\n", encoding="utf-8")
    show(_report(chain, altered, source_s, sample_rate, as_json=as_json))


def _chain(given: dict[str, Any], *, duration_s: float) -> "Chain":
    """The chain that is drawn, read from a file, or made of single effects; one of the three."""
    import numpy as np

    from augment.effect import Chain, draw_chain, recipe_named

    preset, replay, seed = (given.pop(key) for key in ("preset", "replay", "seed"))
    single = any(value not in (None, ()) for value in given.values())
    if (preset is not None) + (replay is not None) + single > 1:
        raise click.UsageError("give --random, or --replay, or single effects, not two of these")
    if preset is not None:
        return draw_chain(np.random.default_rng(seed), recipe_named(preset), duration_s=duration_s)
    if replay is not None:
        try:
            text = replay.read_text(encoding="utf-8")
        except OSError as problem:
            raise InputError(f"{replay} cannot be read: {problem.strerror}") from problem
        except UnicodeDecodeError as problem:
            cure = "give one that --draw wrote"
            raise InputError(f"{replay} is not a text file; {cure}") from problem
        return Chain.from_json(text)
    return Chain(tuple(_single_effects(given, seed=seed)))


def _single_effects(given: dict[str, Any], *, seed: int) -> "Iterator[Effect]":
    """The effects of single options in the order of a recording's life.

    The noise is in the room, and the codec compresses everything.
    """
    import augment as a
    from augment.edits import edits_by_source_time

    yield from edits_by_source_time(given["crop"], given["cut"], given["insert_silence"])
    background_db = 10.0 if given["background_snr"] is None else given["background_snr"]
    colour = given["noise_colour"] or "white"
    makers: dict[str, Callable[[Any], Effect]] = {
        "speed": a.Speed, "tempo": a.Tempo, "pitch": a.Pitch,
        "rt60": lambda rt60_s: a.Room(rt60_s, direct_to_reverberant_db=3.0, seed=seed),
        "reverb": a.Reverb,
        "background": lambda path: a.Background(str(path), offset_s=0.0, snr_db=background_db),
        "noise_snr": lambda snr_db: a.ColouredNoise(snr_db, seed, colour),
        "noise_amplitude": lambda amplitude: a.GaussianNoise(amplitude, seed),
        "highpass": a.HighPass, "lowpass": a.LowPass, "telephone": lambda _: a.Telephone(),
        "gain": a.Gain, "clip": a.HardClip, "codec": lambda codec: a.Codec(*codec),
    }  # fmt: skip
    yield from (make(given[name]) for name, make in makers.items() if given[name] is not None)


def _report(
    chain: "Chain", altered: "Altered", source_s: float, sample_rate: int, *, as_json: bool
) -> str | dict[str, Any]:
    """What was done, as plain data or in words."""
    from augment.timemap import in_words

    output_s = altered.samples.size / sample_rate
    if as_json:
        record = {"sample_rate": sample_rate, "source_s": source_s, "output_s": output_s}
        record |= json.loads(chain.to_json())
        return record | {"time_map": json.loads(altered.time_map.to_json())}
    listed = [f"  {effect}" for effect in chain.effects] or ["  none"]
    moments = in_words(altered.time_map, source_s=source_s, output_s=output_s)
    return "\n".join(["effects:", *listed, "time:", *(f"  {line}" for line in moments)])


def _write(path: Path, samples: "Samples", sample_rate: int) -> None:
    """Write the sound whole or not at all; warn on stderr of samples that the format clips."""
    import numpy as np
    import soundfile
    from scipy.io import wavfile

    from augment.codec import write_sound

    kind, subtype = FORMATS[path.suffix.lower()]
    clipped = 0 if subtype == "FLOAT" else int(np.sum(np.abs(samples) > 1))
    if clipped:
        complain(f"warning: {clipped} samples beyond full scale are clipped in {path}")
    try:
        with written_whole(path) as temporary, temporary.open("wb") as stream:
            if kind == "WAV":  # libsndfile would write the time of day into it
                wavfile.write(stream, sample_rate, samples)
            else:
                write_sound(stream, samples, sample_rate, kind=kind, subtype=subtype)
    except soundfile.SoundFileError as problem:
        cure = f"({problem}); use another --sample-rate"
        raise InputError(f"{path}: {kind} cannot hold {sample_rate} Hz {cure}") from problem
