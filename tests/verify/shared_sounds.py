"""Pairs of different recordings that share what any recording may share: beeps, sirens, silence.

>>> a, b = shared_pair("siren", seed=3)

`python -m tests.verify.shared_sounds` prints a table of the verdicts on all kinds.
"""

import sys
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import soundfile
from scipy.signal import lfilter

from cqtnet import SAMPLE_RATE
from cqtnet.music import make_music
from verify.comparison import Comparer
from verify.words import HEADLINES

LENGTH_S = 20.0


def shared_pair(kind, seed):
    """Two different recordings of a kind: mono samples at 22,050 Hz."""
    rng = np.random.default_rng([seed, KINDS.index(kind)])
    a, b = PAIRS[kind](rng)
    return tuple((0.5 * x / max(1e-9, np.abs(x).max())).astype(np.float32) for x in (a, b))


def _seconds(length_s=LENGTH_S):
    return np.arange(round(length_s * SAMPLE_RATE)) / SAMPLE_RATE


def _music(rng, length_s=LENGTH_S):
    return make_music(int(rng.integers(1 << 30)), duration_s=length_s)


def _tone(phase, partials=4):
    return sum((np.sin(k * phase) / k for k in range(1, partials + 1)), np.zeros(len(phase)))


def _phase(hz):
    return np.asarray(2 * np.pi * np.cumsum(hz) / SAMPLE_RATE)


def _silence(rng):
    def one():
        return np.concatenate([_music(rng, 10), np.zeros(20 * SAMPLE_RATE), _music(rng, 10)])

    return one().astype("f4"), one().astype("f4")


def _beep(rng):
    hz, t = rng.uniform(400, 2000), _seconds(1.0)
    pair = [_music(rng) for _ in range(2)]
    for x in pair:
        at = int(rng.uniform(2, 17) * SAMPLE_RATE)
        x[at : at + len(t)] = 0.5 * np.sin(2 * np.pi * hz * t)
    return tuple(pair)


def _clicks(rng, period_s, hz):
    x = np.zeros(len(_seconds()))
    t = _seconds(0.03)
    click = np.exp(-200 * t) * np.sin(2 * np.pi * hz * t)
    for at_s in np.arange(rng.uniform(0, period_s), LENGTH_S - 0.05, period_s):
        at = round(at_s * SAMPLE_RATE)
        x[at : at + len(click)] += click
    return x


def _click_track(rng):
    period_s, hz = rng.uniform(0.3, 1.0), rng.uniform(800, 4000)
    return tuple(0.3 * _music(rng) + 0.5 * _clicks(rng, period_s, hz) for _ in range(2))


def _metronome(rng):
    hz = rng.uniform(800, 4000)
    floor = [0.002 * rng.standard_normal(len(_seconds())) for _ in range(2)]
    return tuple(_clicks(rng, rng.uniform(0.4, 0.8), hz) + noise for noise in floor)


def _siren(rng):
    low, high, period_s = rng.uniform(400, 700), rng.uniform(900, 1600), rng.uniform(0.5, 5)

    def one():
        turn = np.sin(2 * np.pi * (_seconds() / period_s + rng.random()))
        return _tone(_phase(low + (high - low) * (0.5 + 0.5 * turn)))

    return one(), one()


def _sweep(rng):
    def one():
        start, octaves = rng.uniform(80, 200), rng.uniform(3, 5)
        length_s = rng.uniform(4, 20)
        return _tone(_phase(start * 2 ** (octaves * (_seconds() % length_s) / length_s)), 1)

    return one(), one()


