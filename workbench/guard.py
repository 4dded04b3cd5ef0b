"""Who may ask, and for how much: Host, Origin, token, cookie, sizes; and what a page may load."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

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
            raise Refusal(
                421, "this workbench is not reached by that name; see the address it printed"
            )
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
            raise Refusal(
                401, "give the token that `cqtnet serve` printed: Authorization: Bearer …"
            )
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
    return JSONResponse({"schema_version": 1, "error": why}, status, headers)


def _check_announced(headers: Headers, most: int) -> None:
    """Raise where a body is announced that is too long."""
    announced = headers.get("content-length", "0")
    if not announced.isdecimal():
        raise Refusal(400, "the length of the request is no number")
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
