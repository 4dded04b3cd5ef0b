"""The networks, each giving logits of a batch of its recipe's inputs; index 1 is fake."""

from spoof.models.cnn2d import S1Cnn, S2SimpleCnn, S3SimpleCnn, S4Cnn
from spoof.models.dense import (
    DeepVoiceAnn,
    DeepVoiceCnn,
    Fcnn3,
    Light,
    Lstm,
    SimpleAnn,
    SimpleAnnDropout,
    SimpleCnnDropout,
)
from spoof.models.resnet import S1ResNet18, S2ResNet, S3ResNet18, find_pretrained

__all__ = [
    "DeepVoiceAnn",
    "DeepVoiceCnn",
    "Fcnn3",
    "Light",
    "Lstm",
    "S1Cnn",
    "S1ResNet18",
    "S2ResNet",
    "S2SimpleCnn",
    "S3ResNet18",
    "S3SimpleCnn",
    "S4Cnn",
    "SimpleAnn",
    "SimpleAnnDropout",
    "SimpleCnnDropout",
    "find_pretrained",
]
