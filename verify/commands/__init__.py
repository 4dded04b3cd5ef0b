"""Commands of the verify package; here the options of their reports."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from click import Choice, Context, Parameter, option

from cqtnet.commands import PATH, check_page
from cqtnet.files import refuse_overwrite

if TYPE_CHECKING:
    from verify.report.language import Language
    from verify.report.page import Case


def _speak(ctx: Context, _: Parameter, language: "Language | None") -> None:
    """Let what the command reports be in that language."""
    if language is not None:
        from verify.report.language import speaking

        ctx.with_resource(speaking(language))


LANGUAGE = option("--language", type=Choice(["en", "ru"]), callback=_speak, expose_value=False,
                  help="English or Russian report.")  # fmt: skip
CASE = option("--case", "case_file", type=PATH, help="A .toml on the case, for page 1 of it.")


def case_of(case_file: Path | None, files: Iterable[Path]) -> "Case | None":
    """The case in a file, if one is given; an error where it names other files."""
    if case_file is None:
        return None
    from verify.report.page import read_case

    case = read_case(case_file)
    case.require(file.name for file in files)
    return case


def check_report(report: Path | None, *, force: bool) -> None:
    """Raise unless a page, if one is wanted, can be written."""
    if report is not None:
        check_page(report)
        refuse_overwrite(report, force=force)
