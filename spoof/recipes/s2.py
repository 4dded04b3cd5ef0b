"""S2: features times models on DEEP-VOICE and ASVspoof 2019 LA."""

from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from spoof.copies import COPIES
from spoof.features import chroma_cqt, lfcc, log_mel, mfcc, mfcc_means, second_rows
from spoof.models import (
    DeepVoiceAnn,
    DeepVoiceCnn,
    Lstm,
    S2ResNet,
    S2SimpleCnn,
    SimpleAnn,
    SimpleAnnDropout,
    SimpleCnnDropout,
)
from spoof.recipes.recipe import Recipe, Samples, SourceResult, Training

RATE_HZ = 16_000
DEEP_VOICE, ASVSPOOF = "DEEP-VOICE", "ASVspoof 2019 LA"
DATA = f"{DEEP_VOICE} and {ASVSPOOF}"
DEEP_VOICE_TRAINING = Training(epochs=50, batch=3, patience=2, keep="loss")
TRAINING = Training(epochs=50, batch=32, patience=5, keep="loss")
COPIED = "The source's windows are augmented 60-fold: --set copies=60."
UNSTATED = "Epochs, batch and rate are not stated: 50, 32 and Adam's 0.001, the best by loss."
LEAKY = "The source's windows of one recording are on both sides of its split: --split-by segment."
NO_RESULT = "The source states no figure for this network alone."

MEANS = partial(mfcc_means, rate_hz=RATE_HZ)
MEL = partial(log_mel, rate_hz=RATE_HZ)

ANN = Recipe(
    name="s2-ann",
    source="S2",
    title="three dense layers of 64 on means of 40 MFCCs",
    rate_hz=RATE_HZ,
    segment_s=1.0,
    feature=MEANS,
    input_shape=(40,),
    model=DeepVoiceAnn,
    training=DEEP_VOICE_TRAINING,
    alter=COPIES["s2"],
    results=(
        SourceResult("test accuracy", "0.9934", DEEP_VOICE),
        SourceResult("test loss", "0.0135", DEEP_VOICE),
    ),
    remarks=("Windows of 1 s, as the rows of the data's own table.", LEAKY, COPIED),
)
ANN_DROPOUT = replace(
    ANN,
    name="s2-ann-dropout",
    title="three dense layers of 64 with dropout on means of 40 MFCCs",
    model=partial(DeepVoiceAnn, dropout=0.2),
    results=(SourceResult("test accuracy", "0.9867", DEEP_VOICE),),
    remarks=("Dropout is 0.1 in the text and 0.2 in the code: 0.2.", *ANN.remarks),
)
CNN1D = replace(
    ANN,
    name="s2-cnn1d",
    title="three convolutions along means of 40 MFCCs",
    model=DeepVoiceCnn,
    results=(),
    remarks=(NO_RESULT, *ANN.remarks),
)
CNN1D_DROPOUT = replace(
    CNN1D,
    name="s2-cnn1d-dropout",
    title="three convolutions along means of 40 MFCCs, with dropout",
    model=partial(DeepVoiceCnn, dropout=True),
)
SIMPLE_ANN = Recipe(
    name="s2-simple-ann",
    source="S2",
    title="four dense layers on a mel spectrogram",
    rate_hz=RATE_HZ,
    segment_s=3.0,
    feature=MEL,
    input_shape=(64, 188),
    model=SimpleAnn,
    training=TRAINING,
    alter=COPIES["s2"],
    remarks=(
        "64 × 188 is 3 s at 16 kHz with a hop of 256; the stated 512 gives 94 frames.",
        NO_RESULT,
        UNSTATED,
        COPIED,
    ),
)
SIMPLE_ANN_DROPOUT = replace(
    SIMPLE_ANN,
    name="s2-simple-ann-dropout",
    title="three dense layers with dropout on means of 40 MFCCs",
    feature=MEANS,
    input_shape=(40,),
    model=SimpleAnnDropout,
    remarks=(NO_RESULT, UNSTATED, COPIED),
)
SIMPLE_CNN = replace(
    SIMPLE_ANN,
    name="s2-simple-cnn",
    title="two convolutions on a mel spectrogram",
    model=S2SimpleCnn,
    remarks=("The text's 7.2 M parameters do not fit its layers: 50.0 M.", *SIMPLE_ANN.remarks),
)
SIMPLE_CNN_DROPOUT = replace(
    SIMPLE_ANN_DROPOUT,
    name="s2-simple-cnn-dropout",
    title="two convolutions with dropout along means of 40 MFCCs",
    model=SimpleCnnDropout,
)
RESNET101 = replace(
    SIMPLE_ANN,
    name="s2-resnet101",
    title="ResNet-101 on a mel spectrogram",
    model=partial(S2ResNet, "resnet101"),
    imagenet="resnet101",
    remarks=("Without a file of pretrained weights all layers learn, none frozen.",
             *SIMPLE_ANN.remarks),
)  # fmt: skip
RESNET200D = replace(
    RESNET101,
    name="s2-resnet200d",
    title="ResNet-200d on a mel spectrogram",
    model=partial(S2ResNet, "resnet200d"),
    imagenet="resnet200d",
)
LSTM = replace(
    SIMPLE_ANN,
    name="s2-lstm",
    title="LSTM along 40 MFCCs",
    feature=partial(mfcc, rate_hz=RATE_HZ),
    input_shape=(40, 94),
    model=Lstm,
    remarks=("What the LSTM reads is not stated: frames of 40 MFCCs.", NO_RESULT, UNSTATED, COPIED),
)
S2 = (
    ANN, ANN_DROPOUT, CNN1D, CNN1D_DROPOUT, SIMPLE_ANN, SIMPLE_ANN_DROPOUT, SIMPLE_CNN,
    SIMPLE_CNN_DROPOUT, RESNET101, RESNET200D, LSTM,
)  # fmt: skip


