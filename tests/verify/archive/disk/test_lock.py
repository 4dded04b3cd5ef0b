import multiprocessing
import os
import time

import pytest

from cqtnet.errors import ArchiveError
from eval.bench.faults.together import race_writers, read_beside_a_writer
from tests.verify.archive.cases import make_archive, writing
from verify.archive.disk.lock import WriteLock


def test_a_second_writer_is_told_at_once_who_writes(tmp_path):
    make_archive(tmp_path / "a")
    with writing(tmp_path / "a"):
        began = time.perf_counter()
        with pytest.raises(ArchiveError, match=f"is being written to by process {os.getpid()}; "):
            writing(tmp_path / "a")
        assert time.perf_counter() - began < 0.5
    writing(tmp_path / "a").close()


def test_an_archive_that_is_not_opened_after_all_is_not_locked(tmp_path):
    make_archive(tmp_path / "a")
    whole = (tmp_path / "a/catalogue.sqlite").read_bytes()
    (tmp_path / "a/catalogue.sqlite").write_bytes(b"nothing")
    with pytest.raises(ArchiveError, match="damaged"):
        writing(tmp_path / "a")
    (tmp_path / "a/catalogue.sqlite").write_bytes(whole)
    writing(tmp_path / "a").close()


def test_a_worker_that_was_forked_does_not_keep_the_lock(tmp_path):
    lock = WriteLock(tmp_path)
    context = multiprocessing.get_context("fork")
    started, end = context.Event(), context.Event()

    def work():
        started.set()
        end.wait(10)

    worker = context.Process(target=work)
    worker.start()
    started.wait(10)
    with pytest.raises(ArchiveError, match="is being written to"):
        WriteLock(tmp_path)  # the parent still has it
    lock.release()
    WriteLock(tmp_path).release()
    end.set()
    worker.join()


def test_of_several_writers_one_writes_at_a_time(tmp_path):
    outcome = race_writers(tmp_path / "a", 3, 15)
    assert (outcome.tried, outcome.wrong) == (45, [])
    assert outcome.counts["written"] > 0


def test_a_reader_beside_a_writer_sees_one_moment(tmp_path):
    outcome = read_beside_a_writer(tmp_path / "a", 8)
    assert (outcome.tried, outcome.wrong) == (8, [])
