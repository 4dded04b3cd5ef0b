"""What holds for every effect of the registry; a new effect is covered by being in it."""

import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import augment
from augment.effect import (
    EFFECTS,
    Samples,
    effect_from_dict,
    log_uniform,
    range_names,
    uniform,
)
from augment.errors import EffectError
from augment.timemap import TimeMap
from tests.augment.signals import bursts, drawn, loudest_moment_s, sine

SAMPLE_RATE = 22050
ALL = sorted(EFFECTS)
MOVES_TIME = {
    "crop",
    "cut",
    "insert_recording",
    "insert_silence",
    "repeat",
    "speed",
    "tempo",
    "wsola_tempo",
}


@pytest.mark.parametrize("name", ALL)
def test_replays_bit_for_bit_from_json(name: str, sweep: Samples, other_recording: Path) -> None:
    effect = drawn(name, path=str(other_recording), duration_s=4.0)
    again = effect_from_dict(json.loads(json.dumps(effect.to_dict())))
    assert again == effect
    first, second = effect.apply(sweep, SAMPLE_RATE), again.apply(sweep, SAMPLE_RATE)
    assert first.samples.tobytes() == second.samples.tobytes()
    assert first.time_map == second.time_map


@pytest.mark.parametrize("name", ALL)
def test_same_rng_draws_the_same_effect(name: str, other_recording: Path) -> None:
    first, second = (
        drawn(name, path=str(other_recording), duration_s=4.0, seed=8) for _ in range(2)
    )
    assert first == second


@pytest.mark.parametrize("name", ALL)
def test_leaves_the_input_as_it_is(name: str, sweep: Samples, other_recording: Path) -> None:
    samples = sweep.copy()
    altered = drawn(name, path=str(other_recording), duration_s=4.0).apply(samples, SAMPLE_RATE)
    altered.samples[:] = 7.0  # would show if the output shared memory with the input
    assert np.array_equal(samples, sweep)


@pytest.mark.parametrize(
    "nothing_to_do", [augment.Tempo(1.0), augment.Pitch(0.0), augment.LowPass(20_000.0)]
)
def test_output_is_a_copy_even_where_nothing_was_done(
    nothing_to_do: augment.Effect, sweep: Samples
) -> None:
    assert not np.shares_memory(nothing_to_do.apply(sweep, SAMPLE_RATE).samples, sweep)


@pytest.mark.parametrize("name", ALL)
def test_changes_the_sound_and_gives_float32(
    name: str, sweep: Samples, other_recording: Path
) -> None:
    output = drawn(name, path=str(other_recording), duration_s=4.0).apply(sweep, SAMPLE_RATE)
    assert output.samples.dtype == np.float32
    assert output.samples.ndim == 1
    assert not np.array_equal(output.samples, sweep)


@pytest.mark.parametrize("name", sorted(set(ALL) - MOVES_TIME))
def test_keeps_length_and_time_unless_it_moves_time(
    name: str, sweep: Samples, other_recording: Path
) -> None:
    output = drawn(name, path=str(other_recording), duration_s=4.0).apply(sweep, SAMPLE_RATE)
    assert output.samples.size == sweep.size
    assert output.time_map == TimeMap.identity(sweep.size / SAMPLE_RATE)


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("name", ALL)
def test_time_map_tells_where_every_burst_went(name: str, seed: int, other_recording: Path) -> None:
    moments = [0.3, 0.9, 1.7, 2.2, 3.1, 3.8, 4.4, 5.2, 5.7]
    samples = bursts(moments, sample_rate=SAMPLE_RATE, duration_s=6.0)
    effect = drawn(name, path=str(other_recording), duration_s=6.0, seed=seed)
    altered = effect.apply(samples, SAMPLE_RATE)
    duration_s = altered.samples.size / SAMPLE_RATE
    heard = [time for moment in moments for time in altered.time_map.occurrences(moment)]
    whole = [time for time in heard if 0.02 < time < duration_s - 0.02]
    assert len(whole) >= 2
    for time in whole:
        found = loudest_moment_s(altered.samples, time, sample_rate=SAMPLE_RATE)
        # WSOLA moves each piece by up to 25 ms of the source, at its slowest 31 ms here.
        tolerance = 0.032 if name.startswith("wsola") else 0.010
        assert found == pytest.approx(time, abs=tolerance), effect


