"""What a killed run leaves behind: files that it was writing."""

import os
import re
from pathlib import Path

UNFINISHED = re.compile(r"\.writing-([0-9]{1,9})-[0-9a-f]{8}\b.*")
"""As `cqtnet.files.written_whole` names them; the number is the process."""


def remove_leftovers(folder: Path) -> None:
    """Remove from a folder the unfinished files of processes that have ended."""
    for path in folder.glob(".writing-*"):
        named = UNFINISHED.fullmatch(path.name)
        if named and not _is_alive(int(named[1])):
            path.unlink(missing_ok=True)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)  # sends nothing, only looks
    except ProcessLookupError:
        return False
    except OSError:  # of another user
        return True
    return True
