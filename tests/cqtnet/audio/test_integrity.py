"""A file that is cut off, damaged or lies about itself is read as far as it goes, with a note."""

import re

import numpy as np
import pytest
import soundfile

from cqtnet.audio import AudioWarning, load, probe, require_content, stream
from cqtnet.errors import NoContentError, NotAudioError
from tests.cqtnet.audio import made
from tests.cqtnet.audio.made import cut_off, encode, loudest_hz, pcm16, sine, wav_bytes

RATE = 22_050


def read(path):
    """Samples and notes of a whole recording."""
    with stream(path) as blocks:
        parts = list(blocks)
    return np.concatenate([np.empty(0, np.float32), *parts]), blocks.notes


@pytest.fixture
def tone():
    return sine(1_000, seconds=10, rate=44_100)


@pytest.mark.parametrize("kind", ["WAV", "RF64", "W64", "AIFF", "CAF", "AU", "FLAC", "MP3"])
def test_a_file_that_is_cut_off_gives_its_part_and_says_so(tmp_path, tone, kind):
    path = tmp_path / f"a.{kind.lower()}"
    soundfile.write(path, tone, 44_100, format=kind)
    samples, notes = read(cut_off(path, keep=0.42))
    # FLAC and MP3 lose at most one packet more than the bytes say.
    decoded_s = samples.size / RATE
    assert 3.9 < decoded_s < 4.25
    # Older FFmpegs count an MP3's padding: 10.03 s.
    assert re.fullmatch(
        rf"truncated or damaged: the header declares 10\.0[03] s, {decoded_s:.2f} s decoded",
        notes[0],
    )
    assert loudest_hz(samples, RATE) == pytest.approx(1_000, abs=1)


def test_a_wav_that_is_cut_off_loses_no_frame_that_is_there(tmp_path):
    sound, path = sine(440, seconds=2, rate=RATE), tmp_path / "short.wav"
    path.write_bytes(wav_bytes(pcm16(sound), rate=RATE)[: 44 + 2 * 30_001 + 1])  # half a frame
    samples, notes = read(path)
    np.testing.assert_allclose(samples, sound[:30_001], atol=1e-4)
    assert notes == ("truncated or damaged: the header declares 2.00 s, 1.36 s decoded",)


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_an_ogg_that_is_cut_off_misses_its_end_mark(tmp_path, subtype):
    sound = sine(1_000, seconds=10, rate=48_000)
    path = made.write_in_parts(tmp_path / "a.ogg", sound, 48_000, format="OGG", subtype=subtype)
    samples, notes = read(cut_off(path, keep=0.5))
    assert 0 < samples.size < 8 * RATE
    decoded_s = samples.size / RATE
    assert f"truncated or damaged: no end-of-stream mark, {decoded_s:.2f} s decoded" in notes
    data = path.read_bytes()
    path.write_bytes(data[: data.rindex(b"OggS")])  # between two pages
    assert read(path)[1][0].startswith("truncated or damaged: no end-of-stream mark")


@pytest.mark.parametrize(("name", "codec", "film_s"), [
    ("film.mkv", "aac", 10), ("sound.webm", "libopus", 0), ("a.wav", "adpcm_ms", 0),
    ("b.wav", "adpcm_ima_wav", 0), ("c.voc", "pcm_u8", 0), ("d.avi", "ac3", 0),
])  # fmt: skip
def test_a_file_that_is_shorter_than_its_own_sizes_says_so(tmp_path, name, codec, film_s):
    sound = sine(1_000, seconds=10, rate=48_000)
    path = encode(tmp_path / name, sound, rate=48_000, codec=codec, film_s=film_s)
    whole, notes = read(path)
    assert notes == ()
    for keep in (0.5, 0.97):
        samples, notes = read(cut_off(path, keep=keep))
        assert samples.size <= whole.size and notes[0].startswith("truncated or damaged: the ")


def test_an_m4a_that_is_cut_off_is_read_only_when_its_index_comes_first(tmp_path, tone):
    aac = {"rate": 44_100, "codec": "aac"}
    last = encode(tmp_path / "last.m4a", tone, **aac)
    with pytest.raises(NotAudioError, match="not audio that can be decoded, or is cut off"):
        load(cut_off(last, keep=0.5))
    path = encode(tmp_path / "a.m4a", tone, **aac, options={"movflags": "faststart"})
    samples, notes = read(cut_off(path, keep=0.5))
    assert 4 < samples.size / RATE < 6
    assert notes[0].startswith("truncated or damaged: the header declares 10.00 s, ")


