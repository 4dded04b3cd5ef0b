import math
import os
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from cqtnet import SAMPLE_RATE
from tests.verify.archive.pieces import fragment, music, seconds
from verify.archive.proof import Point, Sound
from verify.archive.results import Hits, window_ids
from verify.archive.search import monitor
from verify.archive.searcher import LOOKED, PERHAPS_LOG_LR, UNKEPT, Candidate, vote
from verify.archive.store import Store


@pytest.fixture
def twelve(archive):
    """The recording that the fragment is of, and its path."""
    entry = archive.store.entry(archive.number("12"))
    return entry.id, entry.paths[0]


def test_an_altered_fragment_is_found_with_place_tempo_and_pitch(archive):
    result = archive.search((fragment(), SAMPLE_RATE))
    best = result.matches[0]
    assert Path(best.path).stem == "12" and best.verdict == "same"
    assert best.tempo == pytest.approx(1.2, abs=0.003)
    assert best.shift_semitones == pytest.approx(-2, abs=0.1)
    assert (best.query_start_s, best.query_end_s) == pytest.approx((0, 10), abs=0.5)
    assert (best.reference_start_s, best.reference_end_s) == pytest.approx((15, 27), abs=0.6)
    assert result.nearest is None


def test_a_query_up_to_two_minutes_gives_every_recording_also_one_that_holds_its_end(
    archive, tmp_path
):
    soundfile.write(tmp_path / "end.wav", seconds(music(12), 20, 38), SAMPLE_RATE)
    archive.add([str(tmp_path / "end.wav")])
    found = archive.search((seconds(music(12), 0, 36), SAMPLE_RATE)).matches
    stretches = {Path(match.path).stem: (match.query_start_s, match.query_end_s) for match in found}
    assert stretches["12"] == pytest.approx((0, 36), abs=0.6)
    assert stretches["end"] == pytest.approx((20, 36), abs=0.6)


@pytest.mark.parametrize(("samples", "problem"), [
    (lambda: np.zeros(8 * SAMPLE_RATE), "silence"),
    (lambda: 0.3 * np.sin(np.arange(8 * SAMPLE_RATE) * 0.1), "steady tones"),
    (lambda: music(12)[:SAMPLE_RATE], "less than the 2 s"),
])  # fmt: skip
def test_a_query_with_nothing_to_recognise_says_so(archive, samples, problem):
    result = archive.search((samples(), SAMPLE_RATE))
    assert result.matches == () and problem in result.problem


@pytest.mark.parametrize(("what", "words"), [
    ("missing", os.strerror(2)),
    ("changed", "is not the file that was added"),
    ("pipe", "is a pipe"),
    ("n\0l", "n\\x00l.wav"),
])  # fmt: skip
def test_a_file_that_is_not_as_it_was_proves_nothing(archive, twelve, tmp_path, what, words):
    number, path = twelve
    soundfile.write(tmp_path / "changed.wav", music(12) * 0.5, SAMPLE_RATE)
    os.mkfifo(tmp_path / "pipe.wav")
    archive.store.replace_paths([(path, str(tmp_path / f"{what}.wav"), 1, 1)])
    result = archive.search((fragment(), SAMPLE_RATE))
    assert result.matches == ()
    (unproven,) = [one for one in result.unproven if one.entry.id == number]
    assert words in unproven.reason
    assert unproven.reference_s == pytest.approx(21, abs=4)


@pytest.mark.parametrize("row", [b"no zlib", zlib.compress(b"odd"), b""])
def test_what_is_kept_of_a_recording_may_be_damaged_on_purpose(archive, monkeypatch, row):
    monkeypatch.setattr(archive.store, "sketch", lambda *_: [row])
    result = archive.search((fragment(), SAMPLE_RATE))
    assert result.matches == () and result.unproven
    assert all("what is kept of it is damaged" in one.reason for one in result.unproven)


def test_a_file_that_was_touched_or_has_a_copy_still_proves_a_match(archive, twelve):
    number, path = twelve
    archive.store.replace_paths([(path, "/a/missing.wav", 1, 1)])
    archive.store.add_path(number, path, 1, 1)  # of another size and time than it has
    assert archive.search((fragment(), SAMPLE_RATE)).matches[0].path == path