@pytest.mark.parametrize("name", sorted(MOVES_TIME))
def test_movers_predict_the_duration_that_comes_out(
    name: str, sweep: Samples, other_recording: Path
) -> None:
    effect = drawn(name, path=str(other_recording), duration_s=4.0)
    altered = effect.apply(sweep, SAMPLE_RATE)
    assert altered.time_map != TimeMap.identity(4.0)
    # Each end of a stretch is rounded to a sample.
    assert altered.samples.size / SAMPLE_RATE == pytest.approx(
        effect.output_duration_s(4.0), abs=2 / SAMPLE_RATE
    )


@pytest.mark.parametrize("sample_rate", [4_000, 192_000])
@pytest.mark.parametrize("name", ALL)
def test_works_at_the_lowest_and_highest_rate(
    name: str, sample_rate: int, other_recording: Path
) -> None:
    samples = sine(440.0, sample_rate=sample_rate, duration_s=0.5)
    effect = drawn(name, path=str(other_recording), duration_s=0.5)
    assert effect.apply(samples, sample_rate).samples.size > 0


@pytest.mark.parametrize("name", ALL)
def test_takes_silence(name: str, other_recording: Path) -> None:
    silence = np.zeros(SAMPLE_RATE, dtype=np.float32)
    effect = drawn(name, path=str(other_recording), duration_s=1.0)
    # Gaussian noise has an amplitude of its own; a codec may leave its idle noise.
    limit = 0.1 if name == "gaussian_noise" else 0.001
    assert np.abs(effect.apply(silence, SAMPLE_RATE).samples).max() < limit


@pytest.mark.parametrize("name", sorted(set(ALL) - MOVES_TIME - {"mix"}))
def test_takes_a_single_sample(name: str, other_recording: Path) -> None:
    effect = drawn(name, path=str(other_recording), duration_s=0.0)
    single = np.array([0.5], dtype=np.float32)
    assert effect.apply(single, SAMPLE_RATE).samples.size == 1


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.zeros(0, dtype=np.float32), "samples are empty"),
        (np.zeros((2, 100), dtype=np.float32), r"shape \(2, 100\)"),
        (np.array([0.1, math.nan], dtype=np.float32), "NaN or infinite"),
        (np.array([0.1, math.inf], dtype=np.float32), "NaN or infinite"),
        (np.zeros(100, dtype=np.int16), "int16"),
        ([0.1, 0.2], "list"),
    ],
)
def test_refuses_samples_it_cannot_take(
    name: str, bad: Samples, message: str, other_recording: Path
) -> None:
    effect = drawn(name, path=str(other_recording), duration_s=4.0)
    with pytest.raises(EffectError, match=message):
        effect.apply(bad, SAMPLE_RATE)


@pytest.mark.parametrize("rate", [3_999, 192_001, 0, -1, 22050.0, "22050", True])
def test_refuses_sample_rates_outside_its_limits(rate: int, sweep: Samples) -> None:
    with pytest.raises(EffectError, match=r"sample_rate .* 4000 to 192000"):
        augment.Gain(0.0).apply(sweep, rate)


def test_float64_samples_are_taken_and_float32_given() -> None:
    altered = augment.Gain(0.0).apply(np.array([0.25, -0.5]), SAMPLE_RATE)
    assert altered.samples.dtype == np.float32
    assert altered.samples.tolist() == [0.25, -0.5]


def test_unknown_name_lists_the_legal_ones() -> None:
    with pytest.raises(EffectError, match=r"no effect is named 'wobble'; .*codec.*tempo"):
        effect_from_dict({"name": "wobble"})


