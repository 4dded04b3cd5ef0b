"""Searching: short queries, altered and foreign, changed files; and sound that arrives."""

import math
import os

import numpy as np
import pytest
import soundfile

from cqtnet import SAMPLE_RATE
from cqtnet.music import make_music
from tests.verify.archive.small_archive import (
    SmallArchive,
    altered,
    music,
    searcher_of,
    seconds,
)
from verify.archive.search import monitor, search
from verify.archive.searcher import PERHAPS_LOG_LR
from verify.archive.timeline import LATENCY_S


@pytest.fixture
def archive(tmp_path):
    folder = tmp_path / "music"
    folder.mkdir()
    return SmallArchive(folder)


@pytest.fixture
def query(tmp_path):
    def write(samples):
        soundfile.write(tmp_path / "query.wav", samples, SAMPLE_RATE)
        return tmp_path / "query.wav"

    return write


def fragment(seed=12):
    """12 s from 15 s on, played 1.2 times as fast and 2 semitones lower: 10 s."""
    return altered(seconds(music(seed), 15, 27), tempo=1.2, shift_semitones=-2)


def test_an_altered_fragment_is_found_with_place_tempo_and_pitch(archive, query):
    found = search(searcher_of(archive), query(fragment()))
    best = found.matches[0]
    assert best.entry.tags == ("12",)
    assert best.verdict == "same"
    assert best.tempo == pytest.approx(1.2, abs=0.003)
    assert best.shift_semitones == pytest.approx(-2, abs=0.1)
    assert best.query_start_s == pytest.approx(0, abs=0.5)
    assert best.query_end_s == pytest.approx(10, abs=0.5)
    assert best.reference_start_s == pytest.approx(15, abs=0.6)
    assert best.reference_end_s == pytest.approx(27, abs=0.6)


def test_what_was_put_around_a_fragment_does_not_belong_to_the_match(archive, query):
    foreign = make_music(99, duration_s=5.0)
    found = search(searcher_of(archive), query(np.append(foreign, seconds(music(13), 20, 29))))
    assert [match.entry.tags for match in found.matches] == [("13",)]
    assert found.matches[0].query_start_s == pytest.approx(5, abs=0.5)
    assert found.matches[0].reference_start_s == pytest.approx(20, abs=0.5)


def test_music_that_is_not_in_the_archive_is_not_found(archive, query):
    found = search(searcher_of(archive), query(make_music(99, duration_s=10.0)))
    assert found.matches == ()
    assert found.to_dict()["found"] is False
    assert found.nearest is not None and found.nearest.log_lr < PERHAPS_LOG_LR
    assert "verdict" not in found.to_dict()["nearest"]


@pytest.mark.parametrize(
    ("samples", "problem"),
    [
        (np.zeros(8 * SAMPLE_RATE), "silence"),
        (0.3 * np.sin(np.arange(8 * SAMPLE_RATE) * 0.1), "steady tones"),
        (make_music(12, duration_s=1.0), "less than the 2 s"),
    ],
)
def test_a_query_with_nothing_to_recognise_says_so(archive, query, samples, problem):
    found = search(searcher_of(archive), query(samples))
    assert found.matches == ()
    assert problem in found.problem


def test_a_missing_file_is_a_candidate_without_proof(archive, query):
    os.unlink(archive.entry(2).paths[0])
    found = search(searcher_of(archive), query(fragment()))
    assert found.matches == ()
    unproven = found.unproven[0]
    assert unproven.entry.id == 2
    assert "cannot be opened" in unproven.reason
    assert unproven.reference_s == pytest.approx(21, abs=4)


def test_a_file_that_was_changed_is_a_candidate_without_proof(archive, query):
    soundfile.write(archive.entry(2).paths[0], music(12) * 0.5, SAMPLE_RATE)
    found = search(searcher_of(archive), query(fragment()))
    assert found.matches == ()
    assert "is not the file that was added" in found.unproven[0].reason


def test_a_file_that_was_only_touched_is_still_the_same(archive, query):
    os.utime(archive.entry(2).paths[0], (1, 1))
    assert search(searcher_of(archive), query(fragment())).matches[0].entry.id == 2