def test_in_a_larger_archive_a_match_needs_more_evidence(archive, monkeypatch):
    query = fragment(), SAMPLE_RATE

    def searched(n_windows):
        monkeypatch.setattr(Store, "n_windows", property(lambda _: n_windows))
        return archive.search(query)

    archive.index  # noqa: B018  # made while the archive has the size that it has
    small, large = searched(2_000).matches, searched(10**20).matches
    assert small[0].is_sure and large == ()
    evidence = small[0].evidence
    least = 2_000 * math.exp((evidence - math.log(10)) / 0.6)  # windows from which it is not sure
    for factor, is_sure in ((0.99, True), (1.01, False)):
        result = searched(round(factor * least))
        assert result.is_sure is result.matches[0].is_sure is is_sure


def test_too_little_agreement_or_too_low_a_ratio_is_no_match(archive, twelve, monkeypatch):
    query = fragment(), SAMPLE_RATE
    below = archive.search(query, min_log_lr=100.0)
    monkeypatch.setattr("verify.archive.searcher.LEAST_STRENGTH", 100.0)
    weak = archive.search(query)
    assert below.matches == weak.matches == ()
    assert below.nearest.entry.id == weak.nearest.entry.id == twelve[0]
    assert weak.nearest.log_lr > PERHAPS_LOG_LR


def test_the_right_place_is_found_behind_a_hundred_that_are_more_alike(archive, twelve):
    searcher = archive.searcher()
    moment = Sound(0.0, fragment(), searcher.comparer.embedder)
    others = [
        Candidate(archive.number(seed), 1.0, (Point(5.0, at_s, 0.5),))
        for seed in ("11", "13", "14")
        for at_s in np.linspace(2, 38, 40)
    ]
    right = Candidate(twelve[0], 0.1, (Point(5.0, 21.0, 0.2),))
    best = searcher.prove(moment, [*others, right]).matches[0]
    assert best.entry.id == twelve[0] and best.is_sure


def test_where_no_sketch_is_kept_only_the_first_places_are_read(archive, twelve, monkeypatch):
    searcher = archive.searcher()
    moment = Sound(0.0, fragment(), searcher.comparer.embedder)
    entry = archive.store.entry(twelve[0])
    monkeypatch.setattr(archive.store, "entry", lambda _: replace(entry, n_sketches=0))
    other = Candidate(entry.id, 1.0, (Point(5.0, 3.0, 0.5),))
    right = Candidate(entry.id, 0.1, (Point(5.0, 21.0, 0.2),))
    assert searcher.prove(moment, [other] * (UNKEPT - 1) + [right]).matches
    assert not searcher.prove(moment, [other] * UNKEPT + [right] + [other] * LOOKED).matches


def stream(*, lost_s=(0.0, 0.0), with_what=0.0):
    """Foreign music to 10 s, 13 to 48 s with something lost, foreign to 100 s; in odd blocks."""
    samples = np.concatenate([music(95, 10.0), seconds(music(13), 0, 38), music(94, 52.0)])
    seconds(samples, *lost_s)[:] = with_what
    return (samples[i : i + 31_337].copy() for i in range(0, samples.size, 31_337))


def test_a_match_with_a_dropout_is_reported_once_when_it_has_ended(archive):
    (event,) = monitor(archive.searcher(), stream(lost_s=(20.0, 36.0), with_what=np.nan))
    assert event.match.query_start_s == pytest.approx(10, abs=0.6)
    assert event.match.query_end_s == pytest.approx(48, abs=0.6)


def test_a_recording_of_which_some_was_lost_without_a_trace_is_reported_once(archive):
    parts = seconds(music(13), 0, 14), seconds(music(13), 24, 40), music(94, 45.0)
    (event,) = monitor(archive.searcher(), [np.concatenate(parts)])
    assert event.match.query_end_s == pytest.approx(30, abs=0.6)
    assert event.match.reference_end_s == pytest.approx(40, abs=0.6)
    assert event.match.tempo == pytest.approx(1, abs=0.003)


