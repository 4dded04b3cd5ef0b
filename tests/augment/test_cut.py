import numpy as np
import pytest

from augment.edits import Crop, Cut
from augment.errors import EffectError
from augment.timemap import Span, TimeMap

RATE = 4000
RAMP = np.arange(10 * RATE, dtype=np.float32) / (10 * RATE)
"""Ten seconds in which every sample says its own place."""


def test_cut_takes_out_exactly_the_stretch() -> None:
    altered = Cut(5.0, 6.0).apply(RAMP, RATE)
    assert np.array_equal(altered.samples, np.concatenate([RAMP[:20000], RAMP[24000:]]))
    assert altered.time_map == TimeMap((Span(0, 5, 0, 5), Span(5, 9, 6, 10)))


def test_cut_at_the_beginning_and_at_the_end() -> None:
    assert Cut(0.0, 2.0).apply(RAMP, RATE).time_map == TimeMap((Span(0, 8, 2, 10),))
    assert Cut(8.0, 10.0).apply(RAMP, RATE).time_map == TimeMap((Span(0, 8, 0, 8),))


def test_cut_times_are_rounded_to_the_sample_in_sound_and_map_alike() -> None:
    altered = Cut(1.00001, 2.00001).apply(RAMP, RATE)
    assert altered.samples[RATE] == RAMP[2 * RATE]
    assert altered.time_map.to_source(1.0) == 2.0


def test_crop_keeps_exactly_the_stretch() -> None:
    altered = Crop(2.5, 4.0).apply(RAMP, RATE)
    assert np.array_equal(altered.samples, RAMP[10000:16000])
    assert altered.time_map == TimeMap((Span(0, 1.5, 2.5, 4),))


@pytest.mark.parametrize("effect", [Cut(9.0, 10.5), Crop(9.0, 10.5)])
def test_a_stretch_beyond_the_end_is_refused(effect: Cut | Crop) -> None:
    with pytest.raises(EffectError, match=r"10.5 s is after the end .* at 10 s"):
        effect.apply(RAMP, RATE)


def test_cutting_everything_is_refused() -> None:
    with pytest.raises(EffectError, match="whole recording"):
        Cut(0.0, 10.0).apply(RAMP, RATE)


def test_a_stretch_shorter_than_a_sample_is_refused() -> None:
    with pytest.raises(EffectError, match="holds no sample"):
        Cut(1.0, 1.00001).apply(RAMP, RATE)


@pytest.mark.parametrize("kind", [Cut, Crop])
def test_an_end_before_the_start_is_refused(kind: type[Cut] | type[Crop]) -> None:
    with pytest.raises(EffectError, match="end_s 2 is not after start_s 3"):
        kind(3.0, 2.0)


@pytest.mark.parametrize("kind", [Cut, Crop])
def test_draws_fit_the_recording(kind: type[Cut] | type[Crop], rng: np.random.Generator) -> None:
    for _ in range(200):
        effect = kind.draw(rng, duration_s=3.0)
        assert 0 <= effect.start_s < effect.end_s <= 3.0
