"""From recordings to inputs: cut, changed, kept under names that tell what they depend on."""

from dataclasses import replace
from functools import partial
from importlib import import_module

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
def one(tmp_path):
    return Utterance(write(tmp_path / "a.wav", sound(False, 1, seconds=1.2)), False, "a")


@pytest.fixture
def ready(tmp_path):
    return Preparer(tmp_path / "cache")


@pytest.fixture
def three(tmp_path):
    """Recordings of one speaker, 0.4 s each."""
    paths = [write(tmp_path / f"{i}.wav", sound(True, i, seconds=0.4)) for i in range(3)]
    return [Utterance(path, True, "g", speaker="s") for path in paths]


def test_each_segment_is_what_the_feature_makes_of_it(one, ready):
    found = ready.examples([one], TINY)
    samples = audio.load(one.path, sample_rate=RATE_HZ)
    assert len(found) == 2  # of 1.2 s, 0.5 s each; the rest fills none
    expected = [bands(samples[:4000]), bands(samples[4000:8000])]
    np.testing.assert_allclose(found.inputs(np.arange(2)), expected, atol=1e-3)  # halves
    assert found.segment.tolist() == [0, 1] and not found.is_fake.any()
    overlapping = ready.examples([one], replace(TINY, hop_s=0.25))
    assert len(overlapping) == 3
    np.testing.assert_allclose(overlapping.values[1], bands(samples[2000:6000]), atol=1e-3)
    (whole,) = ready.examples([one], replace(TINY, segment_s=None)).values
    np.testing.assert_allclose(whole, bands(samples), atol=1e-3)


def test_a_second_time_nothing_is_made_unless_the_file_changed(one, tmp_path):
    reported: list[tuple[int, int]] = []
    ready = Preparer(tmp_path, report=lambda done, of: reported.append((done, of)))
    first, second = ready.examples([one], TINY), ready.examples([one], TINY)
    assert reported == [(1, 1)]
    np.testing.assert_array_equal(first.values, second.values)
    write(one.path, sound(True, 1, seconds=1.2))
    assert np.abs(ready.examples([one], TINY).values - first.values).max() > 0.1


def test_a_damaged_file_of_the_cache_is_made_anew(one, ready):
    before = ready.examples([one], TINY)
    (kept,) = ready.cache.rglob("*.npy")
    whole = kept.read_bytes()
    kept.write_bytes(whole[:40])
    again = Preparer(ready.cache).examples([one], TINY)
    np.testing.assert_array_equal(again.values, before.values)
    assert kept.read_bytes() == whole


def test_copies_differ_and_are_the_same_whenever_they_are_made(one, ready, tmp_path):
    found = ready.examples([one], TINY, copies=3)
    assert found.copy.tolist() == [0, 0, 1, 1, 2, 2] and found.segment.tolist() == [0, 1] * 3
    original, first, second = found.values[0], found.values[2], found.values[4]
    assert np.abs(first - original).max() > 1e-3 and np.abs(first - second).max() > 1e-4
    more = Preparer(tmp_path / "other").examples([one], TINY, copies=2)
    np.testing.assert_array_equal(more.values, found.values[:4])


def test_recordings_of_a_speaker_are_joined_where_the_recipe_joins(three, ready):
    found = ready.examples(three, replace(TINY, joins=True))
    assert len(found.recordings) == 1 and len(found) == 2  # 1.2 s in all
    samples = np.concatenate([audio.load(u.path, sample_rate=RATE_HZ) for u in three])
    np.testing.assert_allclose(found.values[1], bands(samples[4000:8000]), atol=1e-3)
    assert len(ready.examples(three, TINY).recordings) == 3
    hashes = [audio.file_sha256(u.path) for u in three]
    assert recording_hash(three[0]) == hashes[0] and recording_hash(*joined(three)) not in hashes


def mean_level(samples):
    return np.abs(samples).mean(keepdims=True)


def no_numbers(samples):
    return np.full(8, np.nan, np.float32)


def test_a_change_is_made_at_the_files_own_rate(tmp_path, ready):
    path = write(tmp_path / "a.wav", sound(False, 1, seconds=1, rate_hz=16_000), 16_000)
    seen: list[tuple[int, int]] = []

    def halved(samples, rate_hz):
        seen.append((len(samples), rate_hz))
        return samples / 2

    level = replace(TINY, feature=mean_level, input_shape=(1,))
    found = ready.examples([Utterance(path, False, "a")], level, change=Change("half", halved))
    plain = ready.examples([Utterance(path, False, "a")], level)
    assert seen == [(16_000, 16_000)]
    np.testing.assert_allclose(found.values, plain.values / 2, rtol=2e-3)


@pytest.mark.parametrize(("changes", "message"), [
    ({"feature": no_numbers}, r"a\.wav, segment 1: the feature of tiny is nan"),
    ({"input_shape": (9,)}, r"an input of \(8,\) where tiny takes \(9,\)"),
    ({"alter": ""}, "tiny has no function that makes copies"),
])  # fmt: skip
def test_inputs_that_cannot_be_are_refused(one, ready, changes, message):
    with pytest.raises(InputError, match=message):
        ready.examples([one], replace(TINY, **changes), copies=2)


def test_a_file_that_is_no_audio_is_named(one, ready, tmp_path):
    bad = text(tmp_path / "bad.wav", "RIFF no audio at all")
    with pytest.raises(NotAudioError, match=r"bad\.wav"):
        ready.examples([one, Utterance(bad, True, "b")], TINY)


def test_much_is_left_on_disk_apart_from_what_other_runs_keep(one, ready, monkeypatch):
    """Values on disk once had one name for all runs: the second truncated the first one's."""
    in_memory = ready.examples([one], TINY).values
    monkeypatch.setattr(prepare, "IN_MEMORY_BYTES", 0)
    others = text(ready.cache / "values.npy", "of another run")
    on_disk = ready.examples([one], TINY).values
    assert others.read_text() == "of another run"
    ready.examples([one], replace(TINY, segment_s=0.25)).values[:] = 9
    assert isinstance(on_disk, np.memmap) and not isinstance(in_memory, np.memmap)
    np.testing.assert_array_equal(on_disk, in_memory)
    assert [file for file in ready.cache.iterdir() if file.is_file()] == [others]


def test_recipes_with_one_input_share_what_is_kept_and_others_do_not():
    assert input_key(find("s2-ann")) == input_key(find("s2-ann-dropout"))
    names = ("s2-ann", "s2-ann@lfcc", "s2-lstm", "s1-cnn", "s4-cnn")
    assert len({input_key(find(name)) for name in names}) == 5
    assert input_key(TINY.changed(epochs=9)) == input_key(TINY)
    changes = {"rate_hz": 16_000, "segment_s": 0.25, "hop_s": 0.1, "joins": True}
    for name, value in {**changes, "feature": partial(bands, count=4)}.items():
        assert input_key(replace(TINY, **{name: value})) != input_key(TINY), name


def test_a_key_depends_on_all_code_that_is_imported_however_far(tmp_path, monkeypatch):
    """Once it was the code in the feature's own folder alone."""
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
    # And so on how recordings are decoded.
    cutting, spectra = (
        {path.name for path in code_files(module, prepare.PACKAGES)}
        for module in ("spoof.data", "spoof.features.spectra")
    )
    assert "decode.py" in cutting and "decode.py" not in spectra
