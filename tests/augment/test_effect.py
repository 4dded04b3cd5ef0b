"""What holds for every effect; a new effect is covered by its line in EFFECTS."""

import inspect
import json
import math
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

import augment
from augment.effect import EFFECTS, Effect, effect_from_dict, effect_named, range_names
from augment.errors import EffectError
from augment.timemap import TimeMap
from tests.augment.signals import bursts, drawn, loudest_moment_s, sine

ROOT = Path(__file__).parents[2]
SAMPLE_RATE = 22050
ALL = sorted(EFFECTS)
MOVES_TIME = {
    "crop", "cut", "insert_recording", "insert_silence", "repeat", "speed", "tempo", "wsola_tempo",
}  # fmt: skip


def test_every_effect_has_its_line_its_export_and_its_section_in_the_documentation():
    page = (ROOT / "docs/reference/augment.md").read_text(encoding="utf-8")
    modules = {place.partition(":")[0] for place in EFFECTS.values()}
    defined = {
        value
        for module in map(import_module, modules)
        for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, Effect) and hasattr(value, "name")
    }
    assert {effect_named(name) for name in ALL} == defined
    for name in ALL:
        effect_class = effect_named(name)
        assert effect_class.name == name
        assert getattr(augment, effect_class.__name__) is effect_class
        assert f"`{name}`" in page
    assert all(hasattr(augment, name) for name in augment.__all__)


@pytest.mark.parametrize("name", ALL)
def test_replays_bit_for_bit_from_json(name, sweep, other_recording):
    effect, same = (drawn(name, path=str(other_recording), duration_s=4.0) for _ in range(2))
    again = effect_from_dict(json.loads(json.dumps(effect.to_dict())))
    assert again == effect == same
    samples = sweep.copy()
    first, second = effect.apply(samples, SAMPLE_RATE), again.apply(samples, SAMPLE_RATE)
    assert first.samples.tobytes() == second.samples.tobytes()
    assert first.time_map == second.time_map
    assert first.samples.dtype == np.float32 and first.samples.ndim == 1
    assert not np.array_equal(first.samples, samples), "something was changed"
    first.samples[:] = 7.0  # would show if the output shared memory with the input
    assert np.array_equal(samples, sweep), "the input was not"


@pytest.mark.parametrize("name", ALL)
def test_length_and_time_are_kept_or_predicted(name, sweep, other_recording):
    effect = drawn(name, path=str(other_recording), duration_s=4.0)
    altered = effect.apply(sweep, SAMPLE_RATE)
    assert (altered.time_map != TimeMap.identity(4.0)) == (name in MOVES_TIME)
    # Each end of a stretch is rounded to a sample.
    tolerance = 2 / SAMPLE_RATE if name in MOVES_TIME else 0
    assert altered.samples.size / SAMPLE_RATE == pytest.approx(
        effect.output_duration_s(4.0), rel=0, abs=tolerance
    )


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("name", ALL)
def test_time_map_tells_where_every_burst_went(name, seed, other_recording):
    moments = [0.3, 0.9, 1.7, 2.2, 3.1, 3.8, 4.4, 5.2, 5.7]
    samples = bursts(moments, sample_rate=SAMPLE_RATE, duration_s=6.0)
    effect = drawn(name, path=str(other_recording), duration_s=6.0, seed=seed)
    altered = effect.apply(samples, SAMPLE_RATE)
    duration_s = altered.samples.size / SAMPLE_RATE
    mapped = [time for moment in moments for time in altered.time_map.occurrences(moment)]
    whole = [time for time in mapped if 0.02 < time < duration_s - 0.02]
    assert len(whole) >= 2
    for time in whole:
        landed = loudest_moment_s(altered.samples, time, sample_rate=SAMPLE_RATE)
        # WSOLA moves each piece by up to 25 ms of the source, at its slowest 31 ms here.
        tolerance = 0.032 if name.startswith("wsola") else 0.010
        assert landed == pytest.approx(time, abs=tolerance), effect


