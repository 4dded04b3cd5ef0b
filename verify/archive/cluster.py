"""Files read on many machines, by Ray: the archive is written here, the sound is read there.

A unit of work is one file, known by the SHA-256 of its bytes. It has no effect but its result, so
Ray gives it to another worker when one dies, and a run that ends half-way is started again like
any other: what the archive has is passed over. Every machine must see the files under the same
paths, and have the weights.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec

from cqtnet import audio
from cqtnet.embed import Embedder
from cqtnet.errors import ArchiveError, InputError
from verify.archive.adding import Extract
from verify.archive.disk.manifest import Manifest
from verify.archive.extract import extract
from verify.archive.results import NewRecording

ATTEMPTS = 5
"""Workers that may die over one file; then the file is to blame."""


@contextmanager
def on_ray(
    address: str, manifest: Manifest, *, tags: Sequence[str] = (), workers: int | None = None
) -> Iterator[tuple[Extract, int]]:
    """What reads a file on a Ray cluster, and how many it reads at once.

    `address` is that of the cluster's head, `auto` for the one this machine belongs to, or
    `local` for `workers` on this machine, by default one a processor.

    >>> with on_ray("auto", archive.store.manifest) as (read, jobs):
    ...     steps = list(add_files(archive.store, paths, read, jobs=jobs))
    """
    if find_spec("ray") is None:
        raise InputError('reading on a cluster needs Ray; pip install "cqtnet[ray]"')
    import ray

    try:
        if address == "local":
            ray.init("local", num_cpus=workers, log_to_driver=False, include_dashboard=False)
        else:
            ray.init(address, log_to_driver=False)
    except (ConnectionError, ValueError) as error:
        raise InputError(f"no Ray cluster at {address}: {error}") from error
    remote = ray.remote(max_retries=ATTEMPTS, num_cpus=1)(_read)

    def read(path: str, sha256: str) -> NewRecording:
        try:
            new: NewRecording | InputError = ray.get(
                remote.remote(path, sha256, manifest, tuple(tags))
            )
        except ray.exceptions.RayError as error:
            raise ArchiveError(f"{path} was not read by any worker: {error}") from error
        if isinstance(new, InputError):  # one that is raised there comes here as another one
            raise new
        return new

    try:
        yield read, max(1, int(ray.cluster_resources().get("CPU", 1)))
    finally:
        ray.shutdown()


def _read(
    path: str, sha256: str, manifest: Manifest, tags: tuple[str, ...]
) -> NewRecording | InputError:
    """One unit of work, on whichever machine."""
    try:
        if audio.file_sha256(path) != sha256:
            raise InputError(f"{path} holds other bytes there than here; share the folder")
        return extract(
            path,
            _embedder(manifest.model, manifest.model_sha256),
            window_s=manifest.window_s,
            hop_s=manifest.hop_s,
            sha256=sha256,
            tags=tags,
        )
    except InputError as error:
        return error


@cache
def _embedder(model: str, sha256: str) -> Embedder:
    """The network of a worker, made once."""
    import torch

    torch.set_num_threads(1)
    embedder = Embedder.named(model)
    if embedder.sha256 != sha256:
        raise InputError(f"the weights `{model}` there are others than the archive was made with")
    return embedder
