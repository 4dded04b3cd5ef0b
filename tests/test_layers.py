"""Imports run one way, workbench → spoof → eval → verify → cqtnet → augment, never in a circle."""

import ast
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parent.parent
ORDER = ["workbench", "spoof", "eval", "verify", "cqtnet", "augment"]


@cache
def modules():
    """The syntax tree of each module of the project by its dotted name."""
    trees = {}
    for file in (file for package in ORDER for file in sorted((ROOT / package).rglob("*.py"))):
        parts = file.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        trees[name] = ast.parse(file.read_text(encoding="utf-8"))
    return trees


def imported(node):
    """Dotted names that a statement imports; imports are absolute here."""
    if isinstance(node, ast.Import):
        return {alias.name for alias in node.names}
    if isinstance(node, ast.ImportFrom):
        assert node.level == 0
        return {f"{node.module}.{alias.name}" for alias in node.names}
    return set()


def module_of(name):
    """The module of the project that a dotted name is, or lies in; "" if it is another's."""
    while name and name not in modules():
        name = name.rpartition(".")[0]
    return name


def imports_at_load(tree):
    """What a module imports when it is loaded: not in functions, nor only for type checkers."""
    names: set[str] = set()
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        names |= imported(node)
        for_types = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            waiting.extend(node.orelse if for_types else ast.iter_child_nodes(node))
    return names


def upward(package, tree):
    """What a module of a package imports, anywhere, of packages that it must not know."""
    forbidden = {*ORDER[: ORDER.index(package)], "tests"}
    names = {name for node in ast.walk(tree) for name in imported(node)}
    return {name for name in names if name.partition(".")[0] in forbidden}


def circle(graph):
    """A circle of imports, if there is one: the modules on it, in order."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_a_package_imports_only_to_its_right_and_no_modules_each_other_in_a_circle():
    found = {name: upward(name.partition(".")[0], tree) for name, tree in modules().items()}
    assert {name: names for name, names in found.items() if names} == {}
    graph = {name: set(map(module_of, imports_at_load(tree))) for name, tree in modules().items()}
    assert circle(graph) == []
