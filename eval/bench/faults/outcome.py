"""What became of many tries, and the processes that they were made in."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from eval.bench.faults.synthetic import numbers_in
from verify.archive.disk.store import Store


@dataclass
class Outcome:
    """How often something was tried, what became of it, and what should not have happened."""

    tried: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def compare(self, store: Store, expected: set[int], where: str) -> None:
        """Note as wrong an archive that is damaged, or holds other recordings than expected."""
        problems = store.check()
        if problems:
            self.wrong.append(f"{where}: {problems[0]}")
        elif numbers_in(store) != expected:
            self.wrong.append(f"{where}: other recordings than were acknowledged")


class Child:
    """A process in which a function of a module runs; what it says comes line by line."""

    def __init__(self, function: Callable[..., None], *arguments: object) -> None:
        values = ", ".join(
            f"Path({str(value)!r})" if isinstance(value, Path) else repr(value)
            for value in arguments
        )
        module, name = function.__module__, function.__name__
        code = f"from pathlib import Path; from {module} import {name}; {name}({values})"
        self.process = subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True
        )

    def lines(self) -> Iterator[Any]:
        """What it says until its end; a line that was broken off does not count."""
        output: IO[str] | None = self.process.stdout
        assert output is not None
        for line in output:
            if line.endswith("\n"):
                yield json.loads(line)


@contextmanager
def running(function: Callable[..., None], *arguments: object) -> Iterator[Child]:
    """A child process, killed at the latest when the block ends."""
    child = Child(function, *arguments)
    with child.process:
        try:
            yield child
        finally:
            child.process.kill()


def say(what: Any) -> None:
    """Say something, as a line of JSON, to the process that started this one."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()
