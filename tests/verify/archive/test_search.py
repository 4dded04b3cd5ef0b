import math
import os
import zlib
from pathlib import Path

import numpy as np
import pytest
import soundfile

from cqtnet import SAMPLE_RATE
from tests.verify.archive.pieces import fragment, music, seconds
from verify.archive.search import monitor
from verify.archive.searcher import PERHAPS_LOG_LR
from verify.archive.store import Store
from verify.archive.timeline import LATENCY_S


@pytest.fixture
def query(tmp_path):
    def write(samples):
        soundfile.write(tmp_path / "query.wav", samples, SAMPLE_RATE)
        return tmp_path / "query.wav"

    return write


@pytest.fixture
def twelve(archive):
    """The recording that the fragment is of, and its path."""
    entry = archive.store.entry(archive.number("12"))
    return entry.id, entry.paths[0]


def test_an_altered_fragment_is_found_with_place_tempo_and_pitch(archive, query):
    result = archive.search(query(fragment()))
    best = result.matches[0]
    assert Path(best.path).stem == "12" and best.verdict == "same"
    assert best.tempo == pytest.approx(1.2, abs=0.003)
    assert best.shift_semitones == pytest.approx(-2, abs=0.1)
    assert (best.query_start_s, best.query_end_s) == pytest.approx((0, 10), abs=0.5)
    assert (best.reference_start_s, best.reference_end_s) == pytest.approx((15, 27), abs=0.6)
    assert result.nearest is None


def test_a_query_up_to_two_minutes_gives_every_recording_also_one_that_holds_its_end(
    archive, query, tmp_path
):
    soundfile.write(tmp_path / "end.wav", seconds(music(12), 20, 38), SAMPLE_RATE)
    archive.add([str(tmp_path / "end.wav")])
    found = archive.search(query(seconds(music(12), 0, 36))).matches
    stretches = {Path(match.path).stem: (match.query_start_s, match.query_end_s) for match in found}
    assert stretches["12"] == pytest.approx((0, 36), abs=0.6)
    assert stretches["end"] == pytest.approx((20, 36), abs=0.6)


def test_music_that_is_not_in_the_archive_is_not_found(archive, query):
    result = archive.search(query(music(99, 10.0)))
    assert result.matches == () and result.to_dict()["answer"] == "absent"
    assert result.nearest.log_lr < PERHAPS_LOG_LR
    assert "verdict" not in result.to_dict()["nearest"]


@pytest.mark.parametrize(("samples", "problem"), [
    (lambda: np.zeros(8 * SAMPLE_RATE), "silence"),
    (lambda: 0.3 * np.sin(np.arange(8 * SAMPLE_RATE) * 0.1), "steady tones"),
    (lambda: music(12)[:SAMPLE_RATE], "less than the 2 s"),
])  # fmt: skip
def test_a_query_with_nothing_to_recognise_says_so(archive, query, samples, problem):
    result = archive.search(query(samples()))
    assert result.matches == () and problem in result.problem


@pytest.mark.parametrize("what", ["missing", "changed", "empty", "folder", "pipe", "n\0l"])
def test_a_file_that_is_not_as_it_was_proves_nothing(archive, query, twelve, tmp_path, what):
    number, path = twelve
    soundfile.write(tmp_path / "changed.wav", music(12) * 0.5, SAMPLE_RATE)
    (tmp_path / "empty.wav").touch()
    (tmp_path / "folder.wav").mkdir()
    os.mkfifo(tmp_path / "pipe.wav")
    archive.store.replace_path(path, str(tmp_path / f"{what}.wav"), 1, 1)
    result = archive.search(query(fragment()))
    assert result.matches == ()
    (unproven,) = [one for one in result.unproven if one.entry.id == number]
    words = {
        "missing": os.strerror(2), "changed": "is not the file that was added",
        "empty": "is empty", "folder": "is a folder", "pipe": "is a pipe", "n\0l": "n\\x00l.wav",
    }  # fmt: skip
    assert words[what] in unproven.reason
    assert unproven.reference_s == pytest.approx(21, abs=4)


