"""The recipes of the four sources, each as its source has it, and on other features of theirs."""

from dataclasses import replace
from functools import partial

from spoof import networks, resnet
from spoof.data import Samples
from spoof.features import spectra
from spoof.recipes import Recipe, SourceResult, Training

RATE_HZ = 16_000


def _results(on: str, *figures: tuple[str, str]) -> tuple[SourceResult, ...]:
    return tuple(SourceResult(what, value, on) for what, value in figures)


# S1: pictures of MFCCs or mel spectrograms of Fake-or-Real, three networks compared.

SIZE = 28
S1_REMARKS = (
    "The size of the picture is 28 in the text and a name in the code; 28 needs padding.",
    "Segments of 2 s, as in for-2sec: the source does not say what one picture shows.",
    "The source trains on 1,000 and validates on 2,000 pictures, and keeps the last weights.",
)
S1_NAME_ONLY = ("The source gives the name and the result only.", *S1_REMARKS[1:])


def _s1_results(accuracy: str, seconds: str) -> tuple[SourceResult, ...]:
    return _results("Fake-or-Real", ("accuracy", accuracy), ("training time", f"{seconds} s"))


S1_CNN = Recipe(
    "s1-cnn", "S1", "four convolutions on a picture of MFCCs", RATE_HZ, segment_s=2.0,
    feature=partial(spectra.mfcc_picture, rate_hz=RATE_HZ, size=SIZE), input_shape=(3, SIZE, SIZE),
    model=partial(networks.S1Cnn, size=SIZE), training=Training(epochs=90, batch=100),
    results=_s1_results("78 %", "977"), remarks=S1_REMARKS,
)  # fmt: skip
S1 = (
    S1_CNN,
    replace(
        S1_CNN, name="s1-fcnn3", title="three dense layers on a picture of MFCCs",
        model=partial(networks.Fcnn3, size=SIZE), results=_s1_results("77.1 %", "1,011"),
        remarks=S1_NAME_ONLY,
    ),
    replace(
        S1_CNN, name="s1-resnet18", title="ResNet-18 on a picture of MFCCs",
        model=resnet.S1ResNet18, results=_s1_results("81.3 %", "15,127"), remarks=S1_NAME_ONLY,
    ),
)  # fmt: skip

# S2: features times models on DEEP-VOICE and ASVspoof 2019 LA.

COPIED = "The source's windows are augmented 60-fold: --set copies=60."
UNSTATED = "Epochs, batch and rate are not stated: 50, 32 and Adam's 0.001, the best by loss."
NO_RESULT = "The source states no figure for this network alone."
MEANS = partial(spectra.mfcc_means, rate_hz=RATE_HZ)

ANN = Recipe(
    "s2-ann", "S2", "three dense layers of 64 on means of 40 MFCCs", RATE_HZ, segment_s=1.0,
    feature=MEANS, input_shape=(40,), model=networks.DeepVoiceAnn,
    training=Training(epochs=50, batch=3, patience=2, keep="loss"), alter="spoof.copies:s2_copy",
    results=_results("DEEP-VOICE", ("test accuracy", "0.9934"), ("test loss", "0.0135")),
    remarks=(
        "Windows of 1 s, as the rows of the data's own table.",
        "The source's windows of one recording are on both sides of its split: "
        "--split-by segment.",
        COPIED,
    ),
)  # fmt: skip
CNN1D = replace(
    ANN, name="s2-cnn1d", title="three convolutions along means of 40 MFCCs",
    model=networks.DeepVoiceCnn, results=(), remarks=(NO_RESULT, *ANN.remarks),
)  # fmt: skip
SIMPLE_ANN = Recipe(
    "s2-simple-ann", "S2", "four dense layers on a mel spectrogram", RATE_HZ, segment_s=3.0,
    feature=partial(spectra.log_mel, rate_hz=RATE_HZ), input_shape=(64, 188),
    model=networks.SimpleAnn, training=Training(epochs=50, batch=32, patience=5, keep="loss"),
    alter="spoof.copies:s2_copy",
    remarks=(
        "64 × 188 is 3 s at 16 kHz with a hop of 256; the stated 512 gives 94 frames.",
        NO_RESULT, UNSTATED, COPIED,
    ),
)  # fmt: skip
SIMPLE_ANN_DROPOUT = replace(
    SIMPLE_ANN, name="s2-simple-ann-dropout",
    title="three dense layers with dropout on means of 40 MFCCs", feature=MEANS, input_shape=(40,),
    model=networks.SimpleAnnDropout, remarks=(NO_RESULT, UNSTATED, COPIED),
)  # fmt: skip
RESNET101 = replace(
    SIMPLE_ANN, name="s2-resnet101", title="ResNet-101 on a mel spectrogram",
    model=partial(resnet.S2ResNet, "resnet101"), imagenet="resnet101",
    remarks=("Without a file of pretrained weights all layers learn, none frozen.",
             *SIMPLE_ANN.remarks),
)  # fmt: skip
S2 = (
    ANN,
    replace(
        ANN, name="s2-ann-dropout",
        title="three dense layers of 64 with dropout on means of 40 MFCCs",
        model=partial(networks.DeepVoiceAnn, dropout=0.2),
        results=_results("DEEP-VOICE", ("test accuracy", "0.9867")),
        remarks=("Dropout is 0.1 in the text and 0.2 in the code: 0.2.", *ANN.remarks),
    ),
    CNN1D,
    replace(
        CNN1D, name="s2-cnn1d-dropout", model=partial(networks.DeepVoiceCnn, dropout=True),
        title="three convolutions along means of 40 MFCCs, with dropout",
    ),
    SIMPLE_ANN,
    SIMPLE_ANN_DROPOUT,
    replace(
        SIMPLE_ANN, name="s2-simple-cnn", title="two convolutions on a mel spectrogram",
        model=networks.S2SimpleCnn,
        remarks=("The text's 7.2 M parameters do not fit its layers: 50.0 M.",
                 *SIMPLE_ANN.remarks),
    ),
    replace(
        SIMPLE_ANN_DROPOUT, name="s2-simple-cnn-dropout", model=networks.SimpleCnnDropout,
        title="two convolutions with dropout along means of 40 MFCCs",
    ),
    RESNET101,
    replace(
        RESNET101, name="s2-resnet200d", title="ResNet-200d on a mel spectrogram",
        model=partial(resnet.S2ResNet, "resnet200d"), imagenet="resnet200d",
    ),
    replace(
        SIMPLE_ANN, name="s2-lstm", title="LSTM along 40 MFCCs", model=networks.Lstm,
        feature=partial(spectra.mfcc, rate_hz=RATE_HZ), input_shape=(40, 94),
        remarks=("What the LSTM reads is not stated: frames of 40 MFCCs.", NO_RESULT, UNSTATED,
                 COPIED),
    ),
)  # fmt: skip

