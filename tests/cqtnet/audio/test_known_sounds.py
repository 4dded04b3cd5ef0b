"""What comes out is the sound that went in: pitch, level, length, whatever the format."""

from itertools import product

import av
import numpy as np
import pytest
import soundfile
import soxr

from augment.audio.integrity import Coding
from cqtnet.audio import coding, load, probe, stream
from tests.cqtnet.audio import made
from tests.cqtnet.audio.made import encode, fitted_sine, loudest_hz, sine, sweep

RATE = 22_050


@pytest.mark.parametrize(
    ("rate", "to"), [*((r, RATE) for r in (4_000, 8_000, RATE, 44_100, 384_000)), (48_000, 16_000)]
)
def test_a_stereo_sine_keeps_frequency_and_amplitude_from_any_rate_to_any(tmp_path, rate, to):
    tone = sine(440, seconds=2, rate=rate)
    soundfile.write(tmp_path / "tone.wav", np.stack([tone, tone], axis=1), rate)
    samples = load(tmp_path / "tone.wav", sample_rate=to)
    assert samples.dtype == np.float32 and samples.shape == (2 * to,)
    # Without the filter's own ringing at both ends; 1e-4 covers 16-bit rounding and the filter.
    amplitude, rest = fitted_sine(samples[1_000:-1_000], 440, to)
    assert amplitude == pytest.approx(0.5, abs=1e-4) and rest < 1e-4


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 44_100, 48_000, 44_099])
@pytest.mark.parametrize("frames", [1, 2, 1_000, 12_345])
def test_n_samples_become_n_times_22050_by_the_rate_rounded(tmp_path, rate, frames):
    soundfile.write(tmp_path / "tone.wav", sine(440, seconds=1, rate=frames), rate)
    assert abs(load(tmp_path / "tone.wav").size - frames * RATE / rate) <= 0.5


@pytest.mark.parametrize(("channels", "name", "options"), [
    (8, "eight.wav", {"subtype": "PCM_24"}),
    (8, "eight.flac", {"subtype": "PCM_16"}),
    # Planar frames of eight channels and more, which PyAV itself reads past the end of.
    (8, "eight.ogg", {"format": "OGG", "subtype": "VORBIS"}),
    (16, "sixteen.ogg", {"format": "OGG", "subtype": "VORBIS"}),
    (32, "thirtytwo.opus", {"format": "OGG", "subtype": "OPUS"}),
])  # fmt: skip
def test_many_channels_are_mixed_to_their_mean(tmp_path, channels, name, options):
    rate = 48_000
    levels = np.linspace(0.2, 0.8, channels)  # mean 0.5
    tone = sine(1_000, seconds=0.5, rate=rate, amplitude=1)
    made.write_in_parts(tmp_path / name, tone[:, None] * levels, rate, **options)
    amplitude, _ = fitted_sine(load(tmp_path / name)[2_000:-2_000], 1_000, RATE)
    assert amplitude == pytest.approx(0.5, rel=0.02)  # a lossy codec's own error


@pytest.mark.parametrize(("suffix", "subtype"), [
    *(("wav", subtype) for subtype in ("PCM_U8", "ULAW", "ALAW")),
    *product(("wav", "aiff", "au"), ("PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE")),
    *(("aiff", "PCM_S8"), ("au", "PCM_S8")),
])  # fmt: skip
def test_every_sample_type_is_read_as_libsndfile_and_soxr_read_it(tmp_path, suffix, subtype):
    path = tmp_path / f"sweep.{suffix}"  # WAV and AIFF are decoded by libsndfile, AU by FFmpeg
    sound = np.stack([sweep(seconds=1, rate=44_100), sine(300, seconds=1, rate=44_100)], axis=1)
    soundfile.write(path, sound, 44_100, subtype=subtype)
    mean = soundfile.read(path, dtype="float32")[0].mean(axis=1)
    reference = soxr.resample(mean, 44_100, RATE, quality="HQ")
    np.testing.assert_allclose(load(path), reference, atol=1e-6)


