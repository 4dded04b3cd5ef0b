"""Attacks tried one after the other in a process of their own, which may die."""

import importlib
import os
import signal
import time
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

from cqtnet.device import one_thread
from cqtnet.errors import InputError
from tests.hostile import Outcome
from tests.hostile.processes import running, say

Attack = Callable[[Path, np.random.Generator], str]
LONGEST_MESSAGE = 1_000


def attempts(
    attack: Attack, folder: Path, count: int, *, seed: int = 0, most_s: int = 10, start_s: int = 60
) -> Outcome:
    """What became of so many attacks; none may take more processor time, nor end its process.

    The first one in a process makes what all need, and has `start_s` more.
    """
    outcome, number, slowest_s = Outcome(), 0, 0.0
    module, name, limits = attack.__module__, attack.__name__, (most_s, most_s + start_s)
    while number < count:
        with running(try_on, module, name, folder, number, count, seed, limits) as child:
            for line in child.lines():
                number = line["number"] + 1
                outcome.tried += 1
                outcome.counts[line["result"]] += 1
                slowest_s = max(slowest_s, line["seconds"])
                if line["wrong"]:
                    outcome.wrong.append(f"{name} {line['number']}: {line['wrong']}")
            code = child.end()
        if number < count:
            hangs = -code in (signal.SIGALRM, signal.SIGPROF)
            what = "hangs" if hangs else f"ends the process with {code}"
            outcome.wrong.append(f"{name} {number}: {what}")
            outcome.tried, number = outcome.tried + 1, number + 1
    outcome.counts["slowest, ms"] = round(1000 * slowest_s)
    return outcome


def try_on(
    module: str, name: str, folder: Path, first: int, count: int, seed: int, limits: tuple[int, int]
) -> None:
    """The process of its own: a line for each attack from a number on."""
    attack = getattr(importlib.import_module(module), name)
    warnings.simplefilter("ignore")
    with one_thread():
        for number in range(first, count):
            own = folder / str(number % 20)
            own.mkdir(exist_ok=True, parents=True)
            limit_s = limits[number == first]
            signal.setitimer(signal.ITIMER_PROF, limit_s)  # of the processor: others may be busy
            signal.alarm(30 * limit_s)
            began, wrong = time.process_time(), ""
            try:
                result = attack(own, np.random.default_rng([seed, number]))
            except InputError as error:
                result, text = "refused", str(error)
                if "\n" in text or len(text) > LONGEST_MESSAGE:
                    wrong = f"a message of {len(text)} characters: {text[:99]!r}"
            except Exception:
                result, wrong = "traceback", traceback.format_exc(limit=-3)
            seconds = time.process_time() - began
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.alarm(0)
            counted = seconds if number > first else 0.0
            say({"number": number, "result": result, "wrong": wrong, "seconds": counted})


def harmful(folder: Path, rng: np.random.Generator) -> str:
    """What the campaign must notice; here, where its process imports little."""
    if folder.name == "0":
        raise KeyError("not an answer")
    if folder.name == "1":
        os._exit(3)
    while True:
        pass