def _scale(rng):
    note_s, steps = rng.uniform(0.2, 0.6), np.array([0, 2, 4, 5, 7, 9, 11, 12])

    def one(base):
        note = (_seconds() // note_s).astype(int) % 14
        up, down = steps[np.minimum(note, 7)], steps[np.maximum(14 - note, 0) % 8]
        semitones = np.where(note < 8, up, down)
        fade = np.exp(-3 * (_seconds() % note_s) / note_s)
        return fade * _tone(_phase(base * 2 ** (semitones / 12)))

    base = rng.uniform(200, 400)
    return one(base), one(base * 2 ** (1 / 12))


def _drone(rng):
    def one():
        base = rng.uniform(80, 200)
        slow = 1 + 0.3 * np.sin(2 * np.pi * rng.uniform(0.05, 0.3) * _seconds())
        parts = [_tone(_phase(np.full(len(_seconds()), base * m))) for m in (1, 1.5, 2.003)]
        return np.asarray(slow * sum(parts))

    return one(), one()


def _applause(rng):
    def one():
        x = np.zeros(len(_seconds()))
        fade = np.exp(-np.arange(600) / 120)
        for at in rng.integers(0, len(x) - 600, 4000):
            x[at : at + 600] += rng.uniform(0.2, 1) * rng.standard_normal(600) * fade
        return np.asarray(lfilter([1, -0.7], [1, -0.3], x))

    return one(), one()


def _reversed(rng):
    x = _music(rng)
    return x, x[::-1].copy()


def _drums(rng):
    """One drum loop, bare, under two different pieces."""
    t = _seconds(0.25)
    kick = np.exp(-12 * t) * np.sin(2 * np.pi * 60 * t * (1 + np.exp(-30 * t)))
    snare = np.exp(-18 * t) * rng.standard_normal(len(t))
    hat = np.exp(-70 * t) * rng.standard_normal(len(t)) * 0.5
    step_s = rng.uniform(0.1, 0.16)
    bar = [rng.random(16) < p for p in (0.25, 0.2, 0.6)]
    x = np.zeros(len(_seconds()) + len(t))
    for step in range(int(LENGTH_S / step_s)):
        at = round(step * step_s * SAMPLE_RATE)
        for hit, sound in zip(bar, (kick, snare, hat), strict=True):
            if hit[step % 16]:
                x[at : at + len(t)] += sound
    x = x[: len(_seconds())]
    return tuple(0.5 * x / np.abs(x).max() + _music(rng) for _ in range(2))


def _ringtone(rng):
    """One ringtone of 3 s in two pieces."""
    hz = rng.choice([440.0, 523.25, 587.33, 659.25, 783.99, 880.0], 24)
    ring = np.concatenate([_tone(_phase(np.full(SAMPLE_RATE // 8, f))) for f in hz])
    pair = [_music(rng) for _ in range(2)]
    for x in pair:
        at = int(rng.uniform(2, 15) * SAMPLE_RATE)
        x[at : at + len(ring)] = 0.2 * ring
    return tuple(pair)


def _melodies(rng):
    """Two melodies of one simple synthesizer at one tempo."""
    note_s = rng.uniform(0.2, 0.5)

    def one():
        notes = rng.choice([0, 2, 4, 5, 7, 9, 11, 12], 200)
        phase = _phase(262 * 2 ** (notes[(_seconds() // note_s).astype(int)] / 12))
        return np.exp(-3 * (_seconds() % note_s) / note_s) * _tone(phase)

    return one(), one()


def _mixes(rng):
    """One piece, or a loop of it, in two mixes with others."""
    stem = _music(rng)
    if rng.random() < 0.5:
        stem = np.resize(stem[: round(rng.uniform(2, 6) * SAMPLE_RATE)], len(stem))
    return tuple(stem + _music(rng) for _ in range(2))


PAIRS = {
    "silence": _silence, "beep": _beep, "click track": _click_track, "metronome": _metronome,
    "siren": _siren, "sweep": _sweep, "scale": _scale, "drone": _drone, "applause": _applause,
    "reversed": _reversed, "ringtone": _ringtone, "melodies": _melodies, "drums": _drums,
    "mixes": _mixes,
}  # fmt: skip
KINDS = list(PAIRS)


def compared(comparer, kind, seed, folder):
    """The comparison of a pair, by way of two files."""
    paths = [folder / "a.wav", folder / "b.wav"]
    for path, samples in zip(paths, shared_pair(kind, seed), strict=True):
        soundfile.write(path, samples, SAMPLE_RATE)
    return comparer.compare(*paths)


def main(seeds=16):
    """Print how often each kind has which verdict; an error where one is the same recording."""
    comparer, totals = Comparer.named(), Counter()
    print(f"{'':12}", *HEADLINES)
    with TemporaryDirectory() as folder:
        for kind in KINDS:
            found = [compared(comparer, kind, seed, Path(folder)) for seed in range(seeds)]
            counts = Counter(one.verdict for one in found)
            print(f"{kind:12}", *(f"{counts[v]:{len(v)}}" for v in HEADLINES), flush=True)
            totals += counts
    print(f"{'all':12}", *(f"{totals[v]:{len(v)}}" for v in HEADLINES))
    sys.exit(totals["same"] > 0)


if __name__ == "__main__":
    main()
