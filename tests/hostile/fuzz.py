"""`python -m tests.hostile.fuzz READER`: atheris feeds a reader whatever finds new ways through it.

READER is headers, lists or json; options of libFuzzer follow, such as -max_total_time=600. Any
exception but an InputError, and of JSON a ValueError, ends it and names the input.
"""

import io
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["augment.audio", "cqtnet", "verify", "eval"]):
    from augment.audio import integrity
    from augment.audio.files import shown, told
    from cqtnet.errors import InputError
    from cqtnet.preset import Preset
    from cqtnet.schema import checked, parse_json
    from cqtnet.tables import guarded, read_table, unguarded
    from verify.archive.database import row_checksum, row_problem
    from verify.archive.results import Manifest

HEADS = (b"RIFF", b"RF64", b"FORM", b"caff", b"OggS", b"ID3", b"\x1aE\xdf\xa3", b"riff")
LIST = Path(tempfile.gettempdir()) / "fuzz-list.csv"


def headers(data: bytes) -> None:
    """What is read of a file's header before a decoder sees it."""
    for head in (b"", HEADS[data[0] % len(HEADS)] if data else b""):
        file = io.BytesIO(head + data[1:])
        integrity.chunked_length(file)
        integrity.is_cut_short(file)
        integrity.mp3_counts_frames(file)
        integrity.ogg_is_cut_off(file)


def lists(data: bytes) -> None:
    """Tables, and text that is shown."""
    LIST.write_bytes(data)
    try:
        table = read_table(LIST, any_of=["file", "path", "a"], row_a_line=bool(data[:1] > b"\x80"))
        assert all(unguarded(str(guarded(cell))) == cell for row in table.rows for cell in row)
    except InputError as error:
        assert "\n" not in str(error)
    text = data.decode("utf-8", "surrogateescape")
    assert shown(text).isprintable() and len(told(text, most=50)) <= 50


def json(data: bytes) -> None:
    """JSON, and what is made of it."""
    try:
        plain = parse_json(data)
    except ValueError:
        return
    for kind in (Preset, Manifest):
        try:
            checked(kind, plain)
        except ValueError:
            continue
    row = tuple(plain) if isinstance(plain, list) else (plain,)
    for table in ("recordings", "paths", "removed", "state"):
        row_problem(table, row, row_checksum(table, row))


READERS: dict[str, Callable[[bytes], None]] = {"headers": headers, "lists": lists, "json": json}

if __name__ == "__main__":
    reader = READERS[sys.argv.pop(1)]
    atheris.Setup(sys.argv, reader)
    atheris.Fuzz()