def test_silence_gives_nothing_and_the_callers_samples_stay_as_they_are(archive):
    block = np.full(SAMPLE_RATE, np.nan, np.float32)
    blocks = [block, *(np.zeros(SAMPLE_RATE, np.float32) for _ in range(60))]
    assert list(monitor(archive.searcher(), blocks)) == [] and np.isnan(block).all()
    assert list(monitor(archive.searcher(), [])) == []


STARTS_S = np.arange(0, 300, 5.0)  # middles of the windows of every recording here, one every 5 s


def hits_of(planted, *, count=8):
    """Hits (windows, count) from lists of (recording, row, cosine), the rest empty."""
    cosines = np.full((len(planted), count), -np.inf, np.float32)
    ids = np.full((len(planted), count), -1, np.int64)
    for window, some in enumerate(planted):
        for rank, (recording, row, cosine) in enumerate(some):
            cosines[window, rank] = cosine
            ids[window, rank] = window_ids(recording, row + 1)[row]
    return Hits(cosines, ids)


def vote_on(middles_s, planted, *, count=5, starts_s=STARTS_S):
    middles_s = np.array(middles_s, float)
    return vote(middles_s, hits_of(planted), lambda _: starts_s, hop_s=5.0, count=count)


@pytest.mark.parametrize("tempo", [0.72, 1.0, 1.2, 1.48])
def test_windows_on_one_line_outvote_stronger_ones_that_are_not(tempo):
    middles_s = np.arange(5, 35, 5.0)
    on_line = np.rint((100 + tempo * middles_s) / 5).astype(int)
    planted = [
        [(2, row, 0.3), (3, 7 * window % 50, 0.35)] for window, row in enumerate(on_line.tolist())
    ]
    best = vote_on(middles_s, planted)[0]
    assert best.recording == 2
    assert best.score == pytest.approx(6 * 0.3**2, rel=1e-6)  # all six windows, one hit each
    for point in best.points:
        assert point.reference_s == pytest.approx(100 + tempo * point.query_s, abs=2.5)


def test_the_first_point_is_the_one_most_alike_and_a_window_counts_once():
    best = vote_on([5, 10, 15], [[(1, 20, 0.3)], [(1, 21, 0.5)], [(1, 22, 0.4)]])[0]
    assert [point.query_s for point in best.points] == [10, 15, 5]
    assert best.points[0].reference_s == 105
    assert best.points[0].cosine == pytest.approx(0.5)
    starts_s = np.array([100.0, 102.0, 104.0])  # as where a recording ends: less than a hop
    (best,) = vote_on([5.0], [[(1, 1, 0.5), (1, 0, 0.4), (1, 2, 0.4)]], count=1, starts_s=starts_s)
    assert best.score == pytest.approx(0.25) and len(best.points) == 1


def test_two_places_are_two_candidates_and_as_many_as_were_asked_for_come_best_first():
    planted = [[(1, 2, 0.5), (1, 40, 0.45)], [(1, 3, 0.5), (1, 41, 0.45)]]
    found = vote_on([5, 10], planted)
    assert [candidate.recording for candidate in found] == [1, 1]
    assert [candidate.points[0].reference_s for candidate in found] == [10, 200]
    assert len(vote_on([5, 10], planted, count=1)) == 1
    planted = [[(recording, 3, 0.1 * recording) for recording in range(1, 8)]]
    found = vote_on([5], planted, count=3)
    assert [candidate.recording for candidate in found] == [7, 6, 5]


@pytest.mark.parametrize("tempo", [0.5, 2.5])
def test_tempi_beyond_the_range_do_not_agree(tempo):
    planted = [[(1, 4, 0.4)], [(1, round(4 + tempo * 30 / 5), 0.4)]]
    assert vote_on([10, 40], planted)[0].score == pytest.approx(0.4**2)


def test_nothing_similar_gives_no_candidates():
    assert vote_on([5, 10], [[], []]) == [] and vote_on([5], [[(1, 3, -0.2)]]) == []
