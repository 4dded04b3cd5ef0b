from unittest.mock import Mock

import numpy as np
import pytest
import soundfile

from cqtnet import cache
from cqtnet.cache import ArrayCache, CachedArrays, cached, cached_samples, load_recording
from cqtnet.data import Item
from cqtnet.errors import FragmentTooShortError, InputError, ManifestError, NoContentError

SINE = np.sin(np.arange(30_000) / 10).astype(np.float32)


@pytest.fixture
def item(tmp_path):
    soundfile.write(tmp_path / "a.wav", SINE, 8000, subtype="FLOAT")
    return Item(tmp_path / "a.wav", "a", "train", "a")


@pytest.mark.parametrize("damage", [b"", b"\x93NUMPY", b"not an array at all"])
def test_a_damaged_cache_file_is_made_again(item, tmp_path, damage):
    make = Mock(return_value=np.arange(5))
    cached(item, tmp_path / "cache", "kind", make)
    (file,) = (tmp_path / "cache").iterdir()
    file.write_bytes(damage)
    for _ in range(2):
        assert cached(item, tmp_path / "cache", "kind", make).tolist() == [0, 1, 2, 3, 4]
    assert make.call_count == 2


def test_samples_survive_sixteen_bits_also_above_full_scale(item, tmp_path):
    expected = load_recording(item)
    kept = cached_samples(item, tmp_path / "cache")
    np.testing.assert_allclose(kept / 32767, expected, atol=1 / 32767)
    soundfile.write(item.path, 1e6 * SINE, 8000, subtype="FLOAT")
    loud = cached_samples(item, tmp_path / "cache")
    assert np.abs(loud).max() == 32767
    assert np.corrcoef(loud, expected)[0, 1] > 0.9999, "scaled, not clipped"


def test_silent_short_and_missing_recordings_are_named(tmp_path):
    for name, samples, error, message in (
        ("mute.wav", 0 * SINE, NoContentError, "mute.wav is digital silence"),
        ("blip.wav", SINE[:8000], FragmentTooShortError, r"blip\.wav lasts 1\.00 s, less than the"),
    ):
        soundfile.write(tmp_path / name, samples, 8000)
        with pytest.raises(error, match=message):
            load_recording(Item(tmp_path / name, name, "train", name))
    with pytest.raises(ManifestError, match=r"gone\.wav cannot be read"):
        cache.content_hash(tmp_path / "gone.wav")


def test_the_data_hash_names_contents_not_order_or_place(item, tmp_path):
    soundfile.write(tmp_path / "b.wav", SINE[::-1], 8000)
    items = [item, Item(tmp_path / "b.wav", "b", "valid", "b")]
    before = cache.data_hash(items)
    assert cache.data_hash(items[::-1]) == before
    soundfile.write(tmp_path / "b.wav", 0.5 * SINE, 8000)
    assert cache.data_hash(items) != before


@pytest.mark.parametrize("damage", ["byte", "cut", "empty", "gone"])
def test_damaged_arrays_count_as_missing(damage, tmp_path):
    kept = ArrayCache(tmp_path)
    kept.put("a", {"level": np.arange(3.0)})
    arrays = CachedArrays(kept, ["b", "a"])
    assert len(arrays) == 2 and arrays[1:][0]["level"].tolist() == [0, 1, 2]
    (path,) = tmp_path.iterdir()
    content, middle = path.read_bytes(), path.stat().st_size // 2
    flipped = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
    path.write_bytes({"byte": flipped, "cut": content[:-1]}.get(damage, b""))
    if damage == "gone":
        path.unlink()
    assert kept.get("a") is None
    with pytest.raises(InputError, match="lost a file during the run; run it again"):
        arrays[1]
