"""Which index an archive has: one in Milvus where it was moved there, else a file beside it."""

import os
from typing import Protocol

from verify.archive.backends.cache import FOLDER, IndexCache
from verify.archive.backends.interface import Source
from verify.archive.backends.milvus import NAME, MilvusIndex, open_milvus
from verify.archive.backends.note import read_note
from verify.archive.results import Hits, Vectors

TOKEN = "MILVUS_TOKEN"
"""Environment variable with what a cluster asks for."""


class Searchable(Protocol):
    """An index that can be searched."""

    def search(self, vectors: Vectors, count: int) -> Hits:
        """The windows most similar to each vector, (n, count), best first."""


def open_index(source: Source) -> IndexCache | MilvusIndex:
    """The index of an archive, with all that the archive holds."""
    uri = milvus_uri(source)
    return open_in_milvus(source, uri) if uri else IndexCache.open(source)


def save_index(source: Source) -> None:
    """Bring the index of an archive up to date where it is kept.

    A small archive's, which is all its vectors, is as soon made again as read: it is not kept.
    """
    index = open_index(source)
    if isinstance(index, MilvusIndex):
        index.close()
    elif index.info.wanted != "auto" or index.info.plan.trained:
        index.save()


def open_in_milvus(source: Source, uri: str, *, rebuild: bool = False) -> MilvusIndex:
    """The index of an archive in Milvus; from now on the archive's."""
    return open_milvus(source, uri, token=os.environ.get(TOKEN, ""), rebuild=rebuild)


def leave_milvus(source: Source) -> None:
    """Let the archive's index be a file again."""
    (source.folder / FOLDER / NAME).unlink(missing_ok=True)


def milvus_uri(source: Source) -> str:
    """Where the index is in Milvus; empty where it is a file."""
    note = read_note(source.folder / FOLDER / NAME)
    return str(note["uri"]) if note else ""
