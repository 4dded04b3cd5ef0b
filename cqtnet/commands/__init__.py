"""Commands of the cqtnet package: parse, one library call, print; here what all share."""

import csv
import io
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click import Choice, FloatRange, IntRange, option
from click.core import ParameterSource

from augment.audio.files import told
from cqtnet.errors import InputError
from cqtnet.files import refuse_overwrite

if TYPE_CHECKING:
    from cqtnet.progress import Talk

PATH = click.Path(path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)
MOST_TOLD = 1_000  # characters of a message; what is longer loses its middle
FEWEST_RESAMPLES = 20


def _talk(ctx: click.Context, _: click.Parameter, talk: "Talk | None") -> None:
    from cqtnet.progress import talking

    if talk is not None:
        ctx.with_resource(talking(talk))


def _enough_resamples(_: click.Context, __: click.Parameter, number: int) -> int:
    """The number of resamples; an error if so few make no interval."""
    if 0 < number < FEWEST_RESAMPLES:
        raise InputError(
            f"{number} resamples make no 95 % interval; give {FEWEST_RESAMPLES} or more, or 0"
        )
    return number


# The options that several commands have, so that one name means one thing.
OUT = partial(option, "-o", "--out", type=PATH)
FORCE = option("--force", is_flag=True, help="Replace what is there.")
JSON = partial(option, "--json", "as_json", is_flag=True)
CSV = partial(option, "--csv", "as_csv", is_flag=True)
MODEL = option("--model", default="default", show_default=True,
               help="Shipped weights by name, or a .safetensors file.")  # fmt: skip
DEVICE = option("--device", default="auto", help="auto, cpu, cuda or cuda:1.", show_default=True)
PRECISION = option("--precision", type=Choice(["auto", "float32", "bfloat16"]), default="auto",
                   show_default=True, help="Number format of the network.")  # fmt: skip
JOBS = option("--jobs", type=IntRange(1), help="Files that are worked on at once.  [default: one "
              "for each processor]")  # fmt: skip
SEED = option("--seed", type=IntRange(0, 2**32 - 1), default=0, show_default=True,
              help="For everything random.")  # fmt: skip
RESAMPLES = option(
    "--resamples", type=IntRange(0, 100_000), default=1000, show_default=True,
    callback=_enough_resamples,
    help="Resamples of the recordings for the 95 % intervals; 0: no intervals.",
)  # fmt: skip
MIN_LR = option("--min-lr", "min_log_lr", type=FloatRange(0, min_open=True),
                callback=lambda _, __, ratio: None if ratio is None else math.log(ratio),
                help="Least likelihood ratio of a match, as 100; at most 718.")  # fmt: skip
QUIET = option("-q", "--quiet", flag_value="nothing", type=str, callback=_talk, expose_value=False,
               help="No progress and no hints.")  # fmt: skip
VERBOSE = option("-v", "--verbose", flag_value="lines", type=str, callback=_talk,
                 expose_value=False, help="Say what is done, also in a file.")  # fmt: skip


def progress_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add -q and -v, of commands that take more than a moment."""
    return QUIET(VERBOSE(function))


class Command(click.Command):
    """A command that refuses options that would do nothing.

    `needs` has, for an option, those of which one must be given with it; of `one_of`, options
    with spaces between, only one may be given.
    """

    def __init__(
        self, *args: Any, needs: Mapping[str, str] | None = None, one_of: Sequence[str] = (),
        **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(*args, **kwargs)
        self.needs, self.one_of = needs or {}, one_of

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the words of a call; a UsageError where one of them would do nothing."""
        rest = super().parse_args(ctx, args)
        given = {
            name
            for param in self.params
            if ctx.get_parameter_source(str(param.name)) == ParameterSource.COMMANDLINE
            for name in (*param.opts, *param.secondary_opts)
        }
        for name, others in self.needs.items():
            if name in given and not given & set(others.split()):
                either = " or ".join(others.split())
                raise click.UsageError(f"{name} does nothing without {either}; give both", ctx)
        for names in self.one_of:
            if len(both := [name for name in names.split() if name in given]) > 1:
                raise click.UsageError(f"give one of {' and '.join(both)}, not both", ctx)
        return rest


def command(
    *examples: str, before: str = "", after: str = "", **settings: Any
) -> Callable[[Callable[..., Any]], click.Command]:
    """A decorator that makes a command whose help ends with examples."""
    listed = "\n".join(f"  {example}" for example in examples)
    epilog = f"{before}\b\nExample:\n{listed}\n{after}"

    def made(function: Callable[..., Any]) -> click.Command:
        summary = (function.__doc__ or "").partition("\n\n")[0]
        short = settings.pop("short_help", summary)
        return click.command(cls=Command, epilog=epilog, short_help=short, **settings)(function)

    return made


def complain(text: object) -> None:
    """Print a message to stderr: one printable line, whatever text of others is in it."""
    click.echo(f"cqtnet: {told(text, most=MOST_TOLD)}", err=True)


def hint(text: str) -> None:
    """Name the next command to a person who watches; programs read nothing of it."""
    from cqtnet.progress import is_shown

    params = click.get_current_context().params
    if is_shown() and not (params.get("as_json") or params.get("as_csv")):
        click.echo(f"next: {told(text, most=MOST_TOLD)}", err=True)


def show(answer: Any, *, in_a_line: bool = False) -> None:
    """Print text as it is, plain data and dataclasses as JSON with its `schema_version`."""
    from cqtnet.schema import versioned

    if not isinstance(answer, str):
        answer = json.dumps(versioned(answer), indent=None if in_a_line else 1)
    click.echo(answer)


def show_csv(rows: Iterable[Iterable[object]]) -> None:
    """Print rows as CSV that no spreadsheet takes for formulas."""
    from cqtnet.tables import guarded

    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([guarded(cell) for cell in r] for r in rows)
    click.echo(text.getvalue(), nl=False)


def check_page(report: Path) -> None:
    """Raise unless a page is named as one."""
    if report.suffix.lower() not in (".html", ".htm"):
        raise InputError(
            f"{report}: a report is a web page; give a name that ends in .html, and "
            "--pdf for a PDF beside it"
        )


def check_files(
    files: Sequence[object], given: Sequence[object], out: Path | None, rule: str, *, force: bool
) -> None:
    """Raise unless files were found and, where `out` is to be written of one, it can be."""
    if not files:
        raise InputError(f"no audio in {', '.join(map(str, given))}; give files or folders")
    if out is not None:
        if len(files) != 1:
            raise InputError(rule.format(len(files)))
        refuse_overwrite(out, force=force)
