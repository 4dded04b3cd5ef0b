"""Time and memory stay bounded, whatever a file claims or contains."""

import tracemalloc

import numpy as np
import pytest
import soundfile

from cqtnet.audio import Limits, load, probe, stream
from cqtnet.errors import UnsafeAudioError
from tests.cqtnet.audio.made import pcm16, sine, wav_bytes

RATE = 22_050


def silent_flac(path, *, seconds, channels=1):
    """A FLAC of silence: a few bytes a second."""
    with soundfile.SoundFile(path, "w", 44_100, channels, format="FLAC") as sound:
        for _ in range(seconds):
            sound.write(np.zeros((44_100, channels)))
    return path


def with_declared_samples(path, n_samples):
    """The FLAC's header changed to declare another length (36 bits; 0 means unknown)."""
    data = bytearray(path.read_bytes())
    data[21] = data[21] & 0xF0 | n_samples >> 32
    data[22:26] = (n_samples & 0xFFFFFFFF).to_bytes(4, "big")
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(("header", "message"), [
    ({"rate": 2**31 - 1}, "sample rate 2147483647 Hz is outside 4000 to 768000 Hz"),
    ({"rate": 3_999}, "sample rate 3999 Hz is outside 4000 to 768000 Hz"),
    ({"channels": 65}, "65 channels, the limit is 64"),
])  # fmt: skip
def test_a_rate_or_channels_out_of_bounds_are_refused(tmp_path, header, message):
    (tmp_path / "odd.wav").write_bytes(wav_bytes(bytes(200 * header.get("channels", 1)), **header))
    with pytest.raises(UnsafeAudioError, match=message):
        load(tmp_path / "odd.wav")


def test_a_bomb_is_refused_before_the_first_block_or_stopped_where_it_hides_its_length(tmp_path):
    # 2^36 - 1 samples: 18 days, 275 GB as float32, in a file of a few kilobytes.
    path = with_declared_samples(silent_flac(tmp_path / "bomb.flac", seconds=60), 2**36 - 1)
    assert path.stat().st_size < 100_000
    with pytest.raises(UnsafeAudioError, match=r"432\.85 h of audio .* limit is 24\.00 h"):
        stream(path)
    assert probe(with_declared_samples(path, 0)).declared_duration_s is None
    blocks = stream(path, block_s=1, limits=Limits(max_stream_s=5))
    with pytest.raises(UnsafeAudioError, match=r"the limit is 5\.00 s"):
        list(blocks)
    assert 5 < blocks.decoded_s < 10


def test_channels_count_towards_the_bomb(tmp_path):
    path = silent_flac(tmp_path / "wide.flac", seconds=10, channels=8)  # 3.5e6 samples
    limits = Limits(max_values=1_000_000)
    with pytest.raises(UnsafeAudioError, match=r"3\.53e\+06 samples in all channels"):
        stream(path, limits=limits)
    blocks = stream(with_declared_samples(path, 0), limits=limits)
    with pytest.raises(UnsafeAudioError, match="samples in all channels or more"):
        list(blocks)


def test_load_refuses_what_would_fill_the_memory_and_takes_a_stretch_of_it(tmp_path):
    limits = Limits(max_stream_s=11, max_load_s=5)
    path = with_declared_samples(silent_flac(tmp_path / "long.flac", seconds=10), 12 * 44_100)
    with pytest.raises(UnsafeAudioError, match="give duration_s"):
        load(path, limits=limits)
    assert load(path, start_s=4, duration_s=5, limits=limits).size == 5 * RATE
    limits = Limits(max_load_s=5)
    with pytest.raises(UnsafeAudioError, match=r"12\.00 s .* in memory, the limit is 5\.00 s"):
        load(path, limits=limits)
    with pytest.raises(UnsafeAudioError, match=r"in memory, the limit is 5\.00 s; .* stream"):
        load(with_declared_samples(path, 0), limits=limits)
    assert sum(block.size for block in stream(path, limits=limits, block_s=5)) == 10 * RATE


@pytest.mark.parametrize("declared", [None, 0xFFFFFFF0])
def test_memory_does_not_grow_with_the_recording(tmp_path, declared):
    path = tmp_path / "long.wav"
    sound = sine(440, seconds=300, rate=16_000)  # 26 MB when resampled
    path.write_bytes(wav_bytes(pcm16(sound), rate=16_000, data_size=declared))
    tracemalloc.start()
    try:
        for block in stream(path, block_s=10):
            assert block.size == 10 * RATE
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 6e6