def test_missing_name_is_refused() -> None:
    with pytest.raises(EffectError, match="no effect is named None"):
        effect_from_dict({"factor": 1.1})


def test_unknown_parameter_lists_the_legal_ones() -> None:
    with pytest.raises(EffectError, match="tempo has no 'rate'; its parameters: factor"):
        effect_from_dict({"name": "tempo", "rate": 1.1})


def test_missing_parameter_is_named() -> None:
    with pytest.raises(EffectError, match="cut needs 'end_s'"):
        effect_from_dict({"name": "cut", "start_s": 1.0})


def test_a_record_that_is_no_mapping_is_refused() -> None:
    with pytest.raises(EffectError, match="describes no effect"):
        effect_from_dict(["tempo", 1.1])  # type: ignore[arg-type]


@pytest.mark.parametrize("value", ["1.1", None, True, math.nan, math.inf, [1.1]])
def test_a_parameter_that_is_no_finite_number_is_refused(value: object) -> None:
    with pytest.raises(EffectError, match=r"tempo: factor .* is not within 0.25 to 4"):
        effect_from_dict({"name": "tempo", "factor": value})


@pytest.mark.parametrize("seed", [-1, 2**32, 1.5, True, "7"])
def test_a_seed_that_is_none_is_refused(seed: int) -> None:
    with pytest.raises(EffectError, match=r"seed .* whole number within 0 to 4294967295"):
        augment.GaussianNoise(0.01, seed)


def test_uniform_stays_in_its_range(rng: np.random.Generator) -> None:
    values = [uniform(rng, (2.0, 3.0)) for _ in range(1000)]
    assert 2.0 <= min(values) < 2.02
    assert 2.98 < max(values) <= 3.0


def test_log_uniform_spends_as_much_on_each_octave(rng: np.random.Generator) -> None:
    values = np.array([log_uniform(rng, (1.0, 16.0)) for _ in range(4000)])
    shares = np.histogram(np.log2(values), bins=4, range=(0, 4))[0] / values.size
    assert shares == pytest.approx([0.25] * 4, abs=0.03)  # 4 standard deviations


def test_upside_down_ranges_are_refused(rng: np.random.Generator) -> None:
    with pytest.raises(EffectError, match="upside down"):
        augment.Tempo.draw(rng, factor=(1.2, 0.8))
    with pytest.raises(EffectError, match="at or below 0"):
        log_uniform(rng, (0.0, 1.0))


@pytest.mark.parametrize("name", [name for name in ALL if "paths" in range_names(EFFECTS[name])])
def test_effects_that_bring_in_recordings_ask_for_files(
    name: str, rng: np.random.Generator
) -> None:
    given = {"duration_s": 4.0} if "duration_s" in range_names(EFFECTS[name]) else {}
    with pytest.raises(EffectError, match="no files to draw from"):
        EFFECTS[name].draw(rng, **given)


def test_importing_the_package_loads_nothing_heavy() -> None:
    heavy = "torch librosa audiomentations scipy soundfile soxr av python_stretch"
    code = f"import sys, augment; print([m for m in {heavy.split()} if m in sys.modules])"
    printed = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    ).stdout
    assert printed.strip() == "[]"


def test_every_exported_name_exists_once() -> None:
    assert len(set(augment.__all__)) == len(augment.__all__)
    assert all(hasattr(augment, name) for name in augment.__all__)
    exported = {
        getattr(augment, name)
        for name in augment.__all__
        if name[0].isupper() and isinstance(getattr(augment, name), type)
    }
    assert set(EFFECTS.values()) <= exported


@pytest.mark.parametrize("name", ALL)
def test_every_effect_has_its_section_in_the_documentation(name: str) -> None:
    page = Path(__file__).parents[2] / "docs" / "augment.md"
    assert f"`{name}`" in page.read_text(encoding="utf-8")
