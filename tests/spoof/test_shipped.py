"""The weights that come along."""

import math

import numpy as np
import pytest
import soundfile

from cqtnet.music import make_music
from spoof.bench import buzz
from spoof.calibration import load_calibration
from spoof.checkpoint import SHIPPED, load_trained
from spoof.detect import Detector


def test_they_are_small_and_what_their_card_says() -> None:
    trained = load_trained("light")
    assert trained.recipe.name == "light"
    assert sum(file.stat().st_size for file in SHIPPED.iterdir()) < 3_000_000


def test_their_calibration_is_theirs_and_bounded_by_what_it_rests_on() -> None:
    trained = load_trained("light")
    calibration = load_calibration(trained.path, trained.sha256)
    assert calibration is not None
    known = calibration.data
    assert calibration.most == pytest.approx(math.log(known["human_groups"] + 1))
    assert calibration.least == pytest.approx(-math.log(known["synthetic_groups"] + 1))
    assert known["groups"] > 30  # all collections that were learned from, by folds


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 44_100])
def test_a_ratio_is_stated_whatever_the_rate(tmp_path, rate_hz: int) -> None:
    samples = np.interp(np.arange(6 * rate_hz) / rate_hz, np.arange(96_000) / 16_000, buzz(6.0))
    soundfile.write(tmp_path / "a.wav", samples, rate_hz)
    found = Detector.named("light", device="cpu").detect(tmp_path / "a.wav")
    assert found.log_lr is not None and math.isfinite(found.log_lr)
    assert [window.start_s for window in found.windows] == [0, 1.5, 3]


def test_ten_times_the_level_is_the_same_voice(tmp_path) -> None:
    music = make_music(3, duration_s=6.0)
    scores = []
    for name, gain in (("soft", 0.05), ("loud", 0.5)):
        soundfile.write(tmp_path / f"{name}.wav", gain * music, 22_050, subtype="FLOAT")
        scores.append(Detector.named("light", device="cpu").detect(tmp_path / f"{name}.wav").score)
    assert scores[0] == pytest.approx(scores[1], abs=0.02)
