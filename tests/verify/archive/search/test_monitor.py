"""Monitoring: blocks as they arrive, with dropouts."""

import numpy as np
import pytest
from tests.verify.archive.search.searching import SmallArchive, music, searcher_of, seconds
from verify.archive.search.monitor import monitor
from verify.archive.search.timeline import LATENCY_S

from cqtnet import SAMPLE_RATE
from cqtnet.music import make_music


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    return SmallArchive(tmp_path_factory.mktemp("music"))


def stream(*, lost_s=(0.0, 0.0), with_what=0.0):
    """Foreign music to 10 s, 13 to 48 s with something lost, foreign to 100 s; in odd blocks."""
    foreign = [make_music(seed, duration_s=length_s) for seed, length_s in ((95, 10), (94, 52))]
    samples = np.concatenate([foreign[0], seconds(music(13), 0, 38), foreign[1]])
    seconds(samples, *lost_s)[:] = with_what
    return (samples[i : i + 31_337].copy() for i in range(0, samples.size, 31_337))


def test_a_match_is_told_when_it_began_and_when_it_ended(archive):
    began, ended = monitor(searcher_of(archive), stream(), begins=True)
    assert (began.kind, ended.kind) == ("began", "ended")
    assert began.match.entry.tags == ended.match.entry.tags == ("13",)
    assert began.match.query_start_s == pytest.approx(10, abs=0.6)
    assert ended.match.query_end_s == pytest.approx(48, abs=0.6)
    assert began.at_s <= 10 + LATENCY_S
    assert ended.at_s <= 48 + LATENCY_S


@pytest.mark.parametrize("with_what", [0.0, np.nan])
def test_a_match_with_a_dropout_is_told_once_when_it_has_ended(archive, with_what):
    (news,) = monitor(searcher_of(archive), stream(lost_s=(20.0, 36.0), with_what=with_what))
    assert news.match.query_start_s == pytest.approx(10, abs=0.6)
    assert news.match.query_end_s == pytest.approx(48, abs=0.6)


def test_a_recording_of_which_some_was_lost_without_a_trace_is_told_once(archive):
    song, foreign = music(13), make_music(94, duration_s=45.0)
    samples = np.concatenate([seconds(song, 0, 14), seconds(song, 24, 40), foreign])
    (news,) = monitor(searcher_of(archive), [samples])
    assert news.match.query_end_s == pytest.approx(30, abs=0.6)
    assert news.match.reference_end_s == pytest.approx(40, abs=0.6)
    assert news.match.tempo == pytest.approx(1, abs=0.003)


def test_samples_of_the_caller_are_left_as_they_are(archive):
    block = np.full(SAMPLE_RATE, np.nan, np.float32)
    assert list(monitor(searcher_of(archive), [block])) == []
    assert np.isnan(block).all()


def test_silence_and_an_empty_stream_give_nothing(archive):
    silence = (np.zeros(SAMPLE_RATE, np.float32) for _ in range(60))
    assert list(monitor(searcher_of(archive), silence)) == []
    assert list(monitor(searcher_of(archive), [])) == []
