"""Who may ask, for how much, and for what: host, token, cookie, sizes, fields of a request."""

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.datastructures import FormData, MutableHeaders, QueryParams, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cqtnet.errors import InputError
from cqtnet.schema import versioned

COOKIE = "workbench"
SAFE = {"GET", "HEAD"}
OPEN = {"/healthz", "/login", "/style.css"}
"""What is answered before anybody has shown who they are."""
SMALL_BYTES = 64 << 10  # length at most of a request that brings no files
MOST_CHARACTERS = 4000  # of an address: Python refuses to read a number of 4,300 digits
SILENT_S = 30.0  # a client that sends nothing for so long is told to go
MOST_UPLOADS = 8  # requests that bring files at one time
HEADERS = {
    "content-security-policy": "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; "
    "base-uri 'none'; form-action 'self'; object-src 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


def _secret() -> str:
    return secrets.token_urlsafe(24)


@dataclass
class Keys:
    """What lets somebody in: a token for programs, an address that works once, cookies."""

    token: str = field(default_factory=_secret)
    on_used: Callable[[], None] = lambda: None  # the address was used; there is a new one
    once: str = field(default_factory=_secret)  # the key in the next address that works once
    _cookies: set[str] = field(default_factory=set)

    def take(self, key: str) -> Response | None:
        """On to the page with a new cookie for the key of the address, which works no more."""
        if not _is_same(key, self.once):
            return None
        self.once = _secret()
        self.on_used()
        return self._let_in()

    def log_in(self, token: str) -> Response | None:
        """On to the page with a new cookie for the token."""
        return self._let_in() if _is_same(token, self.token) else None

    def knows(self, request: Request) -> bool:
        """Whether a request has the token or a cookie."""
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            return _is_same(token, self.token)
        return request.cookies.get(COOKIE, "") in self._cookies

    def _let_in(self) -> Response:
        """The cookie is for this session of the browser and this site alone."""
        cookie, response = _secret(), RedirectResponse("/", 303)
        self._cookies.add(cookie)
        response.set_cookie(COOKIE, cookie, httponly=True, samesite="strict", path="/")
        return response


def _is_same(one: str, other: str) -> bool:
    return secrets.compare_digest(one.encode(), other.encode())


@dataclass
class Guard:
    """Everything that is asked of the workbench comes by here first."""

    app: ASGIApp
    hosts: frozenset[str]  # by which it is reached, as browsers write them: "127.0.0.1:8765"
    keys: Keys
    most_bytes: int
    login: str  # the page that asks for the token
    _uploads: int = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return
        request, guarded = Request(scope), _with_headers(send)
        is_upload = request.method == "POST" and scope["path"].startswith("/api/v1/")
        most = self.most_bytes if is_upload else SMALL_BYTES
        try:
            if (early := self._checked(request)) is not None:
                await early(scope, receive, guarded)
                return
            announced = request.headers.get("content-length", "0")
            if not announced.isdecimal():
                raise HTTPException(400, "the length of the request is not a number")
            if int(announced) > most:
                raise _too_long(most)
            self._uploads += is_upload
            try:
                await self.app(scope, _bounded(receive, most), guarded)
            finally:
                self._uploads -= is_upload
        except HTTPException as refusal:
            await refused(request, refusal.status_code, refusal.detail)(scope, receive, guarded)

    def _checked(self, request: Request) -> Response | None:
        """The answer to a request that need not go further; one that may not raises."""
        headers, path = request.headers, request.url.path
        if len(str(request.url)) > MOST_CHARACTERS:
            raise HTTPException(414, f"the address has over {MOST_CHARACTERS} characters")
        if len(headers.getlist("host")) != 1 or headers["host"].lower() not in self.hosts:
            problem = "this workbench is not reached by that name"
            raise HTTPException(421, f"{problem}; see the address it printed")
        origin = headers.get("origin")
        if origin is not None:
            scheme, _, host = origin.lower().partition("://")
            if scheme not in ("http", "https") or host not in self.hosts:
                raise HTTPException(403, "the request comes from another page")
        if headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            raise HTTPException(403, "the request comes from another site")
        is_known = self.keys.knows(request)
        if request.method not in SAFE and origin is None and "authorization" not in headers:
            raise HTTPException(403, "the request does not say which page it comes from")
        if path == "/" and "key" in request.query_params:
            if is_known:
                return RedirectResponse("/", 303)
            return self.keys.take(request.query_params["key"]) or HTMLResponse(self.login, 401)
        if not is_known and path not in OPEN and not path.startswith("/static/"):
            if request.method in SAFE and not path.startswith("/api/"):
                return HTMLResponse(self.login, 401)
            wanted = "the token that `cqtnet serve` printed"
            raise HTTPException(401, f"give {wanted}: Authorization: Bearer …")
        if self._uploads >= MOST_UPLOADS and request.method == "POST":
            raise HTTPException(503, f"{MOST_UPLOADS} uploads are under way; try again in a moment")
        return None


def refused(request: Request, status: int, why: str) -> Response:
    """Why a request is not answered: JSON."""
    headers = {"connection": "close"} if status in (408, 413) else {}
    if status == 401:
        headers["www-authenticate"] = "Bearer"
    return JSONResponse(versioned({"error": why}), status, headers)


def _too_long(most: int) -> HTTPException:
    size = f"{most >> 20:,} MB" if most >= 1 << 20 else f"{most >> 10} kB"
    problem = f"more than {size}, which is the limit of a request"
    return HTTPException(413, f"{problem}; send fewer or shorter recordings")


def _bounded(receive: Receive, most: int) -> Receive:
    """What a client sends, as long as it is neither too much nor too slow."""
    taken, is_whole = 0, False

    async def next_message() -> Message:
        nonlocal taken, is_whole
        if is_whole:  # what comes now is that the client has gone
            return await receive()
        try:
            message = await asyncio.wait_for(receive(), SILENT_S)
        except TimeoutError as error:
            raise HTTPException(408, f"nothing came for {SILENT_S:g} s; send it again") from error
        taken += len(message.get("body", b""))
        if taken > most:
            raise _too_long(most)
        is_whole = not message.get("more_body", False)
        return message

    return next_message


def _with_headers(send: Send) -> Send:
    """Every answer says what a page may load, and that nobody else may show it."""

    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.update(HEADERS)
            headers.setdefault("cache-control", "no-store")
        await send(message)

    return guarded


# What a request asks for, checked.


def stretches(result: dict[str, Any]) -> list[dict[str, Any]]:
    """What A and B have in common, by the result of a comparison."""
    if result["edits"] and result["edits"]["stretches"]:
        return list(result["edits"]["stretches"])
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
    sent = [one for one in form.getlist(name) if isinstance(one, UploadFile)]
    if len(sent) < len(form.getlist(name)):
        raise InputError(f"{name} must be a file that is sent, not text; names are not opened")
    return [one for one in sent if one.size or one.filename]


def choice(form: FormData, name: str, *known: str) -> str | None:
    """One of some words, or None."""
    value = form.get(name) or None
    if value is not None and value not in known:
        raise InputError(f"{name} must be one of {', '.join(known)}")
    return str(value) if value else None


def refuse_unknown(form: FormData, names: set[str]) -> None:
    """Raise where a form has other fields than these."""
    if unknown := set(form) - names:
        listed = ", ".join(sorted(names))
        raise InputError(f"unknown: {', '.join(sorted(unknown))[:80]}; known: {listed}")


def attached(name: str) -> dict[str, str]:
    """The header that makes a browser save an answer."""
    return {"content-disposition": f'attachment; filename="{name}"'}
