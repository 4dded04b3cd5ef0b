"""The process that does the jobs: the model, kept warm, and how far a job is."""

import os
import signal
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from importlib import import_module
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

from cqtnet.errors import InputError
from workbench import sound
from workbench.jobs import Answer, Progress, Settings, Task
from workbench.keep import Upload

if TYPE_CHECKING:
    from spoof.detect import Detector
    from verify import Archive
    from verify.comparison import Comparer
    from verify.recording import Recording

KINDS = {
    "compare": "workbench.comparing:compare", "detect": "workbench.comparing:detect",
    "fit": "workbench.comparing:fit", "report": "workbench.comparing:report",
    "add": "workbench.archive:add", "duplicates": "workbench.archive:find_duplicates",
    "reference": "workbench.archive:cut_reference", "remove": "workbench.archive:remove",
    "search": "workbench.archive:search",
}  # fmt: skip
"""Each kind of job, and the function that does it."""
UNKNOWN_S = 60.0
"""Length of a recording that does not state one: a first guess."""
TELL_EVERY_S = 0.1
TRUSTED_S = 0.5
"""So much of the guess must be done before what it took corrects the rest."""
Send = Callable[[Progress], None]


def serve(connection: Connection, settings: Settings) -> None:
    """Do the jobs that arrive, until the server ends."""
    from eval.processes import end_with_parent

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the server ends this process
    threading.Thread(target=end_with_parent, daemon=True).start()
    warnings.simplefilter("ignore")  # what a page says of a file is in its notes
    os.environ["CQTNET_CACHE"] = str(settings.folder / "memory")
    tempfile.tempdir = str(settings.folder)
    work = Work(settings)
    work.warm_up()
    while True:
        try:
            task: Task = connection.recv()
        except EOFError:
            return
        connection.send(work.done(task, connection.send))


class Steps:
    """The parts of a job, each with the seconds that it will take at a guess."""

    def __init__(self, parts: dict[str, float], send: Send) -> None:
        self._parts, self._send = parts, send
        self._total = sum(parts.values())
        self._done, self._stage, self._told = 0.0, "", 0.0
        self._begun = time.monotonic()

    @contextmanager
    def step(self, stage: str) -> Iterator[None]:
        """One part, told when it begins."""
        self._stage, self._told = stage, 0.0
        self.tell(0.0)
        yield
        self._done += self._parts[stage]

    def tell(self, share: float) -> None:
        """The share of the part that is done."""
        now = time.monotonic()
        if now - self._told >= TELL_EVERY_S:
            self._told = now
            done = self._done + self._parts[self._stage] * min(1.0, share)
            pace = (now - self._begun) / done if done > TRUSTED_S else 1.0
            left_s = (self._total - done) * pace
            self._send(Progress(self._stage, done / self._total, left_s))

    def hear(self, _: str, done: float, total: float | None) -> None:
        """What a progress bar reports."""
        self.tell(done / total if total else 0.0)


class Work:
    """The model, kept warm, and what is done with it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cached_property
    def comparer(self) -> "Comparer":
        """The comparer of the shipped weights."""
        from verify.comparison import Comparer

        return Comparer.named(device=self.settings.device)

    @cached_property
    def detector(self) -> "Detector":
        """The detector of the shipped weights."""
        from spoof.detect import Detector

        return Detector.named(device=self.settings.device)

    def open_archive(self, *, write: bool = False) -> "Archive":
        """The archive that the workbench was started with."""
        from verify import Archive

        assert self.settings.archive is not None
        return Archive.open(self.settings.archive, write=write, device=self.settings.device)

    def warm_up(self) -> None:
        """Load what the first comparison needs."""
        import numpy as np

        from cqtnet.plotting import as_svg, blank
        from verify.align import search  # noqa: F401
        from verify.report import page  # noqa: F401

        self.comparer.embedder.trace([np.zeros(66150, np.float32) + 0.1], name="silence")
        as_svg(blank(1.0), "")

    def done(self, task: Task, send: Send) -> Answer | str:
        """The answer to a task, or why there is none, in a line without names of this machine."""
        try:
            module, _, name = KINDS[task.kind].partition(":")
            answer: Answer = getattr(import_module(module), name)(self, task, send)
            return answer
        except InputError as error:
            problem = str(error)
        except (OSError, MemoryError) as error:
            problem = f"this machine could not do it: {error or 'too little memory'}"
        for upload in task.files.values():
            problem = problem.replace(str(upload.path), upload.name)
        return problem.replace(str(self.settings.folder), "")

    def prepare(self, upload: Upload, steps: Steps, stage: str) -> None:
        """Make the sound of an upload that a browser plays; refuse one that is too long."""
        with steps.step(stage):
            expected_s = expected(upload)
            if not upload.sound.exists():
                temporary = upload.sound.with_suffix(".part")
                sound.write_sound(
                    upload.path, temporary, most_s=self.settings.most_s,
                    on_second=lambda second: steps.tell(second / expected_s),
                )  # fmt: skip
                temporary.rename(upload.sound)

    def read(self, upload: Upload) -> "Recording":
        """A recording under the name that it came with."""
        recording = self.comparer.read(upload.path)
        return replace(recording, item=replace(recording.item, path=upload.name))


def expected(upload: Upload) -> float:
    """How long an upload says that it is."""
    from cqtnet import audio

    return max(1.0, audio.probe(upload.path).declared_duration_s or UNKNOWN_S)