@pytest.mark.parametrize("sample_rate", [4_000, 192_000])
@pytest.mark.parametrize("name", ALL)
def test_works_at_the_lowest_and_highest_rate(name, sample_rate, other_recording):
    samples = sine(440.0, sample_rate=sample_rate, duration_s=0.5)
    effect = drawn(name, path=str(other_recording), duration_s=0.5)
    assert effect.apply(samples, sample_rate).samples.size > 0


@pytest.mark.parametrize("name", ALL)
def test_takes_silence_and_a_single_sample(name, other_recording):
    silence = np.zeros(SAMPLE_RATE, dtype=np.float32)
    effect = drawn(name, path=str(other_recording), duration_s=1.0)
    # Gaussian noise has an amplitude of its own; a codec may leave its idle noise.
    limit = 0.1 if name == "gaussian_noise" else 0.001
    assert np.abs(effect.apply(silence, SAMPLE_RATE).samples).max() < limit
    if name not in MOVES_TIME | {"mix"}:
        short = drawn(name, path=str(other_recording), duration_s=0.0)
        assert short.apply(np.array([0.5], np.float32), SAMPLE_RATE).samples.size == 1


@pytest.mark.parametrize(("bad", "message"), [
    (np.zeros(0, dtype=np.float32), "samples are empty"),
    (np.zeros((2, 100), dtype=np.float32), r"shape \(2, 100\)"),
    (np.array([0.1, math.nan], dtype=np.float32), "NaN or infinite"),
    (np.zeros(100, dtype=np.int16), "int16"),
    ([0.1, 0.2], "list"),
])  # fmt: skip
def test_refuses_samples_it_cannot_take(bad, message, other_recording):
    for name in ALL:
        effect = drawn(name, path=str(other_recording), duration_s=4.0)
        with pytest.raises(EffectError, match=message):
            effect.apply(bad, SAMPLE_RATE)


@pytest.mark.parametrize("rate", [3_999, 192_001, 0, -1, 22050.0, "22050", True])
def test_takes_float64_samples_and_refuses_sample_rates_outside_its_limits(rate):
    samples = np.array([0.25, -0.5])
    altered = augment.Gain(0.0).apply(samples, SAMPLE_RATE)
    assert altered.samples.dtype == np.float32 and np.array_equal(altered.samples, samples)
    with pytest.raises(EffectError, match=r"sample_rate .* 4000 to 192000"):
        augment.Gain(0.0).apply(samples, rate)


@pytest.mark.parametrize(("record", "message"), [
    ({"name": "wobble"}, r"no effect is named 'wobble'; .*codec.*tempo"),
    ({"name": "tempo", "rate": 1.1}, "tempo has no 'rate'; its parameters: factor"),
    ({"name": "cut", "start_s": 1.0}, "cut needs 'end_s'"),
    (["tempo", 1.1], "describes no effect"),
    ({"name": "background", "path": "", "offset_s": 0, "snr_db": 9}, "path '' is not the name"),
    ({"name": "audiomentation", "transform": "Gain", "seed": 1, "options": []}, "options"),
    *(
        ({"name": "tempo", "factor": value}, r"tempo: factor .* is not within 0.25 to 4")
        for value in ("1.1", None, True, math.nan, math.inf, [1.1], 0.2, 4.1, -1)
    ),
    *(
        ({"name": "gaussian_noise", "amplitude": 0.1, "seed": seed}, r"seed .* whole number")
        for seed in (-1, 2**32, 1.5, True, "7")
    ),
])  # fmt: skip
def test_a_wrong_record_is_refused_with_what_is_legal(record, message):
    with pytest.raises(EffectError, match=message):
        effect_from_dict(record)


def test_ranges_that_cannot_be_drawn_from_are_refused(rng):
    with pytest.raises(EffectError, match="upside down"):
        augment.Tempo.draw(rng, factor=(1.2, 0.8))
    with pytest.raises(EffectError, match="at or below 0"):
        augment.Room.draw(rng, rt60_s=(0.0, 1.0))
    for name in ALL:
        ranges = range_names(effect_named(name))
        if "paths" in ranges:
            given = {"duration_s": 4.0} if "duration_s" in ranges else {}
            with pytest.raises(EffectError, match="no files to draw from"):
                effect_named(name).draw(rng, **given)
