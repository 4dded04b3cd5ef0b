import zlib

import numpy as np
import pytest
import soundfile

from cqtnet import SAMPLE_RATE, audio
from tests.verify.archive.pieces import comparer, fragment, music
from tests.verify.archive.synthetic import bomb
from verify.align import search
from verify.archive.keeping import PIECE_S, ROW_S, Sketch, packed, unpacked
from verify.archive.proof import GRID, _Reading
from verify.features import COARSE_PER_SECOND, Features


@pytest.fixture(scope="module")
def sketch():
    """Of a minute and a half: two rows."""
    return Sketch.of(comparer().embedder.trace(music(12, 90.0)).roots)


def test_a_sketch_comes_back_from_its_rows_and_they_are_small(sketch):
    rows = sketch.packed()
    again = Sketch.unpacked(rows)
    assert len(rows) == 2 and again.coarse.shape == sketch.coarse.shape
    assert np.abs(again.coarse - sketch.coarse).max() <= 1 / 16
    second = Sketch.unpacked(rows[1:])
    assert np.array_equal(second.coarse, again.coarse[:, round(ROW_S * COARSE_PER_SECOND) :])
    assert sum(map(len, rows)) / 90 * 3600 < 2.6e6, "bytes an hour"


def test_a_first_look_at_sketches_agrees_with_one_at_the_sound(sketch):
    kept = Sketch.unpacked(sketch.packed())
    moment = Sketch.of(comparer().embedder.trace(fragment()).roots, start_s=7.0)
    by_sketch = search(moment, kept)[0]
    by_sound = search(Features.of(fragment(), start_s=7.0), Features.of(music(12, 90.0)))[0]
    assert by_sketch.strength == pytest.approx(by_sound.strength, rel=0.1)
    assert by_sketch.line.to_b(12.0) == pytest.approx(by_sound.line.to_b(12.0), abs=0.2)
    by_part = search(moment, kept.part(10.0, 40.0))[0]
    assert by_part.line.to_b(12.0) == pytest.approx(by_sketch.line.to_b(12.0), abs=0.2)


def test_kept_sound_lies_where_the_sound_lay():
    samples = music(11, 70.0)
    pieces = list(packed([samples[:1000], samples[1000:]]))
    assert len(pieces) == 2
    again = unpacked(pieces)
    assert again.size == samples.size
    edge = PIECE_S * SAMPLE_RATE
    for first in (SAMPLE_RATE, edge - 2000, edge + 100, again.size - 6000):
        own, kept = samples[first : first + 4000], again[first : first + 4000]
        lags = [np.vdot(own[50:-50], kept[50 + lag : 3950 + lag]) for lag in range(-50, 51)]
        assert np.argmax(lags) == 50
        assert np.corrcoef(own, kept)[0, 1] > 0.9


def test_a_file_that_is_read_from_before_again_is_open_once(tmp_path, rng, monkeypatch):
    samples = rng.uniform(-0.5, 0.5, 200 * SAMPLE_RATE).astype(np.float32)
    soundfile.write(tmp_path / "long.flac", samples, SAMPLE_RATE)
    opened, closed = [], []

    def stream(*args, **options):
        opened.append(real(*args, **options))
        close = opened[-1].close
        opened[-1].close = lambda: closed.append(close())
        return opened[-1]

    real = audio.stream
    monkeypatch.setattr(audio, "stream", stream)
    reading = _Reading(str(tmp_path / "long.flac"))
    for first_s in (150, 20, 150, 20):
        first = first_s * SAMPLE_RATE
        part = reading.stretch(first, first + GRID)
        np.testing.assert_allclose(part, samples[first : first + GRID], atol=1e-4)
    assert len(closed) == len(opened) - 1 > 1
    del reading
    assert len(closed) == len(opened)


@pytest.mark.parametrize("piece", [b"OggS", b"", b"RIFF" + bytes(99)])
def test_sound_of_others_is_unpacked_within_limits(piece):
    with pytest.raises(ValueError, match="does not decode"):
        unpacked([piece])
    long = list(packed([np.zeros(3 * SAMPLE_RATE, np.float32)]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("verify.archive.keeping.PIECE_S", 0)
        with pytest.raises(ValueError, match="longer than it may be"):
            unpacked(long)


def test_a_sketch_of_others_is_unpacked_within_limits():
    for row in (b"", b"no", bomb(), zlib.compress(b"odd")):
        with pytest.raises(ValueError, match=r"does not unpack|cut off, or too long|reshape"):
            Sketch.unpacked([row])
