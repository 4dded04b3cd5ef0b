"""Files taken into an archive: what is known is passed over, the rest is read side by side."""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, get_args

from cqtnet import audio
from cqtnet.device import one_thread
from cqtnet.embed import Embedder
from cqtnet.errors import ArchiveError, InputError
from verify.archive.keeping import Sketch, packed
from verify.archive.results import Entry, Manifest, NewRecording
from verify.archive.store import Store
from verify.notebook import Brief
from verify.words import plural

BATCH_S = 10.0  # seconds after which what was read is written: so much work an interruption costs
BATCH_WINDOWS = 20_000  # or at the latest when it has so many windows, 160 MB as float32
ATTEMPTS = 5  # workers of a cluster that may die over one file; then the file is to blame

Outcome = Literal["added", "unchanged", "copy", "moved", "replaced", "kept", "failed"]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
Extract = Callable[[audio.StrPath, str], NewRecording]  # of a path and its SHA-256; on any thread


@dataclass(frozen=True)
class Step:
    """What became of one file."""

    path: str
    outcome: Outcome
    size: int = 0
    duration_s: float = 0.0  # of the sound that was read
    reason: str = ""


@dataclass(repr=False)
class Summary(Brief):
    """What became of all files of a run."""

    counts: dict[Outcome, int] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)  # file → why
    duration_s: float = 0.0  # of the sound that was read
    elapsed_s: float = 0.0

    @property
    def _brief(self) -> str:
        return "; ".join([self.sentence(), *self.failed.values()])

    def count(self, step: Step) -> None:
        """Count a file."""
        self.counts[step.outcome] = self.counts.get(step.outcome, 0) + 1
        self.duration_s += step.duration_s
        if step.outcome == "failed":
            self.failed[step.path] = step.reason

    def sentence(self) -> str:
        """What was done, in a line."""
        words = ", ".join(
            plural(self.counts[what], what, "copies" if what == "copy" else what)
            for what in OUTCOMES
            if what in self.counts
        )
        speed = self.duration_s / max(self.elapsed_s, 1e-9)
        return (
            f"{words or 'nothing'}; {self.duration_s / 3600:.2f} h read in {self.elapsed_s:.1f} s "
            f"({speed:.0f} × real time)"
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def add_files(
    store: Store, paths: Iterable[str], extract: Extract, *, jobs: int = 1, rehash: bool = False,
    keep: bool = False,
) -> Iterator[Step]:  # fmt: skip
    """Each file's step, once it is safe; a file that cannot be used is a step, not an error.

    A file is unchanged if path, size and time of change are those in the archive, or, with
    `rehash`, its bytes. Bytes that the archive has already are not read as sound again: the path
    is noted as that of a copy or, where no file is at an older path, as where they moved. With
    `keep`, for which `extract` must keep sound, those are read again whose sound is not kept yet.
    """
    with one_thread(), ThreadPoolExecutor(jobs) as pool:
        run = _Run(store, extract, pool, 2 * jobs, rehash, keep)
        try:
            for path in paths:
                yield from run.start(os.path.abspath(path))
            while run.running:
                yield from run.collect()
            yield from run.write()
        finally:
            for future in run.running:
                future.cancel()


def add_sound(store: Store, source: audio.Source, extract: Extract) -> Step:
    """The step of a recording in memory, whose sound `extract` must keep: no file holds it."""
    name = "samples in memory"
    try:
        file = audio.file_of(source)
        status, sha256 = audio.FileStatus.of(file), audio.file_sha256(file)
        name = f"{Path(audio.shown(file)).name} ({sha256[:8]})"  # no absolute path, so no file
        known = store.by_sha256(sha256)
        if known is not None and known.n_sounds:
            return Step(name, "unchanged", status.size)
        new = replace(extract(file, sha256), path=name)
    except InputError as error:
        return Step(name, "failed", reason=str(error))
    store.add([new])
    return Step(name, "kept" if known else "added", status.size, new.duration_s)


@dataclass
class _Run:
    """Files being read on several threads, and written on this one."""

    store: Store
    extract: Extract
    pool: ThreadPoolExecutor
    at_once: int
    rehash: bool
    keep: bool
    running: dict[Future[Any], str] = field(default_factory=dict)
    unwritten: list[NewRecording] = field(default_factory=list)
    written_at: float = field(default_factory=time.monotonic)

    def start(self, path: str) -> Iterator[Step]:
        """Begin to read a file; gives the steps of others that are done meanwhile."""
        try:
            status = audio.FileStatus.of(path)
        except InputError as error:
            yield Step(path, "failed", reason=str(error))
            return
        known = self.store.by_path(path)
        is_kept = known is not None and (known[0].n_sounds > 0 or not self.keep)
        if known and is_kept and not self.rehash and known[1:] == status.noted:
            yield Step(path, "unchanged", status.size)
            return
        self.running[self.pool.submit(lambda: (status, audio.file_sha256(path)))] = path
        while len(self.running) >= self.at_once:
            yield from self.collect()

    def collect(self) -> Iterator[Step]:
        """Wait for at least one file, and go on with those that are done."""
        done, _ = wait(self.running, return_when=FIRST_COMPLETED)
        for future in done:
            path = self.running.pop(future)
            try:
                result = future.result()
            except (InputError, OSError) as error:
                yield Step(path, "failed", reason=str(error))
                continue
            if isinstance(result, NewRecording):
                self.unwritten.append(result)
                continue
            status, sha256 = result  # the status is that of before the bytes were read
            entry = self.store.by_sha256(sha256)
            if entry and (entry.n_sounds or not self.keep):
                yield self._note_path(entry, path, status)
            else:
                self.running[self.pool.submit(self._read, path, status, sha256)] = path
        n_windows = sum(len(new.start_s) for new in self.unwritten)
        if n_windows >= BATCH_WINDOWS or time.monotonic() - self.written_at >= BATCH_S:
            yield from self.write()

    def _read(self, path: str, status: audio.FileStatus, sha256: str) -> NewRecording:
        """What is kept of a file; an error if it is not the one that was hashed any more."""
        new = self.extract(path, sha256)
        status.refuse_other(path)
        return new

    def write(self) -> Iterator[Step]:
        """Write what was read; then it is safe."""
        new, self.unwritten, self.written_at = self.unwritten, [], time.monotonic()
        before = {one.path: known[0] for one in new if (known := self.store.by_path(one.path))}
        old = {one.sha256 for one in new if self.store.by_sha256(one.sha256)}
        self.store.add(new)
        written: set[str] = set()
        for one in new:
            replaced = one.path in before and self._remove_if_unused(before[one.path])
            is_kept = one.sha256 in old and one.sound
            is_copy = one.sha256 in written  # of another file that was read in the same run
            written.add(one.sha256)
            outcome: Outcome = (
                "replaced" if replaced else "kept" if is_kept else "copy" if is_copy else "added"
            )
            yield Step(one.path, outcome, one.size, one.duration_s)

    def _note_path(self, entry: Entry, path: str, status: audio.FileStatus) -> Step:
        """Note where bytes lie that the archive has already."""
        known = self.store.by_path(path)
        gone = [p for p in entry.paths if p != path and not os.path.exists(p)]
        outcome: Outcome = "unchanged" if path in entry.paths else "moved" if gone else "copy"
        if outcome == "moved":
            self.store.replace_paths([(gone[0], path, *status.noted)])
        else:
            self.store.add_path(entry.id, path, *status.noted)
        if known and known[0].id != entry.id:
            self._remove_if_unused(known[0])
        return Step(path, outcome, status.size)

    def _remove_if_unused(self, entry: Entry) -> bool:
        """Remove a recording if its last file has come to hold other bytes."""
        try:
            left = self.store.entry(entry.id)
        except ArchiveError:  # two of its files in one run
            return True
        if not left.paths:
            self.store.remove([entry.id])
        return not left.paths


def extract(
    path: audio.StrPath, sha256: str, *, embedder: Embedder, manifest: Manifest,
    tags: Sequence[str] = (), keep: bool = False,
) -> NewRecording:  # fmt: skip
    """What an archive keeps of a file, with `keep` its sound, too, but no windows of silence.

    A silent, short or changing file is an error. `sha256` is that of its bytes.
    """
    before = audio.FileStatus.of(path)
    trace = embedder.read(path)
    windows = embedder.windows(trace, window_s=manifest.window_s, hop_s=manifest.hop_s)
    kept = windows.has_content
    sound: tuple[bytes, ...] = ()
    if keep:
        with audio.stream(path) as blocks:
            sound = tuple(packed(blocks))
    before.refuse_other(path)
    return NewRecording(
        os.fsdecode(path), sha256, *before.noted, trace.duration_s, tuple(tags),
        windows.vectors[kept], windows.start_s[kept], Sketch.of(trace.roots).packed(), sound,
    )  # fmt: skip


@contextmanager
def on_ray(
    address: str, manifest: Manifest, *, tags: Sequence[str] = (), workers: int | None = None,
    keep: bool = False,
) -> Iterator[tuple[Extract, int]]:  # fmt: skip
    """What reads a file on a Ray cluster, and how many it reads at once.

    A unit of work is one file, known by the SHA-256 of its bytes. It has no effect but its result,
    so Ray gives it to another worker when one dies. Every machine must see the files under the
    same paths, and have the weights. `address` is that of the cluster's head, `auto` for the one
    this machine belongs to, or `local` for `workers` on this machine, by default one a processor.
    """
    if find_spec("ray") is None:
        raise InputError('reading on a cluster needs Ray; pip install "cqtnet[ray]"')
    import ray

    try:
        own = {"num_cpus": workers, "include_dashboard": False} if address == "local" else {}
        ray.init(address, log_to_driver=False, **own)
    except (ConnectionError, ValueError) as error:
        raise InputError(f"no Ray cluster at {address}: {error}") from error
    remote = ray.remote(max_retries=ATTEMPTS, num_cpus=1)(_read)

    def read(path: audio.StrPath, sha256: str) -> NewRecording:
        task = remote.remote(path, sha256, manifest, tuple(tags), keep)
        try:
            new: NewRecording | InputError = ray.get(task)
        except ray.exceptions.RayError as error:
            what = f"{audio.shown(path)} was not read by any worker: {error}"
            raise ArchiveError(what) from error
        if isinstance(new, InputError):  # one that is raised there comes here as another one
            raise new
        return new

    try:
        yield read, max(1, int(ray.cluster_resources().get("CPU", 1)))
    finally:
        ray.shutdown()


def _read(
    path: str, sha256: str, manifest: Manifest, tags: Sequence[str], keep: bool
) -> NewRecording | InputError:
    """One unit of work, on whichever machine."""
    try:
        if audio.file_sha256(path) != sha256:
            raise InputError(f"{path} holds other bytes there than here; share the folder")
        embedder = _embedder(manifest.model, manifest.model_sha256)
        return extract(path, sha256, embedder=embedder, manifest=manifest, tags=tags, keep=keep)
    except InputError as error:
        return error


@cache
def _embedder(model: str, sha256: str) -> Embedder:
    """The network of a worker, made once."""
    os.environ["OMP_NUM_THREADS"] = "1"  # every processor has a worker already
    embedder = Embedder.named(model)
    if embedder.sha256 != sha256:
        raise InputError(f"the weights `{model}` there are others than the archive was made with")
    return embedder
