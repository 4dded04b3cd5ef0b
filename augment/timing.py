"""How long each effect takes: `python -m augment.timing` prints a table."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from augment.codec import CODECS, Codec
from augment.effect import EFFECTS, Effect, Samples, range_names

SAMPLE_RATE = 22050
DURATION_S = 20.0
REPEATS = 5


def measured_ms(effect: Effect, samples: Samples, sample_rate: int) -> float:
    """Milliseconds that applying an effect takes: the least of five, after one to warm up.

    Whatever else the machine does can only make it slower.
    """
    effect.apply(samples, sample_rate)
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        effect.apply(samples, sample_rate)
        times.append(time.perf_counter() - start)
    return min(times) * 1000


def one_of_each(path: str, *, seed: int = 0) -> Iterator[tuple[str, Effect]]:
    """Every effect, drawn with its default ranges, with a label; the codec once per codec.

    `path` is a recording for those effects that bring one in.
    """
    for name, effect_class in EFFECTS.items():
        if effect_class is Codec:
            continue
        rng = np.random.default_rng(seed)
        given: dict[str, Any] = {"paths": [path], "duration_s": DURATION_S}
        known = {key: given[key] for key in range_names(effect_class) if key in given}
        yield name, effect_class.draw(rng, **known)
    for codec in CODECS:
        yield f"codec {codec}", Codec.draw(np.random.default_rng(seed), codecs=[codec])


def main() -> None:
    """Print the table: milliseconds per 20 s at 22,050 Hz, on the cores that numpy is given."""
    import soundfile

    n_samples = round(DURATION_S * SAMPLE_RATE)
    rng = np.random.default_rng(0)
    samples = (0.1 * rng.standard_normal(n_samples)).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "other.wav"
        soundfile.write(path, samples, SAMPLE_RATE)
        print(f"{'effect':<20} ms per {DURATION_S:g} s at {SAMPLE_RATE} Hz")
        for label, effect in sorted(one_of_each(str(path))):
            print(f"{label:<20} {measured_ms(effect, samples, SAMPLE_RATE):7.1f}  {effect}")


if __name__ == "__main__":
    main()