@pytest.mark.parametrize("row", [b"no zlib", zlib.compress(b"odd"), b""])
def test_what_is_kept_of_a_recording_may_be_damaged_on_purpose(archive, query, monkeypatch, row):
    monkeypatch.setattr(archive.store, "sketch", lambda *_: [row])
    result = archive.search(query(fragment()))
    assert result.matches == () and result.unproven
    assert all("what is kept of it is damaged" in one.reason for one in result.unproven)


def test_a_file_that_was_touched_or_has_a_copy_still_proves_a_match(archive, query, twelve):
    number, path = twelve
    archive.store.replace_path(path, "/a/missing.wav", 1, 1)
    archive.store.add_path(number, path, 1, 1)  # of another size and time than it has
    assert archive.search(query(fragment())).matches[0].path == path


def test_in_a_larger_archive_a_match_needs_more_evidence(archive, query, monkeypatch):
    path = query(fragment())

    def searched(n_windows):
        monkeypatch.setattr(Store, "n_windows", property(lambda _: n_windows))
        return archive.search(path)

    archive.index  # noqa: B018  # made while the archive has the size that it has
    small, large = searched(2_000).matches, searched(10**20).matches
    assert small[0].is_sure and large == ()
    evidence = small[0].evidence
    least = 2_000 * math.exp((evidence - math.log(10)) / 0.6)  # windows from which it is not sure
    for factor, is_sure in ((0.99, True), (1.01, False)):
        result = searched(round(factor * least))
        assert result.is_sure is result.matches[0].is_sure is is_sure


def test_too_little_agreement_or_too_low_a_ratio_is_no_match(archive, query, twelve, monkeypatch):
    path = query(fragment())
    below = archive.search(path, min_log_lr=100.0)
    monkeypatch.setattr("verify.archive.searcher.LEAST_STRENGTH", 100.0)
    weak = archive.search(path)
    assert below.matches == weak.matches == ()
    assert below.nearest.entry.id == weak.nearest.entry.id == twelve[0]
    assert weak.nearest.log_lr > PERHAPS_LOG_LR


def stream(*, lost_s=(0.0, 0.0), with_what=0.0):
    """Foreign music to 10 s, 13 to 48 s with something lost, foreign to 100 s; in odd blocks."""
    samples = np.concatenate([music(95, 10.0), seconds(music(13), 0, 38), music(94, 52.0)])
    seconds(samples, *lost_s)[:] = with_what
    return (samples[i : i + 31_337].copy() for i in range(0, samples.size, 31_337))


def test_a_match_is_reported_when_it_began_and_when_it_ended(archive):
    began, ended = monitor(archive.searcher(), stream(), begins=True)
    assert (began.kind, ended.kind) == ("began", "ended")
    assert Path(began.match.path).stem == Path(ended.match.path).stem == "13"
    assert began.match.query_start_s == pytest.approx(10, abs=0.6)
    assert ended.match.query_end_s == pytest.approx(48, abs=0.6)
    assert began.at_s <= 10 + LATENCY_S and ended.at_s <= 48 + LATENCY_S


def test_a_match_with_a_dropout_is_reported_once_when_it_has_ended(archive):
    (event,) = monitor(archive.searcher(), stream(lost_s=(20.0, 36.0), with_what=np.nan))
    assert event.match.query_start_s == pytest.approx(10, abs=0.6)
    assert event.match.query_end_s == pytest.approx(48, abs=0.6)


def test_a_recording_of_which_some_was_lost_without_a_trace_is_reported_once(archive):
    song = music(13)
    samples = np.concatenate([seconds(song, 0, 14), seconds(song, 24, 40), music(94, 45.0)])
    (event,) = monitor(archive.searcher(), [samples])
    assert event.match.query_end_s == pytest.approx(30, abs=0.6)
    assert event.match.reference_end_s == pytest.approx(40, abs=0.6)
    assert event.match.tempo == pytest.approx(1, abs=0.003)


def test_silence_gives_nothing_and_the_callers_samples_stay_as_they_are(archive):
    block = np.full(SAMPLE_RATE, np.nan, np.float32)
    blocks = [block, *(np.zeros(SAMPLE_RATE, np.float32) for _ in range(60))]
    assert list(monitor(archive.searcher(), blocks)) == [] and np.isnan(block).all()
    assert list(monitor(archive.searcher(), [])) == []
