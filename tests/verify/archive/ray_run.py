"""Adds files by two Ray workers, one of which is killed; a process of its own, for Ray's sake.

python -m tests.verify.archive.ray_run ARCHIVE FILE…
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from verify.archive.add import Summary, add_files, on_ray
from verify.archive.results import NewRecording
from verify.archive.store import Store


def reading() -> list[int]:
    """The processes that are reading a file now."""
    shown = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True, check=True)
    lines = [line.split(None, 1) for line in shown.stdout.splitlines()]
    return [int(pid) for pid, args in lines if args.startswith("ray::_read")]


def main(archive: str, *files: str) -> None:
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
    summary, killed = Summary(), []
    with (
        Store.open(Path(archive), write=True) as store,
        on_ray("local", store.manifest, workers=2) as (read, jobs),
    ):

        def watched(path: str, sha256: str) -> NewRecording:
            if not killed and (busy := reading()):
                os.kill(busy[0], signal.SIGKILL)
                killed.append(busy[0])
            return read(path, sha256)

        for step in add_files(store, files, watched, jobs=jobs):
            summary.count(step)
    print(json.dumps({"jobs": jobs, "killed": len(killed), **summary.to_dict()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
