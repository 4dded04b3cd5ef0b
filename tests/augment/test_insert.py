from pathlib import Path

import numpy as np
import pytest
import soundfile

from augment.edits import InsertRecording, InsertSilence, Repeat
from augment.errors import EffectError
from augment.timemap import Span, TimeMap
from tests.augment.signals import frequency_hz, power, sine

RATE = 4000
RAMP = np.arange(10 * RATE, dtype=np.float32) / (10 * RATE)


def test_silence_is_put_in_and_the_rest_moves() -> None:
    altered = InsertSilence(5.0, 2.0).apply(RAMP, RATE)
    assert np.array_equal(altered.samples[:20000], RAMP[:20000])
    assert not altered.samples[20000:28000].any()
    assert np.array_equal(altered.samples[28000:], RAMP[20000:])
    assert altered.time_map == TimeMap((Span(0, 5, 0, 5), Span(7, 12, 5, 10)))


@pytest.mark.parametrize(("at_s", "span"), [(0.0, Span(2, 12, 0, 10)), (10.0, Span(0, 10, 0, 10))])
def test_silence_at_either_end(at_s: float, span: Span) -> None:
    assert InsertSilence(at_s, 2.0).apply(RAMP, RATE).time_map == TimeMap((span,))


def test_silence_after_the_end_is_refused() -> None:
    with pytest.raises(EffectError, match="11 s is after the end"):
        InsertSilence(11.0, 1.0).apply(RAMP, RATE)


def test_another_recording_is_put_in_at_its_level(other_recording: Path) -> None:
    samples = sine(200.0, sample_rate=22050, duration_s=4.0)
    effect = InsertRecording(str(other_recording), 1.0, 2.0, 1.5, level_db=-6.0)
    altered = effect.apply(samples, 22050)
    piece = altered.samples[44100 : 44100 + 33075]
    assert altered.samples.size == samples.size + 33075
    assert frequency_hz(piece, sample_rate=22050) == pytest.approx(700, abs=0.5)
    assert 10 * np.log10(power(piece) / power(samples)) == pytest.approx(-6.0, abs=0.01)
    assert altered.time_map == TimeMap((Span(0, 2, 0, 2), Span(3.5, 5.5, 2, 4)))


def test_a_piece_longer_than_its_file_is_refused(other_recording: Path) -> None:
    effect = InsertRecording(str(other_recording), 6.0, 2.0, 1.5)
    with pytest.raises(EffectError, match=r"has 1 s after 6 s, not 1.5 s"):
        effect.apply(RAMP, RATE)


def test_a_drawn_piece_is_no_longer_than_its_file(tmp_path: Path, rng: np.random.Generator) -> None:
    path = tmp_path / "short.wav"
    soundfile.write(path, sine(500.0, sample_rate=RATE, duration_s=0.3), RATE)
    for _ in range(20):
        effect = InsertRecording.draw(rng, duration_s=10.0, paths=[str(path)])
        effect.apply(RAMP, RATE)


def test_a_stretch_is_heard_twice_in_a_row() -> None:
    altered = Repeat(3.0, 4.0, at_s=4.0).apply(RAMP, RATE)
    expected = np.concatenate([RAMP[:16000], RAMP[12000:]])
    assert np.array_equal(altered.samples, expected)
    assert altered.time_map == TimeMap((Span(0, 4, 0, 4), Span(4, 11, 3, 10)))


def test_a_stretch_is_copied_to_another_place() -> None:
    altered = Repeat(1.0, 2.0, at_s=5.0).apply(RAMP, RATE)
    expected = np.concatenate([RAMP[:20000], RAMP[4000:8000], RAMP[20000:]])
    assert np.array_equal(altered.samples, expected)
    assert altered.time_map.occurrences(1.5) == (1.5, 5.5)
    assert altered.time_map.to_source(5.5) == 1.5


def test_a_repeat_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(EffectError, match="end_s 1 is not after start_s 2"):
        Repeat(2.0, 1.0, at_s=0.0)
