"""Jobs on recordings that were sent: compare, its report, a stretch of B as A plays it, a voice."""

from dataclasses import replace
from typing import TYPE_CHECKING

from cqtnet.errors import InputError
from workbench import sound
from workbench.jobs import SCHEMA_VERSION, Answer, Progress, Task
from workbench.work import Send, Steps, Work, expected

if TYPE_CHECKING:
    from spoof.detect import Detection
    from verify.recording import Recording
    from verify.results import Comparison

READ_SPEED, SOUND_SPEED = 40.0, 300.0
"""Seconds of sound that are read, and prepared for playing, in one second: a first guess."""
COMPARED_S = 1.0
"""Seconds that a comparison takes besides: a first guess."""
MOST_FITTED_S = 900.0
"""Length of a stretch that is brought to another tempo and pitch."""
CURVE = (800, 200)
"""Width and height of the curve of a voice's score."""
LEAST_SCORE = 2.0
"""The curve reaches at least so far to both sides."""


def compare(work: Work, task: Task, send: Send) -> Answer:
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
    work: Work, task: Task, send: Send, *, more: float = 0.0
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


def report(work: Work, task: Task, send: Send) -> Answer:
    """The page of a comparison for a case file, as HTML or PDF."""
    from verify.report.language import speaking
    from verify.report.page import page, part_of, write
    from verify.report.pdf import check_pdf, write_pdf

    is_pdf = task.options["form"] == "pdf"
    if is_pdf:
        check_pdf()
    comparison, a, b = compared(work, task, send, more=8.0 if is_pdf else 4.0)
    calibration = work.comparer.calibration
    with speaking(task.options["language"]):
        parts = [part_of(comparison, a, b, calibration)]
        content, name = page(parts, calibration), f"report.{task.options['form']}"
    if is_pdf:
        write_pdf(task.folder / name, content, parts)
    else:
        write(task.folder / name, content)
    return Answer({"schema_version": SCHEMA_VERSION}, files={name: task.folder / name})


def fit(work: Work, task: Task, send: Send) -> Answer:
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


def detect(work: Work, task: Task, send: Send) -> Answer:
    """Whether a voice is synthetic."""
    upload = task.files["a"]
    parts = {"preparing it for playing": 0.1, "listening": 0.3 + expected(upload) / 20}
    steps = Steps(parts, send)
    work.prepare(upload, steps, "preparing it for playing")
    with steps.step("listening"):
        found = replace(work.detector.detect(upload.path), path=upload.name)
    result = {"schema_version": SCHEMA_VERSION, **found.to_dict()}
    return Answer(result, voice_html(found), {"sound-a.wav": upload.sound})


def voice_html(found: "Detection") -> str:
    """The verdict on a voice, and its score over time, as a piece of a page."""
    from spoof.detect import headline, what_it_finds
    from verify.report.page import environment

    width, height = CURVE
    scored = [one for one in found.windows if one.score is not None]
    most = max([LEAST_SCORE, *(abs(one.score or 0.0) for one in scored)])
    x = width / max(found.duration_s, 1e-3)
    lines = [
        (x * one.start_s, x * one.end_s, height / 2 * (1 - (one.score or 0.0) / most))
        for one in scored
    ]
    return environment("workbench").get_template("voice_found.html.j2").render(
        found=found, headline=headline(found), finds=what_it_finds(found.would_find), lines=lines,
        width=width, height=height,
    )  # fmt: skip
