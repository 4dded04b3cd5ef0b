"""Planted edits: the truth leads to the very samples, and figures are those counted by hand."""

import json

import numpy as np
import pytest

from augment.edits import Own
from cqtnet import SAMPLE_RATE
from cqtnet.data import list_items
from cqtnet.errors import ManifestError
from cqtnet.music import make_music
from cqtnet.schema import plain
from eval import edits as e
from eval.planting import EVERY, FORMS, LEAST_PIECE_S, draw_programmes
from tests.eval.planted import done, refusal, write_music

TRUTH = ((0.0, 10.0, 0.0, 10.0), (10.0, 20.0, 15.0, 25.0))


@pytest.fixture(scope="module")
def ramp():
    """A minute in which each sample says where it is."""
    return np.linspace(0.1, 0.9, 60 * SAMPLE_RATE, dtype=np.float32)


@pytest.fixture(scope="module")
def music(tmp_path_factory):
    """Four recordings of 32 s in three collections, and a list of them."""
    folder = tmp_path_factory.mktemp("music")
    write_music(folder, dict.fromkeys(("21", "22", "23", "24"), 32.0))
    rows = [f"{seed}.wav,devtest,{collection}" for seed, collection in enumerate("xxyz", 21)]
    (folder / "list.csv").write_text("\n".join(["path,split,collection", *rows]) + "\n")
    return folder


def planted(samples, seed, *, n_edits):
    """The samples with edits; foreign sounds are below zero."""
    rng = np.random.default_rng(seed)
    return e.plant(
        samples, -np.abs(samples), n_edits=n_edits, alteration="none", rng=rng, allowed=EVERY[0]
    )


@pytest.mark.parametrize("seed", range(4))
def test_the_map_of_the_edits_leads_to_the_very_samples(ramp, seed):
    made = planted(ramp, seed, n_edits=4)
    edited, covered = made.edited, np.zeros(made.edited.samples.size, bool)
    for span in made.edited.time_map.spans:
        times = (span.out_start_s, span.out_end_s, span.source_start_s, span.source_end_s)
        out, out_end, source, source_end = (round(t * SAMPLE_RATE) for t in times)
        np.testing.assert_array_equal(edited.samples[out:out_end], ramp[source:source_end])
        covered[out:out_end] = True
    assert (edited.samples[~covered] < 0).all(), "what no span covers is foreign"
    assert 1 <= len(made.kinds) <= 4


def test_each_kind_of_edit_does_what_its_name_says(ramp):
    made = {p.kinds: p.edited.samples for p in (planted(ramp, s, n_edits=1) for s in range(20))}
    assert set(made) == {("cut",), ("insert",), ("move",), ("repeat",)}
    moved = made["move",]
    assert (moved != ramp).any()
    np.testing.assert_array_equal(np.sort(moved), ramp)
    assert np.isin(made["cut",], ramp).all() and made["cut",].size < ramp.size
    assert (made["insert",] < 0).sum() == made["insert",].size - ramp.size >= 3 * SAMPLE_RATE
    assert np.isin(ramp, made["repeat",]).all() and made["repeat",].size > ramp.size


def test_no_piece_is_too_short_or_begins_or_ends_in_a_quiet_place(ramp):
    quiet = ramp.copy()
    quiet[20 * SAMPLE_RATE : 40 * SAMPLE_RATE] *= 0.01
    least = round(LEAST_PIECE_S * SAMPLE_RATE)
    for seed in range(3):
        for piece in planted(quiet, seed, n_edits=5).pieces:
            if isinstance(piece, Own):
                for start in (piece.start, piece.end - least):
                    assert np.abs(quiet[start : start + least]).max() > 0.09
                piece = quiet[piece.start : piece.end]
            assert piece.size >= least
    silence = np.zeros(10 * SAMPLE_RATE, np.float32)
    left = e.without_quiet_ends(np.concatenate([silence, ramp, silence]))
    assert abs(left.size - ramp.size) < 6 * SAMPLE_RATE and np.isin(ramp, left).all()


def test_an_edit_that_repeats_what_is_there_anyway_is_ambiguous(rng):
    second = SAMPLE_RATE
    noise = rng.normal(0, 0.1, 4 * second).astype(np.float32)
    looped = np.concatenate([noise, noise, noise])
    whole_bar = (Own(0, 5 * second), Own(9 * second, 12 * second))
    half_bar = (Own(0, 5 * second), Own(7 * second, 12 * second))
    assert e.is_ambiguous(whole_bar, looped) and not e.is_ambiguous(half_bar, looped)


