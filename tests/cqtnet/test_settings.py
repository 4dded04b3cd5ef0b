import re

import pytest

from cqtnet.errors import InputError
from cqtnet.preset import find_preset
from cqtnet.recipes import changed, find_recipe


def test_fields_of_every_kind_are_set():
    recipe = changed(
        find_recipe("default"),
        ["lr=1", "batch = 8", "fragment_s=[2, 3.5]", "optimiser=sgd", "spectral.eq_db=3",
         "spectral.tempo=[0.9, 1.1]"],
    )  # fmt: skip
    assert (recipe.lr, recipe.batch, recipe.optimiser) == (1.0, 8, "sgd")
    assert isinstance(recipe.lr, float) and recipe.fragment_s == (2.0, 3.5)
    assert (recipe.spectral.eq_db, recipe.spectral.tempo) == (3.0, (0.9, 1.1))
    assert recipe.spectral.noise_share == find_recipe("default").spectral.noise_share
    assert changed(find_preset("tiny"), ["time_padding=false"]).time_padding is False


@pytest.mark.parametrize(("text", "message"), [
    ("lr", "'lr' is not an assignment; write it as name=value"),
    ("speed=3", "'speed' is unknown; use one of name, pair_weight"),
    ("spectral.speed=3", "'speed' is unknown; use one of shift_semitones"),
    ("spectral=3", "write spectral.field=value"),
    ("lr.x=3", "is not a single value; write lr=value"),
    ("lr=fast", "lr is 'fast', and not a number; write it as in lr=0.001"),
    ("batch=2.5", "batch is 2.5, and not a whole number; write it as in batch=24"),
    ("lr=true", "lr is True, and not a number"),
    ("fragment_s=5", "write it as in fragment_s=[5.0, 10.0, 20.0]"),
    ('fragment_s=["a"]', "fragment_s[0] is 'a', and not a number"),
    ("fragment_s=[5, 1.9]", "give one length or more of 2 to 60 s"),
    ("temperature=0", "temperature 0 is outside 0.001 to inf"),
    ("lr=NaN", "lr nan is outside"),
    ("optimiser=adam", "optimiser is 'adam', and not one of sgd, adamw"),
    ("spectral.tempo=[1.1, 0.9]", "give two numbers, the lower one first"),
    ("spectral.decay_s=[0, 1]", "decay_s (0.0, 1.0) cannot be drawn from"),
    ("spectral.noise_share=1.5", "of a share 1 at most"),
    ("spectral.mask_bins=-1", "give 0 or more"),
    ("spectral.shift_semitones=[-6, 4]", "give a range within ±5"),
])  # fmt: skip
def test_what_cannot_be_set_is_refused(text, message):
    with pytest.raises(InputError, match=re.escape(message)):
        changed(find_recipe("default"), [text])


def test_a_switch_is_shown_as_it_is_written():
    with pytest.raises(InputError, match="and not true or false; write it as in time_padding=true"):
        changed(find_preset("tiny"), ["time_padding=True"])
