from pathlib import Path

import numpy as np
import pytest
import soundfile

from cqtnet import audio
from spoof.data import Utterance, file_blocks, joined, segments
from tests.spoof.material import RATE_HZ


def ramp(n: int) -> np.ndarray:
    return np.arange(n, dtype=np.float32)


def cut(samples: np.ndarray, **options: object) -> list[list[float]]:
    return [segment.tolist() for segment in segments([samples], **options)]


@pytest.mark.parametrize(("hop_s", "starts"), [(2, [0, 2, 4]), (3, [0, 3]), (5, [0])])
@pytest.mark.parametrize("block", [1, 3, 8])
def test_a_hop_lets_segments_overlap_or_leaves_gaps(block, hop_s, starts) -> None:
    blocks = np.split(ramp(8), range(block, 8, block))
    found = [s.tolist() for s in segments(blocks, rate_hz=1, length_s=4, hop_s=hop_s)]
    assert found == [list(range(start, start + 4)) for start in starts]


def test_a_short_recording_is_repeated_and_segments_are_not_the_recording_itself() -> None:
    assert cut(ramp(3), rate_hz=1, length_s=7) == [[0, 1, 2, 0, 1, 2, 0]]
    assert cut(ramp(7), rate_hz=1, length_s=7) == [list(range(7))]
    assert cut(ramp(0), rate_hz=1, length_s=7) == []
    samples = ramp(8)
    for segment in segments([samples], rate_hz=1, length_s=4, hop_s=2):
        assert segment.dtype == np.float32
        segment[:] = -1
    np.testing.assert_array_equal(samples, ramp(8))
    assert cut(samples, rate_hz=1, length_s=4, hop_s=2)[2] == [4, 5, 6, 7]


def spoken(name: str, speaker: str, system: str = "", split: str = "train") -> Utterance:
    return Utterance(Path(name), bool(system), speaker or name, speaker, system, split)


def test_utterances_are_joined_by_speaker_label_and_split() -> None:
    first = [spoken("1", "ann"), spoken("2", "bob", "A01"), spoken("3", "ann")]
    last = [spoken("4", "bob", "A02"), spoken("5", "ann", "A01"), spoken("6", "ann", split="test")]
    found = joined([*first, *last])
    names = [("".join(map(str, j.paths)), j.speaker, j.is_fake, j.system, j.split) for j in found]
    assert names == [
        ("13", "ann", False, "", "train"),
        ("24", "bob", True, "", "train"),
        ("5", "ann", True, "A01", "train"),
        ("6", "ann", False, "", "test"),
    ]
    unknown = Utterance(Path("1"), False, "collection")  # of no speaker: joined with nobody
    assert [j.paths for j in joined([unknown, unknown])] == [(Path("1"),), (Path("1"),)]


def test_files_are_cut_as_if_they_were_one(tmp_path: Path, rng: np.random.Generator) -> None:
    paths, parts = [], []
    for number, n_samples in enumerate((2400, 16800, 7, 8000, 9999)):
        parts.append(rng.uniform(-0.5, 0.5, n_samples).astype(np.float32))
        paths.append(tmp_path / f"{number}.wav")
        soundfile.write(paths[-1], parts[-1], RATE_HZ, subtype="FLOAT")
    whole = np.concatenate(parts)
    np.testing.assert_array_equal(np.concatenate(list(file_blocks(paths, RATE_HZ))), whole)
    found = segments(file_blocks(paths, RATE_HZ), rate_hz=RATE_HZ, length_s=2.3)
    assert [s.tolist() for s in found] == cut(whole, rate_hz=RATE_HZ, length_s=2.3)
    paths[1].write_bytes(paths[1].read_bytes()[:-20_000])
    with pytest.warns(audio.AudioWarning, match=r"1\.wav: truncated"):
        list(file_blocks(paths, RATE_HZ))
