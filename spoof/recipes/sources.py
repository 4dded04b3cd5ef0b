"""S1: pictures of MFCCs or mel spectrograms of Fake-or-Real, three networks compared."""

from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from spoof.copies import COPIES
from spoof.features import (
    chroma_cqt,
    lfcc,
    log_mel,
    mel_picture,
    mfcc,
    mfcc_means,
    mfcc_picture,
    second_rows,
    spectrogram_picture,
)
from spoof.features.voice import COUNT, voice_statistics
from spoof.features.voice.sound import RATE_HZ
from spoof.models import (
    DeepVoiceAnn,
    DeepVoiceCnn,
    Fcnn3,
    Light,
    Lstm,
    S1Cnn,
    S1ResNet18,
    S2ResNet,
    S2SimpleCnn,
    S3ResNet18,
    S3SimpleCnn,
    S4Cnn,
    SimpleAnn,
    SimpleAnnDropout,
    SimpleCnnDropout,
)
from spoof.recipes.recipe import Recipe, Samples, SourceResult, Training

S1_RATE_HZ = 16_000
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
    rate_hz=S1_RATE_HZ,
    segment_s=2.0,
    feature=partial(mfcc_picture, rate_hz=S1_RATE_HZ, size=SIZE),
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

MEL = partial(mel_picture, rate_hz=S1_RATE_HZ, size=SIZE)
VARIANTS = tuple(replace(recipe, name=f"{recipe.name}@mel", feature=MEL) for recipe in S1)
"""The same on mel spectrograms."""


# S2: features times models on DEEP-VOICE and ASVspoof 2019 LA.

S2_RATE_HZ = 16_000
DEEP_VOICE, ASVSPOOF = "DEEP-VOICE", "ASVspoof 2019 LA"
S2_DATA = f"{DEEP_VOICE} and {ASVSPOOF}"
DEEP_VOICE_TRAINING = Training(epochs=50, batch=3, patience=2, keep="loss")
S2_TRAINING = Training(epochs=50, batch=32, patience=5, keep="loss")
COPIED = "The source's windows are augmented 60-fold: --set copies=60."
UNSTATED = "Epochs, batch and rate are not stated: 50, 32 and Adam's 0.001, the best by loss."
LEAKY = "The source's windows of one recording are on both sides of its split: --split-by segment."
NO_RESULT = "The source states no figure for this network alone."

MEANS = partial(mfcc_means, rate_hz=S2_RATE_HZ)
S2_MEL = partial(log_mel, rate_hz=S2_RATE_HZ)

ANN = Recipe(
    name="s2-ann",
    source="S2",
    title="three dense layers of 64 on means of 40 MFCCs",
    rate_hz=S2_RATE_HZ,
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
    rate_hz=S2_RATE_HZ,
    segment_s=3.0,
    feature=S2_MEL,
    input_shape=(64, 188),
    model=SimpleAnn,
    training=S2_TRAINING,
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
    feature=partial(mfcc, rate_hz=S2_RATE_HZ),
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
    "mfcc13": (partial(mfcc_means, rate_hz=S2_RATE_HZ, n_coefficients=13), 13),
    "lfcc": (partial(lfcc_means, rate_hz=S2_RATE_HZ), 40),
    "chroma": (partial(chroma_means, rate_hz=S2_RATE_HZ), 12),
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


S2_VARIANTS = tuple(
    _variant(recipe, name)
    for recipe in S2
    if recipe.input_shape == (40,)
    for name in OTHER_FEATURES
)
"""The same networks on other features of S2."""


# S3: pictures of 30 s spectrograms of DEEP-VOICE and ASVspoof 2019 LA, speakers joined.

S3_RATE_HZ = 16_000
S3_DATA = "DEEP-VOICE and ASVspoof 2019 LA"
S3_REMARKS = (
    "The source writes real = 1; here fake is 1 everywhere. Its F1 is that of the real class.",
    "303 real to 2,615 fake segments: accuracy alone says little.",
    "The source does not say what fills a speaker's last 30 s: what is short is repeated.",
)

S3_SIMPLE_CNN = Recipe(
    name="s3-simple-cnn",
    source="S3",
    title="two convolutions on a picture of 30 s",
    rate_hz=S3_RATE_HZ,
    segment_s=30.0,
    feature=partial(spectrogram_picture, rate_hz=S3_RATE_HZ, size=224),
    input_shape=(3, 224, 224),
    model=S3SimpleCnn,
    training=Training(epochs=30, batch=64, learning_rate=1e-3, keep="f1", keep_every=2),
    joins=True,
    results=(SourceResult("F1", "0.785", S3_DATA), SourceResult("accuracy", "0.927", S3_DATA)),
    remarks=S3_REMARKS,
)
S3_RESNET18 = replace(
    S3_SIMPLE_CNN,
    name="s3-resnet18",
    title="a convolution and ResNet-18 on a picture of 30 s",
    model=S3ResNet18,
    training=Training(epochs=30, batch=256, learning_rate=1e-4, keep="f1", keep_every=2),
    imagenet="resnet18",
    results=(
        SourceResult("F1", "0.894", S3_DATA),
        SourceResult("accuracy", "0.969", S3_DATA),
        SourceResult("F1", "0.828", "100 unseen imitations"),
        SourceResult("accuracy", "0.840", "100 unseen imitations"),
    ),
    remarks=(
        "Without a file of pretrained weights it starts from random ones.",
        "Which network heard the 100 imitations is not said: listed with the better one.",
        *S3_REMARKS,
    ),
)
S3 = (S3_SIMPLE_CNN, S3_RESNET18)


# S4: 128 × 128 pictures of spectrograms, a small network of Keras.

S4_RATE_HZ = 16_000

S4_CNN = Recipe(
    name="s4-cnn",
    source="S4",
    title="three convolutions on a picture of 3 s",
    rate_hz=S4_RATE_HZ,
    segment_s=3.0,
    feature=partial(spectrogram_picture, rate_hz=S4_RATE_HZ, size=128),
    input_shape=(3, 128, 128),
    model=S4Cnn,
    training=Training(epochs=10, batch=32),
    results=(SourceResult("accuracy", "98-99 %", "128 pictures, 56 original and 72 deepfake"),),
    remarks=(
        "How long a picture's sound is, is not said: 3 s.",
        "80 % to learn from, 20 % to be judged by; the validation part is taken from the former.",
        "With so few pictures the figure's 95 % interval reaches about 4 points down.",
    ),
)
S4 = (S4_CNN,)


# Ours: statistics of a voice and a small network, trained on voices after a recording's life.

LIGHT = Recipe(
    name="light",
    source="ours",
    title="a small dense network on statistics of how a voice varies",
    rate_hz=RATE_HZ,
    segment_s=3.0,
    hop_s=1.0,
    feature=voice_statistics,
    input_shape=(COUNT,),
    model=partial(Light, COUNT),
    training=Training(
        epochs=60,
        batch=128,
        learning_rate=2e-3,
        optimiser="adamw",
        weight_decay=0.05,
        schedule="cosine",
        balanced=True,
        copies=12,
        copies_used="one",
        smoothing=0.05,
    ),
    alter=COPIES["ours"],
    remarks=(
        "Copies of both classes alike: surroundings, rooms, equipment, levels, bands, codecs.",
        "Levels, means over time and silence around a voice are not among the statistics.",
    ),
)
OURS = (LIGHT,)
