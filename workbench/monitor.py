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
        self._thread = threading.Thread(target=self._read, daemon=True)
        if archive is None or source is None:
            return
        words = [str(archive.absolute()), "--input", source, "--json"]
        self._process = subprocess.Popen(
            [sys.executable, "-c", CODE, *words], stdout=subprocess.PIPE, text=True
        )
        self._thread.start()

    def _read(self) -> None:
        assert self._process is not None and self._process.stdout is not None
        for line in self._process.stdout:
            self._events.append(json.loads(line))
            self._count += 1

    def told(self, after: int) -> dict[str, Any]:
        """Events after so many, and how many there were."""
        is_running = self._thread.is_alive()  # asked first: what it read last is told, too
        count, events = self._count, list(self._events)
        new = max(0, count - after)
        return {
            "source": self.source,
            "running": is_running,
            "events": events[-new:] if new else [],
            "next": count,
        }

    def close(self) -> None:
        """End the process."""
        if self._process is not None and self._process.stdout is not None:
            self._process.terminate()
            self._process.wait()
            self._thread.join()
            self._process.stdout.close()
