import pytest

from eval.bench.faults.full_disks import fill_disk, limit_file_sizes


def stages(outcome):
    return {what.split(":")[0] for what in outcome.counts}


def test_files_that_may_not_grow_leave_the_archive_as_it_was(tmp_path):
    outcome = limit_file_sizes(tmp_path, [700, 30_000, 60_000, 100_000])
    assert outcome.wrong == []
    assert stages(outcome) >= {"create", "add", "remove", "add path"}
    assert not [what for what in outcome.counts if "UNCLEAR" in what]


def test_a_full_disk_leaves_the_archive_as_it_was(tmp_path):
    outcome = fill_disk(tmp_path, [0, 20_480, 61_440, 122_880])
    if outcome is None:
        pytest.skip("no small disk can be mounted here")
    assert outcome.wrong == []
    assert stages(outcome) >= {"create", "add", "remove", "add path", "compact"}
    assert not [what for what in outcome.counts if "UNCLEAR" in what]
