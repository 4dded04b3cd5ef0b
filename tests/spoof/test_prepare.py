"""From recordings to inputs: cut, changed, kept, and never guessed."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cqtnet import audio
from cqtnet.errors import InputError, NotAudioError
from spoof import prepare
from spoof.data.utterance import Utterance
from spoof.prepare import Change, Preparer, as_recordings, recording_hash
from tests.spoof.voices import RATE_HZ, TINY, bands, sound, write


@pytest.fixture
def one(tmp_path: Path) -> Utterance:
    return Utterance(write(tmp_path / "a.wav", sound(False, 1, seconds=1.2)), False, "a")


def preparer(tmp_path: Path, told: Callable[[int, int], None] = lambda done, of: None) -> Preparer:
    return Preparer(tmp_path / "cache", told=told)


def test_each_segment_is_what_the_feature_makes_of_it(one: Utterance, tmp_path: Path) -> None:
    found = preparer(tmp_path).examples([one], TINY)
    samples = audio.load(one.path, sample_rate=RATE_HZ)
    assert len(found) == 2  # of 1.2 s, 0.5 s each; the rest fills none
    expected = [bands(samples[:4000]), bands(samples[4000:8000])]
    np.testing.assert_allclose(found.inputs(np.arange(2)), expected, atol=1e-3)  # halves
    assert found.segment.tolist() == [0, 1] and not found.is_fake.any()


def test_segments_may_overlap(one: Utterance, tmp_path: Path) -> None:
    found = preparer(tmp_path).examples([one], replace(TINY, hop_s=0.25))
    samples = audio.load(one.path, sample_rate=RATE_HZ)
    assert len(found) == 3
    np.testing.assert_allclose(found.inputs(np.array([1]))[0], bands(samples[2000:6000]), atol=1e-3)


def test_a_second_time_nothing_is_made(one: Utterance, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    ready = preparer(tmp_path, lambda done, of: told.append((done, of)))
    first, second = ready.examples([one], TINY), ready.examples([one], TINY)
    assert told == [(1, 1)]
    np.testing.assert_array_equal(first.values, second.values)


def test_a_changed_file_is_made_anew(one: Utterance, tmp_path: Path) -> None:
    ready = preparer(tmp_path)
    before = ready.examples([one], TINY)
    write(one.path, sound(True, 1, seconds=1.2))
    assert np.abs(ready.examples([one], TINY).values - before.values).max() > 0.1


def test_copies_differ_and_are_the_same_whenever_they_are_made(
    one: Utterance, tmp_path: Path
) -> None:
    found = preparer(tmp_path).examples([one], TINY, copies=3)
    assert found.copy.tolist() == [0, 0, 1, 1, 2, 2] and found.segment.tolist() == [0, 1] * 3
    as_it_is, first, second = found.values[0], found.values[2], found.values[4]
    assert np.abs(first - as_it_is).max() > 1e-3 and np.abs(first - second).max() > 1e-4
    more = Preparer(tmp_path / "other").examples([one], TINY, copies=2)
    np.testing.assert_array_equal(more.values, found.values[:4])


def test_recordings_of_a_speaker_are_joined_where_the_recipe_joins(tmp_path: Path) -> None:
    paths = [write(tmp_path / f"{i}.wav", sound(True, i, seconds=0.4)) for i in range(3)]
    listed = [Utterance(path, True, "g", speaker="s") for path in paths]
    found = preparer(tmp_path).examples(listed, replace(TINY, joins=True))
    assert len(found.recordings) == 1 and len(found) == 2  # 1.2 s in all
    samples = np.concatenate([audio.load(path, sample_rate=RATE_HZ) for path in paths])
    np.testing.assert_allclose(found.values[1], bands(samples[4000:8000]), atol=1e-3)
    alone = preparer(tmp_path).examples(listed, TINY)
    assert len(alone.recordings) == 3


def test_a_change_is_made_at_the_files_own_rate(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", sound(False, 1, seconds=1, rate_hz=16_000), 16_000)
    heard: list[tuple[int, int]] = []

    def halved(samples: np.ndarray, rate_hz: int) -> np.ndarray:
        heard.append((len(samples), rate_hz))
        return samples / 2

    ready = preparer(tmp_path)
    level = replace(TINY, feature=mean_level, input_shape=(1,))
    found = ready.examples([Utterance(path, False, "a")], level, change=Change("half", halved))
    plain = ready.examples([Utterance(path, False, "a")], level)
    assert heard == [(16_000, 16_000)]
    np.testing.assert_allclose(found.values, plain.values / 2, rtol=2e-3)


def mean_level(samples: np.ndarray) -> np.ndarray:
    return np.abs(samples).mean(keepdims=True)


def no_numbers(samples: np.ndarray) -> np.ndarray:
    return np.full(8, np.nan, np.float32)


def test_what_is_short_is_skipped_where_the_recipe_says_so(tmp_path: Path) -> None:
    short = Utterance(write(tmp_path / "s.wav", sound(False, 1, seconds=0.3)), False, "s")
    long = Utterance(write(tmp_path / "l.wav", sound(True, 2, seconds=0.6)), True, "l")
    skips = replace(TINY, short="skip")
    assert preparer(tmp_path).examples([short, long], skips).recording.tolist() == [1]
    assert preparer(tmp_path).examples([short, long], TINY).recording.tolist() == [0, 1]
    with pytest.raises(InputError, match=r"1 recordings hold no segment of 0\.5 s"):
        preparer(tmp_path).examples([short], skips)


def test_a_file_that_is_no_audio_is_named(one: Utterance, tmp_path: Path) -> None:
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"RIFF no audio at all")
    with pytest.raises(NotAudioError, match=r"bad\.wav"):
        preparer(tmp_path).examples([one, Utterance(bad, True, "b")], TINY)


def test_an_input_that_is_no_number_is_named(one: Utterance, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.wav, segment 1: the feature of tiny is nan"):
        preparer(tmp_path).examples([one], replace(TINY, feature=no_numbers))


def test_an_input_of_another_shape_is_refused(one: Utterance, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"an input of \(8,\) where tiny takes \(9,\)"):
        preparer(tmp_path).examples([one], replace(TINY, input_shape=(9,)))


def test_copies_need_a_way_to_make_them(one: Utterance, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="tiny says of no way to make copies"):
        preparer(tmp_path).examples([one], replace(TINY, alter=None), copies=2)


def test_a_damaged_file_of_the_cache_is_named(one: Utterance, tmp_path: Path) -> None:
    ready = preparer(tmp_path)
    ready.examples([one], TINY)
    (kept,) = (tmp_path / "cache").rglob("*.npy")
    kept.write_bytes(kept.read_bytes()[:40])
    with pytest.raises(InputError, match=rf"{kept.name} is damaged.*remove it"):
        ready.examples([one], TINY)


def test_much_is_left_on_disk_and_is_the_same(
    one: Utterance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_memory = preparer(tmp_path).examples([one], TINY)
    monkeypatch.setattr(prepare, "IN_MEMORY_BYTES", 0)
    on_disk = preparer(tmp_path).examples([one], TINY)
    assert isinstance(on_disk.values, np.memmap) and not isinstance(in_memory.values, np.memmap)
    np.testing.assert_array_equal(on_disk.values, in_memory.values)
    assert not (tmp_path / "cache" / "values.npy").exists()


def test_joined_recordings_are_named_by_all_that_they_hold(tmp_path: Path) -> None:
    paths = [write(tmp_path / f"{i}.wav", sound(True, i, seconds=0.4)) for i in range(2)]
    listed = [Utterance(path, True, "g", speaker="s") for path in paths]
    (both,), (first, _) = as_recordings(listed, joins=True), as_recordings(listed, joins=False)
    assert recording_hash(first) == audio.file_sha256(paths[0])
    assert recording_hash(both) not in {audio.file_sha256(path) for path in paths}
