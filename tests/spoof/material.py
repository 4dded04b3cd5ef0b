"""What the tests share: sounds, voices that are easily told apart, small data sets, a recipe."""

from functools import partial
from itertools import product

import numpy as np
import soundfile
import torch
from torch import nn

from spoof.data import Utterance
from spoof.prepare import Examples
from spoof.recipes import Recipe, SourceResult, Training

RATE_HZ = 8000
N_BANDS = 8


def sine(hz, *, seconds=3.0, rate_hz=16_000):
    """A sine of amplitude 0.5."""
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    return (0.5 * np.sin(2 * np.pi * hz * time_s)).astype(np.float32)


def noise(rng, *, seconds=3.0, rate_hz=16_000):
    """White noise, loud in every band, with a gliding tone."""
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    glide = 0.2 * np.sin(2 * np.pi * (200 + 300 * time_s) * time_s)
    return (rng.normal(0, 0.1, len(time_s)) + glide).astype(np.float32)


def sound(is_fake, seed, *, seconds=2.0, rate_hz=RATE_HZ):
    """Low noise for a human voice, high noise for a synthetic one; float32 (n,)."""
    rng = np.random.default_rng(seed)
    spectrum = np.fft.rfft(rng.normal(size=round(seconds * rate_hz)))
    hz = np.linspace(0, rate_hz / 2, len(spectrum))
    low, high = (1600, 2900) if is_fake else (100, 1400)
    spectrum[(hz < low) | (hz > high)] = 0
    samples = np.fft.irfft(spectrum)
    return np.asarray(0.1 * samples / samples.std(), np.float32)


def buzz(seconds, *, rate_hz=16_000):
    """A sound like a voice: pulses whose pitch and loudness vary, and breath."""
    rng = np.random.default_rng(0)
    times = np.arange(round(seconds * rate_hz)) / rate_hz
    turns = np.cumsum(120 + 30 * np.sin(2 * np.pi * 0.7 * times)) / rate_hz
    pulses = sum(np.cos(2 * np.pi * turns * n) / n for n in range(1, 30))
    syllables = 0.55 + 0.45 * np.sin(2 * np.pi * 4 * times)
    samples = 0.1 * syllables * pulses + rng.normal(0, 0.01, len(times))
    return np.asarray(samples, np.float32)


def write(path, samples, rate_hz=RATE_HZ):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate_hz)
    return path


def text(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


def tree(root, *names, duration_s=0.1):
    """The folder itself, with a tone of so many seconds under each name."""
    tone = 0.3 * np.sin(np.arange(round(duration_s * RATE_HZ)) * 0.3)
    for name in names:
        write(root / name, tone)
    return root


def voices(folder, *, groups=10, each=1):
    """A data set: in each group so many human and as many synthetic voices, in two collections."""
    made = []
    for group, is_fake, number in product(range(groups), (False, True), range(each)):
        path = folder / ("fake" if is_fake else "real") / f"{group}-{number}.wav"
        write(path, sound(is_fake, 1000 * group + 10 * number + is_fake))
        labels = {"system": f"system {group % 2}" if is_fake else "", "collection": f"c{group % 3}"}
        made.append(Utterance(path, is_fake, f"g{group}", **labels))
    return made


def table(path, utterances):
    """The data set as a list that commands read."""
    rows = ["file,label,group,system,collection,split"]
    for u in utterances:
        label = "fake" if u.is_fake else "real"
        name = u.path.relative_to(path.parent)
        rows.append(f"{name},{label},{u.group},{u.system},{u.collection},{u.split}")
    return text(path, "\n".join(rows) + "\n")


def examples(recordings, segments, values=(), *, copies=1):
    """Examples of one number each, so many segments of each recording, in so many copies."""
    rows = [(i, s, c) for c in range(copies) for i, n in enumerate(segments) for s in range(n)]
    recording, segment, copy = (np.array(column) for column in zip(*rows, strict=True))
    given = np.array(values or np.zeros(len(rows)), np.float16)[:, None]
    return Examples(given, np.arange(len(rows)), recording, segment, copy, tuple(recordings))


def bands(samples, *, count=N_BANDS):
    """Share of energy in each of so many bands, (count,)."""
    power = np.abs(np.fft.rfft(samples)) ** 2
    parts = np.array([part.sum() for part in np.array_split(power, count)])
    return np.asarray(parts / max(parts.sum(), 1e-20), np.float32)


def network(n_inputs=N_BANDS, n_outputs=2):
    first = (nn.Linear(n_inputs, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.2))
    return nn.Sequential(*first, nn.Linear(16, n_outputs))


def louder(samples, rate_hz, rng):
    """A copy that is louder and holds some noise."""
    added = rng.normal(0, 0.01, len(samples))
    return np.asarray(samples * rng.uniform(0.5, 2) + added, np.float32)


TINY = Recipe(
    "tiny", "ours", "a network for tests", RATE_HZ, segment_s=0.5, input_shape=(N_BANDS,),
    feature=partial(bands, count=N_BANDS), model=network, alter="tests.spoof.material:louder",
    training=Training(epochs=4, batch=8, learning_rate=0.02, keep="loss"),
    results=(SourceResult("accuracy", "12.3 %", "other data"),), remarks=("It is small.",),
)  # fmt: skip


def n_parameters(model, *, trained_only=False):
    """Numbers in all parameter tensors."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad or not trained_only)


def traced(model, *input_shape):
    """Kind and output shape (without batch) of each layer with weights or pooling, in order."""
    seen: list[tuple[str, tuple[int, ...]]] = []

    def note(layer, _, output):
        seen.append((type(layer).__name__, tuple(output.shape[1:])))

    kinds = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.MaxPool1d, nn.MaxPool2d, nn.Dropout)
    hooks = [m.register_forward_hook(note) for m in model.modules() if isinstance(m, kinds)]
    device = next(model.parameters()).device
    model.eval()(torch.zeros(2, *input_shape, device=device))
    for hook in hooks:
        hook.remove()
    return seen


def rectified(model):
    """Whether every layer with weights but the last is followed by a rectifier, the last by none.

    Then the results are logits.
    """
    kinds = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.ReLU, nn.Softmax, nn.Sigmoid)
    order = [type(layer) for layer in model.modules() if isinstance(layer, kinds)]
    return order[1::2] == [nn.ReLU] * (len(order) // 2) and order[-1] is nn.Linear
