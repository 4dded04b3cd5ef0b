"""Commands of the cqtnet package: parse, one library call, print; here the options they share."""

from functools import partial
from pathlib import Path

import click
from click import Choice, option

PATH = click.Path(path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)
PRECISIONS = Choice(["auto", "float32", "bfloat16"])
DEVICE = option("--device", default="auto", help="auto, cpu, cuda or cuda:1.", show_default=True)
JSON = partial(option, "--json", "as_json", is_flag=True)
