"""What all vectors of an archive have in common, fixed when it is made."""

import hashlib
import json
import math
import re
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cqtnet.errors import ArchiveError
from cqtnet.files import write_json
from verify.archive.disk.failures import READ, WRITTEN, damaged, named

NAME = "archive.json"
LAYOUT = 1
MAX_BYTES = 1 << 16
MAX_DIMENSION = 1 << 16


@dataclass(frozen=True)
class Manifest:
    """By which model and over which windows an archive's vectors were made."""

    model: str
    model_sha256: str
    dimension: int
    window_s: float
    hop_s: float
    metric: str = "cosine"
    created: str = ""  # UTC, ISO 8601; filled in by `dated`
    layout: int = LAYOUT

    def __post_init__(self) -> None:
        for wrong in self._faults():
            raise ArchiveError(f"an archive cannot have {wrong}")

    def dated(self) -> "Manifest":
        """The same, made now."""
        created = datetime.now(UTC).isoformat(timespec="microseconds")
        return Manifest(**(asdict(self) | {"created": created}))

    def digest(self) -> str:
        """Hexadecimal SHA-256 of all that it says."""
        content = json.dumps(asdict(self), sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()

    def _faults(self) -> list[str]:
        sizes = {"window_s": self.window_s, "hop_s": self.hop_s}
        faults = [
            f"the {name} {value!r}; it is a number of seconds above 0"
            for name, value in sizes.items()
            if not (isinstance(value, float | int) and math.isfinite(value) and value > 0)
        ]
        if not (isinstance(self.dimension, int) and 1 <= self.dimension <= MAX_DIMENSION):
            faults.append(f"the dimension {self.dimension!r}; it is in 1..{MAX_DIMENSION}")
        if not re.fullmatch("[0-9a-f]{64}", str(self.model_sha256)):
            faults.append(f"the model_sha256 {self.model_sha256!r}; it has 64 hexadecimal digits")
        if self.metric != "cosine":
            faults.append(f"the metric {self.metric!r}; it is 'cosine'")
        return faults


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write it into the folder of an archive, whole or not at all."""
    with named(folder / NAME, WRITTEN):
        write_json(folder / NAME, asdict(manifest) | {"digest": manifest.digest()})


def read_manifest(folder: Path) -> Manifest:
    """What the folder of an archive says of itself; refused unless it is as it was written."""
    path = folder / NAME
    with named(path, READ):
        if not folder.is_dir():
            raise ArchiveError(f"{folder} is no archive: there is no such folder; give another")
        if not path.is_file():
            raise ArchiveError(f"{folder} is no archive: it holds no {NAME}; give another folder")
    content = _parsed(path)
    layout = content.get("layout")
    if isinstance(layout, int) and layout > LAYOUT:
        raise ArchiveError(
            f"{path} has layout {layout}, and this version knows up to {LAYOUT}; update cqtnet"
        )
    digest = content.pop("digest", None)
    try:
        manifest = Manifest(**content)
    except (TypeError, ArchiveError) as error:
        raise damaged(path, str(error)) from error
    if manifest.digest() != digest:
        raise damaged(path, "it is not what its digest was made of")
    return manifest


def _parsed(path: Path) -> dict[str, Any]:
    with named(path, READ), path.open("rb") as file:
        text = file.read(MAX_BYTES)
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise damaged(path, f"it is no JSON, {error}") from error
    if not isinstance(content, dict):
        raise damaged(path, "it holds no table of names and values")
    return content
