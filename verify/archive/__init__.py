"""Thousands of hours, indexed: the store is the truth, the index a cache of it.

>>> from verify.archive import Archive
>>> with Archive.open_or_create(Path("archive")) as archive:
...     summary = archive.add(["recordings/"])
...     found = archive.search("fragment.wav")
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from verify.archive.archive import Archive

__all__ = ["Archive"]


def __getattr__(name: str) -> Any:
    if name != "Archive":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from verify.archive.archive import Archive  # brings much that the store does not need

    return Archive
