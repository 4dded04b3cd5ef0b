"""Recordings changed in known ways, and how often a comparison names the change, or another."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile

from augment import tone
from augment.codec import Codec
from augment.effect import Effect, Rng, Samples
from augment.noise import Background, ColouredNoise
from augment.room import Reverb, Room
from augment.tempo import Pitch, Speed, Tempo, resample
from cqtnet import SAMPLE_RATE, audio
from cqtnet.data import Item
from cqtnet.device import one_thread
from cqtnet.progress import in_processes
from eval.planting import of_other_collections
from eval.protocols.plan import rng_for

if TYPE_CHECKING:
    from verify.results import Comparison

LENGTH_S = 20.0  # of what is changed: so much of each recording, or all of it
UNHEARD = ("gain", "clock", "polarity")  # are to be named although nobody hears them


@dataclass(frozen=True)
class Change:
    """One kind of change: how it is drawn, what names it, and what else follows from it."""

    draw: Callable[[Rng, str], Effect | None]  # the path of another recording is for music under it
    named: str  # a claim of any of these kinds names it
    follows: str = ""  # claims of these kinds are true as well


def _drawn(effect: type[Effect], named: str, follows: str = "", **ranges: Any) -> Change:
    """An effect with each number drawn evenly from its range."""
    return Change(lambda rng, _: effect.draw(rng, **ranges), named, follows)


def _shelf(rng: Rng, _: str) -> Effect:
    gain_db = float(rng.uniform(6.0, 12.0) * rng.choice([-1, 1]))
    if rng.random() < 0.5:
        return tone.Equaliser(low_hz=float(rng.uniform(150, 400)), low_gain_db=gain_db)
    return tone.Equaliser(high_hz=float(rng.uniform(1500, 4000)), high_gain_db=gain_db)


def _equaliser(rng: Rng, _: str) -> Effect:
    signs = rng.permutation([1.0, -1.0, rng.choice([-1.0, 1.0])])
    low, mid, high = (signs * rng.uniform(6.0, 12.0, 3)).tolist()
    return tone.Equaliser(
        float(rng.uniform(150, 300)), low, float(rng.uniform(600, 1500)), mid, 1.0,
        float(rng.uniform(3000, 5000)), high,
    )  # fmt: skip


CHANGES: dict[str, Change] = {
    "none": Change(lambda rng, _: None, ""),
    "noise 30 dB": _drawn(ColouredNoise, "noise", snr_db=(30.0, 30.0)),
    "noise 20 dB": _drawn(ColouredNoise, "noise", snr_db=(20.0, 20.0)),
    "noise 10 dB": _drawn(ColouredNoise, "noise", snr_db=(10.0, 10.0)),
    "another sound": Change(
        lambda rng, path: Background(path, 0.0, float(rng.uniform(5, 20))), "added_sound noise"
    ),
    "room": _drawn(Room, "reverberation", "level", rt60_s=(0.4, 1.5),
                   direct_to_reverberant_db=(-3.0, 6.0)),
    "reverb": _drawn(Reverb, "reverberation", "level", reverberance=(40.0, 80.0),
                     room_scale=(50.0, 100.0)),
    "low-pass": _drawn(tone.LowPass, "low_pass", "level", cutoff_hz=(1500.0, 5000.0)),
    "high-pass": _drawn(tone.HighPass, "high_pass", "level", cutoff_hz=(150.0, 500.0)),
    "telephone": Change(lambda rng, _: tone.Telephone(), "low_pass high_pass", "level"),
    "equaliser": Change(_equaliser, "equalised", "level"),
    "shelf": Change(_shelf, "equalised", "level"),
    "gain": Change(lambda rng, _: tone.Gain(float(rng.uniform(-15, -3))), "level"),
    "clipped": _drawn(tone.HardClip, "clipped compressed", "level", over_db=(6.0, 12.0)),
    "compressor": _drawn(tone.Compressor, "compressed", "level", threshold_db=(-40.0, -25.0),
                         ratio=(4.0, 10.0)),
    "limiter": Change(
        lambda rng, _: tone.Compressor(float(rng.uniform(-25, -15)), 100.0, 0.001, 0.05, 10.0),
        "compressed", "level",
    ),
    "mp3": _drawn(Codec, "coded low_pass", "level", codecs=["mp3"], kbps=(16, 32)),
    "opus": _drawn(Codec, "coded low_pass", "level", codecs=["opus"], kbps=(6, 12)),
    "amr": _drawn(Codec, "coded low_pass", "high_pass level", codecs=["amr_nb"], kbps=(4.75, 12.2)),
    "resampled": Change(lambda rng, _: Resampled(), "low_pass", "level"),
    "tempo": Change(lambda rng, _: Tempo.draw(rng, factor=_around(rng, 0.04, 0.12)), "tempo"),
    "pitch": Change(
        lambda rng, _: Pitch.draw(rng, shift_semitones=_around(rng, 0.7, 2.0, centre=0.0)),
        "pitch", "low_pass",
    ),
    "speed": Change(
        lambda rng, _: Speed.draw(rng, factor=_around(rng, 0.03, 0.1)), "speed", "low_pass"
    ),
    "clock": Change(lambda rng, _: Speed.draw(rng, factor=_around(rng, 5e-5, 4e-4)), "clock"),
    "polarity": Change(lambda rng, _: tone.Invert(), "polarity"),
}  # fmt: skip
"""What is done to a recording. A claim of another kind, or about the other side, is wrong."""


def _around(rng: Rng, least: float, most: float, *, centre: float = 1.0) -> tuple[float, float]:
    """A range of one drawn value, so far above or below the centre."""
    value = centre + float(rng.uniform(least, most) * rng.choice([-1, 1]))
    return value, value


class Resampled(Effect):
    """The sound at 8,000 samples a second and back."""

    def _change(self, samples: Samples, sample_rate: int) -> Samples:
        return resample(resample(samples, sample_rate, 8000), 8000, sample_rate)


# Whether one hears it: by levels in octaves, without anything of what is judged.

OCTAVES_HZ = (62.5, 125, 250, 500, 1000, 2000, 4000, 8000)
HEARD_FRAME = 2048  # samples, 93 ms
HEARD_DB, HEARD_SHARE, HEARD_BELOW_DB = 3.0, 0.1, -45.0
"""Heard: in an octave with so much of the power, the level differs by so much in so many frames."""


def is_heard(original: Samples, changed: Samples) -> bool:
    """Whether two recordings of one length differ by what one hears, apart from their level."""
    levels = [_octave_levels(samples) for samples in (original, changed)]
    total = [10 * np.log10(np.sum(10 ** (level / 10), axis=1).mean()) for level in levels]
    least = [t + HEARD_BELOW_DB for t in total]
    clear = (levels[0] > least[0]) | (levels[1] > least[1])
    floored = [np.maximum(x, low) - t for x, low, t in zip(levels, least, total, strict=True)]
    differs = np.abs(floored[1] - floored[0]) > HEARD_DB
    return bool(((differs & clear).mean(axis=0) > HEARD_SHARE).any())


def _octave_levels(samples: Samples) -> Samples:
    """Levels (frames, octaves) in dB."""
    frames = samples[: samples.size // HEARD_FRAME * HEARD_FRAME].reshape(-1, HEARD_FRAME)
    power = np.square(np.abs(np.fft.rfft(frames * np.hanning(HEARD_FRAME), axis=1)))
    hz = np.fft.rfftfreq(HEARD_FRAME, 1 / SAMPLE_RATE)
    rows = [power[:, (hz >= f / 2**0.5) & (hz < f * 2**0.5)].sum(axis=1) for f in OCTAVES_HZ]
    return np.asarray(10 * np.log10(np.stack(rows, axis=1) + 1e-9), np.float32)


# The comparison of each changed recording with its source, and what it claims.


@dataclass(frozen=True)
class Judged:
    """One changed recording, and what the comparison said of it."""

    kind: str
    recording: str
    effect: str  # with its numbers; empty for none
    side: str  # which of A and B was changed
    heard: bool
    verdict: str
    claims: tuple[tuple[str, str], ...]  # kind, and A, B or empty

    @property
    def is_named(self) -> bool:
        """Whether a claim names the change, on its side."""
        named = CHANGES[self.kind].named.split()
        return any(k in named and s in ("", self.side) for k, s in self.claims)

    @property
    def wrong(self) -> tuple[tuple[str, str], ...]:
        """Claims that neither name the change nor follow from it."""
        true = f"{CHANGES[self.kind].named} {CHANGES[self.kind].follows}".split()
        return tuple((k, s) for k, s in self.claims if k not in true or s not in ("", self.side))


def claims_of(comparison: "Comparison") -> tuple[tuple[str, str], ...]:
    """All that a comparison says was altered, with the side."""
    from verify.words import changes_in_words

    if comparison.verdict != "same" or comparison.alignment is None:
        return ()
    line, waveform = comparison.alignment.line, comparison.waveform
    claims = [(one.kind, one.side or "") for one in comparison.alterations]
    for words in changes_in_words(line):
        kind = "speed" if line.is_speed else "pitch" if "semitones" in words else "tempo"
        claims.append((kind, ""))
    if waveform is not None:
        proved = {"polarity": waveform.inverted, "level": waveform.is_level_proved}
        claims += [(kind, "") for kind in proved if proved[kind]]
    return tuple(claims)


def judged(items: Sequence[Item], *, seed: int, workers: int | None = 1) -> list[Judged]:
    """Every kind of change of each recording, in the order of their names."""
    tasks = []
    for number, item in enumerate(items):
        why = "another sound is taken from another collection"
        others = of_other_collections(items, item, why)
        tasks.append((item, others[number % len(others)].path, number, seed))
    results = in_processes(_judge, tasks, workers=workers, doing="changed recordings")
    return sorted((one for some in results for one in some), key=attrgetter("recording", "kind"))


def _judge(task: tuple[Item, Path, int, int]) -> list[Judged]:
    """All kinds of change of one recording; the side that is changed alternates."""
    from verify.comparison import Comparer

    item, other, number, seed = task
    comparer = Comparer.named()
    whole = audio.load(item.path)
    rng = rng_for(seed, "alterations", item.recording)
    size = min(whole.size, round(LENGTH_S * SAMPLE_RATE))
    start = int(rng.integers(whole.size - size + 1))
    fragment = whole[start : start + size]
    found = []
    with one_thread(), tempfile.TemporaryDirectory() as folder:
        source, path = comparer.read(item.path), Path(folder) / "changed.wav"
        for place, (kind, change) in enumerate(CHANGES.items()):
            effect = change.draw(rng_for(seed, "alterations", item.recording, kind), str(other))
            samples = effect.apply(fragment, SAMPLE_RATE).samples if effect else fragment
            soundfile.write(path, samples, SAMPLE_RATE, subtype="FLOAT")
            changed = comparer.read(path)
            side = "AB"[(number + place) % 2]
            pair = (changed, source) if side == "A" else (source, changed)
            comparison = comparer.compare(*pair)
            heard = kind != "none" and (samples.size != size or is_heard(fragment, samples))
            of = kind, item.recording, str(effect or ""), side, heard or kind in UNHEARD
            found.append(Judged(*of, comparison.verdict, claims_of(comparison)))
    return found


@dataclass(frozen=True)
class Named:
    """How often changes were named, and how much was said that is wrong."""

    pairs: int
    same: int  # with the verdict "same": of others nothing is said
    heard: int  # of those, with a change that one hears
    named: int  # of those
    claims: int  # all that was said
    wrong: int  # of those
    wrong_pairs: int  # pairs with a wrong claim
    examples: tuple[str, ...]  # of wrong claims
    named_share: float | None  # of the changes that one hears; None without any


def figures(outcomes: Sequence[Judged]) -> dict[str, Named]:
    """The figures of all, and of each kind of change."""
    groups = {"all": list(outcomes)}
    groups |= {kind: [o for o in outcomes if o.kind == kind] for kind in CHANGES}
    found = {}
    for name, some in groups.items():
        same = [o for o in some if o.verdict == "same"]
        heard = [o.is_named for o in same if o.heard]
        wrong = [(o, claim) for o in same for claim in o.wrong]
        examples = tuple(f"{o.kind} of {o.side}: {' '.join(said).strip()}" for o, said in wrong)
        if some:
            found[name] = Named(
                len(some), len(same), len(heard), sum(heard), sum(len(o.claims) for o in same),
                len(wrong), sum(bool(o.wrong) for o in same), examples,
                sum(heard) / len(heard) if heard else None,
            )  # fmt: skip
    return found
