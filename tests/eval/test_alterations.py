"""Changes are counted as named, missed and wrong as by hand; what nobody hears is not asked for."""

import json

import numpy as np
import pytest
import soundfile

from augment.tone import Gain, LowPass
from cqtnet import SAMPLE_RATE
from cqtnet.data import list_items
from cqtnet.errors import ManifestError
from cqtnet.music import make_music
from eval import alterations as e
from tests.eval.planted import done, refusal


@pytest.fixture(scope="module")
def song():
    return make_music(5, duration_s=6.0)


def one(kind, claims, *, side="A", heard=True, verdict="same"):
    return e.Judged(kind, "r", "", side, heard, verdict, claims)


@pytest.mark.parametrize(("judged", "is_named", "wrong"), [
    (one("telephone", (("low_pass", "A"),)), True, 0),
    (one("telephone", (("low_pass", "B"),)), False, 1),
    (one("telephone", (("high_pass", "B"), ("noise", "B")), side="B"), True, 1),
    (one("amr", (("coded", "A"), ("low_pass", "A"), ("high_pass", "A"))), True, 0),
    (one("low-pass", (("coded", "A"), ("low_pass", "A"))), True, 1),
    (one("equaliser", (("equalised", ""),)), True, 0),
    (one("none", (("level", ""),)), False, 1),
    (one("speed", (("tempo", ""),)), False, 1),
])  # fmt: skip
def test_a_claim_names_the_change_or_follows_from_it_or_is_wrong(judged, is_named, wrong):
    assert judged.is_named == is_named
    assert len(judged.wrong) == wrong


def test_figures_are_those_counted_by_hand():
    found = e.figures([
        one("telephone", (("low_pass", "A"),)),
        one("telephone", ()),
        one("telephone", (), heard=False),
        one("telephone", (), verdict="insufficient"),
        one("none", (("noise", "A"), ("clipped", "A")), heard=False),
    ])  # fmt: skip
    telephone, everything = found["telephone"], found["all"]
    assert (telephone.pairs, telephone.same, telephone.heard, telephone.named) == (4, 3, 2, 1)
    assert (everything.claims, everything.wrong, everything.wrong_pairs) == (3, 2, 1)
    assert telephone.named_share == 0.5
    assert found["none"].named_share is None


def test_what_is_heard_is_heard_and_a_level_is_no_sound(song):
    def changed(effect):
        return effect.apply(song, SAMPLE_RATE).samples

    noise = np.random.default_rng(1).standard_normal(song.size).astype(np.float32)
    assert e.is_heard(song, changed(LowPass(800.0)))
    assert e.is_heard(song, song + 0.3 * song.std() * noise)
    assert not e.is_heard(song, song)
    assert not e.is_heard(song, changed(Gain(-12.0)))
    assert not e.is_heard(song, song + 1e-4 * song.std() * noise)


def test_every_change_can_be_drawn_and_changes_something(song, tmp_path):
    other = tmp_path / "other.wav"
    soundfile.write(other, make_music(6, duration_s=6.0), SAMPLE_RATE)
    assert len(e.CHANGES) >= 20
    for kind, change in e.CHANGES.items():
        effect = change.draw(np.random.default_rng(3), str(other))
        assert (effect is None) == (kind == "none") == (not change.named)
        if effect is not None:
            assert not np.array_equal(effect.apply(song, SAMPLE_RATE).samples, song)


@pytest.fixture
def music(tmp_path):
    """Two pieces of two collections, with something in all bands."""
    for seed in (31, 32):
        piece = make_music(seed, duration_s=24.0)
        hiss = np.random.default_rng(seed).standard_normal(piece.size)
        piece = piece + 0.15 * np.abs(piece) / np.abs(piece).max() * hiss
        soundfile.write(tmp_path / f"{seed}.wav", 0.5 * piece, SAMPLE_RATE)
    (tmp_path / "list.csv").write_text("path,collection\n31.wav,c31\n32.wav,c32\n")
    return tmp_path


def test_the_command_names_a_telephone_and_claims_nothing_of_a_copy(music, monkeypatch):
    few = {kind: e.CHANGES[kind] for kind in ("none", "telephone")}
    monkeypatch.setattr(e, "CHANGES", few)
    out = music / "alterations.json"
    words = ["alterations", "--audio", music / "list.csv", "--out", out, "--jobs", 1]
    done(*words)
    record = json.loads(out.read_text())
    everything, telephone = (record["figures"][key] for key in ("all", "telephone"))
    assert (everything["same"], everything["wrong"]) == (4, 0)
    assert (telephone["heard"], telephone["named"]) == (2, 2)
    assert not any(o["claims"] for o in record["outcomes"] if o["kind"] == "none")
    assert "--force" in refusal(*words)


def test_one_collection_is_too_few(music):
    items = [item for item in list_items(music / "list.csv") if item.collection == "c31"]
    with pytest.raises(ManifestError, match="at least two"):
        list(e.judged(items, seed=0))
