"""A stream that the workbench listens to, named on the command line: its log."""

import json
import subprocess
import sys
import threading
from collections import deque
from pathlib import Path
from typing import Any

from cqtnet.files import Closing

MOST_EVENTS = 1000
"""The latest events are kept."""
CODE = "from verify.commands.monitor import monitor; monitor()"


class Monitor(Closing):
    """`cqtnet monitor` in a process of its own; without a source, nothing is listened to.

    >>> with Monitor(Path("archive"), "https://radio.example/stream.mp3") as monitor:
    ...     monitor.told(0)["events"]
    """

    def __init__(self, archive: Path | None, source: str | None) -> None:
        self.source = source
        self._events: deque[dict[str, Any]] = deque(maxlen=MOST_EVENTS)
        self._count = 0
        self._process: subprocess.Popen[str] | None = None
        if archive is None or source is None:
            return
        words = [str(archive.absolute()), "--input", source, "--json"]
        self._process = subprocess.Popen(
            [sys.executable, "-c", CODE, *words], stdout=subprocess.PIPE, text=True
        )
        threading.Thread(target=self._read, args=(self._process,), daemon=True).start()

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self._events.append(json.loads(line))
            self._count += 1

    def told(self, after: int) -> dict[str, Any]:
        """Events after so many, and how many there were."""
        count, events = self._count, list(self._events)
        new = max(0, count - after)
        return {
            "source": self.source,
            "running": self._process is not None and self._process.poll() is None,
            "events": events[-new:] if new else [],
            "next": count,
        }

    def close(self) -> None:
        """End the process."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait()