@pytest.mark.parametrize(("name", "codec", "container", "rate"), [
    ("voice.m4a", "aac", None, 44_100),
    ("voice.aac", "aac", "adts", 44_100),
    ("voice.mkv", "aac", "matroska", 44_100),
    ("voice.flv", "aac", None, 44_100),
    ("voice.ts", "aac", "mpegts", 48_000),
    ("voice.mp3", "libmp3lame", None, 44_100),
    ("voice.opus", "libopus", None, 48_000),
    ("voice.wma", "wmav2", "asf", 44_100),
    ("voice.ac3", "ac3", None, 48_000),
    ("voice.amr", "libopencore_amrnb", "amr", 8_000),
    ("voice.3gp", "libopencore_amrnb", "3gp", 8_000),
    ("lossless.m4a", "alac", "ipod", 44_100),
    ("lossless.mka", "flac", "matroska", 44_100),
    ("telephone.wav", "adpcm_ima_wav", None, 16_000),
    ("mp3_in.wav", "libmp3lame", "wav", 44_100),
])  # fmt: skip
def test_a_sine_comes_back_from_every_codec_and_container(tmp_path, name, codec, container, rate):
    if codec not in av.codecs_available:
        pytest.skip(f"this FFmpeg cannot write {codec}")
    tone = sine(700, seconds=4, rate=rate)
    path = encode(tmp_path / name, tone, rate=rate, codec=codec, container=container)
    samples = load(path)
    # Warnings are errors here: a whole file must raise no note at all.
    assert abs(samples.size / RATE - 4) < 0.1  # an encoder's padding at both ends
    middle = samples[RATE : 3 * RATE]
    assert loudest_hz(middle, RATE) == pytest.approx(700, abs=1)
    # 15 %: AMR at 12.2 kbit/s is made for speech, and takes 12 % of a steady tone.
    assert np.sqrt(2 * np.mean(middle**2)) == pytest.approx(0.5, rel=0.15)
    assert probe(path).sample_rate == rate


@pytest.mark.parametrize(("layout", "channels", "film_s"), [("stereo", 2, 3), ("7.1", 8, 0)])
def test_the_sound_of_a_film_is_read_whatever_its_channels(tmp_path, layout, channels, film_s):
    tone, how = sine(1_000, seconds=2, rate=48_000), {"layout": layout, "film_s": film_s}
    path = encode(tmp_path / "film.mp4", tone, rate=48_000, codec="aac", **how)
    info = probe(path)
    assert (info.codec, info.channels, info.sample_rate) == ("aac", channels, 48_000)
    assert info.declared_duration_s == pytest.approx(2, abs=0.05)  # the sound's, not the film's 3 s
    assert loudest_hz(load(path)[:RATE], RATE) == pytest.approx(1_000, abs=2)


def test_blocks_are_of_exact_size_and_joined_are_what_load_gives(tmp_path):
    for path in (tmp_path / "sweep.wav", tmp_path / "sweep.mp3"):
        soundfile.write(path, sweep(seconds=5.3, rate=44_100), 44_100)
        whole = load(path)
        for block_s in (0.1, 1.0, 30.0):
            blocks, size = list(stream(path, block_s=block_s)), round(block_s * RATE)
            assert {block.size for block in blocks[:-1]} <= {size} and 0 < blocks[-1].size <= size
            np.testing.assert_array_equal(np.concatenate(blocks), whole)
            assert not any(np.shares_memory(blocks[0], block) for block in blocks[1:])


def test_the_stream_says_what_it_read(tmp_path):
    path = tmp_path / "tone.wav"
    path.write_bytes(made.wav_bytes(made.pcm16(sine(440, seconds=2, rate=8_000)), rate=8_000))
    with stream(path) as blocks:
        list(blocks)
    assert blocks.info == probe(path) and blocks.info.path == str(path)
    assert (blocks.info.format, blocks.info.codec) == ("wav", "pcm_s16")
    assert (blocks.info.channels, blocks.info.bytes) == (1, 44 + 2 * 16_000)
    assert blocks.info.declared_duration_s == 2 and blocks.decoded_s == 2
    assert blocks.notes == () and list(blocks) == []


@pytest.mark.parametrize(("name", "codec", "bits"), [
    ("a.wav", "pcm_s24le", 24), ("a.wav", "pcm_f32le", 32), ("a.flac", "flac", 16),
    ("a.m4a", "alac", 24), ("a.mp3", "libmp3lame", None), ("a.opus", "libopus", None),
])  # fmt: skip
def test_bit_depth_and_encoder_are_those_that_the_file_states(tmp_path, name, codec, bits):
    tone = sine(440, seconds=1, rate=48_000)
    found = coding(encode(tmp_path / name, tone, rate=48_000, codec=codec))
    assert found.bits == bits and found.encoder.startswith("Lavf")  # in every file of FFmpeg
    soundfile.write(tmp_path / "b.flac", np.zeros(RATE), RATE, subtype="PCM_24")
    assert coding(tmp_path / "b.flac").bits == 24
    (tmp_path / "a.txt").write_text("no sound")
    assert coding(tmp_path / "a.txt") == Coding(None, ())
