"""What a request asks for, checked: fields, numbers, files, and one of what a job has found."""

from typing import Any

from starlette.datastructures import FormData, QueryParams, UploadFile
from starlette.requests import Request

from cqtnet.errors import InputError


def stretches(result: dict[str, Any]) -> list[dict[str, Any]]:
    """What A and B have in common, by the result of a comparison."""
    if result["edits"] and result["edits"]["stretches"]:
        found: list[dict[str, Any]] = result["edits"]["stretches"]
        return found
    return [result["alignment"]] if result["alignment"] else []


def matches(result: dict[str, Any]) -> list[dict[str, Any]]:
    """All places that a search tells, those that are no match last."""
    nearest = [result["nearest"]] if result["nearest"] else []
    return [*result["matches"], *result["renditions"], *nearest]


def chosen(request: Request, name: str, known: list[dict[str, Any]]) -> dict[str, Any]:
    """The one of a list that a request names by its number."""
    number = number_of(request.query_params, name, 0, 1 << 40)
    if number >= len(known):
        raise InputError(f"there is no {name} {number}; there are {len(known)}, from 0")
    return known[number]


def number_of(wanted: QueryParams, name: str, default: int, most: int) -> int:
    """A whole number that a request gives, or the default."""
    text = wanted.get(name, str(default))
    if not text.isdecimal() or int(text) > most:
        raise InputError(f"{name} must be a whole number up to {most:,}, not {text[:40]!r}")
    return int(text)


def files_of(form: FormData, name: str) -> list[UploadFile]:
    """The files that were sent under a name; text in their place is refused."""
    sent = form.getlist(name)
    if not all(isinstance(one, UploadFile) for one in sent):
        raise InputError(f"{name} must be a file that is sent, not text; names are not opened")
    return [one for one in sent if isinstance(one, UploadFile) and (one.size or one.filename)]


def choice(form: FormData, name: str, known: tuple[str, ...]) -> str | None:
    """One of some words, or None."""
    value = form.get(name) or None
    if value is None:
        return None
    if not isinstance(value, str) or value not in known:
        raise InputError(f"{name} must be one of {', '.join(known)}")
    return value


def refuse_unknown(form: FormData, names: set[str]) -> None:
    """Raise where a form has other fields than these."""
    if unknown := set(form) - names:
        raise InputError(
            f"unknown: {', '.join(sorted(unknown))[:80]}; known: {', '.join(sorted(names))}"
        )


def attached(name: str) -> dict[str, str]:
    """The header that makes a browser save an answer."""
    return {"content-disposition": f'attachment; filename="{name}"'}
