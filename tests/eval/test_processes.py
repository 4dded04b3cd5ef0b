import os

import pytest

from cqtnet.errors import InputError
from eval.processes import in_processes


def doubled(number: int) -> int:
    return 2 * number


def refused(number: int) -> int:
    raise InputError(f"{number} is refused")


def dead(number: int) -> int:
    os._exit(number)


def where(_: int) -> tuple[int, str]:
    return os.getpid(), os.environ.get("OMP_NUM_THREADS", "")


def test_one_worker_works_here_in_order() -> None:
    assert list(in_processes(doubled, [3, 1, 2], workers=1)) == [6, 2, 4]
    assert [pid for pid, _ in in_processes(where, [0, 0], workers=1)] == [os.getpid()] * 2


def test_several_work_elsewhere_with_one_thread_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    results = list(in_processes(where, range(4), workers=2))
    assert len(results) == 4
    assert os.getpid() not in {pid for pid, _ in results}
    assert {threads for _, threads in results} == {"1"}
    assert "OMP_NUM_THREADS" not in os.environ


def test_an_error_of_a_worker_is_raised_here() -> None:
    with pytest.raises(InputError, match="is refused"):
        list(in_processes(refused, [1, 2], workers=2))


def test_a_worker_that_dies_is_an_error_of_the_system() -> None:
    with pytest.raises(ChildProcessError, match="ended abruptly"):
        list(in_processes(dead, [1, 2], workers=2))


def test_no_workers_are_refused() -> None:
    with pytest.raises(InputError, match="give at least 1"):
        list(in_processes(doubled, [1, 2], workers=0))