def test_a_stretch_is_found_only_with_all_four_times_and_once():
    late = (10.0, 20.0, 15.3, 25.3)
    assert e.hits(TRUTH, TRUTH) == 2
    assert e.hits(TRUTH, (TRUTH[0], late)) == 1, "300 ms off in B"
    assert e.hits(TRUTH, (TRUTH[0], TRUTH[0])) == 1, "one to one"
    assert e.hits(TRUTH, ()) == 0
    found = ((0.0, 9.9, 0.0, 9.9), (10.2, 20.0, 15.2, 25.0))
    np.testing.assert_allclose(e.boundary_errors_s(TRUTH, found), [0, 0.1, 0.1, 0], atol=1e-9)
    assert np.isinf(e.boundary_errors_s(TRUTH, ())).all()


def outcome(recording, found):
    return e.Outcome(recording, ("cut",), "none", False, TRUTH, found, 1.0, 60.0, 0, (0, 0, 0))


def test_f1_is_that_of_all_stretches_with_its_interval_by_recording(rng):
    # 2 of 2 with 2 found, 1 of 2 with 1 found: precision 3 of 3, recall 3 of 4.
    counted = e.figures([outcome("a", TRUTH), outcome("b", TRUTH[:1])], rng=rng)
    assert counted.f1.value == pytest.approx(2 * 3 / (4 + 3))
    assert counted.f1.low is None and "fewer than 5 recordings" in counted.f1.note
    assert (counted.pairs, counted.stretches) == (2, 4)
    some = [outcome(name, TRUTH if name < "f" else ()) for name in "abcdefg"]
    f1 = e.figures(some, rng=rng).f1
    assert f1.value is not None and f1.low is not None and f1.high is not None
    assert 0.4 < f1.low < f1.value < f1.high <= 1
    perfect = e.figures([outcome(name, TRUTH) for name in "abcdefg"], rng=rng).f1
    assert (perfect.value, perfect.low, perfect.high) == (1, 1, 1)


def test_programmes_are_of_different_collections_and_refused_for_one(music):
    items = list_items(music / "list.csv")
    collection = {item.path: item.collection for item in items}
    programmes = draw_programmes(items, count=6, seed=1)
    assert len({p.recordings[0] for p in programmes[:4]}) == 4, "each recording begins one"
    for programme in programmes:
        of = [collection[path] for path in (*programme.paths, programme.foreign)]
        assert len(set(of)) == len(of) >= 2
    assert programmes == draw_programmes(items, count=6, seed=1)
    assert programmes != draw_programmes(items, count=6, seed=2)
    with pytest.raises(ManifestError, match="all 2 recordings are of one collection, 'x'"):
        draw_programmes(items[:2], count=1, seed=0)


def test_the_command_plants_counts_and_writes_what_it_prints(music, tmp_path):
    words = ["edits", "--audio", music / "list.csv", "--count", 2, "--out", tmp_path / "edits.json"]
    printed = json.loads(done(*words, "--jobs", 1, "--json").stdout)
    written = json.loads((tmp_path / "edits.json").read_text())
    assert printed["figures"] == plain(written["figures"])
    assert [o["alteration"] for o in written["outcomes"]].count("none") == 1
    assert set(written["figures"]) <= {"all", "unambiguous", *e.ALTERATIONS}
    found = written["figures"]["all"]
    assert found["pairs"] == 2 and found["f1"]["value"] > 0.5
    assert found["boundary_median_s"] < 0.1
    assert sum(o["hits"] for o in written["outcomes"]) <= found["stretches"]
    assert "--force" in refusal(*words)
    words = ["edits", "--audio", tmp_path / "none", "--out", tmp_path / "x.json"]
    assert "does not exist; give a folder" in refusal(*words)


@pytest.mark.parametrize("form", ["loops", "song"])
def test_all_places_of_a_fragment_are_known_and_told(form):
    samples, starts = FORMS[form](make_music(21, duration_s=80.0), np.random.default_rng(1))
    first = starts[1] + SAMPLE_RATE // 4  # in the second loop, or in the first chorus
    size = min(8 * SAMPLE_RATE, starts[2] - first)
    truth = e.same_places(samples, starts, first, size)
    assert first in truth and len(truth) > 1
    for place in truth:
        same = samples[place : place + size - 8], samples[first : first + size - 8]
        np.testing.assert_allclose(*same)
    told_s = e.places_told(samples[first : first + size], samples)
    truth_s = [place / SAMPLE_RATE for place in truth]
    assert e.places_counted(truth_s, told_s) == (len(truth), len(truth), 0)


def test_places_are_counted_once_each():
    assert e.places_counted([1.0, 9.0], [9.05, 1.0, 5.0]) == (2, 2, 1)
    assert e.places_counted([1.0], []) == (1, 0, 0)


def test_the_command_plants_edits_in_loops(tmp_path):
    write_music(tmp_path / "music", {"a/21": 62.0, "b/22": 62.0})
    out = tmp_path / "loops.json"
    args = ["--audio", tmp_path / "music", "--count", "1", "--form", "loops", "--out", out]
    done("edits", *args, "--jobs", "1")
    figures = json.loads(out.read_text())["figures"]["all"]
    true, told, wrong = figures["places"]
    assert true > 1 and told == true and wrong == 0 and 0 <= figures["listed"] <= 1