def test_a_copy_stands_in_for_a_missing_file(archive, query, tmp_path):
    path = archive.entry(2).paths[0]
    os.rename(path, tmp_path / "elsewhere.wav")
    archive.also_at(2, tmp_path / "elsewhere.wav")
    found = search(searcher_of(archive), query(fragment()))
    assert found.matches[0].path == str(tmp_path / "elsewhere.wav")


def test_a_ratio_below_the_least_is_no_match(archive, query):
    found = search(searcher_of(archive, min_log_lr=100.0), query(fragment()))
    assert found.matches == ()
    assert found.nearest is not None and found.nearest.entry.id == 2


def test_in_a_larger_archive_a_match_needs_more_evidence(archive, query):
    path = query(fragment())

    def searched(n_windows):
        archive.n_windows = n_windows
        return search(searcher_of(archive), path)

    small, large = searched(2_000).matches, searched(10**20).matches
    assert small[0].is_sure and large == ()
    evidence = small[0].evidence
    least = 2_000 * math.exp((evidence - math.log(10)) / 0.6)  # windows from which it is not sure
    for factor, is_sure in ((0.99, True), (1.01, False)):
        found = searched(round(factor * least))
        assert found.is_sure is found.matches[0].is_sure is is_sure


def test_where_too_little_agrees_no_ratio_makes_a_match(archive, query, monkeypatch):
    monkeypatch.setattr("verify.archive.searcher.LEAST_STRENGTH", 100.0)
    found = search(searcher_of(archive), query(fragment()))
    assert found.matches == ()
    assert found.nearest is not None and found.nearest.log_lr > PERHAPS_LOG_LR


def test_a_found_fragment_has_no_nearest(archive, query):
    assert search(searcher_of(archive), query(fragment())).nearest is None


@pytest.fixture(scope="module")
def streamed(tmp_path_factory):
    return SmallArchive(tmp_path_factory.mktemp("music"))


def stream(*, lost_s=(0.0, 0.0), with_what=0.0):
    """Foreign music to 10 s, 13 to 48 s with something lost, foreign to 100 s; in odd blocks."""
    foreign = [make_music(seed, duration_s=length_s) for seed, length_s in ((95, 10), (94, 52))]
    samples = np.concatenate([foreign[0], seconds(music(13), 0, 38), foreign[1]])
    seconds(samples, *lost_s)[:] = with_what
    return (samples[i : i + 31_337].copy() for i in range(0, samples.size, 31_337))


def test_a_match_is_reported_when_it_began_and_when_it_ended(streamed):
    began, ended = monitor(searcher_of(streamed), stream(), begins=True)
    assert (began.kind, ended.kind) == ("began", "ended")
    assert began.match.entry.tags == ended.match.entry.tags == ("13",)
    assert began.match.query_start_s == pytest.approx(10, abs=0.6)
    assert ended.match.query_end_s == pytest.approx(48, abs=0.6)
    assert began.at_s <= 10 + LATENCY_S
    assert ended.at_s <= 48 + LATENCY_S


@pytest.mark.parametrize("with_what", [0.0, np.nan])
def test_a_match_with_a_dropout_is_reported_once_when_it_has_ended(streamed, with_what):
    (event,) = monitor(searcher_of(streamed), stream(lost_s=(20.0, 36.0), with_what=with_what))
    assert event.match.query_start_s == pytest.approx(10, abs=0.6)
    assert event.match.query_end_s == pytest.approx(48, abs=0.6)


def test_a_recording_of_which_some_was_lost_without_a_trace_is_reported_once(streamed):
    song, foreign = music(13), make_music(94, duration_s=45.0)
    samples = np.concatenate([seconds(song, 0, 14), seconds(song, 24, 40), foreign])
    (event,) = monitor(searcher_of(streamed), [samples])
    assert event.match.query_end_s == pytest.approx(30, abs=0.6)
    assert event.match.reference_end_s == pytest.approx(40, abs=0.6)
    assert event.match.tempo == pytest.approx(1, abs=0.003)


def test_samples_of_the_caller_are_left_as_they_are(streamed):
    block = np.full(SAMPLE_RATE, np.nan, np.float32)
    assert list(monitor(searcher_of(streamed), [block])) == []
    assert np.isnan(block).all()


def test_silence_and_an_empty_stream_give_nothing(streamed):
    silence = (np.zeros(SAMPLE_RATE, np.float32) for _ in range(60))
    assert list(monitor(searcher_of(streamed), silence)) == []
    assert list(monitor(searcher_of(streamed), [])) == []
