"""S3: pictures of 30 s spectrograms of DEEP-VOICE and ASVspoof 2019 LA, speakers joined."""

from dataclasses import replace
from functools import partial

from spoof.features import spectrogram_picture
from spoof.models import S3ResNet18, S3SimpleCnn
from spoof.recipes.recipe import Recipe, SourceResult, Training

RATE_HZ = 16_000
DATA = "DEEP-VOICE and ASVspoof 2019 LA"
REMARKS = (
    "The source writes real = 1; here fake is 1 everywhere. Its F1 is that of the real class.",
    "303 real to 2,615 fake segments: accuracy alone says little.",
    "The source does not say what fills a speaker's last 30 s: what is short is repeated.",
)

SIMPLE_CNN = Recipe(
    name="s3-simple-cnn",
    source="S3",
    title="two convolutions on a picture of 30 s",
    rate_hz=RATE_HZ,
    segment_s=30.0,
    feature=partial(spectrogram_picture, rate_hz=RATE_HZ, size=224),
    input_shape=(3, 224, 224),
    model=S3SimpleCnn,
    training=Training(epochs=30, batch=64, learning_rate=1e-3, keep="f1", keep_every=2),
    joins=True,
    results=(SourceResult("F1", "0.785", DATA), SourceResult("accuracy", "0.927", DATA)),
    remarks=REMARKS,
)
RESNET18 = replace(
    SIMPLE_CNN,
    name="s3-resnet18",
    title="a convolution and ResNet-18 on a picture of 30 s",
    model=S3ResNet18,
    training=Training(epochs=30, batch=256, learning_rate=1e-4, keep="f1", keep_every=2),
    imagenet="resnet18",
    results=(
        SourceResult("F1", "0.894", DATA),
        SourceResult("accuracy", "0.969", DATA),
        SourceResult("F1", "0.828", "100 unseen imitations"),
        SourceResult("accuracy", "0.840", "100 unseen imitations"),
    ),
    remarks=(
        "Without a file of pretrained weights it starts from random ones.",
        "Which network heard the 100 imitations is not said: listed with the better one.",
        *REMARKS,
    ),
)
S3 = (SIMPLE_CNN, RESNET18)
