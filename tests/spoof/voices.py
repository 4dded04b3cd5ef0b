"""Voices that are easily told apart, a recipe small enough to learn them in no time, and a run."""

from functools import partial
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from torch import nn

from spoof.data.utterance import Utterance
from spoof.recipes.recipe import Recipe, SourceResult, Training

RATE_HZ = 8000
N_BANDS = 8


def sound(is_fake: bool, seed: int, *, seconds: float = 2.0, rate_hz: int = RATE_HZ):
    """Low noise for a human voice, high noise for a synthetic one; float32 (n,)."""
    rng = np.random.default_rng(seed)
    spectrum = np.fft.rfft(rng.normal(size=round(seconds * rate_hz)))
    hz = np.linspace(0, rate_hz / 2, len(spectrum))
    low, high = (1600, 2900) if is_fake else (100, 1400)
    spectrum[(hz < low) | (hz > high)] = 0
    samples = np.fft.irfft(spectrum)
    return np.asarray(0.1 * samples / samples.std(), np.float32)


def write(path: Path, samples: NDArray[np.float32], rate_hz: int = RATE_HZ) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate_hz)
    return path


def voices(folder: Path, *, groups: int = 10, each: int = 1) -> list[Utterance]:
    """A data set: in each group so many human and as many synthetic voices, in two collections."""
    made = []
    for group in range(groups):
        for is_fake in (False, True):
            for number in range(each):
                label = "fake" if is_fake else "real"
                seed = 1000 * group + 10 * number + is_fake
                path = folder / label / f"{group}-{number}.wav"
                write(path, sound(is_fake, seed))
                system = f"system {group % 2}" if is_fake else ""
                made.append(
                    Utterance(path, is_fake, f"g{group}", system=system, collection=f"c{group % 3}")
                )
    return made


def table(path: Path, utterances: list[Utterance]) -> Path:
    """The data set as a list that commands read."""
    rows = ["file,label,group,system,collection,split"]
    for u in utterances:
        label = "fake" if u.is_fake else "real"
        name = u.path.relative_to(path.parent)
        rows.append(f"{name},{label},{u.group},{u.system},{u.collection},{u.split}")
    path.write_text("\n".join(rows) + "\n")
    return path


def bands(samples: NDArray[np.float32], *, count: int = N_BANDS) -> NDArray[np.float32]:
    """Share of energy in each of so many bands, (count,)."""
    power = np.abs(np.fft.rfft(samples)) ** 2
    parts = np.array([part.sum() for part in np.array_split(power, count)])
    return np.asarray(parts / max(parts.sum(), 1e-20), np.float32)


def network(n_inputs: int = N_BANDS, n_outputs: int = 2) -> nn.Module:
    return nn.Sequential(
        nn.Linear(n_inputs, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.2),
        nn.Linear(16, n_outputs),
    )  # fmt: skip


def one_output() -> nn.Module:
    return network(n_outputs=1)


def louder(samples, rate_hz, rng):
    """A copy that is louder and holds some noise."""
    noise = rng.normal(0, 0.01, len(samples))
    return np.asarray(samples * rng.uniform(0.5, 2) + noise, np.float32)


TINY = Recipe(
    name="tiny",
    source="ours",
    title="a network for tests",
    rate_hz=RATE_HZ,
    segment_s=0.5,
    feature=partial(bands, count=N_BANDS),
    input_shape=(N_BANDS,),
    model=network,
    training=Training(epochs=4, batch=8, learning_rate=0.02, keep="loss"),
    alter=louder,
    results=(SourceResult("accuracy", "12.3 %", "other data"),),
    remarks=("It is small.",),
)