@pytest.mark.parametrize("declared", [2**31, 0xFFFFFFF0, 0, 0xFFFFFFFF])
def test_a_wav_is_read_to_its_end_whatever_length_it_declares(tmp_path, declared):
    path = tmp_path / "lies.wav"
    path.write_bytes(wav_bytes(pcm16(sine(440, seconds=1, rate=44_100)), data_size=declared))
    declared_s = declared / 88_200
    note = f"truncated or damaged: the header declares {declared_s:.2f} s, 1.00 s decoded"
    if declared in (0, 0xFFFFFFFF):  # a recorder crashed before it wrote the length
        declared_s, note = None, "the header leaves the length open, 1.00 s decoded"
    samples, notes = read(path)
    assert samples.size == RATE and notes == (note,)
    assert probe(path).declared_duration_s == declared_s
    with pytest.warns(AudioWarning, match=rf"lies\.wav: {note}"):
        assert load(path).size == RATE


def test_damage_is_read_past_and_packets_that_do_not_decode_are_counted(tmp_path, tone):
    rng = np.random.default_rng(0)  # noise: frames as large as the sound, so the damage hits one
    soundfile.write(tmp_path / "a.flac", 0.1 * rng.standard_normal(20 * 44_100), 44_100)
    data = bytearray((tmp_path / "a.flac").read_bytes())
    data[len(data) // 2 : len(data) // 2 + 200] = bytes(200)
    (tmp_path / "a.flac").write_bytes(data)
    samples, notes = read(tmp_path / "a.flac")
    assert 19.0 < samples.size / RATE < 20.0
    assert any("jump(s) in the time stamps, the first of 0." in note for note in notes)
    path = encode(tmp_path / "a.m4a", tone, rate=44_100, codec="aac")
    data = bytearray(path.read_bytes())
    start = data.index(b"mdat") + 4
    for offset in range(start + 20_000, start + 40_000, 1_000):
        data[offset : offset + 40] = b"\xff" * 40
    path.write_bytes(data)
    samples, notes = read(path)
    assert 7 < samples.size / RATE < 10.1
    assert any("packets do not decode" in note for note in notes)


def test_a_gap_in_the_time_stamps_is_joined_and_reported(tmp_path):
    tone = sine(1_000, seconds=2, rate=44_100)
    one = encode(tmp_path / "one.flac", tone, rate=44_100, codec="flac").read_bytes()
    (tmp_path / "two.flac").write_bytes(one + one)  # the second half's clock starts again at 0
    samples, notes = read(tmp_path / "two.flac")
    assert samples.size == pytest.approx(4 * RATE, abs=2)
    assert notes[0] == "longer than declared: the header declares 2.00 s, 4.00 s decoded"
    assert notes[1] == (
        "1 jump(s) in the time stamps, the first of -2.00 s at 2.00 s; both sides were joined"
    )


def test_a_sample_rate_that_changes_midway_changes_neither_pitch_nor_length(tmp_path):
    both = b""
    for rate in (44_100, 48_000):
        path = tmp_path / f"{rate}.mp3"
        encode(path, sine(500, seconds=3, rate=rate), rate=rate, codec="libmp3lame")
        both += path.read_bytes()
    (tmp_path / "both.mp3").write_bytes(both)
    samples, notes = read(tmp_path / "both.mp3")
    assert samples.size / RATE == pytest.approx(6, abs=0.15)
    for start_s in (1, 4):
        second = samples[start_s * RATE :][:RATE]
        assert loudest_hz(second, RATE) == pytest.approx(500, abs=1)
    assert "the sample rate changes between 44100, 48000 Hz" in notes


def test_of_several_sound_tracks_one_is_read_and_the_others_are_named(tmp_path):
    tracks = [sine(hz, seconds=2, rate=44_100) for hz in (500, 900)]
    samples, notes = read(encode(tmp_path / "two.m4a", tracks, rate=44_100, codec="aac"))
    assert notes == ("2 sound tracks; only number 1 was read",)
    assert loudest_hz(samples[:RATE], RATE) == pytest.approx(500, abs=1)


def test_whole_files_get_no_false_note(tmp_path, tone):
    mp3 = {"rate": 44_100, "codec": "libmp3lame"}
    bare = encode(tmp_path / "bare.mp3", tone, **mp3, options={"write_xing": "0"})
    film = encode(tmp_path / "film.mkv", tone, rate=44_100, codec="aac", film_s=12)
    tagged = encode(tmp_path / "tagged.mp3", tone, **mp3)
    title = b"\x03\xff\xfe\xfd\xff\xffabcd"  # in no encoding at all
    frame = b"TIT2" + len(title).to_bytes(4, "big") + b"\0\0" + title
    tag = b"ID3\x03\0\0" + bytes([0, 0, 0, len(frame)]) + frame
    tagged.write_bytes(tag + tagged.read_bytes() + b"TAG" + b"\xff" * 125)
    # Without its Xing frame an MP3 states no length; Matroska states the 12 s of the film.
    for path, declared_s in ((bare, None), (film, None), (tagged, pytest.approx(10, abs=0.1))):
        samples, notes = read(path)
        assert probe(path).declared_duration_s == declared_s
        assert samples.size / RATE == pytest.approx(10, abs=0.1) and notes == ()


@pytest.mark.parametrize(
    "bad", [np.nan, np.inf, -np.inf, 3e38, np.uint32(0x7FA00000).view(np.float32)]
)
def test_what_is_no_number_counts_as_silence_and_is_noted(tmp_path, bad):
    sound = sine(440, seconds=1, rate=RATE).astype("<f4")
    sound[1_000:1_123] = bad
    path = tmp_path / "broken.wav"
    path.write_bytes(wav_bytes(sound.tobytes(), rate=RATE, bits=32, tag=3))
    samples, notes = read(path)
    assert notes == ("123 non-finite or huge samples taken as silence",)
    sound[1_000:1_123] = 0
    np.testing.assert_array_equal(samples, sound)


def test_one_broken_channel_does_not_spoil_the_other_and_no_finite_sample_is_no_content(tmp_path):
    sound = np.stack([np.full(RATE, np.nan), sine(440, seconds=1, rate=RATE)], axis=1)
    soundfile.write(tmp_path / "half.wav", sound, RATE, subtype="FLOAT")
    samples, notes = read(tmp_path / "half.wav")
    assert notes == (f"{RATE} non-finite or huge samples taken as silence",)
    np.testing.assert_allclose(samples, sound[:, 1] / 2, atol=1e-6)
    soundfile.write(tmp_path / "nan.wav", sound[:, 0], RATE, subtype="DOUBLE")
    with pytest.raises(NoContentError, match=f"none of its {RATE} samples is a finite number"):
        load(tmp_path / "nan.wav")


@pytest.mark.parametrize(
    ("right", "cancels"), [(1.0, False), (0.0, False), (-0.5, False), (-1.0, True), (-0.95, True)]
)
@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "FLOAT"])
def test_channels_that_cancel_each_other_are_noted(tmp_path, tone, right, cancels, subtype):
    both = 0.5 * np.stack([tone, right * tone], axis=1)
    soundfile.write(tmp_path / "a.wav", both, 44_100, subtype=subtype)
    _, notes = read(tmp_path / "a.wav")
    assert any("channels cancel" in note for note in notes) == cancels


@pytest.mark.parametrize(("samples", "message"), [
    (np.empty(0), "tape has no samples"),
    (np.zeros(1_000), "tape is digital silence: all 1000 samples are 0"),
    (np.full(10, np.nan), "tape: none of its 10 samples is a finite number"),
    (np.full(10, 1e-5), r"its peak of -100\.0 dBFS is below -90 dBFS"),
    (np.full(10, -1 / 2**15), r"its peak of -90\.3 dBFS"),  # 16-bit rounding noise
])  # fmt: skip
def test_nothing_to_hear_is_refused_and_one_sample_is_content(samples, message):
    with pytest.raises(NoContentError, match=message):
        require_content(samples.astype(np.float32), name="tape")
    for peak in (-1.0, -2 / 2**15, -1e-4):
        require_content(np.append(samples, [0, peak, 0]).astype(np.float32))
