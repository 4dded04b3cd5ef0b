"""The process that does the jobs: the model, kept warm, and jobs on recordings that were sent."""

import itertools
import os
import signal
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from importlib import import_module
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from cqtnet.errors import InputError
from workbench import sound
from workbench.jobs import Answer, Job, Progress, Settings, Upload

if TYPE_CHECKING:
    from spoof.detect import Detector
    from verify import Archive
    from verify.comparison import Comparer
    from verify.recording import Recording
    from verify.results import Comparison

KINDS = {
    "compare": "workbench.work:compare", "detect": "workbench.work:detect",
    "fit": "workbench.work:fit", "report": "workbench.work:report",
    "add": "workbench.archive:add", "duplicates": "workbench.archive:find_duplicates",
    "reference": "workbench.archive:cut_reference", "remove": "workbench.archive:remove",
    "search": "workbench.archive:search",
}  # fmt: skip
"""Each kind of job, and the function that does it."""
Send = Callable[[Progress], None]


def serve(connection: Connection, settings: Settings) -> None:
    """Do the jobs that arrive, until the server ends."""
    from cqtnet.progress import end_with_parent

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the server ends this process
    threading.Thread(target=end_with_parent, daemon=True).start()
    warnings.simplefilter("ignore")  # what a page says of a file is in its notes
    os.environ["CQTNET_CACHE"] = str(settings.folder / "memory")
    tempfile.tempdir = str(settings.folder)
    work = Work(settings)
    work.warm_up()
    while True:
        try:
            job: Job = connection.recv()
        except EOFError:
            return
        connection.send(work.done(job, connection.send))


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
        if now - self._told >= 0.1:
            self._told = now
            done = self._done + self._parts[self._stage] * min(1.0, share)
            pace = (now - self._begun) / done if done > 0.5 else 1.0  # else the guess is all
            left_s = (self._total - done) * pace
            self._send(Progress(self._stage, done / self._total, left_s))

    def counted(self, total: int) -> Callable[[object], None]:
        """A function to call after each of so many equal pieces of a part."""
        done = itertools.count(1)
        return lambda _: self.tell(next(done) / total)


@dataclass
class Work:
    """The model, kept warm, and what is done with it."""

    settings: Settings

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

    def done(self, job: Job, send: Send) -> Answer | str:
        """The answer to a job, or why there is none, in a line without names of this machine."""
        try:
            module, _, name = KINDS[job.kind].partition(":")
            answer: Answer = getattr(import_module(module), name)(self, job, send)
            return answer
        except InputError as error:
            problem = str(error)
        except (OSError, MemoryError) as error:
            problem = f"this machine could not do it: {error or 'too little memory'}"
        for upload in job.files.values():
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


def expected(upload: Upload) -> float:
    """How long an upload says that it is."""
    from cqtnet import audio

    return max(1.0, audio.probe(upload.path).declared_duration_s or 60.0)  # a first guess


def rendered(template: str, **data: Any) -> str:
    """A piece of a page, with what reports have for theirs."""
    from verify.report.page import environment

    return environment("workbench").get_template(template).render(data)


# Jobs on recordings that were sent: compare, its report, a stretch of B as A plays it, a voice.

READ_SPEED, SOUND_SPEED = 40.0, 300.0
"""Seconds of sound that are read, and prepared for playing, in one second: a first guess."""
MOST_FITTED_S = 900.0  # length of a stretch that is brought to another tempo and pitch


def compare(work: Work, job: Job, send: Send) -> Answer:
    """Whether A and B are the same recording; its page says, too, what both recordings are."""
    from verify.edits import write_labels
    from verify.report import sections

    comparison, a, b = compared(work, job, send)
    files = {f"sound-{side}.wav": job.files[side].sound for side in "ab"}
    if comparison.edits is not None and comparison.edits.stretches:
        for name in ("labels.txt", "labels.csv"):
            write_labels(comparison.edits, job.folder / name)
            files[name] = job.folder / name
    html = rendered(
        "compared.html.j2", comparison=comparison, kicker="Comparison of two recordings",
        **sections.opening(comparison), **sections.recordings(a, b),
    )  # fmt: skip
    return Answer(comparison.to_dict(), html, files)


