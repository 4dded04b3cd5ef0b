"""Archives put into one: their recordings copied with all that is known of them."""

from pathlib import Path

from cqtnet.errors import ArchiveError
from verify.archive.disk.store import Store
from verify.archive.results import Entry, NewRecording, Windows, window_ids

BATCH_WINDOWS = 20_000


def merge_into(folder: Path, other: Path) -> tuple[int, int]:
    """How many recordings of another archive were added to one, and how many it had already.

    What was added stays if it is interrupted; done again, it goes on.
    """
    with Store.open(folder, write=True) as store, Store.open(other) as source:
        _refuse_unlike(store, source)
        before = len(store)
        held: list[NewRecording] = []
        entries = source.entries()
        for entry in entries:
            if entry.paths:
                held.append(_new(source, entry))
            if sum(len(new.windows.start_s) for new in held) >= BATCH_WINDOWS:
                _write(store, source, held)
                held = []
        _write(store, source, held)
        added = len(store) - before
    return added, len(entries) - added


def _new(source: Store, entry: Entry) -> NewRecording:
    """A recording as it was first added, under its first path."""
    known = source.by_path(entry.paths[0])
    assert known is not None
    vectors = source.vectors(window_ids(entry.id, entry.n_windows))
    windows = Windows(vectors, source.start_s(entry.id))
    return NewRecording(
        entry.paths[0], entry.sha256, known[1], known[2], entry.duration_s, entry.tags, windows
    )


def _write(store: Store, source: Store, held: list[NewRecording]) -> None:
    for new, entry in zip(held, store.add(held), strict=True):
        copied = source.by_sha256(new.sha256)
        assert copied is not None
        for path in copied.paths[1:]:
            known = source.by_path(path)
            assert known is not None
            store.add_path(entry.id, path, known[1], known[2])


def _refuse_unlike(store: Store, source: Store) -> None:
    for name, what in (
        ("model_sha256", "made by another model"),
        ("window_s", "of windows of another length"),
        ("hop_s", "of windows at another hop"),
    ):
        ours, theirs = getattr(store.manifest, name), getattr(source.manifest, name)
        if ours != theirs:
            raise ArchiveError(
                f"{source.folder} is {what}, {theirs} against {ours}; add its files to "
                f"{store.folder} with cqtnet index add"
            )
