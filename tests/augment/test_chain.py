import numpy as np
import pytest

from augment import EFFECTS, PAPER, REAL_LIFE, Chain, draw_chain
from augment.edits import Crop, Cut, InsertSilence
from augment.effect import check_recipe, effect_named, range_names
from augment.errors import EffectError
from augment.tempo import Speed, Tempo
from augment.timemap import TimeMap
from tests.augment.signals import bursts, loudest_moment_s, sine

RATE = 22050


def test_an_empty_chain_gives_a_copy_and_checks_all_the_same(sweep):
    altered = Chain().apply(sweep, RATE)
    assert np.array_equal(altered.samples, sweep)
    assert not np.shares_memory(altered.samples, sweep)
    assert altered.time_map == TimeMap.identity(4.0)
    with pytest.raises(EffectError, match="sample_rate 100"):
        Chain().apply(sweep, 100)


def test_the_map_of_many_steps_tells_where_every_burst_went():
    moments = [0.5, 1.6, 2.4, 3.2, 3.7, 5.2, 6.6, 7.5, 8.4, 9.3]
    samples = bursts(moments, sample_rate=RATE, duration_s=10.0)
    chain = Chain((Crop(1.0, 9.0), Tempo(1.2), Cut(2.0, 2.5), InsertSilence(1.0, 0.7), Speed(0.9)))
    altered = chain.apply(samples, RATE)
    mapped = [time for moment in moments for time in altered.time_map.occurrences(moment)]
    assert len(mapped) == 7  # 0.5 and 9.3 are outside the crop, 3.7 is in the cut of 3.4 to 4.0
    for time in mapped:
        landed = loudest_moment_s(altered.samples, time, sample_rate=RATE)
        assert landed == pytest.approx(time, abs=0.010)


@pytest.mark.parametrize("seed", range(4))
def test_a_drawn_chain_replays_bit_for_bit_from_json(seed, sweep):
    chain = draw_chain(np.random.default_rng(seed), REAL_LIFE, duration_s=4.0)
    again = Chain.from_json(chain.to_json())
    assert again == chain
    assert again.apply(sweep, RATE).samples.tobytes() == chain.apply(sweep, RATE).samples.tobytes()


@pytest.mark.parametrize("seed", range(20))
def test_real_life_fits_short_recordings(seed):
    samples = sine(440.0, sample_rate=8000, duration_s=1.0)
    chain = draw_chain(np.random.default_rng(seed), REAL_LIFE, duration_s=1.0)
    assert chain.apply(samples, 8000).samples.size > 0


def test_real_life_holds_every_effect_but_those_with_files_which_can_be_added(other_recording):
    needs_files = {name for name in EFFECTS if "paths" in range_names(effect_named(name))}
    assert set(REAL_LIFE) == set(EFFECTS) - needs_files - {"wsola_tempo", "wsola_pitch"}
    recipe = {"background": (1.0, {"paths": [str(other_recording)]}), **PAPER}
    chain = draw_chain(np.random.default_rng(0), recipe)
    assert chain.effects[0].name == "background"


def test_the_paper_recipe_has_the_papers_four_effects_and_ranges():
    drawn = [draw_chain(np.random.default_rng(seed), PAPER).effects for seed in range(400)]
    values: dict[str, list[float]] = {}
    for effect in (effect for effects in drawn for effect in effects):
        for key, value in effect.to_dict().items():
            values.setdefault(f"{effect.name}.{key}", []).append(value)
    for key, low, high in (
        ("gaussian_noise.amplitude", 0.001, 0.015), ("reverb.reverberance", 0, 20),
        ("reverb.hf_damping", 0, 20), ("reverb.room_scale", 0, 20),
        ("pitch.shift_semitones", -4, 4), ("tempo.factor", 0.8, 1.2),
    ):  # fmt: skip
        margin = 0.1 * (high - low)
        assert low <= min(values[key]) < low + margin
        assert high - margin < max(values[key]) <= high
        assert len(values[key]) == pytest.approx(200, abs=40)  # even odds, 4 deviations
    assert {name.split(".")[0] for name in values} == set(PAPER)


def test_a_recipe_is_drawn_from_its_ranges_and_cuts_by_what_is_left(rng):
    cut_ranges = {"start": (0.5, 0.5), "length": (0.5, 0.5)}
    recipe = {"crop": (1.0, {"length": (0.1, 0.1)}), "cut": (1.0, cut_ranges), "invert": (0.0, {})}
    _, cut = draw_chain(rng, recipe, duration_s=20.0).effects
    assert (cut.start_s, cut.end_s) == pytest.approx((1.0, 2.0))


@pytest.mark.parametrize(("recipe", "message"), [
    ({"wobble": (0.5, {})}, "no effect is named 'wobble'"),
    ({"tempo": (0.5, {"rate": (1, 2)})}, "tempo draws no 'rate'; its ranges: factor"),
    ({"tempo": (1.5, {})}, "probability 1.5 is not within 0 to 1"),
])  # fmt: skip
def test_a_wrong_recipe_is_refused_before_anything_is_drawn(recipe, message, rng):
    with pytest.raises(EffectError, match=message):
        check_recipe(recipe, has_duration=True)
    for _ in range(5):  # whatever would be drawn
        with pytest.raises(EffectError, match="give duration_s"):
            draw_chain(rng, REAL_LIFE)


@pytest.mark.parametrize(("text", "message"), [
    ("{", "this is not JSON"),
    ('{"effects": 3}', "this is not a chain"),
    ('{"effects": ["tempo"]}', "describes no effect"),
])  # fmt: skip
def test_text_that_is_no_chain_is_refused(text, message):
    with pytest.raises(EffectError, match=message):
        Chain.from_json(text)