# S3: pictures of 30 s spectrograms of DEEP-VOICE and ASVspoof 2019 LA, speakers joined.

S3_DATA = "DEEP-VOICE and ASVspoof 2019 LA"
S3_SIMPLE_CNN = Recipe(
    "s3-simple-cnn", "S3", "two convolutions on a picture of 30 s", RATE_HZ, segment_s=30.0,
    feature=partial(spectra.spectrogram_picture, rate_hz=RATE_HZ, size=224),
    input_shape=(3, 224, 224), model=networks.S3SimpleCnn, joins=True,
    training=Training(epochs=30, batch=64, learning_rate=1e-3, keep="f1", keep_every=2),
    results=_results(S3_DATA, ("F1", "0.785"), ("accuracy", "0.927")),
    remarks=(
        "The source writes real = 1; here fake is 1 everywhere. Its F1 is that of the real class.",
        "303 real to 2,615 fake segments: accuracy alone says little.",
        "The source does not say what fills a speaker's last 30 s: what is short is repeated.",
    ),
)  # fmt: skip
S3_RESNET18 = replace(
    S3_SIMPLE_CNN, name="s3-resnet18", title="a convolution and ResNet-18 on a picture of 30 s",
    model=resnet.S3ResNet18, imagenet="resnet18",
    training=Training(epochs=30, batch=256, learning_rate=1e-4, keep="f1", keep_every=2),
    results=(
        *_results(S3_DATA, ("F1", "0.894"), ("accuracy", "0.969")),
        *_results("100 unseen imitations", ("F1", "0.828"), ("accuracy", "0.840")),
    ),
    remarks=(
        "Without a file of pretrained weights it starts from random ones.",
        "Which network judged the 100 imitations is not said: listed with the better one.",
        *S3_SIMPLE_CNN.remarks,
    ),
)  # fmt: skip

# S4: 128 × 128 pictures of spectrograms, a small network of Keras.

S4_CNN = Recipe(
    "s4-cnn", "S4", "three convolutions on a picture of 3 s", RATE_HZ, segment_s=3.0,
    feature=partial(spectra.spectrogram_picture, rate_hz=RATE_HZ, size=128),
    input_shape=(3, 128, 128), model=networks.S4Cnn, training=Training(epochs=10, batch=32),
    results=_results("128 pictures, 56 original and 72 deepfake", ("accuracy", "98-99 %")),
    remarks=(
        "How long a picture's sound is, is not said: 3 s.",
        "80 % to learn from, 20 % to be judged by; the validation part is taken from the former.",
        "With so few pictures the figure's 95 % interval reaches about 4 points down.",
    ),
)  # fmt: skip

RECIPES = {recipe.name: recipe for recipe in (*S1, *S2, S3_SIMPLE_CNN, S3_RESNET18, S4_CNN)}

# The same networks on other features of their sources, as NAME@FEATURE.

ROWS_RATE_HZ = 22_050
"""librosa's own rate, at which DEEP-VOICE's table was made: no other is stated."""
OTHER_FEATURES: dict[str, tuple[partial[Samples], int]] = {
    "mfcc13": (partial(spectra.mfcc_means, rate_hz=RATE_HZ, n_coefficients=13), 13),
    "lfcc": (partial(spectra.lfcc_means, rate_hz=RATE_HZ), 40),
    "chroma": (partial(spectra.chroma_means, rate_hz=RATE_HZ), 12),
    "rows": (partial(spectra.first_row, rate_hz=ROWS_RATE_HZ), 26),
}
"""Features that networks on 40 means can take instead, and how many numbers each has."""
MEL = partial(spectra.mel_picture, rate_hz=RATE_HZ, size=SIZE)


def _variant(recipe: Recipe, name: str) -> Recipe:
    feature, count = OTHER_FEATURES[name]
    return replace(
        recipe, name=f"{recipe.name}@{name}", rate_hz=feature.keywords["rate_hz"],
        segment_s=1.0 if name == "rows" else recipe.segment_s, feature=feature,
        input_shape=(count,), model=partial(recipe.model, n_features=count), results=(),
    )  # fmt: skip


VARIANTS = {
    recipe.name: recipe
    for recipe in (
        *(replace(recipe, name=f"{recipe.name}@mel", feature=MEL) for recipe in S1),
        *(_variant(r, name) for r in S2 if r.input_shape == (40,) for name in OTHER_FEATURES),
    )
}
