"""A stretch from start_s on is the same stretch of the whole recording."""

import numpy as np
import pytest

from augment.errors import InputError
from cqtnet.audio import load, stream
from tests.cqtnet.audio.made import encode, sweep, write_in_parts

RATE = 22_050
EXACT = {"wav": {}, "w64": {"format": "W64"}, "aiff": {}, "caf": {}, "flac": {}, "au": {}}
OGG = {"ogg": {"format": "OGG", "subtype": "VORBIS"}, "opus": {"format": "OGG", "subtype": "OPUS"}}
FROM_THE_BEGINNING = {"mp3": {}, **OGG}


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """One 12 s sweep in every format."""
    folder = tmp_path_factory.mktemp("sweeps")
    rate = 48_000  # opus knows no 44.1 kHz
    sound = sweep(seconds=12, rate=rate)
    for suffix, options in (EXACT | FROM_THE_BEGINNING).items():
        write_in_parts(folder / f"sweep.{suffix}", sound, rate, **options)
    encode(folder / "sweep.m4a", sound, rate=rate, codec="aac")
    encode(folder / "sweep.alac.m4a", sound, rate=rate, codec="alac", container="ipod")
    encode(folder / "sweep.aac", sound, rate=rate, codec="aac", container="adts")
    encode(folder / "sweep.mka", sound, rate=rate, codec="flac", container="matroska")
    return folder


@pytest.mark.parametrize("suffix", [*EXACT, *FROM_THE_BEGINNING, "alac.m4a", "aac", "mka", "m4a"])
def test_a_stretch_is_sample_for_sample_that_of_the_whole(recordings, suffix):
    path, atol = recordings / f"sweep.{suffix}", 0.02 if suffix == "m4a" else 1e-5
    # 1e-5 of full scale: a resampler that starts two seconds before instead of at the beginning.
    # AAC fills in noise of its own, differently after a seek; a sample of lag would be 3 %.
    whole = load(path)
    for start_s in (0.3, 3.0, 7.12345, 11.5, 11.9):
        first = round(start_s * RATE)
        stretch = load(path, start_s=start_s, duration_s=0.5)
        expected = whole[first : first + round(0.5 * RATE)]
        assert stretch.size == expected.size, start_s
        np.testing.assert_allclose(stretch, expected, atol=atol, err_msg=f"{start_s} s")


@pytest.mark.parametrize(
    ("suffix", "begins_s"),
    [("wav", 7), ("w64", 7), ("aiff", 7), ("flac", 7), ("m4a", 7), ("mp3", 0), ("aac", 0)],
)
def test_what_can_be_skipped_exactly_is_not_decoded(recordings, suffix, begins_s):
    with stream(recordings / f"sweep.{suffix}", start_s=9.5, duration_s=0.5) as blocks:
        assert blocks.begins_s == begins_s  # two whole seconds before, if time stamps are exact


def test_blocks_of_a_stretch_join_to_it_and_end_where_the_recording_does(recordings):
    path = recordings / "sweep.wav"
    blocks = list(stream(path, start_s=4.4, duration_s=2.5, block_s=1.0))
    assert [block.size for block in blocks] == [RATE, RATE, RATE // 2]
    np.testing.assert_array_equal(np.concatenate(blocks), load(path, start_s=4.4, duration_s=2.5))
    assert load(path, start_s=11.0, duration_s=5.0).size == RATE
    for suffix in EXACT:  # of the same 16 bits, but that FLAC was rounded another way
        np.testing.assert_allclose(load(path.with_suffix(f".{suffix}")), load(path), atol=1e-4)


@pytest.mark.parametrize("start_s", [13, 40])
@pytest.mark.parametrize("suffix", ["wav", "flac", "mp3", "m4a"])
def test_a_start_past_the_end_is_an_error_that_says_where_the_end_is(recordings, suffix, start_s):
    message = rf"ends at 12\.0\d s, before the start asked for at {start_s}\.00 s"
    with pytest.raises(InputError, match=message):
        load(recordings / f"sweep.{suffix}", start_s=start_s)


@pytest.mark.parametrize(("arguments", "message"), [
    ({"start_s": -1}, "start_s of -1 s"),
    ({"start_s": float("nan")}, "start_s of nan s"),
    ({"duration_s": 0}, "duration_s of 0 s"),
    ({"sample_rate": 0}, "sample_rate of 0 Hz is outside 4000 to 768000 Hz"),
    ({"block_s": 0}, "block_s of 0 s"),
])  # fmt: skip
def test_a_selection_that_makes_no_sense_is_refused(recordings, arguments, message):
    with pytest.raises(InputError, match=message):
        stream(recordings / "sweep.wav", **arguments)