def compared(
    work: Work, job: Job, send: Send, *, more: float = 0.0
) -> tuple["Comparison", "Recording", "Recording"]:
    """The comparison of a job's A and B."""
    from cqtnet.progress import listening

    parts: dict[str, float] = {}
    for side in "ab":
        expected_s = expected(job.files[side])
        parts[f"preparing {side.upper()} for playing"] = 0.02 + expected_s / SOUND_SPEED
        parts[f"reading {side.upper()}"] = 0.1 + expected_s / READ_SPEED
    steps = Steps(parts | {"comparing": 1.0} | ({"writing": more} if more else {}), send)

    def hear(_: str, done: float, total: float | None) -> None:
        steps.tell(done / total if total else 0.0)

    recordings = []
    for side in "ab":
        upload = job.files[side]
        work.prepare(upload, steps, f"preparing {side.upper()} for playing")
        with steps.step(f"reading {side.upper()}"), listening(hear):
            read = work.comparer.read(upload.path)
        recordings.append(replace(read, item=replace(read.item, path=upload.name)))
    options = {name: job.options[name] for name in ("against", "population")}
    with steps.step("comparing"):
        comparison = replace(work.comparer, **options).compare(*recordings)
    if more:
        with steps.step("writing"):
            pass
    return comparison, recordings[0], recordings[1]


def report(work: Work, job: Job, send: Send) -> Answer:
    """The page of a comparison for a case file, as HTML or PDF."""
    from verify.report.language import speaking
    from verify.report.page import check_pdf, page, part_of, write, write_pdf

    is_pdf = job.options["form"] == "pdf"
    if is_pdf:
        check_pdf()
    comparison, a, b = compared(work, job, send, more=8.0 if is_pdf else 4.0)
    calibration = work.comparer.calibration
    with speaking(job.options["language"]):
        parts = [part_of(comparison, a, b, calibration)]
        content, name = page(parts, calibration), f"report.{job.options['form']}"
    if is_pdf:
        write_pdf(job.folder / name, content, parts)
    else:
        write(job.folder / name, content)
    return Answer(files={name: job.folder / name})


def fit(work: Work, job: Job, send: Send) -> Answer:
    """A stretch of B at the tempo and pitch that it has in A."""
    send(Progress("bringing B to the tempo and pitch of A", 0.0))
    stretch = job.options["stretch"]
    start_s, end_s = stretch["b_start_s"], stretch["b_end_s"]
    if end_s - start_s > MOST_FITTED_S:
        raise InputError(
            f"the stretch lasts {(end_s - start_s) / 60:.0f} min; up to {MOST_FITTED_S / 60:.0f} "
            "min can be brought to another tempo and pitch"
        )
    samples = sound.read(job.files["b"].sound, start_s, end_s)
    samples = sound.fitted(samples, stretch["tempo"], stretch["shift_semitones"])
    sound.save(samples, job.folder / "fitted.wav")
    return Answer(files={"fitted.wav": job.folder / "fitted.wav"})


def detect(work: Work, job: Job, send: Send) -> Answer:
    """Whether a voice is synthetic."""
    from spoof.detect import headline, what_it_finds

    upload = job.files["a"]
    parts = {"preparing it for playing": 0.1, "listening": 0.3 + expected(upload) / 20}
    steps = Steps(parts, send)
    work.prepare(upload, steps, "preparing it for playing")
    with steps.step("listening"):
        found = replace(work.detector.detect(upload.path), path=upload.name)
    width, height = 800, 200  # of the curve of its score over time
    x = width / max(found.duration_s, 1e-3)
    scored = [(x * w.start_s, x * w.end_s, w.score) for w in found.windows if w.score is not None]
    most = max([2.0, *(abs(score) for *_, score in scored)])  # the curve reaches at least so far
    lines = [(start, end, height / 2 * (1 - score / most)) for start, end, score in scored]
    html = rendered(
        "voice_found.html.j2", found=found, headline=headline(found), lines=lines,
        finds=what_it_finds(found.would_find), width=width, height=height,
    )  # fmt: skip
    return Answer(found.to_dict(), html, {"sound-a.wav": upload.sound})
