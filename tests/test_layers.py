"""Imports run one way: spoof → eval → verify → cqtnet → augment."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ORDER = ["spoof", "eval", "verify", "cqtnet", "augment"]
FILES = [file for package in ORDER for file in sorted((ROOT / package).rglob("*.py"))]


def imported_packages(source: str) -> set[str]:
    """Top-level names of everything imported anywhere in the source, functions included."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute here"
            names.add((node.module or "").split(".")[0])
    return names


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_a_package_imports_only_to_its_right(file: Path) -> None:
    package = file.relative_to(ROOT).parts[0]
    forbidden = set(ORDER[: ORDER.index(package)]) | {"tests"}
    assert not imported_packages(file.read_text(encoding="utf-8")) & forbidden


def test_an_upward_import_would_be_seen() -> None:
    hidden = "def f():\n    from verify.cosine import best\n    import eval.metrics as m"
    assert imported_packages(hidden) == {"verify", "eval"}


def test_eval_is_never_bound_as_a_bare_name() -> None:
    """`import eval` would hide the builtin in its module."""
    for file in FILES:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                assert all((a.asname or a.name.split(".")[0]) != "eval" for a in node.names), file
