from pathlib import Path

from augment.codec import CODECS
from augment.effect import EFFECTS, Samples
from augment.timing import measured_ms, one_of_each
from augment.tone import Gain


def test_every_effect_and_every_codec_is_timed(other_recording: Path) -> None:
    labels = {label for label, _ in one_of_each(str(other_recording))}
    assert labels == (set(EFFECTS) - {"codec"}) | {f"codec {codec}" for codec in CODECS}


def test_a_measured_time_is_positive_and_sane(sweep: Samples) -> None:
    assert 0 < measured_ms(Gain(-6.0), sweep, 22050) < 1000
