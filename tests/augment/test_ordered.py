import numpy as np
import pytest

from augment.chain import Chain, Wishes, chain_of
from augment.edits import Crop, Cut, InsertSilence
from augment.errors import EffectError

RATE = 4000
RAMP = np.arange(10 * RATE, dtype=np.float32) / (10 * RATE)


def test_no_wish_no_effect() -> None:
    assert chain_of(Wishes()) == Chain()


def test_every_wish_is_granted_in_the_order_of_a_recordings_life() -> None:
    wishes = Wishes(
        crop=(0, 9),
        cuts=((1, 2),),
        silences=((5, 1),),
        speed=1.1,
        tempo=0.9,
        shift_semitones=2,
        rt60_s=0.5,
        reverberance=20,
        background="street.wav",
        noise_snr_db=20,
        noise_amplitude=0.01,
        highpass_hz=100,
        lowpass_hz=5000,
        telephone=True,
        gain_db=-3,
        clip_over_db=3,
        codec="mp3",
    )
    assert [effect.name for effect in chain_of(wishes).effects] == [
        "crop",
        "insert_silence",
        "cut",
        "speed",
        "tempo",
        "pitch",
        "room",
        "reverb",
        "background",
        "coloured_noise",
        "gaussian_noise",
        "high_pass",
        "low_pass",
        "telephone",
        "gain",
        "hard_clip",
        "codec",
    ]


def test_times_of_edits_are_those_of_the_recording_as_given() -> None:
    wishes = Wishes(cuts=((2, 3), (6, 8)), silences=((5, 1),))
    altered = chain_of(wishes).apply(RAMP, RATE)
    expected = [RAMP[:8000], RAMP[12000:20000], np.zeros(4000), RAMP[20000:24000], RAMP[32000:]]
    assert np.array_equal(altered.samples, np.concatenate(expected))
    assert np.isnan(altered.time_map.to_output([2.5, 7.0])).all()
    assert altered.time_map.to_output(5.5) == pytest.approx(5.5)


def test_times_of_edits_in_a_crop_are_those_of_the_recording_too() -> None:
    chain = chain_of(Wishes(crop=(1, 9), cuts=((2, 3),)))
    assert chain == Chain((Crop(1, 9), Cut(1, 2)))


def test_silence_where_a_cut_begins_is_not_cut() -> None:
    altered = chain_of(Wishes(cuts=((2, 3),), silences=((2, 1),))).apply(RAMP, RATE)
    expected = np.concatenate([RAMP[:8000], np.zeros(4000), RAMP[12000:]])
    assert np.array_equal(altered.samples, expected)


def test_the_seed_reaches_everything_random() -> None:
    chain = chain_of(Wishes(rt60_s=0.5, noise_snr_db=10, noise_amplitude=0.1, seed=9))
    assert [effect.to_dict()["seed"] for effect in chain.effects] == [9, 9, 9]


@pytest.mark.parametrize(
    "wishes",
    [
        Wishes(cuts=((2, 4), (3, 5))),
        Wishes(cuts=((2, 4),), silences=((3, 1),)),
    ],
)
def test_edits_that_overlap_are_refused(wishes: Wishes) -> None:
    with pytest.raises(EffectError, match="edit at 2 s reaches into the one at 3 s"):
        chain_of(wishes)


def test_edits_outside_the_crop_are_refused() -> None:
    with pytest.raises(EffectError, match=r"edit at 0.5 s is outside the crop of 1 s to 9 s"):
        chain_of(Wishes(crop=(1, 9), cuts=((0.5, 2),)))


def test_neighbouring_edits_are_fine() -> None:
    chain = chain_of(Wishes(cuts=((2, 3), (3, 4)), silences=((4, 1),)))
    assert chain == Chain((InsertSilence(4, 1), Cut(3, 4), Cut(2, 3)))
