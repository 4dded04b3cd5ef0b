"""S1: pictures of MFCCs or mel spectrograms of Fake-or-Real, three networks compared."""

from dataclasses import replace
from functools import partial

from spoof.features import mel_picture, mfcc_picture
from spoof.models import Fcnn3, S1Cnn, S1ResNet18
from spoof.recipes.recipe import Recipe, SourceResult, Training

RATE_HZ = 16_000
SIZE = 28
DATA = "Fake-or-Real"
TRAINING = Training(epochs=90, batch=100)
REMARKS = (
    "The size of the picture is 28 in the text and a name in the code; 28 needs padding.",
    "Segments of 2 s, as in for-2sec: the source does not say what one picture shows.",
    "The source trains on 1,000 and validates on 2,000 pictures, and keeps the last weights.",
)


def _results(accuracy: str, seconds: str) -> tuple[SourceResult, ...]:
    return (
        SourceResult("accuracy", accuracy, DATA),
        SourceResult("training time", f"{seconds} s", DATA),
    )


CNN = Recipe(
    name="s1-cnn",
    source="S1",
    title="four convolutions on a picture of MFCCs",
    rate_hz=RATE_HZ,
    segment_s=2.0,
    feature=partial(mfcc_picture, rate_hz=RATE_HZ, size=SIZE),
    input_shape=(3, SIZE, SIZE),
    model=partial(S1Cnn, size=SIZE),
    training=TRAINING,
    results=_results("78 %", "977"),
    remarks=REMARKS,
)
FCNN3 = replace(
    CNN,
    name="s1-fcnn3",
    title="three dense layers on a picture of MFCCs",
    model=partial(Fcnn3, size=SIZE),
    results=_results("77.1 %", "1,011"),
    remarks=("The source gives the name and the result only.", *REMARKS[1:]),
)
RESNET18 = replace(
    CNN,
    name="s1-resnet18",
    title="ResNet-18 on a picture of MFCCs",
    model=S1ResNet18,
    results=_results("81.3 %", "15,127"),
    remarks=("The source gives the name and the result only.", *REMARKS[1:]),
)
S1 = (CNN, FCNN3, RESNET18)

MEL = partial(mel_picture, rate_hz=RATE_HZ, size=SIZE)
VARIANTS = tuple(replace(recipe, name=f"{recipe.name}@mel", feature=MEL) for recipe in S1)
"""The same on mel spectrograms."""