def lfcc_means(samples: Samples, *, rate_hz: int) -> NDArray[np.float32]:
    """Each of 40 LFCCs' mean over time, (40,)."""
    means: NDArray[np.float32] = lfcc(samples, rate_hz).mean(axis=1)
    return means


def chroma_means(samples: Samples, *, rate_hz: int) -> NDArray[np.float32]:
    """Each pitch class's mean over time, (12,)."""
    means: NDArray[np.float32] = chroma_cqt(samples, rate_hz).mean(axis=1)
    return means


ROWS_RATE_HZ = 22_050
"""librosa's own rate, at which DEEP-VOICE's table was made: no other is stated."""


def first_row(samples: Samples, *, rate_hz: int) -> NDArray[np.float32]:
    """The row of DEEP-VOICE's table for the first second, (26,)."""
    row: NDArray[np.float32] = second_rows(samples[:rate_hz], rate_hz)[0]
    return row


OTHER_FEATURES: dict[str, tuple[partial[Samples], int]] = {
    "mfcc13": (partial(mfcc_means, rate_hz=RATE_HZ, n_coefficients=13), 13),
    "lfcc": (partial(lfcc_means, rate_hz=RATE_HZ), 40),
    "chroma": (partial(chroma_means, rate_hz=RATE_HZ), 12),
    "rows": (partial(first_row, rate_hz=ROWS_RATE_HZ), 26),
}
"""What networks on 40 means may be given instead, and how many numbers it is."""


def _variant(recipe: Recipe, name: str) -> Recipe:
    feature, count = OTHER_FEATURES[name]
    return replace(
        recipe,
        name=f"{recipe.name}@{name}",
        rate_hz=feature.keywords["rate_hz"],
        segment_s=1.0 if name == "rows" else recipe.segment_s,
        feature=feature,
        input_shape=(count,),
        model=partial(recipe.model, n_features=count),
        results=(),
    )


VARIANTS = tuple(
    _variant(recipe, name)
    for recipe in S2
    if recipe.input_shape == (40,)
    for name in OTHER_FEATURES
)
"""The same networks on other features of S2."""
