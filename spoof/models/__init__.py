"""The networks, each giving logits of a batch of its recipe's inputs; index 1 is fake."""

from spoof.models.ann import DeepVoiceAnn, SimpleAnn, SimpleAnnDropout
from spoof.models.cnn1d import DeepVoiceCnn, SimpleCnnDropout
from spoof.models.cnn2d import S1Cnn, S2SimpleCnn, S3SimpleCnn, S4Cnn
from spoof.models.fcnn import Fcnn3
from spoof.models.light import Light
from spoof.models.lstm import Lstm
from spoof.models.pretrained import find_pretrained
from spoof.models.transfer import S1ResNet18, S2ResNet, S3ResNet18

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
