"""Segments, and utterances joined to recordings."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from cqtnet import audio
from cqtnet.errors import InputError
from spoof.data import Utterance
from spoof.data.segments import Short, joined, joined_segments, segments
from tests.spoof.material import RATE_HZ


def ramp(n: int) -> np.ndarray:
    return np.arange(n, dtype=np.float32)


def test_segments_follow_each_other_and_the_rest_is_dropped() -> None:
    np.testing.assert_array_equal(
        segments(ramp(11), rate_hz=2, length_s=2.0), [[0, 1, 2, 3], [4, 5, 6, 7]]
    )


def test_a_hop_lets_segments_overlap() -> None:
    found = segments(ramp(8), rate_hz=1, length_s=4, hop_s=2)
    np.testing.assert_array_equal(found, [[0, 1, 2, 3], [2, 3, 4, 5], [4, 5, 6, 7]])


@pytest.mark.parametrize(
    ("short", "expected"),
    [("repeat", [[0, 1, 2, 0, 1, 2, 0]]), ("pad", [[0, 1, 2, 0, 0, 0, 0]]), ("skip", [])],
)
def test_a_short_recording_is_repeated_padded_or_skipped(
    short: Short, expected: list[list[int]]
) -> None:
    found = segments(ramp(3), rate_hz=1, length_s=7, short=short)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, np.reshape(expected, (-1, 7)))


def test_a_recording_of_just_one_segment_is_not_short() -> None:
    assert segments(ramp(7), rate_hz=1, length_s=7, short="skip").shape == (1, 7)


def test_segments_are_not_the_recording_itself() -> None:
    samples = ramp(8)
    for length_s in (4, 8):
        segments(samples, rate_hz=1, length_s=length_s)[:] = -1
    np.testing.assert_array_equal(samples, ramp(8))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"length_s": 0}, "segment of 0 s holds no sample at 4 Hz"),
        ({"length_s": float("inf")}, "segment of inf s"),
        ({"hop_s": -1}, "hop of -1 s"),
        ({"short": "mirror"}, "short 'mirror' is unknown; choose from repeat, pad, skip"),
    ],
)
def test_impossible_segments_are_refused(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        segments(ramp(8), **{"rate_hz": 4, "length_s": 1.0, **wrong})  # type: ignore[arg-type]


@pytest.mark.parametrize("shape", [(0,), (2, 4)])
def test_samples_that_cannot_be_cut_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="can't be cut"):
        segments(np.zeros(shape, np.float32), rate_hz=4, length_s=1)


def spoken(name: str, speaker: str, system: str = "", split: str = "train") -> Utterance:
    return Utterance(Path(name), bool(system), speaker or name, speaker, system, split)


def test_utterances_are_joined_by_speaker_label_and_split() -> None:
    found = joined(
        [
            spoken("1", "ann"),
            spoken("2", "bob", "A01"),
            spoken("3", "ann"),
            spoken("4", "bob", "A02"),
            spoken("5", "ann", "A01"),
            spoken("6", "ann", split="test"),
        ]
    )
    names = [("".join(map(str, j.paths)), j.speaker, j.is_fake, j.system, j.split) for j in found]
    assert names == [
        ("13", "ann", False, "", "train"),
        ("24", "bob", True, "", "train"),
        ("5", "ann", True, "A01", "train"),
        ("6", "ann", False, "", "test"),
    ]


def test_unknown_speakers_are_joined_with_nobody() -> None:
    one = Utterance(Path("1"), False, "collection")
    assert [j.paths for j in joined([one, one])] == [(Path("1"),), (Path("1"),)]


def ann(paths: list[Path]) -> Utterance:
    (one,) = joined([spoken(str(path), "ann") for path in paths])
    return one


@pytest.fixture
def recordings(tmp_path: Path, rng: np.random.Generator) -> tuple[list[Path], np.ndarray]:
    """Five recordings of 0.3 to 2.1 s, and what they are one after the other."""
    paths, parts = [], []
    for number, n_samples in enumerate((2400, 16800, 7, 8000, 9999)):
        paths.append(tmp_path / f"{number}.wav")
        parts.append(rng.uniform(-0.5, 0.5, n_samples).astype(np.float32))
        soundfile.write(paths[-1], parts[-1], RATE_HZ, subtype="FLOAT")
    return paths, np.concatenate(parts)


@pytest.mark.parametrize("length_s", [0.5, 1.0, 2.3, 40.0])
@pytest.mark.parametrize("short", ["repeat", "pad", "skip"])
def test_joined_recordings_are_cut_as_if_they_were_one(
    recordings: tuple[list[Path], np.ndarray], length_s: float, short: Short
) -> None:
    paths, whole = recordings
    one = ann(paths)
    found = list(joined_segments(one, rate_hz=RATE_HZ, length_s=length_s, short=short))
    expected = segments(whole, rate_hz=RATE_HZ, length_s=length_s, short=short)
    np.testing.assert_array_equal(np.reshape(found, expected.shape), expected)


def test_segments_already_given_do_not_change(
    recordings: tuple[list[Path], np.ndarray],
) -> None:
    one = ann(recordings[0])
    made = joined_segments(one, rate_hz=RATE_HZ, length_s=0.5)
    first = next(made)
    kept = first.copy()
    next(made)
    np.testing.assert_array_equal(first, kept)


def test_a_damaged_recording_is_warned_of(recordings: tuple[list[Path], np.ndarray]) -> None:
    paths, _ = recordings
    paths[1].write_bytes(paths[1].read_bytes()[:-20_000])
    one = ann(paths)
    with pytest.warns(audio.AudioWarning, match=r"1\.wav: truncated"):
        list(joined_segments(one, rate_hz=RATE_HZ, length_s=1.0))
