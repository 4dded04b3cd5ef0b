"""Who may ask, for how much, and for what: host, token, cookie, sizes, fields of a request."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.datastructures import FormData, Headers, MutableHeaders, QueryParams, UploadFile
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cqtnet.errors import InputError
from cqtnet.schema import versioned

COOKIE = "workbench"
SAFE = {"GET", "HEAD"}
OPEN = {"/healthz", "/login", "/style.css"}
"""What is answered before anybody has shown who they are."""
SMALL_BYTES = 64 << 10
"""A request that brings no files may be this long."""
SILENT_S = 30.0
"""A client that sends nothing for so long is told to go."""
MOST_UPLOADS = 8
"""Requests that bring files at one time."""
HEADERS = {
    "content-security-policy": "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; "
    "base-uri 'none'; form-action 'self'; object-src 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


@dataclass
class Keys:
    """What lets somebody in: a token for programs, an address that works once, cookies."""

    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    on_used: Callable[[], None] = lambda: None  # the address was used; there is a new one
    _once: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    _cookies: set[str] = field(default_factory=set)

    @property
    def once(self) -> str:
        """The key in the next address that works once."""
        return self._once

    def take(self, key: str) -> str | None:
        """A new cookie for the key of the address, which then works no more."""
        if not _is_same(key, self._once):
            return None
        self._once = secrets.token_urlsafe(24)
        self.on_used()
        return self._new_cookie()

    def log_in(self, token: str) -> str | None:
        """A new cookie for the token."""
        return self._new_cookie() if _is_same(token, self.token) else None

    def knows(self, request: Request) -> bool:
        """Whether a request has the token or a cookie."""
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            return _is_same(token, self.token)
        return request.cookies.get(COOKIE, "") in self._cookies

    def _new_cookie(self) -> str:
        cookie = secrets.token_urlsafe(24)
        self._cookies.add(cookie)
        return cookie


def _is_same(one: str, other: str) -> bool:
    return secrets.compare_digest(one.encode(), other.encode())


class Refusal(Exception):
    """A request that is not answered: its status, and why."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status, self.why = status, why


class Guard:
    """Everything that is asked of the workbench comes by here first.

    `hosts`: names and ports by which it is reached, as browsers write them: "127.0.0.1:8765".
    `login`: the page that asks for the token.
    """

    def __init__(
        self, app: ASGIApp, *, hosts: frozenset[str], keys: Keys, most_bytes: int, login: str
    ) -> None:
        self._app, self._hosts, self._keys = app, hosts, keys
        self._most_bytes, self._login = most_bytes, login
        self._uploads = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        request = Request(scope)
        guarded = _with_headers(send)
        is_upload = request.method == "POST" and scope["path"].startswith("/api/v1/")
        try:
            if (early := self._checked(request)) is not None:
                await early(scope, receive, guarded)
                return
            most = self._most_bytes if is_upload else SMALL_BYTES
            _check_announced(request.headers, most)
            self._uploads += is_upload
            try:
                await self._app(scope, _bounded(receive, most), guarded)
            finally:
                self._uploads -= is_upload
        except Refusal as refusal:
            await refused(request, refusal.status, refusal.why)(scope, receive, guarded)

    def _checked(self, request: Request) -> Response | None:
        """The answer to a request that need not go further; a Refusal for one that may not."""
        headers, path = request.headers, request.url.path
        if len(headers.getlist("host")) != 1 or headers["host"].lower() not in self._hosts:
            problem = "this workbench is not reached by that name"
            raise Refusal(421, f"{problem}; see the address it printed")
        origin = headers.get("origin")
        if origin is not None and not self._is_own(origin):
            raise Refusal(403, "the request comes from another page")
        if headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            raise Refusal(403, "the request comes from another site")
        is_known = self._keys.knows(request)
        if request.method not in SAFE and origin is None and "authorization" not in headers:
            raise Refusal(403, "the request does not say which page it comes from")
        if path == "/" and "key" in request.query_params and not is_known:
            return _let_in(self._keys.take(request.query_params["key"]), self._login)
        if is_known and path == "/" and "key" in request.query_params:
            return RedirectResponse("/", 303)
        if not is_known and path not in OPEN and not path.startswith("/static/"):
            if request.method in SAFE and not path.startswith("/api/"):
                return HTMLResponse(self._login, 401)
            wanted = "the token that `cqtnet serve` printed"
            raise Refusal(401, f"give {wanted}: Authorization: Bearer …")
        if self._uploads >= MOST_UPLOADS and request.method == "POST":
            raise Refusal(503, f"{MOST_UPLOADS} uploads are under way; try again in a moment")
        return None

    def _is_own(self, origin: str) -> bool:
        scheme, _, host = origin.lower().partition("://")
        return scheme in ("http", "https") and host in self._hosts


def _let_in(cookie: str | None, login: str) -> Response:
    """On to the page without the key; or the page that asks for the token."""
    if cookie is None:
        return HTMLResponse(login, 401)
    return with_cookie(RedirectResponse("/", 303), cookie)


def with_cookie(response: Response, cookie: str) -> Response:
    """A response that gives the cookie, for this session of the browser and this site alone."""
    response.set_cookie(COOKIE, cookie, httponly=True, samesite="strict", path="/")
    return response


def refused(request: Request, status: int, why: str) -> Response:
    """Why a request is not answered: JSON."""
    headers = {"connection": "close"} if status in (408, 413) else {}
    if status == 401:
        headers["www-authenticate"] = "Bearer"
    return JSONResponse(versioned({"error": why}), status, headers)


def _check_announced(headers: Headers, most: int) -> None:
    """Raise where a body is announced that is too long."""
    announced = headers.get("content-length", "0")
    if not announced.isdecimal():
        raise Refusal(400, "the length of the request is not a number")
    if int(announced) > most:
        raise Refusal(413, _too_long(most))


def _too_long(most: int) -> str:
    size = f"{most >> 20:,} MB" if most >= 1 << 20 else f"{most >> 10} kB"
    return f"more than {size}, which is the limit of a request; send fewer or shorter recordings"


def _bounded(receive: Receive, most: int) -> Receive:
    """What a client sends, as long as it is neither too much nor too slow."""
    taken = 0
    is_whole = False

    async def next_message() -> Message:
        nonlocal taken, is_whole
        if is_whole:  # what comes now is that the client has gone
            return await receive()
        try:
            message = await asyncio.wait_for(receive(), SILENT_S)
        except TimeoutError as error:
            raise Refusal(408, f"nothing came for {SILENT_S:g} s; send it again") from error
        taken += len(message.get("body", b""))
        if taken > most:
            raise Refusal(413, _too_long(most))
        is_whole = not message.get("more_body", False)
        return message

    return next_message


def _with_headers(send: Send) -> Callable[[Message], Awaitable[None]]:
    """Every answer says what a page may load, and that nobody else may show it."""

    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers[name] = value
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
        listed = ", ".join(sorted(names))
        raise InputError(f"unknown: {', '.join(sorted(unknown))[:80]}; known: {listed}")


def attached(name: str) -> dict[str, str]:
    """The header that makes a browser save an answer."""
    return {"content-disposition": f'attachment; filename="{name}"'}
