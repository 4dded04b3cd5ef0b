"""Jobs on the archive (search, hear a reference, add, remove, find duplicates), and its stream."""

import json
import re
import secrets
import shutil
import subprocess
import sys
import threading
from collections import deque
from pathlib import Path
from typing import Any

from cqtnet import SAMPLE_RATE, audio
from cqtnet.errors import InputError
from cqtnet.files import Closing
from workbench import sound
from workbench.jobs import Answer, Job, Progress
from workbench.work import Send, Steps, Work, expected, rendered

UPLOADS = "uploads"  # the folder in an archive of the recordings that were added from a page
SEARCH_SPEED = 20.0  # seconds of sound that are searched for, or added, in one second: a guess
AROUND_S = 10.0  # so much of a reference is heard before and after its match
MOST_HEARD_S = 900.0  # a longer reference is cut off


def search(work: Work, job: Job, send: Send) -> Answer:
    """Where a recording lies in the archive."""
    from verify.archive.listing import result_lines
    from verify.archive.search import search as search_file
    from verify.report.search import draw_time_line

    upload = job.files["a"]
    parts = {"preparing it for playing": 0.1, "opening the archive": 0.5}
    steps = Steps(parts | {"searching": 1 + expected(upload) / SEARCH_SPEED}, send)
    work.prepare(upload, steps, "preparing it for playing")
    with steps.step("opening the archive"):
        archive = work.open_archive()
    with archive, steps.step("searching"):
        found = search_file(archive.searcher(), upload.path)
        headline, *_ = result_lines(upload.name, found, n_recordings=len(archive))
    time_line = draw_time_line(found)
    html = _rendered("found.html.j2", found=found, headline=headline, time_line=time_line)
    result = {"query": upload.name, **found.to_dict()}
    return Answer(result, html, {"sound-a.wav": upload.sound})


def _rendered(template: str, **data: Any) -> str:
    from verify.archive.listing import match_line  # here, for it takes a third of a second
    from verify.report.page import environment

    environment("workbench").filters["match_line"] = match_line
    return rendered(template, **data)


def cut_reference(work: Work, job: Job, send: Send) -> Answer:
    """The part of a recording of the archive that a match is of, and some of what is around."""
    from augment.tempo import resample

    send(Progress("reading the reference", 0.0))
    match = job.options["match"]
    start_s = max(0.0, match["reference_start_s"] - AROUND_S)
    end_s = min(match["reference_end_s"] + AROUND_S, start_s + MOST_HEARD_S)
    with work.open_archive() as archive:
        found = archive.searcher().references.excerpt(match["id"], start_s, end_s)
    out = job.folder / "reference.wav"
    sound.save(resample(found.samples, SAMPLE_RATE, sound.RATE_HZ), out)
    result = {"start_s": found.start_s, "duration_s": found.duration_s}
    return Answer(result, files={"sound-a.wav": job.files["a"].sound, "sound-b.wav": out})


def add(work: Work, job: Job, send: Send) -> Answer:
    """Add recordings; they are kept in a folder of the archive."""
    uploads = list(job.files.values())
    steps = Steps({"adding": sum(map(expected, uploads)) / SEARCH_SPEED + 1}, send)
    limits = audio.Limits(max_stream_s=work.settings.most_s)
    for upload in uploads:
        with audio.stream(upload.path, limits=limits) as blocks:
            for _ in blocks:  # one that is too long raises
                pass
    with work.open_archive(write=True) as archive, steps.step("adding"):
        folder = archive.store.folder / UPLOADS
        folder.mkdir(exist_ok=True)
        names = {}
        for upload in uploads:  # what is plain of its own name, behind a random number
            plain_name = re.sub(r"[^A-Za-z0-9._-]+", "_", upload.name)
            target = folder / f"{secrets.token_hex(6)}-{plain_name}"
            shutil.copyfile(upload.path, target)
            names[str(target)] = upload.name
        tags, count = job.options["tags"], steps.counted(len(uploads))
        summary = archive.add(list(names), tags=tags, jobs=1, on_step=count)
    for path in summary.failed:
        Path(path).unlink(missing_ok=True)
    plain = summary.to_dict()
    plain["failed"] = {names[p]: why.replace(p, names[p]) for p, why in summary.failed.items()}
    return Answer(plain | {"passed_over": {}})


def remove(work: Work, job: Job, send: Send) -> Answer:
    """Remove a recording; its file goes, too, if it was added from a page."""
    send(Progress("removing", 0.0))
    with work.open_archive(write=True) as archive:
        chosen = archive.select(numbers=[job.options["number"]])
        archive.remove([entry.id for entry in chosen])
        folder = (archive.store.folder / UPLOADS).resolve()
    for entry in chosen:
        for path in map(Path, entry.paths):
            if path.resolve().parent == folder:
                path.unlink(missing_ok=True)
    return Answer({"removed": chosen, "dry_run": False})


def find_duplicates(work: Work, _: Job, send: Send) -> Answer:
    """Recordings that share sound, in groups."""
    from verify.archive.duplicates import Pair, duplicates, grouped

    with work.open_archive() as archive:
        steps = Steps({"comparing": max(1.0, len(archive) / 4)}, send)
        with steps.step("comparing"):
            found = list(duplicates(archive, on_progress=steps.counted(len(archive))))
    pairs = [one for one in found if isinstance(one, Pair)]
    problems = [str(one) for one in found if isinstance(one, InputError)]
    groups = grouped(pairs)
    html = _rendered("duplicates.html.j2", groups=groups, pairs=pairs, problems=problems)
    return Answer({"groups": groups, "pairs": pairs, "problems": problems}, html)


# A stream that the workbench listens to, named on the command line: its log.


class Monitor(Closing):
    """`cqtnet monitor` in a process of its own; without a source, nothing is listened to."""

    def __init__(self, archive: Path | None, source: str | None) -> None:
        self.source = source
        self._events: deque[dict[str, Any]] = deque(maxlen=1000)
        self._count = 0
        self._process: subprocess.Popen[str] | None = None
        self._thread = threading.Thread(target=self._read, daemon=True)
        if archive is None or source is None:
            return
        code = "from verify.commands.monitor import monitor; monitor()"
        words = ["-c", code, str(archive.absolute()), "--input", source, "--json"]
        self._process = subprocess.Popen(
            [sys.executable, *words], stdout=subprocess.PIPE, text=True
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
        new = events[-(count - after) :] if count > after else []
        return {"source": self.source, "running": is_running, "events": new, "next": count}

    def close(self) -> None:
        """End the process."""
        if self._process is not None and self._process.stdout is not None:
            self._process.terminate()
            try:
                self._process.wait(5.0)  # it tells what it has heard
            except subprocess.TimeoutExpired:  # it waits for a stream that is stalled
                self._process.kill()
                self._process.wait()
            self._thread.join()
            self._process.stdout.close()
