"""An index in Milvus: a folder of milvus-lite on this machine, or a cluster by its address.

For archives that outgrow one machine's memory. Several archives may share a cluster: each has a
collection of its own.
"""

import importlib
import importlib.util
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from cqtnet import audio
from cqtnet.errors import ArchiveError
from cqtnet.files import Closing
from verify.archive.index import (
    FOLDER,
    catch_up,
    check_vectors,
    read_note,
    rebuild_command,
    write_note,
)
from verify.archive.results import WINDOWS_PER_RECORDING, Hits, Ids, Vectors
from verify.archive.store import Store

NAME = "milvus.json"
ADDRESS, TOKEN = "MILVUS_URI", "MILVUS_TOKEN"  # in the environment; see `agreed_uri`
ROWS_AT_ONCE = 1_000  # 8 MB of vectors; a message may hold 64
RECORDINGS_AT_ONCE = 100  # ranges in one filter
QUERIES_AT_ONCE = 100
TIMEOUT_S = 30.0


class MilvusIndex(Closing):
    """The windows of one archive in a collection, which is made if it is missing."""

    def __init__(self, uri: str, *, collection: str, dimension: int, token: str = "") -> None:
        self._uri, self._collection, self._dimension = uri, collection, dimension
        pymilvus = _pymilvus(uri)
        self._error = pymilvus.MilvusException
        with self._errors("opened"):
            self._client = pymilvus.MilvusClient(uri=uri, token=token, timeout=TIMEOUT_S)
        try:
            self._prepare(pymilvus.DataType)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the connection."""
        self._client.close()

    def __len__(self) -> int:
        with self._errors("counted"):
            rows = self._client.query(self._collection, filter="", output_fields=["count(*)"])
        return int(rows[0]["count(*)"])

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """Add windows; those that it holds already are replaced."""
        vectors = check_vectors(vectors, dimension=self._dimension)
        rows = [
            {"id": i, "vector": vector} for i, vector in zip(ids.tolist(), vectors, strict=True)
        ]
        with self._errors("added to"):
            for begin in range(0, len(rows), ROWS_AT_ONCE):
                self._client.upsert(self._collection, rows[begin : begin + ROWS_AT_ONCE])

    def remove(self, recordings: Sequence[int]) -> None:
        """Remove all windows of some recordings, by the range of their numbers."""
        first = [recording * WINDOWS_PER_RECORDING for recording in recordings]
        ranges = [f"(id >= {i} and id < {i + WINDOWS_PER_RECORDING})" for i in first]
        with self._errors("removed from"):
            for begin in range(0, len(ranges), RECORDINGS_AT_ONCE):
                some = " or ".join(ranges[begin : begin + RECORDINGS_AT_ONCE])
                self._client.delete(self._collection, filter=some)

    def clear(self) -> None:
        """Remove everything."""
        with self._errors("emptied"):
            self._client.delete(self._collection, filter="id >= 0")

    def search(self, vectors: Vectors, count: int) -> Hits:
        """The most similar windows to each vector, (n, count)."""
        queries = check_vectors(vectors, dimension=self._dimension, count=count)
        cosines = np.full((len(queries), count), -np.inf, np.float32)
        ids = np.full((len(queries), count), -1, np.int64)
        for begin in range(0, len(queries), QUERIES_AT_ONCE):
            data = list(queries[begin : begin + QUERIES_AT_ONCE])
            with self._errors("searched"):
                found = self._client.search(
                    self._collection, data=data, limit=count, output_fields=["id"]
                )
            for row, hits in enumerate(found, begin):
                cosines[row, : len(hits)] = [hit["distance"] for hit in hits]
                ids[row, : len(hits)] = [hit["id"] for hit in hits]
        return Hits(cosines, ids)

    def _prepare(self, types: Any) -> None:
        """See that the collection is there, is ours, and can be searched."""
        with self._errors("opened"):
            if not self._client.has_collection(self._collection):
                schema = self._client.create_schema(auto_id=False)
                schema.add_field("id", types.INT64, is_primary=True)
                schema.add_field("vector", types.FLOAT_VECTOR, dim=self._dimension)
                index = self._client.prepare_index_params()
                index.add_index("vector", index_type="AUTOINDEX", metric_type="IP")
                self._client.create_collection(
                    self._collection, schema=schema, index_params=index, consistency_level="Strong"
                )
            self._client.load_collection(self._collection)
            fields = self._client.describe_collection(self._collection)["fields"]
        sizes = {field["name"]: field.get("params", {}).get("dim") for field in fields}
        if set(sizes) != {"id", "vector"} or int(sizes["vector"]) != self._dimension:
            raise ArchiveError(
                f"{self._uri}: the collection {self._collection} is not an index of dimension "
                f"{self._dimension}; give another address"
            )

    @contextmanager
    def _errors(self, done: str) -> Iterator[None]:
        try:
            yield
        except (self._error, OSError) as error:
            what = " ".join(str(getattr(error, "message", error)).split())
            raise ArchiveError(
                f"{self._uri} cannot be {done}: {what}; see that Milvus runs there and has room"
            ) from error


def milvus_uri(store: Store) -> str:
    """Where the index of an archive is in Milvus; empty where it is a file."""
    note = read_note(store.folder / FOLDER / NAME)
    return str(note["uri"]) if note else ""


def agreed_uri(store: Store) -> str:
    """The same; an error unless the user said that this address may be connected to.

    An archive of others must not decide where the token goes.
    """
    uri = milvus_uri(store)
    if uri not in ("", os.environ.get(ADDRESS)):
        raise ArchiveError(
            f"{store.folder} keeps its index in Milvus at {audio.told(uri)}; set {ADDRESS} to that "
            f"address if you trust it, or run `{rebuild_command(store.folder)}`"
        )
    return uri


def leave_milvus(store: Store) -> None:
    """Let the archive's index be a file again."""
    (store.folder / FOLDER / NAME).unlink(missing_ok=True)


