"""What the worker does: one function for each kind of job, with the model kept warm."""

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
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

from markupsafe import escape

from cqtnet.errors import InputError
from workbench import sound
from workbench.jobs import Answer, Progress, Settings, Task
from workbench.keep import Upload

if TYPE_CHECKING:
    from spoof.detect import Detector
    from verify.comparison import Comparer
    from verify.recording import Recording
    from verify.results import Comparison

SCHEMA_VERSION = 1
READ_SPEED, SOUND_SPEED = 40.0, 300.0
"""Seconds of sound that are read, and prepared for playing, in one second: a first guess."""
UNKNOWN_S = 60.0
"""Length of a recording that does not state one: a first guess."""
COMPARED_S = 1.0
"""Seconds that a comparison takes besides: a first guess."""
TELL_EVERY_S = 0.1
TRUSTED_S = 0.5
"""So much of the guess must be done before what it took corrects the rest."""
MOST_FITTED_S = 900.0
"""Length of a stretch that is brought to another tempo and pitch."""
AROUND_S = 10.0
"""So much of a recording of the archive is heard before and after its match."""


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

    def __init__(self, parts: dict[str, float], send: Callable[[Progress], None]) -> None:
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
        self._settings = settings

    @cached_property
    def comparer(self) -> "Comparer":
        """The comparer of the shipped weights."""
        from verify.comparison import Comparer

        return Comparer.named(device=self._settings.device)

    @cached_property
    def detector(self) -> "Detector":
        """The detector of the shipped weights."""
        from spoof.detect import Detector

        return Detector.named(device=self._settings.device)

    def warm_up(self) -> None:
        """Load what the first comparison needs."""
        import numpy as np

        from cqtnet.plotting import as_svg, blank
        from verify.align import search  # noqa: F401
        from verify.report import page  # noqa: F401

        self.comparer.embedder.trace([np.zeros(66150, np.float32) + 0.1], name="silence")
        as_svg(blank(1.0), "")

    def done(self, task: Task, send: Callable[[Progress], None]) -> Answer | str:
        """The answer to a task, or why there is none, in a line without names of this machine."""
        try:
            return KINDS[task.kind](self, task, send)
        except InputError as error:
            problem = str(error)
        except (OSError, MemoryError) as error:
            problem = f"this machine could not do it: {error or 'too little memory'}"
        for upload in task.files.values():
            problem = problem.replace(str(upload.path), upload.name)
        return problem.replace(str(self._settings.folder), "")

    def prepare(self, upload: Upload, steps: Steps, stage: str) -> None:
        """Make the sound of an upload that a browser plays; refuse one that is too long."""
        with steps.step(stage):
            expected_s = expected(upload)
            if not upload.sound.exists():
                temporary = upload.sound.with_suffix(".part")
                sound.write_sound(
                    upload.path, temporary, most_s=self._settings.most_s,
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


def compare(work: Work, task: Task, send: Callable[[Progress], None]) -> Answer:
    """Whether A and B are the same recording."""
    comparison, a, b = compared(work, task, send)
    files = {f"sound-{side}.wav": task.files[side].sound for side in "ab"}
    if comparison.edits is not None and comparison.edits.stretches:
        from verify.edits import write_labels

        for name in ("labels.txt", "labels.csv"):
            write_labels(comparison.edits, task.folder / name)
            files[name] = task.folder / name
    result = {"schema_version": SCHEMA_VERSION, **comparison.to_dict()}
    return Answer(result, comparison_html(comparison, a, b), files)


def compared(
    work: Work, task: Task, send: Callable[[Progress], None], *, more: float = 0.0
) -> tuple["Comparison", "Recording", "Recording"]:
    """The comparison of a task's A and B."""
    from cqtnet.progress import listening

    parts: dict[str, float] = {}
    for side in "ab":
        expected_s = expected(task.files[side])
        parts[f"preparing {side.upper()} for playing"] = 0.02 + expected_s / SOUND_SPEED
        parts[f"reading {side.upper()}"] = 0.1 + expected_s / READ_SPEED
    steps = Steps(parts | {"comparing": COMPARED_S} | ({"writing": more} if more else {}), send)
    recordings = []
    for side in "ab":
        work.prepare(task.files[side], steps, f"preparing {side.upper()} for playing")
        with steps.step(f"reading {side.upper()}"), listening(steps.hear):
            recordings.append(work.read(task.files[side]))
    options = {name: task.options[name] for name in ("against", "population")}
    with steps.step("comparing"):
        comparison = replace(work.comparer, **options).compare(*recordings)
    if more:
        with steps.step("writing"):
            pass
    return comparison, recordings[0], recordings[1]


def comparison_html(comparison: "Comparison", a: "Recording", b: "Recording") -> str:
    """The verdict, what was looked for, and what both recordings are, as a piece of a page."""
    from verify.report import sections
    from verify.report.page import environment

    return environment("workbench").get_template("compared.html.j2").render(
        comparison=comparison,
        kicker="Comparison of two recordings",
        **sections.opening(comparison),
        **sections.recordings(a, b),
    )  # fmt: skip


def report(work: Work, task: Task, send: Callable[[Progress], None]) -> Answer:
    """The page of a comparison for a case file, as HTML or PDF."""
    from verify.report.page import page, part_of, write
    from verify.report.pdf import check_pdf, write_pdf

    is_pdf = task.options["form"] == "pdf"
    if is_pdf:
        check_pdf()
    comparison, a, b = compared(work, task, send, more=8.0 if is_pdf else 4.0)
    calibration = work.comparer.calibration
    parts = [part_of(comparison, a, b, calibration)]
    content, name = page(parts, calibration), f"report.{task.options['form']}"
    if is_pdf:
        write_pdf(task.folder / name, content, parts)
    else:
        write(task.folder / name, content)
    return Answer({"schema_version": SCHEMA_VERSION}, files={name: task.folder / name})


def fit(work: Work, task: Task, send: Callable[[Progress], None]) -> Answer:
    """A stretch of B at the tempo and pitch that it has in A."""
    send(Progress("bringing B to the tempo and pitch of A", 0.0))
    stretch = task.options["stretch"]
    start_s, end_s = stretch["b_start_s"], stretch["b_end_s"]
    if end_s - start_s > MOST_FITTED_S:
        raise InputError(
            f"the stretch lasts {(end_s - start_s) / 60:.0f} min; up to {MOST_FITTED_S / 60:.0f} "
            "min can be brought to another tempo and pitch"
        )
    samples = sound.fitted(
        sound.read(task.files["b"].sound, start_s, end_s),
        tempo=stretch["tempo"],
        shift_semitones=stretch["shift_semitones"],
    )
    out = task.folder / "fitted.wav"
    sound.save(samples, out)
    return Answer({"schema_version": SCHEMA_VERSION}, files={out.name: out})


def detect(work: Work, task: Task, send: Callable[[Progress], None]) -> Answer:
    """Whether a voice is synthetic."""
    from spoof.detect import headline

    upload = task.files["a"]
    parts = {"preparing it for playing": 0.1, "listening": 0.3 + expected(upload) / 20}
    steps = Steps(parts, send)
    work.prepare(upload, steps, "preparing it for playing")
    with steps.step("listening"):
        found = replace(work.detector.detect(upload.path), path=upload.name)
    result = {"schema_version": SCHEMA_VERSION, **found.to_dict()}
    return Answer(result, str(escape(headline(found))), {"sound-a.wav": upload.sound})


def search(work: Work, task: Task, send: Callable[[Progress], None]) -> Answer:
    """Where a recording lies in the archive."""
    from verify.archive import Archive
    from verify.archive.listing import result_lines
    from verify.archive.search import search as search_file

    upload = task.files["a"]
    parts = {"preparing it for playing": 0.1, "opening the archive": 0.5}
    steps = Steps(parts | {"searching": 1 + expected(upload) / 20}, send)
    work.prepare(upload, steps, "preparing it for playing")
    assert work._settings.archive is not None
    with steps.step("opening the archive"):
        archive = Archive.open(work._settings.archive, device=work._settings.device)
    with archive, steps.step("searching"):
        found = search_file(archive.searcher(), upload.path)
        lines = result_lines(upload.name, found, n_recordings=len(archive), renditions=True)
    result = {"schema_version": SCHEMA_VERSION, "query": upload.name, **found.to_dict()}
    return Answer(result, str(escape(lines[0])), {"sound-a.wav": upload.sound})


Kind = Callable[[Work, Task, Callable[[Progress], None]], Answer]
KINDS: dict[str, Kind] = {
    "compare": compare, "report": report, "fit": fit, "detect": detect, "search": search,
}  # fmt: skip
"""What the worker can be asked for."""
