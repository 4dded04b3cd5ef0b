"""Ours: statistics of a voice and a small network, trained on voices after a recording's life."""

from functools import partial

from spoof.copies import COPIES
from spoof.features.voice import COUNT, voice_statistics
from spoof.features.voice.sound import RATE_HZ
from spoof.models import Light
from spoof.recipes.recipe import Recipe, Training

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