def open_milvus(store: Store, uri: str, *, rebuild: bool = False) -> MilvusIndex:
    """The index of an archive in Milvus; `index/milvus.json` says up to which generation.

    A writer fills it or lets it catch up; what an interruption left half done is done again, for
    adding replaces and removing may be repeated. A reader must find it as it should be: others
    share it, and nothing tells a reader whether it is the reader or the index that is out of date.
    """
    path, archive = store.folder / FOLDER / NAME, store.manifest.digest()
    content = {"archive": archive, "uri": uri, "generation": store.generation}
    token, dimension = os.environ.get(TOKEN, ""), store.manifest.dimension
    name = f"cqtnet_{archive[:16]}"
    index = MilvusIndex(uri, collection=name, dimension=dimension, token=token)
    with ExitStack() as on_failure:
        on_failure.callback(index.close)
        note = (None if rebuild else read_note(path)) or {}
        is_ours = note | {"generation": 0} == content | {"generation": 0}
        since = note.get("generation", 0)
        if since > store.generation and (is_ours or not store.is_writable):
            raise ArchiveError(f"{path} is newer than the archive; open the archive again")
        if store.is_writable:
            _bring_up_to_date(index, store, since if is_ours else None)
            if note != content:
                write_note(path, content)
        elif note != content or len(index) != store.n_windows:
            raise ArchiveError(
                f"{uri} does not hold what the archive holds; if nobody is writing to it now, "
                "start the interrupted run again, or run "
                f"`{rebuild_command(store.folder)} --milvus {uri}`"
            )
        on_failure.pop_all()
    return index


def _bring_up_to_date(index: MilvusIndex, store: Store, since: int | None) -> None:
    """Take in all changes since a generation; all over again where there is none, or some lack."""
    if since is not None:
        catch_up(index, store, since=since)
    if since is None or len(index) != store.n_windows:
        index.clear()
        catch_up(index, store, since=0)


def _pymilvus(uri: str) -> Any:
    """The client's package, if it is installed with what the address needs."""
    here = "://" not in uri
    if not importlib.util.find_spec("pymilvus") or (
        here and not importlib.util.find_spec("milvus_lite")
    ):
        missing = "pymilvus and milvus-lite are" if here else "pymilvus is"
        raise ArchiveError(f'{missing} not installed; run `pip install "cqtnet[milvus]"`')
    if here and not Path(uri).absolute().parent.is_dir():
        raise ArchiveError(f"{uri} cannot be made: its folder is missing; make it first")
    pymilvus = importlib.import_module("pymilvus")
    # It would print the traceback of every refusal, though it raises it as well.
    logging.getLogger("pymilvus").setLevel(logging.CRITICAL)
    return pymilvus
