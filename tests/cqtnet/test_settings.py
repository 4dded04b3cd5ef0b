import pytest

from cqtnet.errors import InputError
from cqtnet.model import find_preset
from cqtnet.recipes import find_recipe
from cqtnet.settings import changed


def test_fields_of_every_kind_are_set() -> None:
    recipe = changed(
        find_recipe("default"),
        ["lr=1", "batch = 8", "fragment_s=[2, 3.5]", "optimiser=sgd", "spectral.eq_db=3",
         "spectral.tempo=[0.9, 1.1]"],
    )  # fmt: skip
    assert (recipe.lr, recipe.batch, recipe.optimiser) == (1.0, 8, "sgd")
    assert isinstance(recipe.lr, float)
    assert recipe.fragment_s == (2.0, 3.5)
    assert (recipe.spectral.eq_db, recipe.spectral.tempo) == (3.0, (0.9, 1.1))
    assert recipe.spectral.noise_share == find_recipe("default").spectral.noise_share
    assert changed(find_preset("tiny"), ["time_padding=false"]).time_padding is False


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lr", "'lr' is no assignment; write it as name=value"),
        ("speed=3", "'speed' is unknown; use one of name, pair_weight"),
        ("spectral.speed=3", "'speed' is unknown; use one of shift_semitones"),
        ("spectral=3", "names no single value"),
        ("lr.x=3", "names no single value"),
        ("lr=fast", "give a float, as 0.001 is one"),
        ("batch=2.5", "give a int, as 24 is one"),
        ("lr=true", "give a float"),
    ],
)
def test_what_cannot_be_set_is_refused(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message.replace(".", r"\.")):
        changed(find_recipe("default"), [text])
