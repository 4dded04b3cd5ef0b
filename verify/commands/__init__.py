"""Commands of the verify package; here the options of their reports."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from click import Choice, option

from cqtnet.commands import PATH

if TYPE_CHECKING:
    from verify.report.page import Case

LANGUAGE = option("--language", type=Choice(["en", "ru"]), help="English or Russian report.")
CASE = option("--case", "case_file", type=PATH, help="A .toml on the case, for page 1 of it.")


def case_of(case_file: Path | None, files: Iterable[Path]) -> "Case | None":
    """The case in a file, if one is given; an error where it names other files."""
    if case_file is None:
        return None
    from verify.report.page import read_case

    case = read_case(case_file)
    case.require(file.name for file in files)
    return case
