"""A table of names and values as JSON that tells when any byte of it was changed."""

import hashlib
import json
from pathlib import Path
from typing import Any

from cqtnet.files import write_json
from verify.archive.backends.faiss_file import damaged
from verify.archive.disk.failures import READ, WRITTEN, named

MAX_BYTES = 1 << 16


def write_note(path: Path, content: dict[str, Any]) -> None:
    """Write it whole or not at all."""
    with named(path, WRITTEN):
        write_json(path, _signed(content))


def read_note(path: Path) -> dict[str, Any] | None:
    """What was written, None where there is no file; refused where it is another."""
    if not path.exists():
        return None
    with named(path, READ), path.open("rb") as file:
        data = file.read(MAX_BYTES)
    try:
        text = data.decode()
        content = json.loads(text)
        del content["digest"]
    except (ValueError, RecursionError, AttributeError, TypeError, KeyError) as error:
        raise damaged(path, "it is not what was written") from error
    if text != _text(_signed(content)):
        raise damaged(path, "it is not what its digest was made of")
    return dict(content)


def _signed(content: dict[str, Any]) -> dict[str, Any]:
    return content | {"digest": hashlib.sha256(_text(content).encode()).hexdigest()}


def _text(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=1) + "\n"  # as `write_json` has it
