"""Whether an archive, its index and the files of its recordings are as they were."""

from pathlib import Path

from cqtnet import audio
from cqtnet.errors import ArchiveError, InputError
from verify.archive.backends.choice import open_index
from verify.archive.disk.contents import Problem, Progress
from verify.archive.disk.store import Store


def check(
    folder: Path, *, read_audio: bool = False, progress: Progress | None = None
) -> list[Problem]:
    """Everything that is not as it was written; with `read_audio` files that changed, too."""
    with Store.open(folder, check=False) as store:
        problems = store.check(progress)
        if not problems:  # the index is made from what was just read
            problems += _of_index(store)
        if read_audio:
            problems += _of_files(store)
    return problems


def _of_index(store: Store) -> list[Problem]:
    try:
        open_index(store)
    except ArchiveError as error:
        return [Problem(store.folder / "index", str(error))]
    return []


def _of_files(store: Store) -> list[Problem]:
    problems = []
    for entry in store.entries():
        for path in entry.paths:
            try:
                what = "" if audio.file_sha256(path) == entry.sha256 else "holds other bytes now"
            except InputError as error:
                what = str(error)
            if what:
                problems.append(Problem(Path(path), f"recording {entry.id}: {what}"))
    return problems
