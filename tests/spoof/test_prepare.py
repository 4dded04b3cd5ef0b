"""From recordings to inputs: cut, changed, kept, and split."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from cqtnet import audio
from cqtnet.cache import code_files
from cqtnet.errors import InputError, NotAudioError
from spoof import prepare
from spoof.data import Utterance, joined
from spoof.prepare import Change, Preparer, input_key, recording_hash
from spoof.recipes import find
from tests.spoof.material import RATE_HZ, TINY, bands, sound, text, write


@pytest.fixture
def one(tmp_path: Path) -> Utterance:
    return Utterance(write(tmp_path / "a.wav", sound(False, 1, seconds=1.2)), False, "a")


def preparer(
    tmp_path: Path, report: Callable[[int, int], None] = lambda done, of: None
) -> Preparer:
    return Preparer(tmp_path / "cache", report=report)


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
    reported: list[tuple[int, int]] = []
    ready = preparer(tmp_path, lambda done, of: reported.append((done, of)))
    first, second = ready.examples([one], TINY), ready.examples([one], TINY)
    assert reported == [(1, 1)]
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
    seen: list[tuple[int, int]] = []

    def halved(samples: np.ndarray, rate_hz: int) -> np.ndarray:
        seen.append((len(samples), rate_hz))
        return samples / 2

    ready = preparer(tmp_path)
    level = replace(TINY, feature=mean_level, input_shape=(1,))
    found = ready.examples([Utterance(path, False, "a")], level, change=Change("half", halved))
    plain = ready.examples([Utterance(path, False, "a")], level)
    assert seen == [(16_000, 16_000)]
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
    with pytest.raises(InputError, match="tiny has no function that makes copies"):
        preparer(tmp_path).examples([one], replace(TINY, alter=""), copies=2)


def test_a_damaged_file_of_the_cache_is_made_anew(one: Utterance, tmp_path: Path) -> None:
    ready = preparer(tmp_path)
    before = ready.examples([one], TINY)
    (kept,) = (tmp_path / "cache").rglob("*.npy")
    whole = kept.read_bytes()
    kept.write_bytes(whole[:40])
    np.testing.assert_array_equal(ready.examples([one], TINY).values, before.values)
    assert kept.read_bytes() == whole


def test_much_is_left_on_disk_and_is_the_same(
    one: Utterance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_memory = preparer(tmp_path).examples([one], TINY)
    monkeypatch.setattr(prepare, "IN_MEMORY_BYTES", 0)
    on_disk = preparer(tmp_path).examples([one], TINY)
    assert isinstance(on_disk.values, np.memmap) and not isinstance(in_memory.values, np.memmap)
    np.testing.assert_array_equal(on_disk.values, in_memory.values)
    assert {file.suffix for file in (tmp_path / "cache").iterdir()} == {""}  # a folder, no file


def test_runs_that_share_a_cache_do_not_touch_each_others_values(
    one: Utterance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Values on disk once had one name for all runs: the second truncated the first one's."""
    monkeypatch.setattr(prepare, "IN_MEMORY_BYTES", 0)
    others = text(tmp_path / "cache" / "values.npy", "of another run")
    mine = preparer(tmp_path).examples([one], TINY).values
    assert others.read_text() == "of another run"
    kept = mine.copy()
    preparer(tmp_path).examples([one], replace(TINY, segment_s=0.25)).values[:] = 9
    np.testing.assert_array_equal(mine, kept)


def test_joined_recordings_are_named_by_all_that_they_hold(tmp_path: Path) -> None:
    paths = [write(tmp_path / f"{i}.wav", sound(True, i, seconds=0.4)) for i in range(2)]
    listed = [Utterance(path, True, "g", speaker="s") for path in paths]
    (both,) = joined(listed)
    assert recording_hash(listed[0]) == audio.file_sha256(paths[0])
    assert recording_hash(both) not in {audio.file_sha256(path) for path in paths}


# Names of what is kept.


def test_recipes_with_one_input_share_what_is_kept_and_others_do_not() -> None:
    assert input_key(find("s2-ann")) == input_key(find("s2-ann-dropout"))
    names = ("s2-ann", "s2-ann@lfcc", "s2-lstm", "s1-cnn", "s4-cnn")
    assert len({input_key(find(name)) for name in names}) == 5
    assert input_key(TINY.changed(epochs=9)) == input_key(TINY)


@pytest.mark.parametrize(
    "change",
    [
        {"rate_hz": 16_000},
        {"segment_s": 0.25},
        {"hop_s": 0.1},
        {"short": "skip"},
        {"joins": True},
        {"feature": partial(bands, count=4)},
    ],
)
def test_whatever_changes_an_input_changes_its_key(change: dict[str, object]) -> None:
    assert input_key(replace(TINY, **change)) != input_key(TINY)


def test_a_key_depends_on_all_code_that_is_imported_however_far(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, code in {
        "planted/__init__.py": "",
        "planted/features/tone.py": "def tone(samples):\n    from planted.far import scale\n",
        "planted/far/__init__.py": "from planted.deep import FACTOR\ndef scale(): ...\n",
        "planted/deep.py": "FACTOR = 2",
        "planted/alone.py": "FACTOR = 3",
    }.items():
        text(tmp_path / name, code)
    monkeypatch.syspath_prepend(tmp_path)
    recipe = replace(TINY, feature=import_module("planted.features.tone").tone)
    before = input_key(recipe)
    text(tmp_path / "planted/alone.py", "FACTOR = 4")
    assert input_key(recipe) == before
    text(tmp_path / "planted/deep.py", "FACTOR = 4")
    assert input_key(recipe) != before


def test_a_key_depends_on_how_recordings_are_decoded_and_cut() -> None:
    names = [path.name for path in code_files("spoof.data", prepare.PACKAGES)]
    assert "decode.py" in names and "__init__.py" in names
    assert "decode.py" not in [
        path.name for path in code_files("spoof.features.spectra", prepare.PACKAGES)
    ]
