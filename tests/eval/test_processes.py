"""Work in processes; a file of its own, for every worker imports it."""

import os

import pytest

from cqtnet.errors import InputError
from cqtnet.progress import in_processes


def doubled(number):
    if number == 13:
        raise InputError(f"{number} is refused")
    if number == 99:
        os._exit(1)
    return 2 * number


def where(_):
    return os.getpid(), os.environ.get("OMP_NUM_THREADS", "")


def test_one_worker_works_here_and_several_elsewhere_with_one_thread_each(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert list(in_processes(doubled, [3, 1, 2], workers=1, doing="")) == [6, 2, 4]
    assert [pid for pid, _ in in_processes(where, [0, 0], workers=1, doing="")] == [os.getpid()] * 2
    results = list(in_processes(where, range(4), workers=2, doing=""))
    assert len(results) == 4 and os.getpid() not in {pid for pid, _ in results}
    assert {threads for _, threads in results} == {"1"}
    assert "OMP_NUM_THREADS" not in os.environ


@pytest.mark.parametrize(("task", "workers", "error", "message"), [
    (13, 2, InputError, "is refused"),
    (99, 2, ChildProcessError, "ended abruptly"),
])  # fmt: skip
def test_an_error_of_a_worker_is_raised_here(task, workers, error, message):
    with pytest.raises(error, match=message):
        list(in_processes(doubled, [1, task], workers=workers, doing=""))
