"""The root of the project's one tree of errors about what it was given.

It stands in the lowest package so that every other one can raise below it; `cqtnet.errors`
holds the rest of the tree. The command line turns any of them into one line and exit code 2.
"""


class InputError(ValueError):
    """Input that cannot be worked with; the message gives the value, the limit and the cure."""


class EffectError(InputError):
    """An effect was asked for with parameters or samples it cannot take."""
